# SPDX-License-Identifier: Apache-2.0
"""Instances that are handed on, for the tests of destinations."""

import hashlib
from dataclasses import dataclass, field, replace

from tests.data.toolbox_series import ct, encoded

from deidgate.destinations.sender import Gone
from deidgate.store.forward_model import Parcel


@dataclass
class Shelf:
    """Research, as a sender sees it: the files of parcels."""

    files: dict[int, bytes] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def __call__(self, parcel: Parcel) -> bytes:
        self.asked.append(parcel.id)
        if parcel.id not in self.files:
            raise Gone
        return self.files[parcel.id]

    def parcel(self, number: int, file: bytes | None = None, ds=None, **more: object) -> Parcel:
        """An instance that is on the shelf."""
        ds = ct(1, 1, 1, number, rows=8) if ds is None else ds
        content = encoded(ds) if file is None else file
        self.files[number] = content
        made = Parcel(
            id=number,
            token=1,
            item_id=number,
            destination="there",
            attempts=1,
            last_code=None,
            research_id=f"research-{number}",
            digest="md5:" + hashlib.md5(content, usedforsecurity=False).hexdigest(),
            study_instance_uid=ds.StudyInstanceUID,
            series_instance_uid=ds.SeriesInstanceUID,
            sop_instance_uid=ds.SOPInstanceUID,
        )
        return replace(made, **more)

# SPDX-License-Identifier: Apache-2.0
"""Same policy, key and mapping table: the toolbox gives the dataset that the gateway delivers."""

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian
from tests.data.policies import header_only
from tests.data.rich import rich_files
from tests.data.toolbox_series import ct, encoded
from tests.unit.gateway.world import World

from deidgate.batch.deidentifier import Deidentifier
from deidgate.errors import DeidgateError
from deidgate.gateway.outcome import Delivered
from deidgate.pixels.lazy import LazyPixels
from deidgate.policy.load import load_policy
from deidgate.worker.patients import MappedPatients

FILES = {
    **{f"ct {number}": encoded(ct(1, 1, 1, number, rows=8)) for number in (1, 2)},
    # The Orthanc in memory does not inflate; tests/integration compares both executors with the real one.
    **{name: content for name, content in rich_files() if not name.endswith(DeflatedExplicitVRLittleEndian)},
    **{
        name: Path(get_testdata_file(name)).read_bytes()
        for name in (
            "CT_small.dcm",
            "MR_small_implicit.dcm",
            "MR_small_RLE.dcm",
            "rtplan.dcm",
            "test-SR.dcm",
        )
    },
}
HEADER_ONLY = ["basic", "longitudinal", "full-dates"]


def without_mark(content: bytes) -> Dataset:
    """The dataset, and its file meta but for who wrote it, without the gateway's signature."""
    ds = dcmread(BytesIO(content))
    ds.DeidentificationMethod = [value for value in ds.DeidentificationMethod if not value.startswith("Deidgate mark")]
    for keyword in ("ImplementationClassUID", "ImplementationVersionName", "FileMetaInformationGroupLength"):
        if keyword in ds.file_meta:
            delattr(ds.file_meta, keyword)
    return ds


def flat(ds: Dataset) -> list[tuple[str, str, object]]:
    return [(str(element.tag), str(element.VR), element.value) for element in ds.iterall() if element.VR != "SQ"]


@pytest.mark.parametrize("policy", HEADER_ONLY)
def test_both_give_the_same_dataset_or_the_same_reason_to_hold(policy, tmp_path):
    path = header_only(tmp_path, policy)
    same, beyond = 0, []
    with Deidentifier(path, mapping=tmp_path / "m.db", project="project", site="site-one") as toolbox:
        toolbox._opened()
        mapped = MappedPatients(toolbox._store.mapping)
        world = World(policy=load_policy(path), table=mapped, pixels=LazyPixels())
        for name, content in FILES.items():
            try:
                told = world.carry(world.ingest.add(content))
            except TypeError:
                # It cannot write texts into private elements, which the real one takes as bytes.
                beyond.append(name)
                continue
            try:
                ours: bytes | str = toolbox.bytes(content)
            except DeidgateError as error:
                ours = error.code
            if isinstance(told, Delivered):
                assert isinstance(ours, bytes), f"{name}: {ours}"
                theirs = world.research.files[told.research_id]
                assert flat(without_mark(ours)) == flat(without_mark(theirs)), name
                assert without_mark(ours).file_meta == without_mark(theirs).file_meta, name
                same += 1
            else:
                assert told.code == ours, name
    assert same >= 5
    assert len(beyond) <= 6, beyond

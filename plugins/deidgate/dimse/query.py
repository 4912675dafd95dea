# SPDX-License-Identifier: Apache-2.0
"""C-FIND at a PACS, and C-GET or C-MOVE of what was found, into a folder.

C-GET needs no open port and no entry at the PACS; where the PACS has none, C-MOVE to a receiver of ours does the same.
What comes keeps the Transfer Syntax that the PACS has: for each SOP Class that is there, every syntax is offered.

Source: PS3.4 Annex C (Query/Retrieve Service Class), Study Root.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID
from pynetdicom import build_context, build_role, evt
from pynetdicom.presentation import PresentationContext

from deidgate.dimse.link import MAX_CONTEXTS, Peer, associated
from deidgate.dimse.modality import usual_classes
from deidgate.dimse.receive import SYNTAXES, Inbox
from deidgate.errors import Unavailable

# Study Root Query/Retrieve Information Model. Source: PS3.4 Annex B.5 and C.6.
FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")
MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
GET = UID("1.2.840.10008.5.1.4.1.2.2.3")
_PENDING = (0xFF00, 0xFF01)


class Level(StrEnum):
    """Query/Retrieve Level."""

    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


RETURNED: Mapping[Level, tuple[str, ...]] = {
    Level.STUDY: (
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "StudyDescription",
        "AccessionNumber",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedInstances",
    ),
    Level.SERIES: (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "NumberOfSeriesRelatedInstances",
    ),
    Level.IMAGE: ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
}
"""What is asked for at each level, beside what is searched by."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """How a retrieval ended: numbers of sub-operations, and the final status."""

    completed: int
    failed: int
    warnings: int
    status: int

    @property
    def ok(self) -> bool:
        """True when the PACS says that nothing failed."""
        return self.status == 0 and self.failed == 0


def find(
    peer: Peer, level: Level, keys: Mapping[str, str], tls: ssl.SSLContext | None = None
) -> Iterator[dict[str, str]]:
    """Matches as texts by keyword.

    Parameters
    ----------
    keys : mapping of str to str
        Keyword and what it has to match (``*``, ``?`` and date ranges as the PACS understands them).

    Raises
    ------
    Unavailable
        ``association-refused``, ``query-refused`` (with the status), ``no-answer``.
    """
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level.value
    if not all(value.isascii() for value in keys.values()):
        identifier.SpecificCharacterSet = "ISO_IR 192"
    for keyword in RETURNED[level]:
        setattr(identifier, keyword, "")
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    with associated(peer, [build_context(FIND)], tls) as association:
        for status, match in association.send_c_find(identifier, FIND):
            number = status.get("Status") if status else None
            if number is None:
                raise Unavailable("no-answer", f"{peer.host}:{peer.port}")
            if int(number) in _PENDING and match is not None:
                yield {element.keyword: _text(element.value) for element in match if element.keyword}
            elif int(number) not in (0, *_PENDING):
                raise Unavailable("query-refused", f"{int(number):04X}H")


def get(peer: Peer, study_uid: str, series_uid: str, inbox: Inbox, tls: ssl.SSLContext | None = None) -> Pulled:
    """Retrieve a study, or one series of it, by C-GET into `inbox`.

    Raises
    ------
    Unavailable
        ``association-refused``, ``get-refused``, ``no-answer``.
    """
    classes = classes_of(peer, study_uid, series_uid, tls)
    contexts = [build_context(GET), *_storage_contexts(classes)]
    roles = [build_role(UID(sop_class), scp_role=True) for sop_class in classes]
    handlers = [(evt.EVT_C_STORE, inbox.store)]
    with associated(peer, contexts, tls, roles=roles, handlers=handlers) as association:
        try:
            return _followed(association.send_c_get(_identifier(study_uid, series_uid), GET), "get-refused")
        except ValueError:
            raise Unavailable("get-refused", "no presentation context") from None


def classes_of(peer: Peer, study_uid: str, series_uid: str, tls: ssl.SSLContext | None = None) -> list[str]:
    """SOP Classes that a study, or one series of it, may have, sorted.

    Series are asked for one by one: without relational queries a key of each level above has to be given. Of a PACS
    that does not tell SOP Class UIDs the modality has to do.

    Source: PS3.4 C.4.1.2.1; SOP Class UID is optional at the image level, Table C.6-3.
    """
    keys = {"StudyInstanceUID": study_uid} | ({"SeriesInstanceUID": series_uid} if series_uid else {})
    found: set[str] = set()
    for series in list(find(peer, Level.SERIES, keys, tls)):
        below = keys | {"SeriesInstanceUID": series.get("SeriesInstanceUID", "")}
        told = {match.get("SOPClassUID", "") for match in find(peer, Level.IMAGE, below, tls)} - {""}
        found |= told or set(usual_classes(series.get("Modality", "")))
    return sorted(found)


def move(peer: Peer, study_uid: str, series_uid: str, destination: str, tls: ssl.SSLContext | None = None) -> Pulled:
    """Ask the PACS to send a study, or one series of it, to the AE title `destination`, which it has to know.

    Raises
    ------
    Unavailable
        ``association-refused``, ``move-refused``, ``no-answer``.
    """
    with associated(peer, [build_context(MOVE)], tls) as association:
        try:
            return _followed(
                association.send_c_move(_identifier(study_uid, series_uid), destination, MOVE), "move-refused"
            )
        except ValueError:
            raise Unavailable("move-refused", "no presentation context") from None


def studies(
    peer: Peer, keys: Mapping[str, str], tls: ssl.SSLContext | None, tell: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Study Instance UIDs that match, in the PACS's order; `tell` hears each."""
    found = []
    for match in find(peer, Level.STUDY, keys, tls):
        uid = match.get("StudyInstanceUID", "")
        if uid:
            tell(uid)
            found.append(uid)
    return found


def _identifier(study_uid: str, series_uid: str) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "SERIES" if series_uid else "STUDY"
    identifier.StudyInstanceUID = study_uid
    if series_uid:
        identifier.SeriesInstanceUID = series_uid
    return identifier


def _storage_contexts(classes: list[str]) -> list[PresentationContext]:
    """One context for each class and syntax as far as an association has room, the plain syntaxes first."""
    room = MAX_CONTEXTS - 1
    pairs = [(sop_class, syntax) for syntax in SYNTAXES for sop_class in classes]
    return [build_context(UID(sop_class), UID(syntax)) for sop_class, syntax in pairs[:room]]


def _followed(answers: Iterator[tuple[Dataset, Dataset | None]], refused: str) -> Pulled:
    last = Dataset()
    for status, _ in answers:
        if status:
            last = status
    number = last.get("Status")
    if number is None:
        raise Unavailable("no-answer")
    counts = [int(last.get(f"NumberOf{kind}Suboperations", 0) or 0) for kind in ("Completed", "Failed", "Warning")]
    # Axxx and Cxxx: nothing was done; B000: some failed. Source: PS3.4 Table C.4-3.
    if int(number) >> 12 in (0xA, 0xC) and not counts[0]:
        raise Unavailable(refused, f"{int(number):04X}H")
    return Pulled(counts[0], counts[1], counts[2], int(number))


def _text(value: object) -> str:
    if value is None:
        return ""
    return "\\".join(str(part) for part in value) if isinstance(value, MultiValue | list) else str(value)

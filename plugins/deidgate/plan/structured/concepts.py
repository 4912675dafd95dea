# SPDX-License-Identifier: Apache-2.0
"""Table E.3.4-1: what happens to a content item, by its Concept Name and its Value Type.

What the patient is called and when it was born is the same in LOINC and SNOMED CT, and in another Value Type: such a
concept gets the row of its like in DCM, where the table has no row of its own.

Source: PS3.15 Table E.3.4-1; PS3.16 TID 1007.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from deidgate.standard.resource import table

# Column of the table -> Option in CID 7050.
_OPTIONS = MappingProxyType(
    {
        "Rtn. UIDs Opt.": "113110",
        "Rtn. Dev. Id. Opt.": "113109",
        "Rtn. Inst. Id. Opt.": "113112",
        "Rtn. Pat. Chars. Opt.": "113108",
        "Rtn. Long. Full Dates Opt.": "113106",
        "Rtn. Long. Modif. Dates Opt.": "113107",
        "Clean Desc. Opt.": "113105",
    }
)
# The table has SNOMED CT codes; older reports have the same concepts with SNOMED RT codes under three designators.
# Source: PS3.16 Annex O (retired SNOMED RT identifiers).
_SNOMED_RT = MappingProxyType(
    {
        "PA-30029": "440252007",
        "DF-0070B": "398164008",
        "DF-0068E": "398325003",
        "R-42B89": "371524004",
        "DD-60002": "116224001",
        "F-00033": "271921002",
        "G-C0E3": "363698007",
        "F-02455": "160476009",
        "G-D321": "398201009",
        "G-D320": "397898000",
    }
)
_SNOMED_RT_DESIGNATORS = frozenset({"SRT", "SNM3", "99SDM"})


@dataclass(frozen=True, slots=True)
class Concept:
    """One row of the table.

    Attributes
    ----------
    code, scheme, value_type, meaning : str
    basic : str
        ``X``, ``D`` or ``X/D``.
    options : tuple of (str, str)
        CID 7050 code of each Option that says something, and what it says (``K`` or ``C``).
    """

    code: str
    scheme: str
    value_type: str
    meaning: str
    basic: str
    options: tuple[tuple[str, str], ...]


@cache
def concepts() -> MappingProxyType[tuple[str, str, str], Concept]:
    """The rows of the packaged table by Code Value, Coding Scheme Designator and Value Type."""
    content = table("table_e_3_4_1")
    found = {}
    for cells in content["rows"]:
        row = dict(zip(content["header"], cells, strict=True))
        # "NCDR [2.0b]" is designator and version.
        key = row["Code Value"], row["Coding Scheme Designator"].partition(" ")[0], row["Value Type"]
        said = tuple((code, row[column]) for column, code in _OPTIONS.items() if row[column])
        found[key] = Concept(*key, meaning=row["Code Meaning"], basic=row["Basic Prof."], options=said)
    return MappingProxyType(found)


@cache
def _of_the_subject() -> MappingProxyType[tuple[str, str], Concept]:
    """The rows of name, identifier, birth date and age by Code Value and Coding Scheme Designator of their likes."""
    rows = {row.code: row for row in concepts().values() if row.scheme == "DCM"}
    return MappingProxyType(
        {(code, scheme): rows[like] for code, scheme, _, like in table("subject_concepts")["rows"]},
    )


def concept(code: str, scheme: str, value_type: str) -> Concept | None:
    """The row for a content item, None when the table has neither its concept with its Value Type nor its like."""
    if scheme in _SNOMED_RT_DESIGNATORS:
        code, scheme = _SNOMED_RT.get(code, code), "SCT"
    return concepts().get((code, scheme, value_type)) or _of_the_subject().get((code, scheme))

# SPDX-License-Identifier: Apache-2.0
"""The forms of public codes fit the codes of PS3.16, and no names."""

from __future__ import annotations

import pytest
from pydicom.sr._concepts_dict import concepts

from deidgate.standard.schemes import CODE_FORMS, is_code_of

# What stands there under a designator that is not its own: codes of NCIt under LOINC, and one that is empty.
_MISPLACED = {("LN", ""), *(("LN", f"C{number}") for number in range(74569, 74575))}


def test_every_code_of_ps3_16_has_the_form_of_its_scheme() -> None:
    known = {(scheme, code) for scheme, by_name in concepts.items() for codes in by_name.values() for code in codes}
    assert len(known) > 15_000
    assert {one for one in known if not is_code_of(*one)} == _MISPLACED


@pytest.mark.parametrize("scheme", sorted(CODE_FORMS))
@pytest.mark.parametrize(
    "text", ["", "Quillfeather", "QUILLFEATHER", "Dr Whitfield", "Müller", "see report", "QF7741203"]
)
def test_a_name_is_no_code_of_any_scheme(scheme: str, text: str) -> None:
    assert not is_code_of(scheme, text)


def test_a_code_of_another_scheme_or_of_none_is_no_code_of_this_one() -> None:
    assert not is_code_of("SCT", "R-10242")
    assert not is_code_of("99HOSP", "76752008")
    assert not is_code_of("", "76752008")


def test_a_text_without_end_is_no_code() -> None:
    assert not is_code_of("UCUM", "mm/" * 40)

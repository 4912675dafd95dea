# SPDX-License-Identifier: Apache-2.0
"""What a content item says about the patient does not stay, whatever its own attribute's row permits."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.unit.verify.made import Pair, code

from deidgate.standard.codes import CID_7050

ACCESSION = ("121022", "DCM", "Accession Number")
COMMENT = ("121106", "DCM", "Comment")
OBSERVER = ("121008", "DCM", "Person Observer Name")
SEX = ("121032", "DCM", "Subject Sex")


def item(concept: tuple[str, str, str], value_type: str, keyword: str, value: object) -> Dataset:
    ds = Dataset()
    ds.ConceptNameCodeSequence = Sequence([code(*concept)])
    ds.ValueType = value_type
    setattr(ds, keyword, value)
    return ds


def say(pair: Pair, before: Dataset, after: Dataset, *options: str) -> None:
    for ds, content in ((pair.original, before), (pair.result, after)):
        outer = Dataset()
        outer.ValueType = "CONTAINER"
        outer.ContentSequence = Sequence([content])
        ds.ContentSequence = Sequence([outer])
    for option in ("113104", *options):
        pair.result.DeidentificationMethodCodeSequence.append(code(option, "DCM", CID_7050[option]))


@pytest.mark.parametrize(
    ("concept", "value_type", "keyword", "value"),
    [
        (ACCESSION, "TEXT", "TextValue", "QX7731"),
        (OBSERVER, "PNAME", "PersonName", "Zqxvplonk"),
        (SEX, "CODE", "ConceptCodeSequence", Sequence([code("F", "DCM", "Female")])),
    ],
)
def test_a_value_that_the_table_does_not_let_stay_is_found(pair, concept, value_type, keyword, value):
    kept = item(concept, value_type, keyword, value)
    say(pair, kept, kept)
    assert "content-not-cleaned" in pair.codes()


def test_what_was_replaced_is_not_found(pair):
    say(pair, item(ACCESSION, "TEXT", "TextValue", "QX7731"), item(ACCESSION, "TEXT", "TextValue", "REMOVED"))
    assert pair.verdict().findings == ()


def test_an_identifier_of_a_content_item_is_found_elsewhere(pair):
    say(pair, item(ACCESSION, "TEXT", "TextValue", "QX7731"), item(ACCESSION, "TEXT", "TextValue", "REMOVED"))
    for ds in (pair.original, pair.result):
        ds.SoftwareVersions = "see qx7731"
    assert ("identifier-left", "(0018,1020) SoftwareVersions") in pair.found()


def test_a_characteristic_may_stay_when_that_is_claimed(pair):
    kept = item(SEX, "CODE", "ConceptCodeSequence", Sequence([code("F", "DCM", "Female")]))
    say(pair, kept, kept, "113108")
    assert pair.verdict().findings == ()


DEVICE = ("121012", "DCM", "Device Observer UID")
STUDY = ("110180", "DCM", "Study Instance UID")
KEPT = "1.3.12.2.1107.5.1.4.54321"


def test_a_device_observer_uid_stays_with_the_option_that_retains_devices(pair):
    kept = item(DEVICE, "UIDREF", "UID", KEPT)
    say(pair, kept, kept, "113109")
    assert pair.verdict().findings == ()


@pytest.mark.parametrize(
    ("concept", "value_type", "options"),
    [
        (DEVICE, "UIDREF", ()),
        (DEVICE, "TEXT", ("113109",)),
        (STUDY, "UIDREF", ("113109",)),
        (("1", "99X", "Device Observer UID"), "UIDREF", ("113109",)),
    ],
)
def test_every_other_uid_of_a_content_item_is_found(pair, concept, value_type, options):
    kept = item(concept, value_type, "UID", KEPT)
    say(pair, kept, kept, *options)
    assert {"uid-left", "row-not-met"} <= set(pair.codes())


def test_a_retained_device_observer_uid_that_is_the_studys_too_is_found(pair):
    kept = item(DEVICE, "UIDREF", "UID", pair.original.StudyInstanceUID)
    say(pair, kept, kept, "113109")
    assert "uid-left" in pair.codes()

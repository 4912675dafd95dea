# SPDX-License-Identifier: Apache-2.0
"""UTF-8 where Latin-1 is declared, or nothing: what is read wrongly is not searched for names, but held."""

from __future__ import annotations

import pytest
from pydicom import DataElement, Dataset
from tests.data.instances import dataset, elements, file_bytes
from tests.property.engine import deidentify, names, policy
from tests.unit.gateway.world import World
from tests.unit.verify.made import Pair

from deidgate.dicom.charset import Charset
from deidgate.dicom.elements import text_of
from deidgate.errors import CannotDeidentify
from deidgate.gateway.outcome import Held
from deidgate.verify.gate import verify
from deidgate.words.instances import INSTANCES

pytestmark = pytest.mark.filterwarnings("ignore")

CODE = "character-set-contradicts"
NAMES = [
    ("Müller^Jörg", "CT Müller Jörg"),
    ("Wójcik^Żółć", "Mammografia Żółć"),
    ("Öztürk^Çağlar", "MRT Öztürk Çağlar"),
    ("Иванов^Иван", "КТ Иванов Иван груди"),
    ("Nguyễn^Thị Hà", "CT Nguyễn Thị Hà"),
    ("山田^太郎", "CT 山田太郎"),
    ("Muller^Jorg", "CT für Frau Müller"),
]


def written(name: bytes, description: bytes, declared: str | None = None, **keywords: object) -> bytes:
    """A file with these bytes in Patient's Name and Study Description, whatever it declares."""
    ds = dataset(Rows=16, Columns=16, PixelData=bytes(512), StudyDescription="Q" * 64, **keywords)
    ds.PatientName = "P" * 64
    if declared is not None:
        ds.SpecificCharacterSet = declared
    return file_bytes(ds).replace(b"P" * 64, name.ljust(64)).replace(b"Q" * 64, description.ljust(64))


@pytest.mark.parametrize("policy_name", names())
@pytest.mark.parametrize("declared", [None, "", "ISO_IR 6", "ISO_IR 100"])
def test_utf_8_that_is_not_declared_is_held_under_every_policy(policy_name: str, declared: str | None) -> None:
    for name, description in NAMES:
        original = written(name.encode(), description.encode(), declared)
        with pytest.raises(CannotDeidentify) as held:
            deidentify(original, policy(policy_name))
        assert (held.value.code, held.value.path) == (CODE, "(0008,0005) SpecificCharacterSet")
    assert CODE in INSTANCES


@pytest.mark.parametrize("padding", [b"", b" "])
def test_a_name_that_the_end_of_its_value_cuts_off_is_held(padding: bytes) -> None:
    cut = b"CT ".ljust(4 - len(padding)) + "ü".encode() * 29 + b"x" + "ü".encode()[:1] + padding
    assert len(cut) == 64
    with pytest.raises(CannotDeidentify) as held:
        deidentify(written(b"Doe^Jane", cut), policy("mammography"))
    assert held.value.code == CODE


def test_one_of_several_values_is_enough() -> None:
    several = "Körper".encode("latin_1") + b"\\" + "Müller".encode()
    with pytest.raises(CannotDeidentify) as held:
        Charset.declared("ISO_IR 100").decode(several)
    assert held.value.code == CODE


def test_utf_8_in_an_item_and_in_one_element_alone_is_held() -> None:
    inner = elements(ScheduledProcedureStepDescription="Z" * 32)
    original = written(b"Doe^Jane", b"CT thorax", RequestAttributesSequence=[inner])
    original = original.replace(b"Z" * 32, "für Müller".encode().ljust(32))
    with pytest.raises(CannotDeidentify) as held:
        deidentify(original, policy("mammography"))
    assert held.value.code == CODE


@pytest.mark.parametrize("declared", [None, "ISO_IR 100"])
@pytest.mark.parametrize("text", ["CT für Dr. Weiß", "50 µm, 20°, ±3", "Élève à côté", "Ä", "Müller Ã"])
def test_latin_1_is_carried_as_before(declared: str | None, text: str) -> None:
    original = written("Quillfeather^Amélie".encode("latin_1"), text.encode("latin_1"), declared)
    plan, result = deidentify(original, policy("mammography"))
    assert verify(original, result, plan).findings == ()


@pytest.mark.parametrize("declared", ["ISO_IR 192", "GB18030", "ISO_IR 144"])
def test_a_declared_character_set_is_believed(declared: str) -> None:
    codec = {"ISO_IR 192": "utf_8", "GB18030": "gb18030", "ISO_IR 144": "iso8859_5"}[declared]
    original = written("Люксембургов^Иван".encode(codec), "ТА груди".encode(codec), declared)
    plan, result = deidentify(original, policy("mammography"))
    assert verify(original, result, plan).findings == ()


def test_what_pydicom_has_read_before_is_judged_by_its_bytes() -> None:
    element = DataElement(0x00081030, "LO", "Müller".encode().decode("latin_1"))
    with pytest.raises(CannotDeidentify):
        text_of(element, Charset.declared(""))
    assert text_of(DataElement(0x00081030, "LO", "Müller"), Charset.declared("ISO_IR 100")) == "Müller"
    assert text_of(DataElement(0x00081030, "LO", "山田"), Charset.declared("ISO_IR 192")) == "山田"


def test_the_gateway_holds_it_too() -> None:
    world = World()
    end = world.carry(world.ingest.add(written("Müller^Jörg".encode(), "CT Müller".encode())))
    assert isinstance(end, Held)
    assert end.code == CODE
    assert not world.research.files


def test_the_gate_holds_undeclared_utf_8_by_itself() -> None:
    pair = Pair()

    def spoiled(ds: Dataset, value: bytes) -> Dataset:
        ds.SeriesDescription = "Q" * len(value)
        return ds

    text = "Thorax für Ü".encode() + b" "
    spoiled(pair.original, text)
    spoiled(pair.result, text)
    assert "charset-contradicted" in pair.codes(edit=lambda data: data.replace(b"Q" * len(text), text))
    latin = "Thorax für Ü".encode("latin_1")
    assert "charset-contradicted" not in pair.codes(
        edit=lambda data: data.replace(b"Q" * len(text), latin.ljust(len(text)))
    )

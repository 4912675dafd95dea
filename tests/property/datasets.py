# SPDX-License-Identifier: Apache-2.0
"""Random instances: valid at heart, with identities strewn over all kinds of elements at every depth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO

from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"

# Charset, and the names that it can spell. Two ideographs or four letters, so that no name is also a common word.
NAMES = {
    "ISO_IR 6": ["Quillfeather^Ursa", "Ostrander^Bo", "O'Brannigan^Nell", "Vanterpool-Ashby^Iris"],
    "ISO_IR 100": ["Mühlenkötter^Jürg", "Besançonnet^Amélie"],
    "ISO_IR 101": ["Łęczyński^Wojmir"],
    "ISO_IR 144": ["Люксембургов^Иван"],
    "ISO_IR 192": ["Yamada^Taroh=山田^太郎", "Šafaříkovská^Evženie", "Hong^Gildong=洪^吉洞=홍^길동"],
    "GB18030": ["Wang^XiaoDong=王^小东"],
}
IDENTIFIERS = ["QF-774120", "77412098", "A98213/07", "MRN:5508123", "K00X7731"]

_TABLE = json.loads(files("deidgate.standard").joinpath("table_e_1_1.json").read_text("utf-8"))["rows"]
_UNLISTED = ["00180015", "00181020", "00081090", "00181210", "00204000", "00189073", "00180050", "00289110", "0040a123"]


def _rows() -> list[int]:
    tags = []
    for text in [row["tag"].strip("()").replace(",", "") for row in _TABLE] + _UNLISTED:
        try:
            tag = int(text, 16)
            dictionary_VR(tag)
        except (ValueError, KeyError):
            continue
        if tag >> 16 > 8 or tag >= 0x00080012:
            tags.append(tag)
    return sorted(set(tags))


TAGS = [tag for tag in _rows() if tag >> 16 not in (0x0002, 0x0004, 0x7FE0, 0x0012, 0xFFFA, 0xFFFC)]
# What makes the instance what it is.
CORE = frozenset({0x00080005, 0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00100010, 0x00100020, 0x00080060})


@dataclass(frozen=True)
class Person:
    """Whom an instance is about, and all that names them or leads to them."""

    charset: str
    name: str
    patient_id: str
    accession: str
    physician: str
    uid_root: str

    def secrets(self) -> list[str]:
        """What must not be read anywhere in a result."""
        parts = [part for group in self.name.split("=") for part in group.split("^")]
        return [*(p for p in parts if len(p) > 3 or not p.isascii()), self.patient_id, self.accession, *self.uids()]

    def uids(self) -> list[str]:
        """UIDs of study, series and the root of those of the instances."""
        return [f"{self.uid_root}.{number}" for number in (2, 3, 4)]


@st.composite
def persons(draw: st.DrawFn) -> Person:
    charset = draw(st.sampled_from(sorted(NAMES)))
    return Person(
        charset,
        draw(st.sampled_from(NAMES[charset])),
        draw(st.sampled_from(IDENTIFIERS)),
        draw(st.sampled_from(["ACC98213X", "20011231-7", "E403961"])),
        draw(st.sampled_from(["Whitfield^Gregory", "Papadimitriou^Xenia"])),
        draw(st.sampled_from(["1.2.826.0.1.999", "1.3.12.2.1107.5.1.4.50000"])),
    )


def _text(person: Person) -> st.SearchStrategy[str]:
    first = person.name.split("=")[-1].replace("^", " ")
    family = person.name.split("=")[0].split("^")[0]
    said = [person.name.split("=")[0].replace("^", ", "), first, family.upper(), person.patient_id, person.accession]
    said += [f"for {family}", f"MRN {person.patient_id}", "AXIAL T2", "CHEST", f"x {family.lower()} 3mm", "12.07.2003"]
    return st.sampled_from(said)


@st.composite
def values(draw: st.DrawFn, person: Person, vr: str) -> object:
    if vr in ("LO", "SH", "ST", "LT", "UT", "UC"):
        return draw(_text(person))[: 16 if vr == "SH" else 64]
    if vr == "PN":
        return draw(st.sampled_from([person.name, person.physician]))
    if vr == "UI":
        # Not the study's own UIDs: a device's UID may stay, and then stays wherever it came from.
        return f"{person.uid_root}.5.{draw(st.integers(1, 9))}"
    if vr == "DA":
        return draw(st.sampled_from(["20010705", "19610412", "19991231", ""]))
    if vr == "TM":
        return draw(st.sampled_from(["101500", "235959.123456", ""]))
    if vr == "DT":
        return draw(st.sampled_from(["20010705101500.123+0100", "200107", "1999"]))
    if vr == "CS":
        return draw(st.sampled_from(["HEAD", "NONE", "YES", ""]))
    if vr == "AS":
        return draw(st.sampled_from(["045Y", "093Y", "003M"]))
    if vr in ("DS", "IS"):
        return draw(st.sampled_from(["1", "250", "-3"]))
    if vr == "AE":
        return draw(st.sampled_from(["WARD7SCANNER", "NORTHGATE_CT"]))
    if vr in ("OB", "OW", "UN"):
        raw = draw(_text(person)).encode("utf_8")
        return raw + b"\0" * (len(raw) % 2)
    if vr == "UR":
        return f"http://example.org/{person.patient_id}"
    return draw(st.integers(0, 99))


# Sequences whose items are content items: what stands in one is part of a content tree. Source: PS3.3 10.2, C.17.3.
CONTENT = frozenset({0x0040A730, 0x00400555, 0x00400610, 0x00400612, 0x0040B020, 0x00080124, 0x00400441})


@st.composite
def content_items(draw: st.DrawFn, person: Person) -> Dataset:
    """A content item with a text, a name, a date or a reference."""
    item, concept = Dataset(), Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = draw(
        st.sampled_from([("121071", "DCM", "Finding"), ("121029", "DCM", "Subject Name"), ("9", "99X", "Anything")])
    )
    item.ConceptNameCodeSequence = Sequence([concept])
    item.ValueType = draw(st.sampled_from(["TEXT", "PNAME", "DATE", "UIDREF"]))
    if item.ValueType == "TEXT":
        item.TextValue = draw(_text(person))
    elif item.ValueType == "PNAME":
        item.PersonName = draw(st.sampled_from([person.name, person.physician]))
    elif item.ValueType == "DATE":
        item.Date = draw(st.sampled_from(["20010705", "19610412"]))
    else:
        item.UID = f"{person.uid_root}.{draw(st.integers(1, 9))}"
    return item


@st.composite
def filled(draw: st.DrawFn, person: Person, depth: int, tags: list[int]) -> Dataset:
    """A dataset or item with some of `tags`, sequences nested up to `depth`."""
    ds = Dataset()
    for tag in draw(st.lists(st.sampled_from(tags), max_size=8, unique=True)):
        vr = dictionary_VR(tag).split(" or ")[0]
        if vr == "SQ":
            inner = content_items(person) if tag in CONTENT else filled(person, depth - 1, tags)
            items = [draw(inner) for _ in range(draw(st.integers(0, 2)))] if depth else []
            ds.add_new(tag, "SQ", Sequence(items))
        else:
            ds.add_new(tag, vr, draw(values(person, vr)))
    if draw(st.booleans()):
        # One block reserved as it should be, and one that nobody reserved.
        block = ds.private_block(0x2001, draw(st.sampled_from(["Philips Imaging DD 001", "ACME 1"])), create=True)
        block.add_new(0x02, "IS", "3")
        block.add_new(0xB0, "LO", draw(_text(person)))
        ds.add_new(0x00291001, "UN", draw(values(person, "UN")))
    return ds


def minimal(name: str, patient_id: str) -> FileDataset:
    """A CT image with little in it."""
    ds = FileDataset("", {}, preamble=b"\0" * 128)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = CT, "1.2.826.0.1.999.4.1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.826.0.1.999.2", "1.2.826.0.1.999.3"
    ds.PatientName, ds.PatientID = name, patient_id
    ds.Modality, ds.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Rows = ds.Columns = 4
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation = 7, 0
    ds.PixelData = bytes(range(16))
    ds["PixelData"].VR = "OB"
    return ds


@st.composite
def instances(draw: st.DrawFn) -> tuple[Person, FileDataset]:
    """A person and a CT image of them."""
    person = draw(persons())
    ds = minimal(person.name, person.patient_id)
    ds.file_meta.TransferSyntaxUID = draw(st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]))
    ds.file_meta.SourceApplicationEntityTitle = "WARD7SCANNER"
    ds.update(draw(filled(person, 3, [tag for tag in TAGS if tag not in CORE])))
    if person.charset != "ISO_IR 6":
        ds.SpecificCharacterSet = person.charset
    ds.SOPInstanceUID = f"{person.uid_root}.4.{draw(st.integers(1, 99))}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{person.uid_root}.2", f"{person.uid_root}.3"
    ds.PatientName = person.name
    ds.AccessionNumber = person.accession
    ds.ReferringPhysicianName = person.physician
    if ds.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian:
        ds["PixelData"].VR = "OW"
    return person, ds


def to_bytes(ds: FileDataset) -> bytes:
    """The file."""
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()

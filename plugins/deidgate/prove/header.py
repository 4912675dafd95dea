# SPDX-License-Identifier: Apache-2.0
"""Plants in the header: one made-up CT image for each place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydicom import Dataset, FileDataset
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence

from deidgate.prove import names
from deidgate.prove.model import Plant

Put = Callable[[FileDataset, str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the header and how a needle gets there."""

    name: str
    where: str
    put: Put
    make: Callable[[], str] = names.latin


def places() -> Iterator[Place]:
    """All places, from the obvious to the obscure."""
    yield Place("patient-name", "(0010,0010) Patient's Name", _set("PatientName"))
    yield Place("other-patient-ids", "(0010,1002) Other Patient IDs Sequence, an item's Patient ID", _other_id)
    yield Place("nested-request", "(0040,0275) Request Attributes Sequence, in a description", _request)
    yield Place("original-attributes", "(0400,0561) Original Attributes Sequence, nested", _original_attributes)
    yield Place("family-in-protocol", "(0018,1030) Protocol Name, the patient's family name in it", _in_protocol)
    yield Place("physician-in-description", "(0008,103E) Series Description, after Dr", _in_description)
    yield Place("number-in-comment", "(0020,4000) Image Comments, a medical record number in it", _mrn, _eight_digits)
    yield Place("phone-in-history", "(0010,21B0) Additional Patient History, a phone number", _phone, _phone_number)
    yield Place("private-element", "(0099,1001) private element of an unknown creator", _private)
    yield Place("private-sequence", "(0099,1002) private sequence, in an item", _private_sequence)
    yield Place("private-un", "(0099,1003) private element, VR UN", _private_un)
    yield Place("private-utf-16", "(0099,1004) private element, text as UTF-16", _private_utf16)
    yield Place("public-un", "(0010,2154) Patient's Telephone Numbers, VR UN", _public_un)
    yield Place("unknown-tag", "(0010,9FFE) element that no dictionary knows", _unknown)
    yield Place("overlay-comment", "(6000,4000) Overlay Comments, (6002,1500) Overlay Label", _overlay)
    yield Place("curve-label", "(5000,2500) Curve Label, retired", _curve)
    yield Place("icon", "(0088,0200) Icon Image Sequence, in the icon's pixels", _icon)
    yield Place("cyrillic", "(0008,0080) Institution Name in Cyrillic, UTF-8", _cyrillic, names.cyrillic)
    yield Place("japanese", "(0010,0010) Patient's Name in kanji, ISO 2022 IR 87", _japanese, names.kanji)
    yield Place("ae-title", "(0008,0054) Retrieve AE Title", _ae_title)
    yield Place("nested-uid", "(0008,1140) Referenced Image Sequence, a SOP Instance UID", _reference, names.uid)
    yield Place("private-uid", "(0099,1005) private element, an instance UID", _private_uid, names.uid)
    yield Place("preamble", "the file's preamble (by C-STORE it never leaves the sender)", _preamble)
    yield Place("file-meta", "(0002,0016) Source AE Title (by C-STORE it never leaves the sender)", _file_meta)


def plant(place: Place, ds: FileDataset) -> Plant:
    """Put a new needle into `ds`, which is changed."""
    needle = place.make()
    place.put(ds, needle)
    return Plant(place.name, place.where, needle)


def _set(keyword: str) -> Put:
    return lambda ds, needle: setattr(ds, keyword, needle)


def _item(**elements: object) -> Sequence:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return Sequence([item])


def _eight_digits() -> str:
    return names.number(8)


def _phone_number() -> str:
    return f"{names.number(3)}-{names.number(3)}-{names.number(4)}"


def _other_id(ds: FileDataset, needle: str) -> None:
    ds.OtherPatientIDsSequence = _item(PatientID=needle, TypeOfPatientID="TEXT")


def _request(ds: FileDataset, needle: str) -> None:
    ds.PatientName = f"{needle}^Proof"
    ds.RequestAttributesSequence = _item(ScheduledProcedureStepDescription=f"Chest for {needle.upper()}")


def _original_attributes(ds: FileDataset, needle: str) -> None:
    ds.OriginalAttributesSequence = _item(
        ModifiedAttributesSequence=_item(PatientName=needle),
        AttributeModificationDateTime="20260115101500",
        ModifyingSystem="PROOF",
        SourceOfPreviousValues="PROOF",
        ReasonForTheAttributeModification="CORRECT",
    )


def _in_protocol(ds: FileDataset, needle: str) -> None:
    ds.PatientName = f"{needle}^Proof"
    ds.ProtocolName = f"Thorax_{needle.lower()}_1mm"


def _in_description(ds: FileDataset, needle: str) -> None:
    ds.SeriesDescription = f"Lung 1 mm, asked for by Dr {needle}"


def _mrn(ds: FileDataset, needle: str) -> None:
    ds.ImageComments = f"MRN: {needle}, repeat"


def _phone(ds: FileDataset, needle: str) -> None:
    ds.AdditionalPatientHistory = f"Cough. Call {needle}."


def _block(ds: FileDataset, element: int, vr: str, value: object) -> None:
    ds.private_block(0x0099, "PROOF OF NOBODY", create=True).add_new(element, vr, value)


def _private(ds: FileDataset, needle: str) -> None:
    _block(ds, 0x01, "LO", needle)


def _private_sequence(ds: FileDataset, needle: str) -> None:
    _block(ds, 0x02, "SQ", _item(PatientName=needle))


def _private_un(ds: FileDataset, needle: str) -> None:
    _block(ds, 0x03, "UN", _even(needle.encode()))


def _private_utf16(ds: FileDataset, needle: str) -> None:
    _block(ds, 0x04, "OB", needle.encode("utf-16-le"))


def _private_uid(ds: FileDataset, needle: str) -> None:
    _block(ds, 0x05, "UI", needle)


def _public_un(ds: FileDataset, needle: str) -> None:
    ds[0x00102154] = DataElement(0x00102154, "UN", _even(needle.encode()))


def _unknown(ds: FileDataset, needle: str) -> None:
    ds[0x00109FFE] = DataElement(0x00109FFE, "LO", needle)


def _overlay(ds: FileDataset, needle: str) -> None:
    for group in (0x6000, 0x6002):
        ds.add_new((group, 0x0010), "US", 8)
        ds.add_new((group, 0x0011), "US", 16)
        ds.add_new((group, 0x0040), "CS", "G")
        ds.add_new((group, 0x0050), "SS", [1, 1])
        ds.add_new((group, 0x0100), "US", 1)
        ds.add_new((group, 0x0102), "US", 0)
        ds.add_new((group, 0x3000), "OW", b"\xff\x00" * 8)
    ds.add_new((0x6000, 0x4000), "LT", needle)
    ds.add_new((0x6002, 0x1500), "LO", needle)


def _curve(ds: FileDataset, needle: str) -> None:
    ds.add_new((0x5000, 0x2500), "LO", needle)
    ds.add_new((0x5000, 0x3000), "OW", b"\x00\x01" * 4)


def _icon(ds: FileDataset, needle: str) -> None:
    pixels = _even(needle.encode()).ljust(256, b"\0")
    ds.IconImageSequence = _item(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=16,
        Columns=16,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        PixelData=pixels,
    )
    ds.IconImageSequence[0]["PixelData"].VR = "OB"


def _cyrillic(ds: FileDataset, needle: str) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.InstitutionName = f"Больница {needle}"
    ds.StudyDescription = f"КТ {needle}"


def _japanese(ds: FileDataset, needle: str) -> None:
    ds.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    ds.PatientName = f"Proof^Taro={needle}"


def _ae_title(ds: FileDataset, needle: str) -> None:
    ds.RetrieveAETitle = needle.upper()[:16]


def _reference(ds: FileDataset, needle: str) -> None:
    ds.ReferencedImageSequence = _item(ReferencedSOPClassUID=ds.SOPClassUID, ReferencedSOPInstanceUID=needle)


def _preamble(ds: FileDataset, needle: str) -> None:
    ds.preamble = needle.encode().ljust(128, b"\0")


def _file_meta(ds: FileDataset, needle: str) -> None:
    ds.file_meta.SourceApplicationEntityTitle = needle.upper()[:16]


def _even(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)

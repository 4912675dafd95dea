# SPDX-License-Identifier: Apache-2.0
"""Instances with something of everything that an executor has to write."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComprehensiveSRStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
)
from tests.data.instances import dataset, elements, file_bytes

from deidgate.standard.private import safe_private

_VALUES = {
    "AT": 0x00100010, "CS": "ABC", "DS": "1.5", "FD": 1.5, "IS": "3", "LO": "knee Müller ähnlich", "LT": "knee Müller",
    "OB": b"\1\2", "SH": "Müller", "ST": "knee", "UI": "1.2.3.44", "UL": 7, "US": 3,
}  # fmt: skip


def rich_files() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of instances of many kinds, encodings and character sets."""
    for syntax in (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ):
        yield f"encoding {syntax}", file_bytes(rich(), syntax)
    yield "latin 1", file_bytes(rich(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jürgen"))
    yield "japanese", file_bytes(_japanese())
    yield "enhanced", file_bytes(_enhanced())
    yield "pet", file_bytes(_pet())
    yield "report", file_bytes(_report())
    yield "presentation state", file_bytes(_presentation_state())


def rich(**keywords: object) -> Dataset:
    """A CT with names in texts of two character sets, dates, nested items and every safe private VR."""
    person = elements(CodeValue="4711", CodingSchemeDesignator="99HOSP", CodeMeaning="Doe^Jane")
    request = elements(
        SpecificCharacterSet="ISO_IR 100",
        RequestedProcedureDescription="Knie rechts für Müller, Verlauf ähnlich",
        ScheduledProcedureStepDescription="Thorax Übersicht",
    )
    image = elements(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID="1.2.3.4")
    made = dataset(
        **{
            "SpecificCharacterSet": "ISO_IR 192",
            "PatientName": "Müller^Jürgen=王^小东",
            "PatientAge": "095Y",
            "PatientComments": "x",
            "StudyDescription": "Knie rechts für Müller, Verlauf ähnlich",
            "StudyComments": "eins\r\nMüller ähnlich\r\n",
            "SeriesDate": "20190518",
            "AcquisitionDateTime": "20190518101500.25",
            "PixelSpacing": ["0.5", "0.5"],
            "DeviceSerialNumber": "123",
            "OperatorsName": ["Doe^J", "Foo^B"],
            "PersonIdentificationCodeSequence": [person],
            "ReferencedImageSequence": [image, image],
            "RequestAttributesSequence": [request],
            "OriginalAttributesSequence": [elements(ModifyingSystem="x")],
            **keywords,
        }
    )
    _add_private(made)
    return made


def _add_private(made: Dataset) -> None:
    blocks: dict[tuple[str, int], int] = {}
    for (creator, group, low), line in sorted(safe_private().items()):
        if line.vr not in {*_VALUES, "SQ"}:
            continue
        if (creator, group) not in blocks:
            blocks[creator, group] = 0x10 + sum(1 for _, other in blocks if other == group)
            made.add(DataElement(group << 16 | blocks[creator, group], "LO", creator))
        tag = group << 16 | blocks[creator, group] << 8 | low
        if line.vr == "SQ":
            item = elements(ReferencedSOPInstanceUID="1.2.3.4", StudyDescription="Müller knee")
            made.add(DataElement(tag, "SQ", Sequence([item])))
        else:
            made.add(DataElement(tag, line.vr, _VALUES[line.vr]))


def _japanese() -> Dataset:
    made = rich(
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName="Yamada^Tarou=山田^太郎",
        StudyDescription="膝 山田 検査",
        StudyComments="太郎 検査",
    )
    # Private texts of the others have letters that this character set does not have.
    for element in [e for e in made if e.tag.is_private and e.VR in ("LO", "LT", "SH", "ST", "SQ")]:
        if not element.tag.is_private_creator:
            del made[element.tag]
    return made


def _enhanced() -> Dataset:
    frame = elements(FrameAcquisitionDateTime="20190518101500.25", FrameReferenceDateTime="20190518101500.25")
    return rich(
        sop_class=EnhancedCTImageStorage,
        ContentDate="20190517",
        ContentTime="1015",
        SharedFunctionalGroupsSequence=[elements(FrameContentSequence=[frame])],
    )


def _pet() -> Dataset:
    tracer = elements(RadiopharmaceuticalStartDateTime="20190518101500.25", RadiopharmaceuticalStartTime="1015")
    return rich(
        sop_class=PositronEmissionTomographyImageStorage,
        SeriesTime="1015",
        AcquisitionDate="20190517",
        AcquisitionTime="10",
        RadiopharmaceuticalInformationSequence=[tracer],
    )


def _content(value_type: str, code: str, **keywords: object) -> Dataset:
    concept = elements(CodeValue=code, CodingSchemeDesignator="DCM", CodeMeaning="x")
    return elements(RelationshipType="CONTAINS", ValueType=value_type, ConceptNameCodeSequence=[concept], **keywords)


def _report() -> Dataset:
    millimetre = elements(CodeValue="mm", CodingSchemeDesignator="UCUM", CodeMeaning="mm")
    measured = elements(NumericValue="3", MeasurementUnitsCodeSequence=[millimetre])
    image = elements(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID="1.2.3.4")
    inner = [
        _content("NUM", "112", MeasuredValueSequence=[measured]),
        _content("IMAGE", "1", ReferencedSOPSequence=[image]),
    ]
    return dataset(
        sop_class=ComprehensiveSRStorage,
        PixelData=None,
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Müller^Jürgen",
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        ContentDate="20190517",
        ContentTime="10",
        ConceptNameCodeSequence=[elements(CodeValue="1", CodingSchemeDesignator="DCM", CodeMeaning="Report")],
        ContentSequence=[
            _content("TEXT", "121071", TextValue="Herr Müller hat ähnliche Knie"),
            _content("PNAME", "121008", PersonName="Ärzt^Hans"),
            _content("DATE", "126201", Date="20190517"),
            _content("UIDREF", "121233", UID="1.2.3.4"),
            _content("CONTAINER", "111", ContinuityOfContent="SEPARATE", ContentSequence=inner),
        ],
    )


def _presentation_state() -> Dataset:
    text = elements(UnformattedTextValue="Doe Jane left")
    return dataset(
        sop_class=GrayscaleSoftcopyPresentationStateStorage,
        PixelData=None,
        ContentLabel="A",
        ContentCreatorName="Doe^X",
        PresentationCreationDate="20190517",
        PresentationCreationTime="10",
        GraphicAnnotationSequence=[elements(GraphicLayer="L", TextObjectSequence=[text])],
    )

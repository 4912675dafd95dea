# SPDX-License-Identifier: Apache-2.0
"""Plants in objects that are no images: a report, an encapsulated PDF, a text in a presentation state."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from pydicom import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, BasicTextSRStorage, EncapsulatedPDFStorage, GrayscaleSoftcopyPresentationStateStorage

from deidgate.prove import names
from deidgate.prove.model import Plant


def plants(template: FileDataset) -> Iterator[tuple[Plant, FileDataset]]:
    """One instance of each kind; `template` is the patient's instance without pixels, and stays as it is."""
    yield _report(template)
    yield _pdf(template)
    yield _presentation(template)


def _document(template: FileDataset, sop_class: UID, modality: str) -> FileDataset:
    ds = deepcopy(template)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.Modality = modality
    return ds


def _code(value: str, scheme: str, meaning: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def _report(template: FileDataset) -> tuple[Plant, FileDataset]:
    needle = names.latin()
    ds = _document(template, BasicTextSRStorage, "SR")
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = Sequence()
    ds.PerformedProcedureCodeSequence = Sequence()
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = _code("18748-4", "LN", "Diagnostic Imaging Report")
    person, finding = Dataset(), Dataset()
    person.RelationshipType, person.ValueType = "HAS OBS CONTEXT", "PNAME"
    person.ConceptNameCodeSequence = _code("121008", "DCM", "Person Observer Name")
    person.PersonName = f"{needle}^Proof"
    finding.RelationshipType, finding.ValueType = "CONTAINS", "TEXT"
    finding.ConceptNameCodeSequence = _code("121071", "DCM", "Finding")
    finding.TextValue = f"No nodule. Discussed with Dr. {needle}."
    ds.ContentSequence = Sequence([person, finding])
    return Plant("structured-report", "content items PNAME and TEXT of a Basic Text SR", needle), ds


def _pdf(template: FileDataset) -> tuple[Plant, FileDataset]:
    needle = names.latin()
    ds = _document(template, EncapsulatedPDFStorage, "DOC")
    ds.ConversionType = "WSD"
    ds.AcquisitionDateTime = "20260115101500"
    ds.BurnedInAnnotation = "YES"
    ds.DocumentTitle = "Consent"
    ds.ConceptNameCodeSequence = Sequence()
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document = _one_page(f"Consent of {needle}")
    ds.EncapsulatedDocumentLength = len(document)
    ds.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    return Plant("encapsulated-pdf", "text of an encapsulated PDF document", needle), ds


def _presentation(template: FileDataset) -> tuple[Plant, FileDataset]:
    needle = names.latin()
    ds = _document(template, GrayscaleSoftcopyPresentationStateStorage, "PR")
    image, series = Dataset(), Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", names.uid()
    series.SeriesInstanceUID = names.uid()
    series.ReferencedImageSequence = Sequence([image])
    ds.ReferencedSeriesSequence = Sequence([series])
    ds.ContentLabel = "PROOF"
    ds.ContentDescription = ""
    ds.ContentCreatorName = f"{needle}^Proof"
    ds.PresentationCreationDate, ds.PresentationCreationTime = "20260115", "101500"
    ds.PresentationLUTShape = "IDENTITY"
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = [1, 1], [64, 64]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelAspectRatio = [1, 1]
    ds.DisplayedAreaSelectionSequence = Sequence([area])
    text = Dataset()
    text.UnformattedTextValue = f"ask {needle}"
    text.AnchorPointAnnotationUnits, text.AnchorPoint, text.AnchorPointVisibility = "PIXEL", [8, 8], "N"
    graphic = Dataset()
    graphic.GraphicLayer = "ONE"
    graphic.TextObjectSequence = Sequence([text])
    ds.GraphicAnnotationSequence = Sequence([graphic])
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "ONE", 1
    ds.GraphicLayerSequence = Sequence([layer])
    return Plant("presentation-state", "text object and author of a presentation state", needle), ds


def _one_page(text: str) -> bytes:
    """The smallest PDF that shows a line of ASCII text."""
    content = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end

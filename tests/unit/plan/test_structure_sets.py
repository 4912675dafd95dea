# SPDX-License-Identifier: Apache-2.0
"""A policy that keeps named attributes only leaves a structure set its regions, and nobody's name on them."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import deidentify, policy

from deidgate.verify.gate import verify

pytestmark = pytest.mark.filterwarnings("ignore")


def structure_set() -> Dataset:
    ds = minimal("Quillfeather^Ursa", "QF-774120")
    ds.SOPClassUID, ds.Modality = "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"
    for keyword in ("PixelData", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "ImageType"):
        delattr(ds, keyword)
    ds.StructureSetLabel = "Quillfeather"
    roi, contour, region, seen, image = (Dataset() for _ in range(5))
    roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = 1, "Quillfeather GTV", "MANUAL"
    roi.ReferencedFrameOfReferenceUID, roi.ROIDescription = "1.2.826.0.1.999.7", "Quillfeather"
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.826.0.1.999.8"
    contour.ContourGeometricType, contour.NumberOfContourPoints = "POINT", 1
    contour.ContourData, contour.ContourImageSequence = ["1.5", "2", "3"], [image]
    region.ReferencedROINumber, region.ROIDisplayColor, region.ContourSequence = 1, [255, 0, 0], [contour]
    seen.ObservationNumber, seen.ReferencedROINumber, seen.RTROIInterpretedType = 1, 1, "GTV"
    seen.ROIInterpreter, seen.ROIObservationLabel = "Flurbacher^Max", "Flurbacher"
    ds.StructureSetROISequence, ds.ROIContourSequence, ds.RTROIObservationsSequence = [roi], [region], [seen]
    return ds


def test_a_keep_list_leaves_contours_and_no_name_of_anybody() -> None:
    original = to_bytes(structure_set())
    plan, written = deidentify(original, policy("keep-list"))
    assert [str(finding) for finding in verify(original, written, plan).findings] == []
    result = dcmread(BytesIO(written))
    (region,) = result.ROIContourSequence
    (contour,) = region.ContourSequence
    assert (region.ReferencedROINumber, contour.ContourGeometricType, list(contour.ContourData)) == (
        1,
        "POINT",
        [1.5, 2, 3],
    )
    assert contour.ContourImageSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
    assert result.StructureSetROISequence[0].ROINumber == 1
    assert result.RTROIObservationsSequence[0].RTROIInterpretedType == "GTV"
    assert b"uillfeather" not in written
    assert b"lurbacher" not in written

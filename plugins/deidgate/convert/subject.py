# SPDX-License-Identifier: Apache-2.0
"""Whose study a converted picture belongs to: from options, a row of a table, or a DICOM file as a template."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime

from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.uid import generate_uid
from pydicom.valuerep import validate_value

from deidgate.errors import ConfigurationError

_TIME = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9](([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?")
"""TM, and not a range of them. Source: PS3.5 Table 6.2-1."""
_KEYWORDS = {
    "patient_id": "PatientID",
    "patient_name": "PatientName",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "study_id": "StudyID",
    "accession": "AccessionNumber",
    "study_description": "StudyDescription",
    "referring_physician": "ReferringPhysicianName",
    "series_description": "SeriesDescription",
    "modality": "Modality",
    "body_part": "BodyPartExamined",
    "frame_of_reference_uid": "FrameOfReferenceUID",
}
"""What has no list of values of its own has those of its Value Representation (PS3.5 6.2)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Patient, study and series of what is made. Empty text stays empty (Type 2).

    Attributes
    ----------
    patient_id, patient_name, birth_date, sex : str
        As in the Patient Module; the date as YYYYMMDD.
    study_uid, series_uid : str
        Empty: a new UID each.
    study_date, study_time, study_id, accession, study_description, referring_physician : str
    series_number : int
    series_description, modality, body_part, laterality : str
    frame_of_reference_uid : str
        Empty: a new one where the object needs it.
    burned_in_annotation : str
        Of pictures. YES unless somebody has looked: what a person photographs or scans has whatever stood there.
    """

    patient_id: str = ""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    study_uid: str = ""
    series_uid: str = ""
    study_date: str = ""
    study_time: str = ""
    study_id: str = ""
    accession: str = ""
    study_description: str = ""
    referring_physician: str = ""
    series_number: int = 1
    series_description: str = ""
    modality: str = ""
    body_part: str = ""
    laterality: str = ""
    frame_of_reference_uid: str = field(default="")
    burned_in_annotation: str = "YES"

    def __post_init__(self) -> None:
        for name in ("birth_date", "study_date"):
            text = getattr(self, name)
            if text and not _is_date(text):
                raise ConfigurationError("not-a-date", name)
        if self.study_time and not _TIME.fullmatch(self.study_time):
            raise ConfigurationError("value", "study_time")
        if self.sex not in ("", "M", "F", "O"):
            raise ConfigurationError("sex-is-not-m-f-o", "sex")
        if self.laterality not in ("", "L", "R"):
            raise ConfigurationError("laterality-is-not-l-r", "laterality")
        if self.burned_in_annotation not in ("YES", "NO"):
            raise ConfigurationError("burned-in-annotation-is-not-yes-no", "burned_in_annotation")
        for name, keyword in _KEYWORDS.items():
            text = getattr(self, name)
            if "\\" in text:
                raise ConfigurationError("backslash-in-value", name)
            if not text.isprintable():
                raise ConfigurationError("value", name)
            try:
                validate_value(dictionary_VR(keyword), text, config.RAISE)
            except ValueError:
                # Its message has the value.
                raise ConfigurationError("value", name) from None

    def with_uids(self) -> Subject:
        """The same with a UID where there was none, so that all instances made from it agree."""
        return replace(
            self,
            study_uid=self.study_uid or generate_uid(prefix=None),
            series_uid=self.series_uid or generate_uid(prefix=None),
            frame_of_reference_uid=self.frame_of_reference_uid or generate_uid(prefix=None),
        )

    @classmethod
    def from_row(cls, row: dict[str, str], base: Subject) -> Subject:
        """`base` with the cells of a table's `row`; columns are named as the fields here.

        Raises
        ------
        ConfigurationError
            ``unknown-column`` or a wrong value.
        """
        known = {field.name: field for field in fields(cls)}
        changes: dict[str, object] = {}
        for column, cell in row.items():
            name = column.strip().lower().replace(" ", "_").replace("-", "_")
            if name in ("file", ""):
                continue
            if name not in known:
                raise ConfigurationError("unknown-column", column)
            if cell is None or not cell.strip():
                continue
            if name == "series_number":
                if not cell.strip().isdigit():
                    raise ConfigurationError("series-number-is-not-a-number", "series_number")
                changes[name] = int(cell)
            else:
                changes[name] = cell.strip()
        return replace(base, **changes)  # type: ignore[arg-type]

    @classmethod
    def from_template(cls, dataset: Dataset) -> Subject:
        """Patient and study of `dataset`; the series is a new one."""

        def text(keyword: str) -> str:
            value = dataset.get(keyword)
            return "" if value is None else str(value)

        sex = text("PatientSex")
        return cls(
            patient_id=text("PatientID"),
            patient_name=text("PatientName"),
            birth_date=text("PatientBirthDate"),
            sex=sex if sex in ("M", "F", "O") else "",
            study_uid=text("StudyInstanceUID"),
            study_date=text("StudyDate"),
            study_time=text("StudyTime"),
            study_id=text("StudyID"),
            accession=text("AccessionNumber"),
            study_description=text("StudyDescription"),
            referring_physician=text("ReferringPhysicianName"),
            frame_of_reference_uid=text("FrameOfReferenceUID"),
        )


def _is_date(text: str) -> bool:
    # strptime alone takes dates of fewer digits.
    if not re.fullmatch(r"[0-9]{8}", text):
        return False
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return True


def begin(subject: Subject, sop_class_uid: str, modality: str, instance_number: int) -> Dataset:
    """A dataset with the Patient, General Study, General Series and SOP Common Modules filled.

    Source: PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.12.1.
    """
    dataset = Dataset()
    texts = (subject.patient_name, subject.study_description, subject.series_description, subject.referring_physician)
    if not "".join(texts).isascii():
        dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.StudyInstanceUID = subject.study_uid
    dataset.SeriesInstanceUID = subject.series_uid
    dataset.PatientName = subject.patient_name
    dataset.PatientID = subject.patient_id
    dataset.PatientBirthDate = subject.birth_date
    dataset.PatientSex = subject.sex
    dataset.StudyDate = subject.study_date
    dataset.StudyTime = subject.study_time
    dataset.StudyID = subject.study_id
    dataset.AccessionNumber = subject.accession
    dataset.ReferringPhysicianName = subject.referring_physician
    if subject.study_description:
        dataset.StudyDescription = subject.study_description
    dataset.Modality = subject.modality or modality
    dataset.SeriesNumber = subject.series_number
    if subject.series_description:
        dataset.SeriesDescription = subject.series_description
    if subject.body_part:
        dataset.BodyPartExamined = subject.body_part
    # Type 2C: empty says that the body part may be paired and the side is not known.
    dataset.Laterality = subject.laterality
    dataset.InstanceNumber = instance_number
    dataset.Manufacturer = ""
    return dataset


def today() -> str:
    """The present date for attributes that must have one and whose truth is the conversion itself."""
    return date.today().strftime("%Y%m%d")

# SPDX-License-Identifier: Apache-2.0
"""A second run over results leaves them as they are, and takes nobody's word for it that they are results."""

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from tests.data.policies import header_only
from tests.data.rich import rich_files
from tests.data.toolbox_series import ct, encoded

from deidgate.batch import policies
from deidgate.batch.deidentifier import Deidentifier
from deidgate.errors import DeidgateError

NAMES = (
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "rtplan.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
    "JPEG2000.dcm",
)
FILES = {**dict(rich_files()), **{name: Path(get_testdata_file(name)).read_bytes() for name in NAMES}}


def toolbox(tmp_path: Path, policy: str, mapping: str = "m.db") -> Deidentifier:
    return Deidentifier(header_only(tmp_path, policy), mapping=tmp_path / mapping)


@pytest.mark.parametrize("policy", sorted(policies.shipped()))
def test_a_second_run_over_its_own_output_changes_nothing(policy, tmp_path):
    same = 0
    with toolbox(tmp_path, policy) as deidentifier:
        for name, content in FILES.items():
            try:
                first = deidentifier.bytes(content)
            except DeidgateError:
                continue
            assert deidentifier.bytes(first) == first, name
            same += 1
    assert same >= 8


def edited(content: bytes, **values: str) -> bytes:
    ds = dcmread(BytesIO(content))
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    if "SOPInstanceUID" in values:
        ds.file_meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
    return encoded(ds)


@pytest.mark.parametrize(
    "values",
    [
        {"PatientComments": "Jane Doe called"},
        {"StudyDescription": "for Jane Doe, 12 Main Street"},
        {"SOPInstanceUID": "1.2.3.4"},
        {"StudyInstanceUID": "1.2.3.5"},
        {"PatientID": "P-ABCDEFGHJ"},
    ],
)
def test_what_was_changed_since_is_an_original_like_any_other(values, tmp_path):
    with toolbox(tmp_path, "basic") as deidentifier:
        first = dcmread(BytesIO(deidentifier.bytes(encoded(ct(rows=8)))))
        changed = edited(deidentifier.bytes(encoded(ct(rows=8))), **values)
        again = dcmread(BytesIO(deidentifier.bytes(changed)))
    assert again.SOPInstanceUID != dcmread(BytesIO(changed)).SOPInstanceUID
    assert again.PatientID != first.PatientID
    assert "Doe" not in str(again)


def test_another_mapping_table_knows_nothing_of_it(tmp_path):
    with toolbox(tmp_path, "basic") as deidentifier:
        first = deidentifier.bytes(encoded(ct(rows=8)))
    with toolbox(tmp_path, "basic", "other.db") as other:
        again = dcmread(BytesIO(other.bytes(first)))
    assert again.SOPInstanceUID != dcmread(BytesIO(first)).SOPInstanceUID


def test_a_folder_of_results_comes_out_as_it_went_in(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(1, 6):
        (tmp_path / "in" / f"IM{number}").write_bytes(encoded(ct(1, 1, 1, number, rows=8)))
    with toolbox(tmp_path, "longitudinal") as deidentifier:
        deidentifier.run([tmp_path / "in"], tmp_path / "out", jobs=0)
        summary = deidentifier.run([tmp_path / "out"], tmp_path / "again", jobs=0, layout="uid")
    assert summary.complete
    first, second = (
        sorted(path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file())
        for name in ("out", "again")
    )
    assert len(first) == 5
    assert first == second

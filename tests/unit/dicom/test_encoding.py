# SPDX-License-Identifier: Apache-2.0
"""A dataset in another encoding than its file says is held on every path, before anything is made of it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from tests.property.datasets import minimal, to_bytes
from tests.property.engine import PSEUDONYMS, policy

from deidgate.apply.elements import apply
from deidgate.dicom.structure import check_structure
from deidgate.errors import CannotDeidentify
from deidgate.plan.planner import plan

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_planner_holds_an_implicit_dataset_under_an_explicit_transfer_syntax() -> None:
    with pytest.raises(CannotDeidentify, match="transfer-syntax-wrong"):
        plan(dcmread(get_testdata_file("SC_rgb_jpeg.dcm")), policy("basic"), PSEUDONYMS)


def test_so_does_the_executor() -> None:
    good = dcmread(BytesIO(to_bytes(minimal("Quillfeather^Ursa", "QF-774120"))))
    with pytest.raises(CannotDeidentify, match="transfer-syntax-wrong"):
        apply(dcmread(get_testdata_file("SC_rgb_jpeg.dcm")), plan(good, policy("basic"), PSEUDONYMS))


@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm"])
def test_a_dataset_in_its_own_encoding_is_planned(name: str) -> None:
    assert plan(dcmread(get_testdata_file(name)), policy("basic"), PSEUDONYMS).decisions


def test_a_deflated_dataset_that_is_cut_off_is_held() -> None:
    whole = Path(get_testdata_file("image_dfl.dcm")).read_bytes()
    with pytest.raises(CannotDeidentify, match="deflated-data-unreadable"):
        check_structure(whole[: len(whole) // 2])

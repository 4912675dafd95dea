# SPDX-License-Identifier: Apache-2.0
"""Device rectangles apply to their device and geometry, and a table that is wrong is refused."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from deidgate.dicom.box import Box
from deidgate.errors import ConfigurationError
from deidgate.pixels.devices import keep_outs, load_devices, shipped_devices

RULE = """
[[device]]
name = "Acme One"
source = "seen on the device"
modality = "US"
manufacturer = "acme"
model = ["One"]
rows = 480
columns = 640
keep_out = [{ top = 0, height = 40 }, { top = 440, height = 40, left = 600, width = 40 }]
"""


def image(**attributes: object) -> Dataset:
    ds = Dataset()
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "US", "ACME Ltd", "Model_one"
    ds.Rows, ds.Columns = 480, 640
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def test_rectangles_of_a_matching_device_apply() -> None:
    boxes = keep_outs(image(), load_devices(RULE, "x.toml"))
    assert boxes == (Box(0, 40, 0, 640), Box(440, 480, 600, 640))


@pytest.mark.parametrize(
    "other",
    [
        {"Rows": 481},
        {"Columns": 800},
        {"Modality": "CT"},
        {"Manufacturer": "Other"},
        {"ManufacturerModelName": "Two"},
        {"Manufacturer": None},
    ],
)
def test_rectangles_do_not_apply_to_another_device_or_geometry(other: dict[str, object]) -> None:
    assert keep_outs(image(**other), load_devices(RULE, "x.toml")) == ()


def test_every_value_of_image_type_and_any_of_software_must_match() -> None:
    rules = load_devices(RULE + 'image_type = ["SCREEN SAVE", "DERIVED"]\nsoftware = ["1.", "2."]\n', "x.toml")
    matching = image(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"], SoftwareVersions=["v2.1", "x"])
    assert keep_outs(matching, rules)
    assert not keep_outs(image(ImageType=["DERIVED"], SoftwareVersions="v2.1"), rules)
    assert not keep_outs(image(ImageType=["DERIVED", "SCREEN SAVE"], SoftwareVersions="v3"), rules)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("rows = 480", "row = 480"), "row"),
        (("rows = 480", 'rows = "480"'), "rows"),
        (("rows = 480\n", ""), "rows"),
        (("columns = 640\n", ""), "columns"),
        (("height = 40 }", "hight = 40 }"), "hight"),
        (("left = 600, width = 40", "left = 600"), "left and width"),
        (("left = 600, width = 40", "left = 620, width = 40"), "outside"),
        (("top = 440", "top = 450"), "outside"),
        (('name = "Acme One"\n', ""), "name"),
        (('source = "seen on the device"\n', ""), "source"),
        (('manufacturer = "acme"\nmodel = ["One"]\n', ""), "manufacturer"),
        (('model = ["One"]', 'model = "One"'), "model"),
        (("[[device]]", "[[devices]]"), "devices"),
        (("[[device]]", "[[device"), "not TOML"),
    ],
)
def test_a_wrong_table_is_refused_with_file_and_key(change: tuple[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=r"x\.toml") as refused:
        load_devices(RULE.replace(*change), "x.toml")
    assert named in str(refused.value)


def test_the_shipped_table_loads_and_each_rule_names_its_source() -> None:
    rules = shipped_devices()
    assert len(rules) > 50
    assert all(rule.source for rule in rules)
    assert len({rule.name for rule in rules}) == len(rules)


def test_a_shipped_rule_applies_to_its_device() -> None:
    ds = image(Manufacturer="Philips Medical Systems", ManufacturerModelName="iU22")
    assert keep_outs(ds, shipped_devices()) == (Box(0, 47, 0, 640),)

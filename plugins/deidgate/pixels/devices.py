# SPDX-License-Identifier: Apache-2.0
"""Rectangles that a device is known to write identifying text into, from a readable table.

A rule applies to one geometry only: the same device with another matrix writes elsewhere.
"""

from __future__ import annotations

import importlib.resources
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue

from deidgate.dicom.box import Box
from deidgate.errors import ConfigurationError

_RULE_KEYS = (
    "name",
    "source",
    "modality",
    "manufacturer",
    "model",
    "software",
    "sop_class",
    "image_type",
    "rows",
    "columns",
    "keep_out",
)
_KEEP_OUT_KEYS = ("top", "height", "left", "width")


@dataclass(frozen=True, slots=True)
class KeepOut:
    """One rectangle; `left` and `width` are None for a band as wide as the frame."""

    top: int
    height: int
    left: int | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """Where one kind of device writes, on one geometry. Empty conditions are met by every dataset.

    Attributes
    ----------
    name, source : str
        For people.
    modality, manufacturer : str
    model, software, sop_class, image_type : tuple of str
        See the head of ``devices.toml``.
    rows : int
    columns : int or None
        None when every rectangle is a full-width band.
    keep_out : tuple of KeepOut
    """

    name: str
    source: str
    rows: int
    keep_out: tuple[KeepOut, ...]
    columns: int | None = None
    modality: str = ""
    manufacturer: str = ""
    model: tuple[str, ...] = ()
    software: tuple[str, ...] = ()
    sop_class: tuple[str, ...] = ()
    image_type: tuple[str, ...] = ()

    def applies(self, dataset: Dataset) -> bool:
        """True when `dataset` is of this device and geometry."""
        return (
            dataset.get("Rows") == self.rows
            and (self.columns is None or dataset.get("Columns") == self.columns)
            and (not self.modality or _text(dataset, "Modality") == _folded(self.modality))
            and _folded(self.manufacturer) in _text(dataset, "Manufacturer")
            and _contains_any(_text(dataset, "ManufacturerModelName"), self.model)
            and _contains_any(_text(dataset, "SoftwareVersions"), self.software)
            and (not self.sop_class or str(dataset.get("SOPClassUID", "")) in self.sop_class)
            and {_folded(value) for value in self.image_type} <= set(_values(dataset, "ImageType"))
        )


def keep_outs(dataset: Dataset, rules: tuple[DeviceRule, ...]) -> tuple[Box, ...]:
    """Boxes of all rules that apply to `dataset`, on every frame."""
    columns = int(dataset.get("Columns") or 0)
    boxes = {
        Box(
            k.top,
            min(k.top + k.height, rule.rows),
            k.left or 0,
            columns if k.width is None else min((k.left or 0) + k.width, columns),
        )
        for rule in rules
        if rule.applies(dataset)
        for k in rule.keep_out
    }
    return tuple(sorted(boxes))


@cache
def shipped_devices() -> tuple[DeviceRule, ...]:
    """The table that comes with the package; it cannot change while a program runs, so it is read once."""
    name = "devices.toml"
    return load_devices(importlib.resources.files(__package__).joinpath(name).read_text("utf-8"), name)


def load_devices(text: str, name: str) -> tuple[DeviceRule, ...]:
    """Rules of a TOML table; `name` is the file's name in errors.

    Raises
    ------
    ConfigurationError
        ``device-table``: with the file, the rule and the key that is wrong, and what is accepted.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError("device-table", f"{name}: not TOML") from error
    _only(table, ("device",), name)
    listed = table.get("device", [])
    if not isinstance(listed, list):
        raise ConfigurationError("device-table", f"{name}: device: want [[device]]")
    return tuple(_rule(entry, f"{name}: device {number}") for number, entry in enumerate(listed, 1))


def _rule(entry: Any, where: str) -> DeviceRule:
    if not isinstance(entry, dict):
        raise ConfigurationError("device-table", f"{where}: want a table")
    _only(entry, _RULE_KEYS, where)
    keep_out = entry.get("keep_out")
    if not isinstance(keep_out, list) or not keep_out:
        raise ConfigurationError("device-table", f"{where}: keep_out: want a list of rectangles")
    columns = _number(entry, "columns", where, 1) if "columns" in entry else None
    rule = DeviceRule(
        name=_string(entry, "name", where),
        source=_string(entry, "source", where),
        rows=_number(entry, "rows", where, 1),
        columns=columns,
        keep_out=tuple(_keep_out(k, f"{where}: keep_out {n}") for n, k in enumerate(keep_out, 1)),
        modality=_string(entry, "modality", where) if "modality" in entry else "",
        manufacturer=_string(entry, "manufacturer", where) if "manufacturer" in entry else "",
        model=_strings(entry, "model", where),
        software=_strings(entry, "software", where),
        sop_class=_strings(entry, "sop_class", where),
        image_type=_strings(entry, "image_type", where),
    )
    if not (rule.manufacturer or rule.model or rule.sop_class):
        raise ConfigurationError("device-table", f"{where}: want manufacturer, model or sop_class")
    if columns is None and any(k.width is not None for k in rule.keep_out):
        raise ConfigurationError("device-table", f"{where}: columns: want it, a keep_out has a width")
    for k in rule.keep_out:
        if k.top + k.height > rule.rows or (columns and k.width and (k.left or 0) + k.width > columns):
            raise ConfigurationError("device-table", f"{where}: keep_out: outside rows and columns")
    return rule


def _keep_out(entry: Any, where: str) -> KeepOut:
    if not isinstance(entry, dict):
        raise ConfigurationError("device-table", f"{where}: want a table")
    _only(entry, _KEEP_OUT_KEYS, where)
    if ("left" in entry) != ("width" in entry):
        raise ConfigurationError("device-table", f"{where}: want left and width, or neither")
    band = KeepOut(_number(entry, "top", where, 0), _number(entry, "height", where, 1))
    if "left" not in entry:
        return band
    return KeepOut(band.top, band.height, _number(entry, "left", where, 0), _number(entry, "width", where, 1))


def _only(table: dict[str, Any], accepted: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in accepted:
            raise ConfigurationError("device-table", f"{where}: {key}: not one of {', '.join(accepted)}")


def _number(table: dict[str, Any], key: str, where: str, least: int) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError("device-table", f"{where}: {key}: want a number from {least}")
    return value


def _string(table: dict[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError("device-table", f"{where}: {key}: want text")
    return value


def _strings(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ConfigurationError("device-table", f"{where}: {key}: want a list of texts")
    return tuple(value)


def _folded(value: str) -> str:
    return "".join(value.casefold().replace("_", " ").split())


def _values(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword) or ""
    return [_folded(str(item)) for item in (value if isinstance(value, MultiValue | list) else [value])]


def _text(dataset: Dataset, keyword: str) -> str:
    return " ".join(_values(dataset, keyword))


def _contains_any(text: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or any(_folded(item) in text for item in wanted)

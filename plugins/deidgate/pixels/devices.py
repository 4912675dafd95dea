# SPDX-License-Identifier: Apache-2.0
"""Rectangles that a device is known to write identifying text into, from a readable table."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from deidgate.dicom.box import Box


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """Where one kind of device writes, on one geometry."""

    name: str
    source: str
    boxes: tuple[Box, ...]


def load_devices(text: str, name: str) -> tuple[DeviceRule, ...]:
    """Rules of a TOML table; `name` is the file's name in errors."""
    raise NotImplementedError


def shipped_devices() -> tuple[DeviceRule, ...]:
    """The table that comes with the package."""
    raise NotImplementedError


def keep_outs(dataset: Dataset, rules: tuple[DeviceRule, ...]) -> tuple[Box, ...]:
    """Boxes of all rules that match `dataset`."""
    raise NotImplementedError

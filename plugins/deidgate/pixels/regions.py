# SPDX-License-Identifier: Apache-2.0
"""What lies outside all regions of an ultrasound image."""

from __future__ import annotations

from pydicom import Dataset

from deidgate.dicom.box import Box


def outside_regions(dataset: Dataset) -> tuple[Box, ...]:
    """Boxes that cover everything outside the Sequence of Ultrasound Regions; empty when there is none.

    Source: PS3.3 C.8.5.5.
    """
    raise NotImplementedError

# SPDX-License-Identifier: Apache-2.0
"""A plan as the body of Orthanc's ``POST /instances/{id}/modify``."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset

from deidgate.plan.model import Plan


def modify_request(plan: Plan, header: Dataset) -> dict[str, Any]:
    """JSON body of ``POST /instances/{id}/modify`` that carries out `plan` on the instance of `header`."""
    raise NotImplementedError


def finished(data: bytes, plan: Plan) -> bytes:
    """Orthanc's answer made final: what follows Pixel Data is cut off, and file meta says what it has to.

    Raises
    ------
    CannotDeidentify
        `data` is not a DICOM file.
    """
    raise NotImplementedError

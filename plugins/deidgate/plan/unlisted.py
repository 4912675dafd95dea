# SPDX-License-Identifier: Apache-2.0
"""Attributes that Table E.1-1 does not have although they say what attributes of the table say.

Each is treated as the one of the table that stands beside it here, basic column, options and all. Birth dates in
another calendar are no such: they follow the birth date (`deidgate.plan.rules`).

Source: PS3.3 C.8.8.2 (RT Image Module); PS3.4 CC.2.1 (Unified Procedure Step); PS3.3 C.38 (Inventory).
"""

from __future__ import annotations

from types import MappingProxyType

_TREATMENT_MACHINE_NAME = 0x300A00B2
_PERSONS_TELECOM_INFORMATION = 0x00401104
_DISPLAY_URI = 0x0040E012

LISTED_AS = MappingProxyType(
    {
        0x00080409: _DISPLAY_URI,  # File Access URI
        0x0008040B: _DISPLAY_URI,  # Filename in Container
        0x0074100A: _PERSONS_TELECOM_INFORMATION,  # Contact URI
        0x0074100C: _PERSONS_TELECOM_INFORMATION,  # Contact Display Name
        0x30020020: _TREATMENT_MACHINE_NAME,  # Radiation Machine Name
    }
)
"""Tag -> tag of the attribute whose row counts."""

# SPDX-License-Identifier: Apache-2.0
"""Which texts are a UID, and which an AE title. What is neither becomes no path and no request.

Source: PS3.5 Table 6.2-1 (AE, UI) and 9.1.
"""

from __future__ import annotations

import re

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")


def is_uid(text: str) -> bool:
    """Numbers between dots, 64 characters at most. Leading zeros, which the standard forbids and which occur, pass."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def is_ae_title(text: str) -> bool:
    """1 to 16 characters of ASCII, no backslash, not only spaces."""
    return _AE_TITLE.fullmatch(text) is not None and bool(text.strip())

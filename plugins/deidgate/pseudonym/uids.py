# SPDX-License-Identifier: Apache-2.0
"""A new UID for every UID that names something of this world, the same every time.

Keyed, because an unkeyed hash of a UID can be found by trying: UIDs are known to
every system of the clinic and often hold a date and a counter.
"""

from __future__ import annotations

import hmac

from deidgate.standard.uids import is_registered

# The root under which a 128-bit number is a UID without registration. Source: PS3.5 B.2.
_UUID_ROOT = "2.25."


def normalised(original: str) -> str:
    """`original` without padding. Source: PS3.5 9.1 (NUL); spaces occur in practice."""
    return original.strip(" \t\r\n\0")


def new_uid(key: bytes, original: str) -> str:
    """The UID that stands for `original` wherever it occurs: at most 44 characters.

    UIDs that the standard registers stay as they are, and empty stays empty. Padding makes no
    difference, so that a reference still meets the instance it points at.
    """
    uid = normalised(original)
    if not uid or is_registered(uid):
        return uid
    number = int.from_bytes(hmac.digest(key, uid.encode(errors="surrogatepass"), "sha256")[:16], "big")
    return f"{_UUID_ROOT}{number}"

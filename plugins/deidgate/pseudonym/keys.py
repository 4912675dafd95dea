# SPDX-License-Identifier: Apache-2.0
"""The keys of one project, derived from the gateway's master key.

Two projects share nothing: the same patient has unrelated UIDs and unrelated
index values in them, and whoever holds the key of one learns nothing about the other.
Every purpose has its own sub key, so that no value can stand in for another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from deidgate.errors import ConfigurationError

KEY_BYTES = 32


def derived(key: bytes, purpose: str, name: str = "") -> bytes:
    """A 32-byte key for one purpose, from `key` by HKDF-SHA-256.

    Source: RFC 5869. `purpose` and `name` are the info; the separator cannot
    occur in either, so that two pairs never give the same info.
    """
    if "\0" in purpose or "\0" in name:
        raise ConfigurationError("nul-in-name")
    info = b"deidgate/1\0" + purpose.encode() + b"\0" + name.encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key)


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """The sub keys of one project. Its representation shows none of them."""

    project: str
    uid_key: bytes = field(repr=False)  # for new UIDs: `pseudonym.new_uid`
    index_key: bytes = field(repr=False)  # for the blind index of the mapping table

    @classmethod
    def of(cls, master: bytes, project: str) -> ProjectKey:
        """The keys of `project`.

        Raises
        ------
        ConfigurationError
            `master` is not 32 bytes long, or the project has no name.
        """
        if len(master) != KEY_BYTES:
            raise ConfigurationError("key-length", "pseudonym.key")
        if not project:
            raise ConfigurationError("project-without-name")
        key = derived(master, "project", project)
        return cls(project, derived(key, "uid"), derived(key, "index"))

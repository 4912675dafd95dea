# SPDX-License-Identifier: Apache-2.0
"""SOP Classes by what has to be done to de-identify them; see ``families.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

_ROOT = "1.2.840.10008.5.1.4.1.1."


@lru_cache(maxsize=1)
def family_of_sop_class() -> Mapping[str, str]:
    """The family's name by SOP Class UID."""
    content = tomllib.loads(files("deidgate.standard").joinpath("families.toml").read_text(encoding="utf-8"))
    found = {_ROOT + tail: name for name, tails in content["families"].items() for tail in tails}
    found |= {uid: name for name, uids in content["families_elsewhere"].items() for uid in uids}
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def families() -> frozenset[str]:
    """Names of all families."""
    return frozenset(family_of_sop_class().values())

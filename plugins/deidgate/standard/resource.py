# SPDX-License-Identifier: Apache-2.0
"""Tables that are packaged beside this file."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:
    """The packaged table `name`, with its ``edition`` and ``source``; callers do not change it."""
    loaded: dict[str, Any] = json.loads(files("deidgate.standard").joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return loaded

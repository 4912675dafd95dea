# SPDX-License-Identifier: Apache-2.0
"""A fresh original and its correct result for every test."""

from __future__ import annotations

import pytest
from tests.unit.verify.made import Pair


@pytest.fixture
def pair() -> Pair:
    return Pair()

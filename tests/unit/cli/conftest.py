# SPDX-License-Identifier: Apache-2.0
"""Where commands are typed in tests."""

import os

import pytest


@pytest.fixture
def own_place(tmp_path, monkeypatch):
    """The user's folder for the mapping table, no settings, and an empty folder to work in."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in list(os.environ):
        if name.startswith("DEIDGATE_"):
            monkeypatch.delenv(name)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work

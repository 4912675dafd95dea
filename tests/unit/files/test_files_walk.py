# SPDX-License-Identifier: Apache-2.0
"""Every file once, nothing that blocks, nothing for ever."""

import os
from pathlib import Path

import pytest
from tests.data.nobody import as_nobody, open_to_all

from deidgate.files.walk import Found, Passed, walk


def found(*inputs: Path) -> list[str]:
    return ["/".join(one.relative) for one in walk(inputs) if isinstance(one, Found)]


def passed(*inputs: Path) -> dict[str, str]:
    return {one.path.name: one.code for one in walk(inputs) if isinstance(one, Passed)}


def test_every_file_is_found_once_at_any_depth(tmp_path):
    for name in ("a", "b/c", "b/d/e", "b/d/f.dcm"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert sorted(found(tmp_path)) == ["a", "b/c", "b/d/e", "b/d/f.dcm"]


def test_links_that_lead_back_end_and_are_told_of(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert found(tmp_path) == ["a/file"]
    assert passed(tmp_path) == {"up": "symlink-loop", "self": "symlink-loop"}


def test_a_folder_outside_is_followed_once_however_many_links_lead_there(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"x")
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in ("one", "two"):
        (inside / name).symlink_to(outside, target_is_directory=True)
    assert found(inside) == ["one/file"]
    assert passed(inside) == {"two": "symlink-loop"}


def test_pipes_and_dangling_links_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to("missing")
    assert found(tmp_path) == []
    assert passed(tmp_path) == {"pipe": "not-a-regular-file", "nowhere": "dangling-link"}


def test_an_input_that_is_not_there_is_told_of(tmp_path):
    assert passed(tmp_path / "missing") == {"missing": "input-missing"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="root is needed to become somebody else")
def test_an_unreadable_folder_is_told_of_and_the_rest_goes_on(tmp_path):
    open_to_all(tmp_path)
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "open").write_bytes(b"x")
    assert as_nobody(passed, tmp_path) == {"closed": "unreadable-folder"}
    assert as_nobody(found, tmp_path) == ["open"]


def test_files_below_a_dicomdir_know_their_medium(tmp_path):
    (tmp_path / "disc" / "A").mkdir(parents=True)
    (tmp_path / "disc" / "DICOMDIR").write_bytes(b"x")
    (tmp_path / "disc" / "A" / "IM1").write_bytes(b"x")
    (tmp_path / "other").write_bytes(b"x")
    media = {"/".join(one.relative): one.medium for one in walk([tmp_path]) if isinstance(one, Found)}
    assert media == {"disc/DICOMDIR": 1, "disc/A/IM1": 1, "other": -1}

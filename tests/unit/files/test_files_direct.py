# SPDX-License-Identifier: Apache-2.0
"""What goes past the kernel's cache is what would have gone through it."""

import errno
import os

import pytest

from deidgate.files import direct
from deidgate.files.direct import BLOCK, DirectWriter

pytestmark = pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system knows no way past its cache")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(100_000))
    return path


def written(tmp_path, source, head, start, count, writer=None):
    """The content that a writer made, or None if it refused."""
    target = tmp_path / "target"
    with source.open("rb") as stream:
        done = (writer or DirectWriter()).write(str(target), head, stream.fileno(), start, count)
    assert done == target.exists()
    return target.read_bytes() if done else None


SIZES = (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 50_000)


@pytest.mark.parametrize("own", SIZES)
@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("at_once", [BLOCK, 4 * BLOCK, direct._AT_ONCE])
def test_a_file_is_its_head_and_the_bytes_of_its_source(own, count, at_once, tmp_path, source, monkeypatch):
    monkeypatch.setattr(direct, "_AT_ONCE", at_once)
    head = os.urandom(own)
    assert written(tmp_path, source, head, 777, count) == head + source.read_bytes()[777 : 777 + count]


def test_nothing_of_the_file_before_is_in_a_file(tmp_path, source):
    writer = DirectWriter()
    written(tmp_path, source, b"a" * 9000, 0, 90_000, writer)
    (tmp_path / "target").unlink()
    assert written(tmp_path, source, b"b", 5, 3, writer) == b"b" + source.read_bytes()[5:8]


def test_a_source_that_ends_early_is_an_error(tmp_path, source):
    with pytest.raises(OSError, match="ends early"):
        written(tmp_path, source, b"head", 99_000, 2000)


def test_a_name_that_is_taken_is_not_written_over(tmp_path, source):
    (tmp_path / "target").write_bytes(b"somebody's")
    with pytest.raises(FileExistsError):
        written(tmp_path, source, b"head", 0, 10_000)
    assert (tmp_path / "target").read_bytes() == b"somebody's"


@pytest.mark.parametrize("when", ["opened", "written"])
def test_a_file_system_that_refuses_is_asked_once_and_keeps_nothing(when, tmp_path, source, monkeypatch):
    asked = []
    real = os.open

    def opened(path, flags, mode=0o777):
        asked.append(path)
        descriptor = real(path, flags & ~os.O_DIRECT, mode)
        if when == "opened":
            # As Linux does for file systems without a way: the name is there already.
            os.close(descriptor)
            raise OSError(errno.EINVAL, "no way")
        return descriptor

    def refuse(*_):
        raise OSError(errno.EINVAL, "not aligned")

    monkeypatch.setattr(direct.os, "open", opened)
    if when == "written":
        monkeypatch.setattr(direct.os, "write", refuse)
    writer = DirectWriter()
    for _ in range(2):
        assert written(tmp_path, source, b"head", 0, 10_000, writer) is None
    assert len(asked) == 1


def test_all_is_written_however_little_one_write_takes(tmp_path, source, monkeypatch):
    real = os.write
    monkeypatch.setattr(direct.os, "write", lambda target, content: real(target, content[:BLOCK]))
    assert written(tmp_path, source, b"head", 0, 50_001) == b"head" + source.read_bytes()[:50_001]


def test_a_full_disk_is_said(tmp_path, source, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(direct.os, "write", full)
    with pytest.raises(OSError, match="full"):
        written(tmp_path, source, b"head", 0, 10_000)

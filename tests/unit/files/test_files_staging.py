# SPDX-License-Identifier: Apache-2.0
"""Results are whole before they are named, whoever writes them and whenever."""

import errno
import os
from pathlib import Path

import pytest

from deidgate.files import staging as module
from deidgate.files.staging import LARGE, Staging, remove_leftovers


@pytest.fixture
def staging(tmp_path):
    one = Staging(tmp_path / "out")
    yield one
    one.close()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(2 * LARGE))
    return path


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_staged_files_are_named_after_the_flush_and_leftovers_go(tmp_path):
    staging = Staging(tmp_path)
    partial, descriptor = staging.create()
    os.write(descriptor, b"x")
    os.close(descriptor)
    staging.flush()
    staging.name(partial, str(tmp_path / "deep" / "er" / "file"))
    assert (tmp_path / "deep" / "er" / "file").read_bytes() == b"x"
    staging.create()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["deep"]


@pytest.mark.parametrize("count", [10, LARGE - 5, LARGE - 4, LARGE + 12345])
@pytest.mark.parametrize("way", ["write", "write_soon"])
@pytest.mark.parametrize("refused", [False, True])
def test_a_file_is_its_head_and_the_bytes_of_its_source(way, count, refused, staging, source, monkeypatch):
    if refused:
        monkeypatch.setattr(module.DirectWriter, "write", lambda *_: False)
    with source.open("rb") as stream:
        path = getattr(staging, way)(b"head", stream.fileno(), 100, count)
    # The source is closed already.
    staging.settle(path)
    assert Path(path).read_bytes() == b"head" + source.read_bytes()[100 : 100 + count]


def test_many_are_under_way_and_each_is_its_own(staging, source):
    content = source.read_bytes()
    with source.open("rb") as stream:
        paths = [staging.write_soon(b"%03d" % n, stream.fileno(), n, LARGE) for n in range(50)]
    for n, path in enumerate(paths):
        staging.settle(path)
        assert Path(path).read_bytes() == b"%03d" % n + content[n : n + LARGE]


def test_what_goes_wrong_behind_is_told_of_the_file_that_it_went_wrong_with(staging, source, monkeypatch):
    real = module.DirectWriter.write

    def full(self, path, head, *rest):
        if head == b"bad":
            raise OSError(errno.ENOSPC, "full")
        return real(self, path, head, *rest)

    monkeypatch.setattr(module.DirectWriter, "write", full)
    with source.open("rb") as stream:
        good, bad, other = (staging.write_soon(head, stream.fileno(), 0, LARGE) for head in (b"good", b"bad", b"other"))
    staging.settle(good)
    with pytest.raises(OSError, match="full"):
        staging.settle(bad)
    staging.settle(other)


def test_writing_that_fails_leaves_nothing_open_and_nobody_waiting(staging, source, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(module.DirectWriter, "write", full)
    before = open_files()
    with source.open("rb") as stream:
        paths = [staging.write_soon(b"", stream.fileno(), 0, LARGE) for _ in range(20)]
    for path in paths:
        with pytest.raises(OSError, match="full"):
            staging.settle(path)
    assert open_files() == before

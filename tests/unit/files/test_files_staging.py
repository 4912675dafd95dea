# SPDX-License-Identifier: Apache-2.0
"""Results are whole before they are named, whoever writes them and whenever."""

import contextlib
import errno
import os
import threading
from pathlib import Path

import pytest

from deidgate.files import direct
from deidgate.files.atomic import PARTIAL
from deidgate.files.source import Source, SourceChangedError
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


def opened(path):
    """The file as a run opens it; closed with the block."""
    return contextlib.closing(Source.of(os.open(path, os.O_RDONLY)))


@pytest.mark.parametrize("count", [10, LARGE - 5, LARGE - 4, LARGE + 12345])
@pytest.mark.parametrize("refused", [False, True])
def test_a_file_is_its_head_and_the_bytes_of_its_source(count, refused, staging, source, monkeypatch):
    if refused:
        monkeypatch.setattr(direct.DirectWriter, "write", lambda *_: False)
    with opened(source) as one:
        path = staging.write_soon(b"head", one, 100, count)
    # The source is closed already.
    staging.settle(path)
    assert Path(path).read_bytes() == b"head" + source.read_bytes()[100 : 100 + count]


@pytest.mark.parametrize("count", [10, LARGE + 12345])
def test_content_and_copies_are_whole(count, staging, source):
    content = source.read_bytes()[:count]
    assert Path(staging.write(content)).read_bytes() == content
    with opened(source) as one:
        assert Path(staging.copy(one)).read_bytes() == source.read_bytes()


def test_many_are_under_way_and_each_is_its_own(staging, source):
    content = source.read_bytes()
    with opened(source) as one:
        paths = [staging.write_soon(b"%03d" % n, one, n, LARGE) for n in range(50)]
    for n, path in enumerate(paths):
        staging.settle(path)
        assert Path(path).read_bytes() == b"%03d" % n + content[n : n + LARGE]


@pytest.mark.parametrize("count", [10, LARGE])
def test_a_source_that_is_written_to_meanwhile_is_found_out(count, staging, source):
    with opened(source) as one:
        with source.open("r+b") as stream:
            stream.write(b"somebody else")
        # As copying tools do.
        os.utime(source, ns=(one.state[1], one.state[1]))
        with pytest.raises(SourceChangedError):
            staging.settle(staging.write_soon(b"head", one, 0, count))
        with pytest.raises(SourceChangedError):
            staging.copy(one)
        with pytest.raises(SourceChangedError):
            one.read()


def test_what_goes_wrong_behind_is_told_of_the_file_that_it_went_wrong_with(staging, source, monkeypatch):
    real = direct.DirectWriter.write

    def full(self, path, head, *rest):
        if head == b"bad":
            raise OSError(errno.ENOSPC, "full")
        return real(self, path, head, *rest)

    monkeypatch.setattr(direct.DirectWriter, "write", full)
    with opened(source) as one:
        good, bad, other = (staging.write_soon(head, one, 0, LARGE) for head in (b"good", b"bad", b"other"))
    staging.settle(good)
    with pytest.raises(OSError, match="full"):
        staging.settle(bad)
    staging.settle(other)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), MemoryError()])
def test_writing_that_fails_leaves_nothing_open_and_nobody_waiting(error, staging, source, monkeypatch):
    def fail(*_):
        raise error

    before = open_files()
    with monkeypatch.context() as patched, opened(source) as one:
        patched.setattr(direct.DirectWriter, "write", fail)
        paths = [staging.write_soon(b"", one, 0, LARGE) for _ in range(20)]
        for path in paths:
            with pytest.raises(type(error)):
                staging.settle(path)
    assert open_files() == before
    with opened(source) as one:
        staging.settle(staging.write_soon(b"", one, 0, LARGE))


def test_who_gets_no_descriptor_gets_one_later(staging, source, monkeypatch):
    def none_left(_):
        raise OSError(errno.EMFILE, "too many open files")

    with opened(source) as one:
        with monkeypatch.context() as patched:
            patched.setattr(os, "dup", none_left)
            for _ in range(20):
                with pytest.raises(OSError, match="too many"):
                    staging.write_soon(b"", one, 0, LARGE)
        staging.settle(staging.write_soon(b"", one, 0, LARGE))


def test_where_no_thread_can_begin_nothing_does(tmp_path, monkeypatch):
    real, begun = threading.Thread.start, []

    def start(self):
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        begun.append(self)
        real(self)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="thread"):
            Staging(tmp_path / "out")
    assert not any(one.is_alive() for one in begun)


def test_closing_waits_for_what_is_under_way_and_leaves_nothing(tmp_path, source):
    before = open_files()
    staging = Staging(tmp_path / "out")
    with opened(source) as one:
        for _ in range(20):
            staging.write_soon(b"", one, 0, LARGE)
    staging.close()
    assert open_files() == before
    assert names(tmp_path / "out" / PARTIAL) == []

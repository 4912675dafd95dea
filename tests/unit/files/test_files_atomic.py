# SPDX-License-Identifier: Apache-2.0
"""A file is there whole under its name, or it is not there."""

import errno
import os

import pytest

from deidgate.files import atomic
from deidgate.files.atomic import AlreadyThereError, copy_bytes, whole_file, write_bytes


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_the_name_appears_only_when_the_content_is_complete(tmp_path):
    final = tmp_path / "result"
    with whole_file(final) as stream:
        stream.write(b"half")
        stream.flush()
        assert not final.exists()
        stream.write(b" and half")
    assert final.read_bytes() == b"half and half"
    assert names(tmp_path) == ["result"]


def test_nothing_is_left_after_an_error(tmp_path):
    with pytest.raises(OSError, match="full"), whole_file(tmp_path / "result") as stream:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "full")
    assert names(tmp_path) == []


def test_a_file_that_is_there_is_not_touched(tmp_path):
    final = tmp_path / "result"
    final.write_bytes(b"old")
    with pytest.raises(AlreadyThereError), whole_file(final) as stream:
        stream.write(b"new")
    assert final.read_bytes() == b"old"


def test_a_file_that_appears_meanwhile_is_not_touched(tmp_path):
    final = tmp_path / "result"
    with pytest.raises(AlreadyThereError), whole_file(final) as stream:
        stream.write(b"new")
        final.write_bytes(b"other")
    assert final.read_bytes() == b"other"
    assert names(tmp_path) == ["result"]


def test_without_links_a_taken_name_is_respected_too(tmp_path, monkeypatch):
    def no_link(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(atomic.os, "link", no_link)
    with whole_file(tmp_path / "one") as stream:
        stream.write(b"x")
    assert (tmp_path / "one").read_bytes() == b"x"
    (tmp_path / "partial").write_bytes(b"y")
    with pytest.raises(AlreadyThereError):
        atomic.name(tmp_path / "partial", tmp_path / "one")


@pytest.mark.parametrize("way", ["kernel", "by hand", "answers nothing"])
def test_bytes_are_copied_from_a_place_whatever_the_kernel_can(way, tmp_path, monkeypatch):
    if way == "by hand":

        def refuse(*_, **__):
            raise OSError(errno.EXDEV, "another file system")

        monkeypatch.setattr(atomic.os, "copy_file_range", refuse)
    elif way == "answers nothing":
        monkeypatch.setattr(atomic.os, "copy_file_range", lambda *_, **__: 0)
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 10_000)
    with source.open("rb") as reader, (tmp_path / "target").open("w+b") as writer:
        writer.write(b"head")
        writer.flush()
        copy_bytes(reader.fileno(), writer.fileno(), 1000, 2_000_000)
    assert (tmp_path / "target").read_bytes() == b"head" + source.read_bytes()[1000:2_001_000]


def test_a_source_that_ends_early_is_an_error(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"short")
    with (
        source.open("rb") as reader,
        (tmp_path / "target").open("w+b") as writer,
        pytest.raises(OSError, match="ends early"),
    ):
        copy_bytes(reader.fileno(), writer.fileno(), 0, 100)


def test_all_is_written_however_little_one_write_takes(tmp_path, monkeypatch):
    write = os.write
    with (tmp_path / "a").open("wb") as stream:
        monkeypatch.setattr(os, "write", lambda target, content: write(target, content[:3]))
        write_bytes(stream.fileno(), b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"

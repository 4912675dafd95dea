# SPDX-License-Identifier: Apache-2.0
"""A folder gets whole files that are read back, and nothing of it is ever overwritten or made up."""

import errno
import os

import pytest
from tests.unit.destinations.parcels import Shelf

from deidgate.destinations.folder import FolderSender
from deidgate.destinations.sender import NotNow
from deidgate.errors import Unavailable
from deidgate.store.forward_model import Confirmed, Refused


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture
def sender(root):
    return FolderSender(root)


def place(root, parcel):
    return root / parcel.study_instance_uid / parcel.series_instance_uid / f"{parcel.sop_instance_uid}.dcm"


def files(root):
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_an_instance_is_a_file_named_by_its_uids_and_confirmed_by_reading_it_back(sender, root, shelf):
    parcels = [shelf.parcel(number) for number in (1, 2, 3)]
    assert list(sender.send(parcels, shelf)) == [Confirmed(parcel, "read-back") for parcel in parcels]
    assert files(root) == sorted(place(root, parcel) for parcel in parcels)
    assert place(root, parcels[0]).read_bytes() == shelf.files[1]


def test_what_is_there_already_is_confirmed_and_not_written_again(sender, root, shelf):
    parcel = shelf.parcel(1)
    list(sender.send([parcel], shelf))
    before = place(root, parcel).stat()
    assert list(sender.send([parcel], shelf)) == [Confirmed(parcel, "read-back")]
    assert place(root, parcel).stat().st_mtime_ns == before.st_mtime_ns
    assert shelf.asked == [1]


def test_another_content_is_never_overwritten(sender, root, shelf):
    parcel = shelf.parcel(1)
    place(root, parcel).parent.mkdir(parents=True)
    place(root, parcel).write_bytes(b"somebody else's")
    assert list(sender.send([parcel], shelf)) == [Refused(parcel, "other-content-there")]
    assert place(root, parcel).read_bytes() == b"somebody else's"


def test_another_content_that_comes_in_between_is_never_overwritten(sender, root, shelf):
    parcel = shelf.parcel(1)

    def slow(asked):
        place(root, parcel).write_bytes(b"quicker")
        return shelf(asked)

    assert list(sender.send([parcel], slow)) == [Refused(parcel, "other-content-there")]
    assert place(root, parcel).read_bytes() == b"quicker"


def test_a_folder_that_is_not_mounted_is_not_made(sender, root, shelf):
    root.rmdir()
    with pytest.raises(Unavailable, match="folder-missing"):
        list(sender.send([shelf.parcel(1)], shelf))
    with pytest.raises(Unavailable, match="folder-missing"):
        sender.take_back(shelf.parcel(1))
    assert not root.exists()


def test_what_research_or_the_disk_failed_on_is_known_and_a_folder_that_is_away_blames_none(sender, root, shelf):
    parcel = shelf.parcel(1)

    def fails(_parcel):
        raise Unavailable("research-error", "500")

    with pytest.raises(Unavailable, match="research-error"):
        list(sender.send([parcel], fails))
    assert sender.hand.parcel == parcel
    list(sender.send([parcel], shelf))
    assert sender.hand.parcel is None
    place(root, parcel).unlink()
    place(root, parcel).mkdir()
    with pytest.raises(Unavailable, match="folder-"):
        list(sender.send([parcel], shelf))
    assert sender.hand.parcel == parcel


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "folder-full"),
        (errno.EDQUOT, "folder-full"),
        (errno.EROFS, "folder-read-only"),
        (errno.EACCES, "folder-forbids"),
        (errno.EIO, "folder-error"),
    ],
)
def test_a_disk_that_fails_is_away_and_leaves_nothing_half(sender, root, shelf, monkeypatch, number, code):
    parcel = shelf.parcel(1)

    def fails(_descriptor):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails)
        with pytest.raises(Unavailable, match=code):
            list(sender.send([parcel], shelf))
    assert files(root) == []
    assert list(sender.send([parcel], shelf)) == [Confirmed(parcel, "read-back")]


def test_what_research_does_not_have_any_more_is_not_handed_on_and_the_next_one_is(sender, root, shelf):
    gone, there = shelf.parcel(1), shelf.parcel(2)
    del shelf.files[1]
    assert list(sender.send([gone, there], shelf)) == [NotNow(gone, "research-gone"), Confirmed(there, "read-back")]
    assert files(root) == [place(root, there)]


def test_what_is_recalled_is_deleted_with_its_empty_folders(sender, root, shelf):
    first, second = shelf.parcel(1), shelf.parcel(2)
    list(sender.send([first, second], shelf))
    assert sender.take_back(first)
    assert files(root) == [place(root, second)]
    assert sender.take_back(second)
    assert list(root.iterdir()) == []
    assert sender.take_back(second)


def test_what_somebody_changed_since_is_not_deleted(sender, root, shelf):
    parcel = shelf.parcel(1)
    list(sender.send([parcel], shelf))
    place(root, parcel).write_bytes(b"annotated")
    assert not sender.take_back(parcel)
    assert place(root, parcel).read_bytes() == b"annotated"


@pytest.mark.parametrize("uid", ["../1.2", "..", "1.2/3", "", "."])
def test_a_name_that_is_no_uid_becomes_no_path(sender, root, shelf, uid):
    with pytest.raises(ValueError, match="not a UID"):
        list(sender.send([shelf.parcel(1, study_instance_uid=uid)], shelf))
    assert files(root.parent) == []

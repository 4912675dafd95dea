# SPDX-License-Identifier: Apache-2.0
"""Archives: what may come out of them, and what never does."""

import bz2
import gzip
import io
import lzma
import zipfile

import pytest
from tests.data.toolbox_archives import encrypted, tarred, zipped

from deidgate.files.archive import (
    Budget,
    Member,
    PassedMember,
    TarWriter,
    TooMuchError,
    ZipWriter,
    members,
    split_name,
    writer_like,
)
from deidgate.files.kind import Kind, sniff
from deidgate.files.limits import Limits


def unpacked(content: bytes, tmp_path, limits: Limits | None = None) -> list[tuple[str, bytes | str]]:
    path = tmp_path / "archive"
    path.write_bytes(content)
    room = tmp_path / "room"
    room.mkdir(exist_ok=True)
    found = []
    for member in members(path, sniff(content[:4096]), room, Budget(limits or Limits(), len(content))):
        name = "/".join(member.relative)
        found.append((name, member.path.read_bytes() if isinstance(member, Member) else member.code))
    assert list(room.iterdir()) == []
    return found


@pytest.mark.parametrize(
    "pack", [zipped, tarred, lambda m: tarred(m, "w:gz"), lambda m: tarred(m, "w:bz2"), lambda m: tarred(m, "w:xz")]
)
def test_members_come_out_as_they_went_in(pack, tmp_path):
    inside = [("a/b", b"one"), ("c", b""), ("d/é.dcm", b"x" * 5_000_000)]
    assert unpacked(pack(inside), tmp_path) == inside


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/absolute", "\\windows", "C:\\drive", "C:drive", "a\\..\\up"])
def test_a_name_that_leads_outside_is_no_name(name):
    assert split_name(name) is None


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_path_traversal_is_told_of_and_the_rest_is_read(pack, tmp_path):
    found = unpacked(pack([("../evil", b"x"), ("good", b"y")]), tmp_path)
    assert found == [("../evil", "path-traversal"), ("good", b"y")]
    assert not (tmp_path.parent / "evil").exists()


def test_links_in_a_tar_are_not_followed(tmp_path):
    found = unpacked(tarred([("good", b"y")], links=[("link", "/etc/passwd")]), tmp_path)
    assert found == [("good", b"y"), ("link", "not-a-regular-file")]


def test_encrypted_members_are_told_of(tmp_path):
    assert unpacked(encrypted([("a", b"x"), ("b", b"y")]), tmp_path) == [
        ("a", "password-protected"),
        ("b", "password-protected"),
    ]


def test_a_bomb_is_stopped_by_what_comes_out_and_not_by_what_it_says(tmp_path):
    bomb = zipped([("zeros", b"\0" * 20_000_000)])
    assert len(bomb) < 30_000
    with pytest.raises(TooMuchError):
        unpacked(bomb, tmp_path, Limits(ratio_from_bytes=1 << 20))


def test_too_many_members_are_stopped(tmp_path):
    with pytest.raises(TooMuchError):
        unpacked(zipped([(str(n), b"") for n in range(11)]), tmp_path, Limits(members=10))


def test_a_member_that_is_too_large_is_stopped(tmp_path):
    with pytest.raises(TooMuchError):
        unpacked(tarred([("a", b"x" * 3_000_000)]), tmp_path, Limits(member_bytes=2_000_000))


def test_archives_nested_too_deeply_are_refused():
    budget = Budget(Limits(depth=2), 100)
    assert budget.nested().depth == 2
    with pytest.raises(TooMuchError):
        budget.nested().nested()


def test_nested_archives_share_one_account():
    outer = Budget(Limits(members=2), 100)
    outer.count_member()
    outer.nested().count_member()
    with pytest.raises(TooMuchError):
        outer.count_member()


@pytest.mark.parametrize("cut", [100, 300])
def test_a_cut_off_archive_is_damaged_and_no_crash(cut, tmp_path):
    content = zipped([("a", bytes(range(256)) * 40)])
    assert ("", "damaged-archive") in unpacked(content[:cut], tmp_path)


def test_a_cut_off_tar_gives_what_came_before(tmp_path):
    content = tarred([("a", b"x" * 600), ("b", b"y" * 60_000)])
    assert unpacked(content[:3000], tmp_path) == [("a", b"x" * 600), ("", "damaged-archive")]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:1024],
        lambda content: content[: 1024 + 200],
        lambda content: content[:1024] + b"\x55" * 512 + content[1536:],
        lambda content: content[: 1024 + 512 + 100],
        lambda content: content[: 1024 + 1024],
    ],
    ids=["before a header", "in a header", "a header that is none", "in the content", "before the end"],
)
def test_a_tar_that_does_not_end_as_every_tar_does_is_damaged(damage, tmp_path):
    content = tarred([("a", b"x" * 500), ("b", b"y" * 500)])
    assert content[1024:1025] == b"b", "the second header"
    found = unpacked(damage(content), tmp_path)
    assert found[0] == ("a", b"x" * 500) and found[-1] == ("", "damaged-archive")


def test_a_tar_that_ends_in_what_is_not_unpacked_is_damaged(tmp_path):
    content = tarred([("a", b"x" * 500), ("../b", b"y" * 5000)])
    assert unpacked(content[: 1024 + 512 + 600], tmp_path) == [
        ("a", b"x" * 500),
        ("../b", "path-traversal"),
        ("", "damaged-archive"),
    ]


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_the_checksum_of_a_compressed_tar_is_compared(mode, tmp_path):
    content = bytearray(tarred([("a", bytes(range(256)) * 4)], mode))
    content[-5 if mode == "w:gz" else -20] ^= 0x55
    assert unpacked(bytes(content), tmp_path)[-1] == ("", "damaged-archive")


@pytest.mark.parametrize("press", [gzip.compress, bz2.compress, lzma.compress])
def test_a_damaged_compressed_file_is_damaged_in_whatever_words_its_reader_says_so(press, tmp_path):
    content = press(bytes(range(256)) * 400)
    path = tmp_path / "single"
    for start in (12, 40):
        damaged = content[:start] + b"\xff" * 2000
        assert unpacked(damaged, tmp_path) == [("", "damaged-archive")]
        path.write_bytes(damaged)
        with pytest.raises(EOFError):
            writer_like(path, sniff(damaged), io.BytesIO())


def test_a_zip_with_a_name_in_no_encoding_is_damaged(tmp_path):
    content = zipped([("näme", b"x")]).replace("näme".encode(), b"n\xff\xffme")
    assert unpacked(content, tmp_path) == [("", "damaged-archive")]


def test_a_member_with_wrong_checksum_is_damaged_and_the_rest_is_read(tmp_path):
    content = bytearray(zipped([("a", b"hello hello"), ("b", b"y")], zipfile.ZIP_STORED))
    content[content.find(b"hello")] ^= 1
    assert unpacked(bytes(content), tmp_path) == [("a", "damaged-archive-member"), ("b", b"y")]


def test_two_members_of_one_name_stay_two(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"x")
    buffer = io.BytesIO()
    writer = ZipWriter(buffer)
    used = [writer.add(("a", "IM.dcm"), source, False) for _ in range(3)]
    writer.close()
    assert used == [("a", "IM.dcm"), ("a", "IM_2.dcm"), ("a", "IM_3.dcm")]


@pytest.mark.parametrize("kind", [Kind.TAR, Kind.GZIP, Kind.BZIP2, Kind.XZ])
def test_archives_of_results_tell_no_time_and_no_user(kind, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"content")
    contents = []
    for _ in range(2):
        buffer = io.BytesIO()
        writer = TarWriter(buffer, kind)
        writer.add(("a",), source, False)
        writer.close()
        contents.append(buffer.getvalue())
    assert contents[0] == contents[1]
    assert unpacked(contents[0], tmp_path) == [("a", b"content")]


def test_a_passed_member_says_why():
    assert PassedMember(("a",), "password-protected").code == "password-protected"

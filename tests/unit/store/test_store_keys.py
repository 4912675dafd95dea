# SPDX-License-Identifier: Apache-2.0
"""Key files: made once, never overwritten, never readable by others, rotated without a gap."""

import pytest

from deidgate.errors import ConfigurationError
from deidgate.store import Keys
from deidgate.store.keys import key_id


def test_generated_keys_are_random_and_for_their_owner_only(tmp_path):
    one, two = Keys.generate(tmp_path / "a" / "b"), Keys.generate(tmp_path / "c")
    assert one.pseudonym != two.pseudonym
    assert one.encryption_id != two.encryption_id
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "c").iterdir()} == {0o600}
    assert Keys.load(tmp_path / "c") == two


def test_keys_are_never_overwritten(tmp_path):
    before = Keys.generate(tmp_path)
    with pytest.raises(ConfigurationError, match="key-exists"):
        Keys.generate(tmp_path)
    assert Keys.load(tmp_path) == before


@pytest.mark.parametrize("name", ["pseudonym.key", "encryption.key"])
@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601])
def test_a_key_that_others_may_touch_is_refused(tmp_path, name, mode):
    Keys.generate(tmp_path)
    (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigurationError, match=f"key-readable-by-others at {name}"):
        Keys.load(tmp_path)


def test_a_key_that_the_group_may_read_is_accepted(tmp_path):
    Keys.generate(tmp_path)
    (tmp_path / "pseudonym.key").chmod(0o440)
    Keys.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33, b"x" * 32 + b"\n"])
def test_a_key_of_another_length_is_refused(tmp_path, content):
    Keys.generate(tmp_path)
    (tmp_path / "encryption.key").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"key-length at encryption\.key"):
        Keys.load(tmp_path)


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"key-unreadable at pseudonym\.key"):
        Keys.load(tmp_path)


def test_a_rotation_keeps_the_earlier_keys_and_the_pseudonym_key(tmp_path):
    first = Keys.generate(tmp_path)
    second = Keys.rotate(tmp_path)
    third = Keys.rotate(tmp_path)
    assert first.pseudonym == second.pseudonym == third.pseudonym
    assert set(third.encryption) == {first.encryption_id, second.encryption_id, third.encryption_id}
    assert len(third.encryption) == 3
    assert (tmp_path / f"encryption-{first.encryption_id}.key").stat().st_mode & 0o777 == 0o600


def test_a_rotation_that_a_crash_left_half_done_can_be_done_again(tmp_path):
    first = Keys.generate(tmp_path)
    (tmp_path / f"encryption-{first.encryption_id}.key").write_bytes(first.encryption[first.encryption_id])
    (tmp_path / f"encryption-{first.encryption_id}.key").chmod(0o600)
    (tmp_path / "encryption.key.new").write_bytes(b"half")
    assert Keys.load(tmp_path) == first
    assert first.encryption_id in Keys.rotate(tmp_path).encryption


def test_the_id_of_a_key_gives_nothing_of_it_away():
    assert key_id(b"k" * 32) not in (b"k" * 32).hex()
    assert key_id(b"k" * 32) == key_id(b"k" * 32) != key_id(b"l" * 32)

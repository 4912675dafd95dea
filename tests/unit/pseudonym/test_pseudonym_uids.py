# SPDX-License-Identifier: Apache-2.0
"""The same UID becomes the same new UID, wherever and whenever; without the key nobody can tell."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, ExplicitVRLittleEndian

from deidgate.errors import ConfigurationError
from deidgate.pseudonym import ProjectKey, Pseudonyms, new_uid

KEY = b"k" * 32
UIDS = st.lists(st.integers(0, 10**9), min_size=2, max_size=6).map(lambda parts: "1.3." + ".".join(map(str, parts)))


@given(UIDS)
def test_a_new_uid_is_a_valid_uid_that_is_not_the_old_one(original):
    new = new_uid(KEY, original)
    assert UID(new).is_valid
    assert new.startswith("2.25.")
    assert len(new) <= 44
    assert original not in new


@given(UIDS, st.sampled_from(["", " ", "\0", "\0\0", " \0", "\n"]), st.sampled_from(["", " "]))
def test_padding_makes_no_difference(original, after, before):
    assert new_uid(KEY, before + original + after) == new_uid(KEY, original)


@given(st.sets(UIDS, min_size=2, max_size=2))
def test_two_uids_become_two(pair):
    one, two = pair
    assert new_uid(KEY, one) != new_uid(KEY, two)


def test_the_new_uid_is_the_documented_one():
    number = int.from_bytes(hmac.new(KEY, b"1.2.3", hashlib.sha256).digest()[:16], "big")
    assert new_uid(KEY, "1.2.3") == f"2.25.{number}"


@pytest.mark.parametrize("standard", [ExplicitVRLittleEndian, "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.15.0.3.1"])
def test_uids_of_the_standard_stay(standard):
    assert new_uid(KEY, standard) == standard
    assert new_uid(KEY, standard + "\0") == standard


@pytest.mark.parametrize("near", ["1.2.840.10008", "1.2.840.100080.1", "1.2.840.1000.8", "11.2.840.10008.1"])
def test_uids_that_only_look_like_the_standards_are_replaced(near):
    assert new_uid(KEY, near).startswith("2.25.")


@pytest.mark.parametrize("made", ["1.2.840.10008.5.1.4.1.1.2.20190517101500.4711", "1.2.840.10008.20190517.4711"])
def test_a_date_and_a_number_behind_a_uid_of_the_standard_are_no_uid_of_the_standard(made):
    assert new_uid(KEY, made).startswith("2.25.")


@pytest.mark.parametrize("empty", ["", " ", "\0", " \0"])
def test_empty_stays_empty(empty):
    assert new_uid(KEY, empty) == ""


def test_a_uid_of_wrong_form_is_replaced_and_not_passed_on():
    assert new_uid(KEY, "DOE^JANE").startswith("2.25.")
    assert new_uid(KEY, "\udc80").startswith("2.25.")


def test_projects_and_purposes_have_unrelated_keys():
    one, two = ProjectKey.of(b"m" * 32, "one"), ProjectKey.of(b"m" * 32, "two")
    keys = {one.uid_key, one.index_key, two.uid_key, two.index_key, b"m" * 32}
    assert len(keys) == 5
    assert {len(key) for key in keys} == {32}
    assert ProjectKey.of(b"m" * 32, "one") == one
    assert ProjectKey.of(b"n" * 32, "one").uid_key != one.uid_key


def test_the_derivation_never_changes():
    """The mapping tables of installations depend on these bytes."""
    key = ProjectKey.of(bytes(range(32)), "trial")
    assert key.uid_key.hex() == "d14df994033a451abfd6fa8c40793de9e39b3eef0074072c9a9f0677658aea7d"
    assert new_uid(key.uid_key, "1.2.3") == "2.25.103751165305087836657074909101721886740"


@pytest.mark.parametrize(("master", "project", "code"), [
    (b"short", "trial", "key-length"),
    (b"m" * 32, "", "project-without-name"),
    (b"m" * 32, "a\0b", "nul-in-name"),
])  # fmt: skip
def test_a_project_key_that_cannot_be_is_refused(master, project, code):
    with pytest.raises(ConfigurationError, match=code):
        ProjectKey.of(master, project)


def test_no_representation_shows_a_key():
    key = ProjectKey.of(b"m" * 32, "trial")
    shown = repr(key) + repr(Pseudonyms("P-1", "P-1", 3, key.uid_key))
    for secret in (key.uid_key, key.index_key):
        assert repr(secret) not in shown
        assert secret.hex() not in shown


def test_pseudonyms_replace_uids_with_the_projects_key():
    assert Pseudonyms("P-1", "P-1", 3, KEY).uid("1.2.3") == new_uid(KEY, "1.2.3")

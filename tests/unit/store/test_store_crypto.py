# SPDX-License-Identifier: Apache-2.0
"""A ciphertext opens in its own place only; an index value tells nothing and mixes nothing up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deidgate.errors import ConfigurationError
from deidgate.store.crypto import Cipher, index_value
from deidgate.store.keys import Keys

KEYS = Keys.of(b"m" * 32, b"e" * 32)


@given(st.text(), st.binary(min_size=16, max_size=16))
def test_what_was_encrypted_comes_back(value, row):
    cipher = Cipher(KEYS)
    assert cipher.decrypt(cipher.encrypt(value, "t.c", row), "t.c", row, cipher.key_id) == value


def test_two_ciphertexts_of_one_value_differ():
    cipher = Cipher(KEYS)
    assert cipher.encrypt("DOE", "t.c", b"r") != cipher.encrypt("DOE", "t.c", b"r")


@pytest.mark.parametrize(("column", "row"), [("t.d", b"r"), ("t.c", b"s"), ("t.cr", b"")])
def test_a_ciphertext_that_was_moved_does_not_open(column, row):
    cipher = Cipher(KEYS)
    sealed = cipher.encrypt("DOE", "t.c", b"r")
    with pytest.raises(ConfigurationError, match="ciphertext-damaged"):
        cipher.decrypt(sealed, column, row, cipher.key_id)


@pytest.mark.parametrize("place", [0, 11, 12, -1])
def test_a_ciphertext_that_was_changed_does_not_open(place):
    cipher = Cipher(KEYS)
    sealed = bytearray(cipher.encrypt("DOE", "t.c", b"r"))
    sealed[place] ^= 1
    with pytest.raises(ConfigurationError, match="ciphertext-damaged"):
        cipher.decrypt(bytes(sealed), "t.c", b"r", cipher.key_id)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_index_values_are_equal_only_for_equal_parts(one, two):
    assert (index_value(b"k" * 32, "x", *one) == index_value(b"k" * 32, "x", *two)) == (one == two)


def test_index_values_of_two_keys_or_kinds_are_unrelated():
    values = {index_value(key * 32, kind, "DOE") for key in (b"a", b"b") for kind in ("patient", "uid")}
    assert len(values) == 4

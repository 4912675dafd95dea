# SPDX-License-Identifier: Apache-2.0
"""An original is believed only as far as it can be read, and its digest is had of any file."""

import hashlib

import pytest
from tests.data.instances import dataset, file_bytes

from deidgate.dicom.second import stand_in
from deidgate.errors import CannotDeidentify
from deidgate.gateway.original import digest_of, read

FILE = file_bytes(dataset())


def test_the_digest_is_of_the_dataset_alone():
    length = int.from_bytes(FILE[140:144], "little")
    expected = f"sha256:{hashlib.sha256(FILE[144 + length :]).hexdigest()}"
    assert read(FILE, None).digest == digest_of(FILE) == expected


def test_a_second_content_has_the_digest_of_what_was_received():
    assert digest_of(stand_in(FILE)) == digest_of(FILE)


@pytest.mark.parametrize("at", range(132, 144))
@pytest.mark.parametrize("value", [0, 1, 0x41, 0xFF])
def test_a_damaged_group_length_is_no_error_of_ours(at, value):
    damaged = FILE[:at] + bytes([value]) + FILE[at + 1 :]
    assert digest_of(damaged).startswith("sha256:")
    try:
        original = read(damaged, None)
    except CannotDeidentify as held:
        assert held.code
    else:
        assert original.digest == digest_of(damaged)


@pytest.mark.parametrize("file", [b"", b"\0" * 132, b"\0" * 128 + b"DICM\x02\0\0\0UL\x04\0"])
def test_what_is_no_file_has_a_digest_and_is_no_original(file):
    assert digest_of(file)
    with pytest.raises(CannotDeidentify):
        read(file, None)

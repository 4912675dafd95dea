# SPDX-License-Identifier: Apache-2.0
import io
import os

import pytest

from deidgate.custody.sealed import MAGIC, PIECE, OpeningReader, SealingWriter
from deidgate.errors import ConfigurationError

WORD = b"correct horse battery staple"
SIZES = (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 5)
HEAD = len(MAGIC) + 33


def sealed(content):
    file = io.BytesIO()
    writer = SealingWriter(file, WORD)
    for place in range(0, len(content), 700_001):
        writer.write(content[place : place + 700_001])
    writer.finish()
    return file.getvalue()


def opened(data, word=WORD):
    return OpeningReader(io.BytesIO(data), word).read()


@pytest.fixture(scope="module")
def pieces():
    content = os.urandom(2 * PIECE + 5)
    return content, sealed(content)


@pytest.mark.parametrize("size", SIZES)
def test_what_went_in_comes_out(size):
    content = os.urandom(size)
    data = sealed(content)
    assert opened(data) == content
    assert len(data) == HEAD + size + 16 * max(1, -(-size // PIECE))


def test_nothing_of_it_can_be_seen(pieces):
    content, data = pieces
    assert content[:64] not in data


def test_another_passphrase_opens_nothing(pieces):
    with pytest.raises(ConfigurationError, match="backup-unreadable"):
        opened(pieces[1], WORD + b"!")


@pytest.mark.parametrize("place", [HEAD, HEAD + 5, HEAD + PIECE + 16, -1])
def test_a_changed_byte_is_seen(pieces, place):
    data = bytearray(pieces[1])
    data[place] ^= 1
    with pytest.raises(ConfigurationError, match="backup-unreadable"):
        opened(bytes(data))


@pytest.mark.parametrize("length", [HEAD, HEAD + 10, HEAD + PIECE + 16, HEAD + 2 * (PIECE + 16), -1])
def test_a_cut_off_end_is_seen(pieces, length):
    with pytest.raises(ConfigurationError, match="backup-unreadable"):
        opened(pieces[1][:length])


def test_moved_and_repeated_pieces_are_seen(pieces):
    data, piece = pieces[1], PIECE + 16
    first, second = data[HEAD : HEAD + piece], data[HEAD + piece : HEAD + 2 * piece]
    for order in (second + first, first + first):
        with pytest.raises(ConfigurationError, match="backup-unreadable"):
            opened(data[:HEAD] + order + data[HEAD + 2 * piece :])


def test_something_added_at_the_end_is_seen(pieces):
    with pytest.raises(ConfigurationError, match="backup-unreadable"):
        opened(pieces[1] + b"x")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", MAGIC, MAGIC + b"x" * 33, MAGIC + b"zz" * 16 + b"\n"])
def test_what_is_no_backup_is_said_to_be_none(data):
    with pytest.raises(ConfigurationError, match="backup-not-one"):
        opened(data)


def test_two_backups_of_the_same_have_nothing_in_common():
    one, other = sealed(b"the same"), sealed(b"the same")
    assert one[HEAD:] != other[HEAD:]

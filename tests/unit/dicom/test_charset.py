# SPDX-License-Identifier: Apache-2.0
"""Text from bytes and back, in every character set of the standard, without guessing."""

import pytest
from pydicom.charset import python_encoding

from deidgate.dicom.charset import Charset
from deidgate.errors import CannotDeidentify


@pytest.mark.parametrize("term", sorted(set(python_encoding) - {"ISO 2022 58", "ISO 2022 GBK"}))
def test_every_term_that_readers_know_is_known(term):
    assert Charset.declared(term).decode(b"Doe^Jane") == "Doe^Jane"


@pytest.mark.parametrize("term", ["ISO_IR 999", "latin1", "UTF-8", "ISO_IR 100\\Doe"])
def test_an_unknown_term_is_held_and_not_guessed(term):
    with pytest.raises(CannotDeidentify) as held:
        Charset.declared(term)
    assert held.value.code == "unknown-character-set"
    assert "Doe" not in str(held.value)


# Values of PS3.5 Annexes H, I, J and K.
EXAMPLES = [
    ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    ("ISO_IR 101", b"W\xb3adys\xb3aw", "Władysław"),
    ("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
    ("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小东=".encode(), "Wang^XiaoDong=王^小东="),
    ("GB18030", "Wang^XiaoDong=王^小东=".encode("gb18030"), "Wang^XiaoDong=王^小东="),
    (
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
    ),
    (
        "\\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    ("\\ISO 2022 IR 58", b"Wang=\x1b$)A\xcd\xf5", "Wang=王"),
]


@pytest.mark.parametrize(("term", "data", "text"), EXAMPLES)
def test_examples_of_the_standard_are_read(term, data, text):
    assert Charset.declared(term).decode(data) == text


@pytest.mark.parametrize(
    ("term", "data"),
    [
        ("ISO_IR 192", b"J\xe9r\xf4me"),
        ("GB18030", b"\xff\xff"),
        ("\\ISO 2022 IR 87", b"Yamada=\x1b$)C\xfb\xf3"),  # an escape that is not declared
        ("\\ISO 2022 IR 87", b"\x1b%G\xc3\xa9"),  # an escape that DICOM does not have
    ],
)
def test_bytes_that_are_no_text_are_an_error_and_not_a_replacement_character(term, data):
    with pytest.raises(UnicodeError):
        Charset.declared(term).decode(data)


def test_bytes_above_ascii_without_a_declaration_come_back_unchanged():
    charset = Charset.declared("")
    assert charset.encode(charset.decode(bytes(range(0xA0, 0x100)))) == bytes(range(0xA0, 0x100))


@pytest.mark.parametrize(("term", "data", "text"), EXAMPLES)
def test_text_that_is_written_reads_the_same(term, data, text):
    charset = Charset.declared(term)
    again = charset.decode(data)
    for part in (again, *again.replace("=", "^").split("^")):
        assert charset.decode(charset.encode(part)) == part


def test_text_that_no_declared_character_set_has_is_an_error():
    with pytest.raises(UnicodeError):
        Charset.declared("ISO_IR 100").encode("山田")

# SPDX-License-Identifier: Apache-2.0
"""Character sets: text from bytes and back, without guessing.

Bytes above 127 where only the default repertoire is declared are read as Latin-1: the declaration is wrong, the
bytes come back unchanged, and names are found in them by equality. But where such bytes, or those of a declared
Latin-1, are UTF-8 throughout, the declaration is contradicted: read as Latin-1, a letter falls into signs at which
words end, and the name that it stands in is not found as one.

Source: PS3.3 C.12.1.1.2, PS3.5 6.1.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from dataclasses import dataclass
from functools import lru_cache

from pydicom.charset import CODES_TO_ENCODINGS, python_encoding

from deidgate.errors import CannotDeidentify

_ESCAPE = b"\x1b"
# Their codecs read the escape sequences themselves.
_STATEFUL = frozenset({"iso2022_jp", "iso2022_jp_2", "iso2022_kr"})
_LATIN_1 = "latin_1"


@dataclass(frozen=True, slots=True)
class Charset:
    """The character sets that one dataset declares.

    Attributes
    ----------
    encodings : tuple of str
        Python's names, in the order of the declaration.
    """

    encodings: tuple[str, ...]

    @classmethod
    def declared(cls, value: str) -> Charset:
        r"""Character sets of a value of Specific Character Set (``\`` between terms).

        Raises
        ------
        CannotDeidentify
            A term is unknown (code ``unknown-character-set``).
        """
        return _declared(value)

    def decode(self, data: bytes) -> str:
        """Text of `data`, which may hold several values.

        Raises
        ------
        UnicodeError
            The bytes are no text of these character sets.
        CannotDeidentify
            They are UTF-8, which is not declared (code ``character-set-contradicts``).
        """
        if data.isascii() and _ESCAPE not in data:
            return data.decode("ascii")
        if len(self.encodings) == 1 or _ESCAPE not in data:
            self.check(data)
            return data.decode(self.encodings[0])
        first, *rest = data.split(_ESCAPE)
        return first.decode(self.encodings[0]) + "".join(self._decode_fragment(_ESCAPE + part) for part in rest)

    def check(self, data: bytes) -> None:
        """Return if `data`, read as declared, is not UTF-8 in the place of Latin-1.

        Raises
        ------
        CannotDeidentify
            ``character-set-contradicts``.
        """
        if self.encodings[0] != _LATIN_1 or data.isascii():
            return
        if any(_is_utf_8(value.rstrip(b" \0")) for value in data.split(b"\\")):
            raise CannotDeidentify("character-set-contradicts", "(0008,0005) SpecificCharacterSet")

    def encode(self, text: str) -> bytes:
        """Bytes of `text` in the first of the character sets that has all its characters.

        Raises
        ------
        UnicodeError
            No character set has them all.
        """
        if text.isascii():
            return text.encode("ascii")
        for encoding in self.encodings:
            try:
                encoded = text.encode(encoding)
            except UnicodeError:
                continue
            if len(self.encodings) == 1 or encoding == self.encodings[0] or encoding in _STATEFUL:
                return encoded
            return _with_escapes(text, encoding)
        raise UnicodeError("no declared character set has these characters")

    def _decode_fragment(self, fragment: bytes) -> str:
        for length in (3, 4):
            encoding = CODES_TO_ENCODINGS.get(fragment[:length])
            if encoding is None:
                continue
            if encoding == "iso8859":
                encoding = _LATIN_1
            elif encoding not in self.encodings:
                raise UnicodeError("escape to a character set that is not declared")
            return fragment.decode(encoding) if encoding in _STATEFUL else fragment[length:].decode(encoding)
        raise UnicodeError("unknown escape sequence")


def _is_utf_8(data: bytes) -> bool:
    """True when all bytes above 127 are UTF-8, but for a character that the end of the value cuts off."""
    try:
        return not getincrementaldecoder("utf_8")().decode(data, final=False).isascii()
    except UnicodeDecodeError:
        return False


_DEFAULT_FIRST = _LATIN_1


@lru_cache(maxsize=256)
def _declared(value: str) -> Charset:
    encodings: list[str] = []
    for number, term in enumerate(value.split("\\")):
        name = term.strip(" \0")
        if not name and number == 0:
            encodings.append(_DEFAULT_FIRST)
            continue
        known = python_encoding.get(name)
        if known is None:
            raise CannotDeidentify("unknown-character-set", "(0008,0005) SpecificCharacterSet")
        encodings.append(_LATIN_1 if known == "iso8859" else known)
    return Charset(tuple(encodings))


def _with_escapes(text: str, encoding: str) -> bytes:
    code = next((code for code, name in CODES_TO_ENCODINGS.items() if name == encoding), None)
    if code is None:
        raise UnicodeError("character set without an escape sequence")
    return code + text.encode(encoding)

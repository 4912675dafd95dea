# SPDX-License-Identifier: Apache-2.0
"""Bytes to text in every character set of DICOM, and text to a form in which equal things are equal.

Source: PS3.3 C.12.1.1.2 (Specific Character Set), PS3.5 6.1 and Annexes H to K (code extensions).
"""

from __future__ import annotations

import re
import unicodedata

_SINGLE = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO 2022 IR 6": "ascii",
    "ISO_IR 13": "shift_jis",
    "ISO 2022 IR 13": "shift_jis",
    "ISO_IR 100": "latin_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "tis_620",
    "ISO_IR 203": "iso8859_15",
    "ISO 2022 IR 58": "gb2312",
    "ISO 2022 IR 87": "ascii",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 159": "ascii",
    "ISO_IR 192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
_SINGLE.update(
    {f"ISO 2022 IR {n}": _SINGLE[f"ISO_IR {n}"] for n in (100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 203)}
)

_LATIN = frozenset({"ascii", "latin_1"})

# What an escape sequence selects: the codec, and a prefix where the codec itself needs the escape sequence.
_ESCAPES = {
    b"(B": ("ascii", b""),
    b"(J": ("shift_jis", b""),
    b")I": ("shift_jis", b""),
    b"(I": ("shift_jis", b""),
    b"$B": ("iso2022_jp_2", b"\x1b$B"),
    b"$@": ("iso2022_jp_2", b"\x1b$@"),
    b"$(D": ("iso2022_jp_2", b"\x1b$(D"),
    b"$)C": ("euc_kr", b""),
    b"$)A": ("gb2312", b""),
    b"-A": ("latin_1", b""),
    b"-B": ("iso8859_2", b""),
    b"-C": ("iso8859_3", b""),
    b"-D": ("iso8859_4", b""),
    b"-F": ("iso8859_7", b""),
    b"-G": ("iso8859_6", b""),
    b"-H": ("iso8859_8", b""),
    b"-L": ("iso8859_5", b""),
    b"-M": ("iso8859_9", b""),
    b"-T": ("tis_620", b""),
    b"-b": ("iso8859_15", b""),
}
_ESCAPE = re.compile(rb"\x1b([\x20-\x2f]+[\x30-\x7e])")

# Every way in which a name may have been written where no character set is declared: private elements, UN, comments.
ENCODINGS = (
    "utf_8",
    "latin_1",
    "utf_16_le",
    "utf_16_be",
    "shift_jis",
    "euc_jp",
    "iso2022_jp",
    "euc_kr",
    "iso2022_kr",
    "gb18030",
    "big5",
    "iso8859_2",
    "iso8859_3",
    "iso8859_4",
    "iso8859_5",
    "iso8859_6",
    "iso8859_7",
    "iso8859_8",
    "iso8859_9",
    "iso8859_15",
    "tis_620",
    "cp1251",
    "koi8_r",
)


def terms(specific_character_set: bytes) -> tuple[str, ...]:
    """Defined terms of a value of (0008,0005)."""
    return tuple(term.strip(" \0") for term in specific_character_set.decode("ascii", "replace").split("\\"))


def is_known(charset: tuple[str, ...]) -> bool:
    """True when every term is one that the standard defines."""
    return all(term in _SINGLE for term in charset)


def decode(raw: bytes, charset: tuple[str, ...]) -> str:
    """`raw` as text; what cannot be read becomes U+FFFD, so that nothing is silently dropped."""
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    first = _SINGLE.get(charset[0] if charset else "", "latin_1")
    if b"\x1b" not in raw:
        return _plain(raw, first)
    pieces = _ESCAPE.split(raw)
    text = [_plain(pieces[0], first)]
    for escape, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        codec, prefix = _ESCAPES.get(escape, ("latin_1", b""))
        text.append((prefix + piece).decode(codec, "replace"))
    return "".join(text)


def _plain(raw: bytes, codec: str) -> str:
    # Devices that declare nothing often write Latin-1 or UTF-8; both are tried by `readings`.
    return raw.decode("latin_1" if codec == "ascii" else codec, "replace")


def is_utf_8_undeclared(raw: bytes, charset: tuple[str, ...]) -> bool:
    """True when a value in `raw` is to be read as Latin-1 and is UTF-8; its last character may be cut off."""
    if raw.isascii() or b"\x1b" in raw or _SINGLE.get(charset[0] if charset else "", "latin_1") not in _LATIN:
        return False
    return any(_is_utf_8(value.rstrip(b" \0")) for value in raw.split(b"\\"))


def _is_utf_8(raw: bytes) -> bool:
    # A character has at most four bytes: three of them may be left of one that was cut off.
    for stop in range(len(raw), max(0, len(raw) - 4), -1):
        try:
            return not raw[:stop].decode("utf_8").isascii()
        except UnicodeDecodeError as wrong:
            if wrong.reason != "unexpected end of data":
                return False
    return False


def readings(raw: bytes, charset: tuple[str, ...]) -> tuple[str, ...]:
    """Every text that `raw` may have been meant to be: as declared, and as what undeclared text usually is."""
    declared = decode(raw, charset)
    if raw.isascii():
        return (declared,)
    found = [declared]
    for codec in ("utf_8", "latin_1"):
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if text not in found:
            found.append(text)
    return tuple(found)


def fold(text: str) -> str:
    """`text` without case, accents and width: the form in which names are compared."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


# ASCII letters to lower case, everything that is neither letter nor digit to a space; bytes above 7F stay.
_CANONICAL = bytes(
    b if b >= 0x80 or chr(b).isdigit() or chr(b).islower() else b + 32 if chr(b).isupper() else 0x20 for b in range(256)
)


def canonical(raw: bytes, nul_separates: bool = False) -> bytes:
    """`raw` as lower-case words with single spaces between them.

    NUL is left out before anything else, so that UTF-16 of ASCII letters reads as those letters, or separates words
    as at the end of a C string; an apostrophe is always left out (O'Brien, OBRIEN).
    """
    return b" ".join(raw.translate(_CANONICAL, b"'" if nul_separates else b"\0'").split())


def canonical_text(folded: str) -> str:
    """The same form for folded text of any script."""
    if folded.isascii():
        return canonical(folded.encode("ascii")).decode("ascii")
    return " ".join("".join(c if c.isalnum() else "" if c in "'\0" else " " for c in folded).split())

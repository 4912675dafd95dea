# SPDX-License-Identifier: Apache-2.0
"""Members of zip and tar archives, one at a time, and archives made of results.

Rules
-----
* A member is unfolded into one temporary file in a private folder and is gone when the next one is asked for.
* Names with ``..``, absolute names, drive letters, links, devices: not read, reported. No member's name is ever
  used as a path: results get names of our own.
* Bytes are counted while they come out; what the archive declares is not believed.
* Encrypted members are reported, not guessed at.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Protocol, Self, cast

from deidgate.files.kind import SNIFFED, Kind, sniff
from deidgate.files.limits import Limits

_PIECE = 1 << 20
_ENCRYPTED = 0x1
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    EOFError,
    struct.error,
    # Names in no known encoding, numbers that are none.
    ValueError,
    OSError,
)
"""What readers raise for damaged bytes; see `_is_damage` for the last."""

OPENERS: Mapping[Kind, Any] = MappingProxyType({Kind.GZIP: gzip.open, Kind.BZIP2: bz2.open, Kind.XZ: lzma.open})
"""What opens a file that is compressed alone, by its path or as a stream."""

_DRIVE = re.compile(r"^[A-Za-z]:")


class TooMuchError(Exception):
    """An archive unfolds to more than its limits: nothing more is read from it."""


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file out of an archive.

    Attributes
    ----------
    path : Path
        The temporary file that holds it; valid until the next member is asked for.
    relative : tuple of str
        Its name in the archive, split.
    size : int
    stored : bool
        True when the archive did not compress it.
    """

    path: Path
    relative: tuple[str, ...]
    size: int
    stored: bool


@dataclass(frozen=True, slots=True)
class PassedMember:
    """A member that was not read, and why (a key of `deidgate.words`)."""

    relative: tuple[str, ...]
    code: str


@dataclass
class Budget:
    """What may still come out of an archive and of those inside it."""

    limits: Limits
    archive_bytes: int
    """Size of the outermost archive."""
    depth: int = 1
    _used: list[int] = field(default_factory=lambda: [0, 0])

    def nested(self) -> Budget:
        """The same account, one archive deeper.

        Raises
        ------
        TooMuchError
            Too deep.
        """
        if self.depth >= self.limits.depth:
            raise TooMuchError
        return Budget(self.limits, self.archive_bytes, self.depth + 1, self._used)

    def count_member(self) -> None:
        """Account for one more entry."""
        self._used[0] += 1
        if self._used[0] > self.limits.members:
            raise TooMuchError

    def count_bytes(self, count: int) -> None:
        """Account for `count` more bytes."""
        self._used[1] += count
        total = self._used[1]
        if total > self.limits.unfolded_bytes or (
            total > self.limits.ratio_from_bytes and total > self.limits.ratio * self.archive_bytes
        ):
            raise TooMuchError


def members(path: Path, kind: Kind, room: Path, budget: Budget) -> Iterator[Member | PassedMember]:
    """What is in the archive `path`.

    Parameters
    ----------
    path : Path
    kind : Kind
        One for which `Kind.is_archive` is true.
    room : Path
        A private folder for the temporary file.
    budget : Budget

    Raises
    ------
    TooMuchError
        A limit was passed; what came before was delivered.
    """
    reader = _zip_members if kind is Kind.ZIP else _stream_members
    try:
        yield from reader(path, kind, room, budget)
    except NotImplementedError:
        yield PassedMember((), "archive-unsupported")
    except BROKEN as error:
        if not _is_damage(error):
            raise
        yield PassedMember((), "damaged-archive")


def _is_damage(error: BaseException) -> bool:
    """True unless the system has refused something: bz2 says OSError of damaged bytes too, but without a number."""
    return not isinstance(error, OSError) or error.errno is None


def split_name(name: str) -> tuple[str, ...] | None:
    """The components of a member's name; None if it could lead outside the archive."""
    if "\0" in name or name.startswith(("/", "\\")) or _DRIVE.match(name):
        return None
    parts = tuple(part for part in re.split(r"[/\\]", name) if part not in ("", "."))
    return None if ".." in parts or not parts else parts


def _zip_members(path: Path, _kind: Kind, room: Path, budget: Budget) -> Iterator[Member | PassedMember]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            budget.count_member()
            if info.is_dir():
                continue
            parts = split_name(info.filename)
            mode = info.external_attr >> 16
            if parts is None:
                yield PassedMember(_shown(info.filename), "path-traversal")
            elif mode and (mode & 0o170000) not in (0, 0o100000):
                yield PassedMember(parts, "not-a-regular-file")
            elif info.flag_bits & _ENCRYPTED:
                yield PassedMember(parts, "password-protected")
            else:
                yield from _one_zip_member(archive, info, parts, room, budget)


def _one_zip_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, parts: tuple[str, ...], room: Path, budget: Budget
) -> Iterator[Member | PassedMember]:
    try:
        with archive.open(info) as stream:
            target, size = _unfold(cast(BinaryIO, stream), room, budget)
    except NotImplementedError:
        yield PassedMember(parts, "compression-unsupported")
        return
    except BROKEN as error:
        if not _is_damage(error):
            raise
        yield PassedMember(parts, "damaged-archive-member")
        return
    yield from _hand_over(target, parts, size, info.compress_type == zipfile.ZIP_STORED)


def _stream_members(path: Path, kind: Kind, room: Path, budget: Budget) -> Iterator[Member | PassedMember]:
    with _opened(path, kind) as stream:
        head = stream.read(SNIFFED)
        inner = Kind.TAR if kind is Kind.TAR else sniff(head)
    with _opened(path, kind) as stream:
        if inner is Kind.TAR:
            yield from _tar_members(stream, room, budget)
            return
        budget.count_member()
        target, size = _unfold(stream, room, budget)
        yield from _hand_over(target, (path.stem,), size, stored=False)


class _Entry(tarfile.TarInfo):
    """An entry of a tar that ends where it says so: tarfile takes a header that is cut off or damaged for its end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """The next entry of `archive`."""
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            # The block of zeros that every tar ends with.
            raise
        except tarfile.HeaderError:
            raise tarfile.ReadError from None


def _tar_members(stream: BinaryIO, room: Path, budget: Budget) -> Iterator[Member | PassedMember]:
    with closing(tarfile.open(fileobj=stream, mode="r|", tarinfo=_Entry)) as archive:
        for info in archive:
            budget.count_member()
            # tarfile remembers every entry it has seen; a backup of millions must not fill the memory.
            archive.members = []  # type: ignore[attr-defined]
            if info.isdir():
                continue
            parts = split_name(info.name)
            if parts is None:
                yield PassedMember(_shown(info.name), "path-traversal")
                continue
            if not info.isreg():
                yield PassedMember(parts, "not-a-regular-file")
                continue
            source = archive.extractfile(info)
            if source is None:
                yield PassedMember(parts, "damaged-archive-member")
                continue
            target, size = _unfold(cast(BinaryIO, source), room, budget)
            yield from _hand_over(target, parts, size, stored=True)
    # The checksum of what is compressed stands behind it, and is compared when that has been read.
    while piece := stream.read(_PIECE):
        budget.count_bytes(len(piece))


def _opened(path: Path, kind: Kind) -> BinaryIO:
    opener = OPENERS.get(kind)
    return cast(BinaryIO, opener(path, "rb")) if opener is not None else path.open("rb")


def _unfold(stream: BinaryIO, room: Path, budget: Budget) -> tuple[Path, int]:
    # One name per depth: a member of the archive is needed while the archive inside it is read.
    target = room / f"member-{budget.depth}"
    size = 0
    try:
        with target.open("wb") as sink:
            while piece := stream.read(_PIECE):
                size += len(piece)
                budget.count_bytes(len(piece))
                if size > budget.limits.member_bytes:
                    raise TooMuchError
                sink.write(piece)
    except BaseException:
        target.unlink()
        raise
    return target, size


def _hand_over(target: Path, parts: tuple[str, ...], size: int, stored: bool) -> Iterator[Member]:
    try:
        yield Member(target, parts, size, stored)
    finally:
        target.unlink(missing_ok=True)


def _shown(name: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[/\\]", name.replace("\0", "?")) if part)


class ArchiveWriter(Protocol):
    """An archive of results under way."""

    def add(self, parts: tuple[str, ...], source: Path, stored: bool) -> tuple[str, ...]:
        """Add the file `source` under the name `parts`, or under a numbered one if that is taken; the name used."""
        ...

    def close(self) -> None:
        """Finish the archive."""
        ...


class _Names:
    """Names in use; two members of one name stay two members."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def free(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """`parts`, or where these are taken with a number in the last of them; taken from now on."""
        candidate, number = parts, 1
        while "/".join(candidate).casefold() in self._used:
            number += 1
            stem, dot, extension = parts[-1].partition(".")
            candidate = (*parts[:-1], f"{stem}_{number}{dot}{extension}")
        self._used.add("/".join(candidate).casefold())
        return candidate


class ZipWriter:
    """A zip without times: they would tell when the patient was seen."""

    def __init__(self, stream: BinaryIO) -> None:
        self._archive = zipfile.ZipFile(stream, "w", allowZip64=True)
        self._names = _Names()

    def add(self, parts: tuple[str, ...], source: Path, stored: bool) -> tuple[str, ...]:
        """See `ArchiveWriter.add`; deflated, or as it is where `stored` says so."""
        used = self._names.free(parts)
        info = zipfile.ZipInfo("/".join(used), date_time=(1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        info.external_attr = 0o100644 << 16
        info.file_size = source.stat().st_size
        with source.open("rb") as reader, self._archive.open(info, "w") as sink:
            while piece := reader.read(_PIECE):
                sink.write(piece)
        return used

    def close(self) -> None:
        """Write the directory of the zip; its stream stays open."""
        self._archive.close()


class TarWriter:
    """A tar, compressed as its original was, without times and owners."""

    def __init__(self, stream: BinaryIO, kind: Kind) -> None:
        self._outer: BinaryIO | None = None
        if kind is Kind.GZIP:
            self._outer = cast(
                BinaryIO, gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0, compresslevel=6)
            )
        elif kind is Kind.BZIP2:
            self._outer = cast(BinaryIO, bz2.BZ2File(stream, "wb"))
        elif kind is Kind.XZ:
            self._outer = cast(BinaryIO, lzma.LZMAFile(stream, "wb"))  # noqa: SIM115 - closed by close()
        self._archive = tarfile.open(fileobj=self._outer or stream, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._names = _Names()

    def add(self, parts: tuple[str, ...], source: Path, stored: bool) -> tuple[str, ...]:
        """See `ArchiveWriter.add`; `stored` means nothing here, for a tar is compressed as a whole."""
        used = self._names.free(parts)
        info = tarfile.TarInfo("/".join(used))
        info.size = source.stat().st_size
        info.mode = 0o644
        with source.open("rb") as reader:
            self._archive.addfile(info, reader)
        self._archive.members = []  # type: ignore[attr-defined]
        return used

    def close(self) -> None:
        """Write the end of the tar and of its compression; the stream stays open."""
        try:
            self._archive.close()
        finally:
            if self._outer is not None:
                self._outer.close()


class SingleWriter:
    """A compressed single file (``IM0001.dcm.gz``): the first and only member is the content."""

    def __init__(self, stream: BinaryIO, kind: Kind) -> None:
        self._stream = stream
        self._kind = kind

    def add(self, parts: tuple[str, ...], source: Path, stored: bool) -> tuple[str, ...]:
        """Compress `source` into the file; its name is not written."""
        pressed: BinaryIO
        if self._kind is Kind.GZIP:
            pressed = cast(BinaryIO, gzip.GzipFile(filename="", mode="wb", fileobj=self._stream, mtime=0))
        elif self._kind is Kind.BZIP2:
            pressed = cast(BinaryIO, bz2.BZ2File(self._stream, "wb"))
        else:
            pressed = cast(BinaryIO, lzma.LZMAFile(self._stream, "wb"))  # noqa: SIM115 - entered below
        with pressed, source.open("rb") as reader:
            while piece := reader.read(_PIECE):
                pressed.write(piece)
        return parts

    def close(self) -> None:
        """Nothing is left to do."""


def writer_like(path: Path, kind: Kind, stream: BinaryIO) -> ArchiveWriter:
    """A writer to `stream` of an archive of the same kind as `path`.

    Raises
    ------
    OSError
        `path` cannot be read.
    EOFError
        It is damaged from the beginning.
    """
    if kind is Kind.ZIP:
        return ZipWriter(stream)
    if kind is Kind.TAR:
        return TarWriter(stream, kind)
    try:
        with _opened(path, kind) as source:
            inner = sniff(source.read(SNIFFED))
    except BROKEN as error:
        if not _is_damage(error):
            raise
        raise EOFError from None
    return TarWriter(stream, kind) if inner is Kind.TAR else SingleWriter(stream, kind)

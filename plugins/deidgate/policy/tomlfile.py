# SPDX-License-Identifier: Apache-2.0
"""TOML files in which every key is asked for: what nobody asks for is an error that says what is accepted."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from deidgate.errors import ConfigurationError

T = TypeVar("T")
_LONGEST_NAME = 64
"""Characters of a site or project in the ledger."""


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Content and SHA-256 (hexadecimal) of a TOML file.

    Raises
    ------
    ConfigurationError
        There is no such file, or it is not TOML.
    """
    try:
        data = path.read_bytes()
    except OSError:
        raise ConfigurationError("no-such-file", str(path)) from None
    return parse_toml(data, path)


def parse_toml(data: bytes, path: Path) -> tuple[dict[str, Any], str]:
    """Content and SHA-256 (hexadecimal) of `data`, which are or will be the TOML file `path`.

    Raises
    ------
    ConfigurationError
        They are not TOML.
    """
    try:
        return tomllib.loads(data.decode("utf-8")), hashlib.sha256(data).hexdigest()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError("not-toml", str(path), str(error)) from None


class Section:
    """One table of a TOML file, read key by key.

    Use it as a context manager: at the end, a key that was not asked for is an error.

    Parameters
    ----------
    content : dict
    where : str
        File and table, for messages: ``basic.toml [dates]``.
    """

    def __init__(self, content: dict[str, Any], where: str) -> None:
        self._content = content
        self._asked: set[str] = set()
        self.where = where

    def __enter__(self) -> Section:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            for key in self._content:
                if key not in self._asked:
                    raise self.error(key, "unknown-key", self._asked)

    def error(self, key: str, code: str, accepted: Iterable[str], name: str = "") -> ConfigurationError:
        """An error that names file, key and what is accepted, and which `name` of the file is meant."""
        detail = f"accepted: {', '.join(sorted(accepted))}"
        return ConfigurationError(code, f"{self.where} {key}", f"{name}; {detail}" if name else detail)

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        """Value of `key`, which has to be a `kind`; without a default the key has to be there."""
        self._asked.add(key)
        if key not in self._content:
            if default is None:
                raise self.error(key, "missing-key", [kind.__name__])
            return default
        value = self._content[key]
        # bool is an int to Python and not to a reader.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, "wrong-kind", [kind.__name__])
        return value

    def word(self, key: str, accepted: Iterable[str], default: str | None = None) -> str:
        """Value of `key`, which has to be one of the accepted words."""
        return self.one_of(key, self.get(key, str, default), accepted)

    def words(self, key: str, default: list[str] | None = None) -> list[str]:
        """Value of `key`: a list of texts."""
        values = self.get(key, list, default)
        if not all(isinstance(value, str) for value in values):
            raise self.error(key, "wrong-kind", ["list of texts"])
        return values

    def ledger_name(self, key: str) -> str:
        """Value of `key`: a site or project, as the ledger can keep it."""
        return self._fits(key, self.get(key, str))

    def ledger_names(self, key: str) -> list[str]:
        """Value of `key`: a list of sites or projects, as the ledger can keep them."""
        return [self._fits(key, value) for value in self.words(key)]

    def _fits(self, key: str, value: str) -> str:
        if len(value) > _LONGEST_NAME:
            raise self.error(key, "too-long", [f"at most {_LONGEST_NAME} characters"])
        return value

    def one_of(self, key: str, value: str, accepted: Iterable[str]) -> str:
        """`value` when it is accepted."""
        accepted = list(accepted)
        if value not in accepted:
            raise self.error(key, "unknown-value", accepted)
        return value

    def any(self, key: str) -> Any:
        """Value of `key`, or None when it is not there."""
        self._asked.add(key)
        return self._content.get(key)

    def section(self, key: str, *, optional: bool = False) -> Section:
        """The table `key`."""
        return Section(self.get(key, dict, {} if optional else None), f"{self.where} [{key}]")

    def sections(self, key: str) -> list[Section]:
        """The tables of the array of tables `key`; none when it is not there."""
        tables = self.get(key, list, [])
        if not all(isinstance(table, dict) for table in tables):
            raise self.error(key, "wrong-kind", ["array of tables"])
        return [Section(table, f"{self.where} [[{key}]] {number}") for number, table in enumerate(tables, 1)]

    def names(self) -> list[str]:
        """All keys of the table: for tables whose keys are names of DICOM and not ours."""
        self._asked.update(self._content)
        return list(self._content)

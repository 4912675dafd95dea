# SPDX-License-Identifier: Apache-2.0
"""Errors, one family for each thing that the caller must do.

An error carries a code (stable, for machines), a path (where in the instance) and, where that helps, a detail in
words; never the value of an element: errors end in logs, reports and pages.
"""

from __future__ import annotations

from typing import Any


class DeidgateError(Exception):
    """Base of all errors that Deidgate raises on purpose.

    Parameters
    ----------
    code : str
        What is wrong: a stable, lower-case name such as ``unreadable-element``.
    path : str, optional
        Where: an element path, a file name of ours, a setting; never a value.
    detail : str, optional
        What more there is to say: the option that is meant, the words that are accepted; never a value.
    """

    def __init__(self, code: str, path: str = "", detail: str = "") -> None:
        super().__init__(f"{code} at {path}" if path else code)
        self.code = code
        self.path = path
        self.detail = detail

    def __str__(self) -> str:
        """Code, place and detail in a line."""
        said = super().__str__()
        return f"{said} ({self.detail})" if self.detail else said

    def __reduce__(self) -> tuple[Any, ...]:
        """How another process gets it: as it is, whatever the arguments of its class are."""
        return _received, (type(self), self.args, dict(self.__dict__))


def _received(kind: type[DeidgateError], args: tuple[Any, ...], state: dict[str, Any]) -> DeidgateError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(DeidgateError):
    """A policy, a setting or a key file is wrong: refuse to start."""


class CannotDeidentify(DeidgateError):
    """The instance cannot be de-identified by its policy: hold it."""


class Unavailable(DeidgateError):
    """A server or the ledger does not answer: try again later."""


class VerificationFailed(DeidgateError):
    """The result is not what the plan promised: hold it and raise an alert."""

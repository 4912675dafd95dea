# SPDX-License-Identifier: Apache-2.0
"""Errors, one family for each thing that the caller must do.

An error carries a code (stable, for machines) and a path (where in the instance),
and never the value of an element: errors end in logs, reports and pages.
"""


class DeidgateError(Exception):
    """Base of all errors that Deidgate raises on purpose.

    Parameters
    ----------
    code : str
        What is wrong: a stable, lower-case name such as ``unreadable-element``.
    path : str, optional
        Where: an element path, a file name of ours, a setting; never a value.
    """

    def __init__(self, code: str, path: str = "") -> None:
        super().__init__(f"{code} at {path}" if path else code)
        self.code = code
        self.path = path


class ConfigurationError(DeidgateError):
    """A policy, a setting or a key file is wrong: refuse to start."""


class CannotDeidentify(DeidgateError):
    """The instance cannot be de-identified by its policy: hold it."""


class Unavailable(DeidgateError):
    """A server or the ledger does not answer: try again later."""


class VerificationFailed(DeidgateError):
    """The result is not what the plan promised: hold it and raise an alert."""

# SPDX-License-Identifier: Apache-2.0
"""Which site, project and policy an instance gets: ``routes.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the routes file.

    Attributes
    ----------
    name : str
        The route's own name.
    site : str
        The sending clinic: Patient IDs are known by (site, Patient ID).
    project : str
        The group of research studies with its own keys, pseudonyms and readers.
    policy : str
        Name of the policy: the file ``policies/NAME.toml``.
    calling, called, modality, sop_class : tuple of str
        What has to match, with ``*`` and ``?`` as wildcards; empty matches everything.
    """

    name: str
    site: str
    project: str
    policy: str
    calling: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()
    sop_class: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes, in the order of the file; the first that matches is taken."""

    routes: tuple[Route, ...]

    def resolve(self, calling_aet: str, called_aet: str, modality: str, sop_class_uid: str) -> Route:
        """The first route that matches.

        Raises
        ------
        CannotDeidentify
            No route matches (code ``no-route``): hold.
        """
        raise NotImplementedError


def load_routes(path: Path) -> Routes:
    """The routes of the TOML file `path`.

    Raises
    ------
    ConfigurationError
        The file is missing or not TOML, or has an unknown key or value.
    """
    raise NotImplementedError

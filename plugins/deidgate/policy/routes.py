# SPDX-License-Identifier: Apache-2.0
"""Which site, project and policy an instance gets: ``routes.toml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from deidgate.errors import CannotDeidentify
from deidgate.policy.tomlfile import Section, read_toml

_FILLING = " \0"


def matches(patterns: Sequence[str], value: str) -> bool:
    """Whether a route is meant for an AE title, a modality or a SOP Class: `patterns` are what it has of them.

    What fills them up is not significant. Source: PS3.5 Table 6.2-1 (AE, CS: spaces on both sides; UI: a NUL).
    """
    return not patterns or any(fnmatchcase(value.strip(_FILLING), pattern.strip(_FILLING)) for pattern in patterns)


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
    commitment : str
        ``HOST:PORT`` where the senders listen for answers to storage commitment; empty when they do not ask for it.
    tls : bool
        The senders have to come over TLS with a certificate of their site; without it, what they send is refused.
    """

    name: str
    site: str
    project: str
    policy: str
    calling: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()
    sop_class: tuple[str, ...] = ()
    commitment: str = ""
    tls: bool = False


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
        for route in self.routes:
            if (
                matches(route.calling, calling_aet)
                and matches(route.called, called_aet)
                and matches(route.modality, modality)
                and matches(route.sop_class, sop_class_uid)
            ):
                return route
        raise CannotDeidentify("no-route")

    @property
    def commitments(self) -> Mapping[str, str]:
        """Where answers to storage commitment go, by AE title; without those that do not ask for it."""
        return {title: route.commitment for route in self.routes if route.commitment for title in route.calling}


def load_routes(path: Path) -> Routes:
    """The routes of the TOML file `path`.

    Raises
    ------
    ConfigurationError
        The file is missing or not TOML, or has an unknown key or value, two routes have one name, or one AE title has
        two addresses for storage commitment.
    """
    content, _ = read_toml(path)
    with Section(content, path.name) as top:
        routes = []
        for line in top.sections("route"):
            with line:
                routes.append(_route(line))
        names = [route.name for route in routes]
        for name in names:
            if names.count(name) > 1:
                raise top.error("route", "name-twice", ["one name for each route"], name)
        found = Routes(tuple(routes))
        for route in routes:
            for title in route.calling if route.commitment else ():
                if found.commitments[title] != route.commitment:
                    raise top.error("commitment", "two-addresses", ["one address for each AE title"], title)
    return found


def _route(line: Section) -> Route:
    return Route(
        name=line.get("name", str),
        site=line.ledger_name("site"),
        project=line.ledger_name("project"),
        policy=line.get("policy", str),
        calling=tuple(line.words("calling", [])),
        called=tuple(line.words("called", [])),
        modality=tuple(line.words("modality", [])),
        sop_class=tuple(line.words("sop_class", [])),
        commitment=_address(line),
        tls=line.get("tls", bool, default=False),
    )


def _address(line: Section) -> str:
    text = line.get("commitment", str, "")
    host, _, port = text.rpartition(":")
    if text and not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise line.error("commitment", "not-an-address", ["HOST:PORT"])
    return text

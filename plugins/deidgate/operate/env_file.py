# SPDX-License-Identifier: Apache-2.0
"""The settings of an installation: `.env` beside `docker-compose.yml`, which Compose reads too.

Written once, at the first `up`, with every key in it; from then on it belongs to the operator. A key that starts
with `DEIDGATE_` and is not known is an error, so that a misspelt port does not silently stay the old one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace

from deidgate.operate.problem import Problem

PREFIX = "DEIDGATE_"
PROJECT = "COMPOSE_PROJECT_NAME"
RETIRED = frozenset({"DEIDGATE_CONSOLE_PORT"})
"""Settings of earlier versions: they mean nothing any more, and stand in env files that these wrote."""
HEADING = "# Settings of this installation, written at the first `./gateway up`. After a change: ./gateway up\n"


@dataclass(frozen=True)
class Settings:
    """What an operator may change; the key of a field is its name in capitals after `DEIDGATE_`."""

    dicom_port: int = 4242
    """DICOM (C-STORE, C-ECHO) for the clinics."""
    dicom_tls_port: int = 2762
    """The same over TLS, with a certificate of the site."""
    research_port: int = 8443
    """https for researchers: OHIF, DICOMweb, Orthanc Explorer."""
    plain_dicom: str = "on"
    """`off` leaves DICOM over TLS only."""
    clinical_address: str = "0.0.0.0"  # noqa: S104 - a gateway is there to be reached; narrow it to one network card here
    """The address of this machine that the DICOM ports listen on."""
    research_address: str = "0.0.0.0"  # noqa: S104 - as above
    """The address of this machine that the research port listens on."""
    host_names: str = "localhost,127.0.0.1"
    """Names and addresses that people type to reach this machine, for the generated certificates; with commas."""
    secrets_dir: str = "./secrets"
    """Where keys, certificates and passwords are, seen from the checkout."""
    compose_files: str = "docker-compose.yml"
    """Compose files, each over the one before, with commas."""
    debian_mirror: str = ""
    """Debian mirror to build the images from; empty: this machine's own, if it is a Debian machine."""
    pip_index_url: str = ""
    """Python package index for the builds; empty: pip's own."""
    npm_registry: str = ""
    """npm registry for the builds; empty: npm's own."""
    min_free_gb: int = 10
    """`up` refuses to start with less free disk than this, in GB."""

    def ports(self) -> tuple[int, ...]:
        """All ports of this machine."""
        return (self.dicom_port, self.dicom_tls_port, self.research_port)


SECTIONS = {
    "dicom_port": "Ports of this machine.",
    "plain_dicom": "off: DICOM over TLS only.",
    "clinical_address": "Addresses of this machine to listen on: one network card for each zone, where there are two.",
    "host_names": "Names and addresses people use for this machine (for the generated certificates), with commas.",
    "secrets_dir": "Keys, certificates and passwords.",
    "compose_files": "Compose files, each over the one before, with commas.",
    "debian_mirror": "Where images are built from. Empty: this machine's Debian mirror, pip's and npm's own registry.",
    "min_free_gb": "Refuse to start with less free disk than this.",
}


def key_of(field: str) -> str:
    """The name of a setting in the file."""
    return PREFIX + field.upper()


def parse(text: str, where: str) -> dict[str, str]:
    """The keys and values of an env file, as Compose reads them: no expansion, matching quotes around a value go.

    Raises
    ------
    Problem
        A line is neither empty, a comment nor KEY=VALUE.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, value = stripped.partition("=")
        if not equals or not key.strip().isidentifier():
            raise Problem(f"{where}, line {number}: not KEY=VALUE", "put right or remove that line")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[key.strip()] = value
    return values


def read(values: Mapping[str, str], where: str, defaults: Settings | None = None) -> Settings:
    """The settings that `values` hold; of `defaults` what they do not.

    Raises
    ------
    Problem
        A key is unknown, or a number is none or out of its range.
    """
    known = {key_of(field.name): field for field in fields(Settings)}
    found: dict[str, int | str] = {}
    for key, value in values.items():
        if not key.startswith(PREFIX) or key in RETIRED:
            continue
        if key not in known:
            raise Problem(f"{where}: unknown setting {key}", f"use one of {', '.join(sorted(known))}")
        name = known[key].name
        found[name] = _number(key, value, where) if isinstance(getattr(Settings(), name), int) else value
    settings = replace(defaults or Settings(), **found)  # type: ignore[arg-type]
    if settings.plain_dicom not in ("on", "off"):
        raise Problem(f"{where}: {key_of('plain_dicom')} is not on or off", "write one of the two")
    if len(set(settings.ports())) < len(settings.ports()):
        raise Problem(f"{where}: two ports are the same", "give each port its own number")
    return settings


def _number(key: str, value: str, where: str) -> int:
    highest = 65535 if key.endswith("_PORT") else 1_000_000
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= highest:
        raise Problem(f"{where}: {key} is not a number from 1 to {highest}", f"write {key}=NUMBER")
    return int(value)


def write(settings: Settings, project: str, present: Collection[str] = ()) -> str:
    """The text of an env file with every setting in it, but for those whose keys are `present` already."""
    lines: list[str] = []
    for field in fields(Settings):
        if key_of(field.name) in present:
            continue
        if field.name in SECTIONS:
            lines += ["", f"# {SECTIONS[field.name]}"]
        lines.append(f"{key_of(field.name)}={getattr(settings, field.name)}")
    if PROJECT not in present:
        lines += ["", "# The name in front of containers, networks and volumes.", f"{PROJECT}={project}"]
    return "".join(f"{line}\n" for line in lines)

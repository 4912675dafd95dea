# SPDX-License-Identifier: Apache-2.0
"""Addresses, files and limits, read once in an entry point.

Settings say where things are; what is done to an instance is the policy's matter. Every setting is an environment
variable ``DEIDGATE_…``; passwords and keys are files, never variables.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from deidgate.errors import ConfigurationError

_PREFIX = "DEIDGATE_"
_ORTHANCS_OWN = "_PASSWORD"
"""Ending of variables that Orthanc's configuration reads, in the containers of the plugins."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; the variable of `ingest_url` is ``DEIDGATE_INGEST_URL``."""

    data: Path = Path("/var/lib/deidgate")
    """Folder of the ledger."""

    config: Path = Path("/etc/deidgate")
    """Folder with ``routes.toml`` and ``policies/``."""

    ledger: str = ""
    """Database of ledger and mapping table, as SQLAlchemy spells it; empty is an SQLite file in `data`."""

    source: str = "ingest"
    """Name of the ingest server in the ledger."""

    ingest_url: str = "https://ingest:8042"
    """Address of the ingest Orthanc as the worker reaches it."""

    ingest_user: str = "gateway"
    """User at ingest."""

    ingest_password_file: Path = Path("/run/secrets/ingest_password")
    """File with that user's password."""

    research_url: str = "https://research:8042"
    """Address of the research Orthanc as the worker reaches it."""

    research_user: str = "delivery"
    """User at research."""

    research_password_file: Path = Path("/run/secrets/research_delivery_password")
    """File with that user's password."""

    ca_file: Path = Path("/run/secrets/ca")
    """Certificate of the authority that has signed those of the two servers."""

    pseudonym_key_file: Path = Path("/run/secrets/pseudonym_key")
    """32 bytes: from them come all new UIDs and the keyed indexes of the ledger."""

    encryption_key_file: Path = Path("/run/secrets/encryption_key")
    """32 bytes: encrypt the identifying columns. Earlier ones are beside it as ``encryption-<id>.key``."""

    mark_key_file: Path = Path("/run/secrets/mark_key")
    """Ed25519 private key (PEM) that the worker signs with."""

    mark_public_key_file: Path = Path("/run/secrets/mark_pub")
    """Its public key (PEM), with which research checks."""

    state: Path = Path(tempfile.gettempdir()) / "deidgate"
    """Folder for the worker's signs of life and counters; nothing in it has to survive."""

    metrics_port: int = 9100
    """TCP port of the worker's Prometheus metrics; 0 serves none."""

    processes: int = 0
    """Worker processes; 0 is one for each processor, at most four."""

    threads: int = 3
    """Instances that one worker process has under way at once: waiting for Orthanc is most of the time."""

    batch: int = 24
    """Instances that one worker process claims at once."""

    lease_s: float = 20.0
    """Seconds after which another worker may take over an instance whose worker gives no sign of life."""

    timeout_s: float = 60.0
    """Seconds to wait for an Orthanc before it counts as unavailable."""

    storage: Path = Path("/var/lib/orthanc")
    """Folder whose free space the ingest plugin watches."""

    disk_low_mb: int = 2048
    """Megabytes (10^6 bytes) of free space below which ingest refuses instances, until there is a quarter more."""

    backlog_high: int = 200_000
    """Instances waiting above which ingest refuses new ones; it accepts again at 0.8 times that."""

    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Settings from environment variables.

        Raises
        ------
        ConfigurationError
            ``unknown-setting`` or ``setting-not-a-number``, with the variable's name.
        """
        known = {_PREFIX + field.name.upper(): field for field in fields(cls)}
        given: dict[str, object] = {}
        for variable, text in environment.items():
            if not variable.startswith(_PREFIX) or variable.endswith(_ORTHANCS_OWN):
                continue
            if variable not in known:
                raise ConfigurationError("unknown-setting", variable)
            field = known[variable]
            kind = {"int": int, "float": float, "Path": Path}.get(str(field.type), str)
            try:
                given[field.name] = kind(text)
            except ValueError:
                raise ConfigurationError("setting-not-a-number", variable) from None
        return cls(**given)  # type: ignore[arg-type]

    @property
    def ledger_url(self) -> str:
        """Address of the ledger's database."""
        return self.ledger or f"sqlite:///{(self.data / 'ledger.db').absolute()}"

    @property
    def routes(self) -> Path:
        """The file of routes."""
        return self.config / "routes.toml"

    @property
    def retention(self) -> Path:
        """The file that says how long originals are kept."""
        return self.config / "retention.toml"

    @property
    def destinations(self) -> Path:
        """The file of further destinations."""
        return self.config / "destinations.toml"

    @property
    def policies(self) -> Path:
        """The folder of policy files."""
        return self.config / "policies"


def secret(path: Path) -> bytes:
    """The content of a secret file, as it is.

    Raises
    ------
    ConfigurationError
        ``secret-unreadable`` or ``secret-empty``, with the file's name.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError("secret-unreadable", path.name) from error
    if not content:
        raise ConfigurationError("secret-empty", path.name)
    return content


def password(path: Path) -> str:
    """The password in a file, without a line break at its end."""
    return secret(path).rstrip(b"\r\n").decode()

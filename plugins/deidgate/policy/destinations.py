# SPDX-License-Identifier: Apache-2.0
"""Where a project's instances go beside the research server: ``destinations.toml``. Without the file, nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deidgate.dicom.lexical import is_ae_title
from deidgate.policy.tomlfile import Section, read_toml

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_URL = re.compile(r"(?P<scheme>https?)://(?P<user>[^/?#\s]*@)?[^/?#@\s]+(/[^?#\s]*)?")
KINDS = ("dicom", "dicomweb", "folder")
COMMITMENTS = ("required", "none")


@dataclass(frozen=True, slots=True)
class Tls:
    """How the other side is known, and ours to it.

    Attributes
    ----------
    ca : Path or None
        Who signed the other side's certificate; None trusts the system's authorities.
    certificate, key : Path or None
        Ours; the key may be in the file of the certificate.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class DicomNode:
    """C-STORE, and storage commitment.

    Attributes
    ----------
    host : str
    port : int
    called_aet, calling_aet : str
    tls : Tls or None
        None is plain DICOM.
    commitment : bool
        Nothing is confirmed before the node has committed to keep it; else its answer to C-STORE has to do.
    answer_s : float
        Seconds to wait for the N-EVENT-REPORT.
    listen : int
        TCP port on which the node may bring it by an association of its own; 0: only on the association of the request.
    """

    host: str
    port: int
    called_aet: str
    calling_aet: str
    tls: Tls | None = None
    commitment: bool = True
    answer_s: float = 60.0
    listen: int = 0


@dataclass(frozen=True, slots=True)
class DicomWeb:
    """STOW-RS.

    Attributes
    ----------
    url : str
        Of the service: ``/studies`` is added.
    tls : Tls
    user : str
        For basic authentication with `password`; empty for none.
    password, token : Path or None
        Files with the password of `user`, or with a bearer token.
    """

    url: str
    tls: Tls = Tls()
    user: str = ""
    password: Path | None = None
    token: Path | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """Files ``STUDY/SERIES/INSTANCE.dcm``, named by the new UIDs, below a folder that has to be there."""

    path: Path


Place = DicomNode | DicomWeb | Folder


@dataclass(frozen=True, slots=True)
class Destination:
    """One table of the file.

    Attributes
    ----------
    name : str
        Its own name, by which the ledger knows it.
    projects : tuple of str
        Whose instances go there.
    place : DicomNode, DicomWeb or Folder
    timeout_s : float
        Seconds to wait for a connection and for each answer.
    """

    name: str
    projects: tuple[str, ...]
    place: Place
    timeout_s: float = 30.0


def load_destinations(path: Path) -> tuple[Destination, ...]:
    """The destinations of the TOML file `path`; none without a file.

    Raises
    ------
    ConfigurationError
        The file is not TOML, or has an unknown or missing key or a value that is not accepted: with file and key.
    """
    if not path.exists():
        return ()
    content, _ = read_toml(path)
    found: list[Destination] = []
    with Section(content, path.name) as top:
        for line in top.sections("destination"):
            with line:
                one = _destination(line)
                if one.name in {other.name for other in found}:
                    raise line.error("name", "name-twice", ["one name for each destination"])
                ports = {other.place.listen for other in found if isinstance(other.place, DicomNode)} - {0}
                if isinstance(one.place, DicomNode) and one.place.listen in ports:
                    raise line.error("listen", "port-twice", ["a port of its own for each destination"])
                found.append(one)
    return tuple(found)


def _destination(line: Section) -> Destination:
    name = line.get("name", str)
    if not _NAME.fullmatch(name):
        raise line.error("name", "unknown-value", ["a-z, 0-9 and -, at most 63"])
    projects = line.ledger_names("projects")
    if not projects:
        raise line.error("projects", "empty", ["one project or more"])
    return Destination(name, tuple(projects), _place(line), _seconds(line, "timeout_s", 30))


def _place(line: Section) -> Place:
    match line.word("kind", KINDS):
        case "dicom":
            return _dicom(line)
        case "dicomweb":
            return _dicomweb(line)
    return _folder(line)


def _dicom(line: Section) -> DicomNode:
    host, _, port = line.get("address", str).rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise line.error("address", "not-an-address", ["HOST:PORT"])
    tls = line.get("tls", bool, default=True)
    files = _tls(line)
    if not tls and files != Tls():
        raise line.error("tls", "files-without-tls", ["true, or no ca, certificate and key"])
    listen = line.get("listen", int, 0)
    if not 0 <= listen < 65536:
        raise line.error("listen", "unknown-value", ["0 to 65535"])
    if listen and tls and files.certificate is None:
        raise line.error("certificate", "missing-key", ["what answers over TLS needs one, with listen"])
    return DicomNode(
        host,
        int(port),
        called_aet=_title(line, "called"),
        calling_aet=_title(line, "calling", "DEIDGATE"),
        tls=files if tls else None,
        commitment=line.word("commitment", COMMITMENTS, "required") == "required",
        answer_s=_seconds(line, "answer_s", 60),
        listen=listen,
    )


def _dicomweb(line: Section) -> DicomWeb:
    url = line.get("url", str).rstrip("/")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise line.error("url", "not-an-address", ["https://HOST[:PORT]/PATH"])
    if parts["user"]:
        # It would be in everything that shows the configuration.
        raise line.error("url", "password-in-address", ["user, and password as a file"])
    user, password, token = line.get("user", str, ""), _file(line, "password"), _file(line, "token")
    if bool(user) != (password is not None):
        raise line.error("user", "incomplete", ["user and password together"])
    if user and token is not None:
        raise line.error("token", "two-ways", ["user and password, or token"])
    if parts["scheme"] == "http" and (user or token is not None):
        raise line.error("url", "secret-over-http", ["https with a password or token"])
    return DicomWeb(url, _tls(line), user, password, token)


def _folder(line: Section) -> Folder:
    path = Path(line.get("path", str))
    if not path.is_absolute():
        raise line.error("path", "not-absolute", ["/FOLDER as the worker sees it"])
    return Folder(path)


def _tls(line: Section) -> Tls:
    files = Tls(_file(line, "ca"), _file(line, "certificate"), _file(line, "key"))
    if files.key is not None and files.certificate is None:
        raise line.error("key", "incomplete", ["certificate and key, or certificate with its key in it"])
    return files


def _file(line: Section, key: str) -> Path | None:
    text = line.get(key, str, "")
    if text and not Path(text).is_absolute():
        raise line.error(key, "not-absolute", ["/FILE as the worker sees it"])
    return Path(text) if text else None


def _title(line: Section, key: str, default: str | None = None) -> str:
    text = line.get(key, str, default)
    if not is_ae_title(text):
        raise line.error(key, "not-an-ae-title", ["1 to 16 characters of ASCII"])
    return text


def _seconds(line: Section, key: str, default: int) -> float:
    number = line.get(key, int, default)
    if number < 1:
        raise line.error(key, "unknown-value", ["1 or more"])
    return float(number)

# SPDX-License-Identifier: Apache-2.0
"""The sites' certificates: issue one, take one that a hospital has, take one back, list them; and write a new route.

Usage: python -m deidgate.custody.sites COMMAND SECRETS ROUTES [WORD...]

========== ============ =====================================================================
command    words        what it does
========== ============ =====================================================================
list                    prints every site of the routes with its certificates, as JSON
issue      SITE         prints a new key and certificate, PEM; only the certificate is kept
trust      SITE         takes the certificate that comes on standard input
revoke     FINGERPRINT  takes a certificate back; its first 8 figures or more name it
route      JSON         prints the routes file with one more route, if that is right
========== ============ =====================================================================
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from deidgate.custody.certificates import Authority, new_client, read_key
from deidgate.custody.generate import SITES
from deidgate.dimse.sites import SiteCertificate, read_bundle, write_bundle
from deidgate.errors import ConfigurationError
from deidgate.policy.routes import Route, load_routes

_SHORTEST = 8


def described(routes: Sequence[Route], certificates: Sequence[SiteCertificate]) -> list[dict[str, object]]:
    """Every site, by name: its AE titles, whether it has to come over TLS, its certificates and how long they hold."""
    names = sorted({route.site for route in routes} | {one.site for one in certificates})
    return [
        {
            "site": name,
            "calling": sorted({title for route in routes if route.site == name for title in route.calling}),
            "tls": any(route.tls for route in routes if route.site == name),
            "certificates": [
                {"fingerprint": one.fingerprint, "until": _until(one).isoformat()}
                for one in certificates
                if one.site == name
            ],
        }
        for name in names
    ]


def _until(one: SiteCertificate) -> datetime:
    return x509.load_pem_x509_certificate(one.pem.encode()).not_valid_after_utc


def issue(folder: Path, site: str, now: datetime) -> bytes:
    """A new key and certificate for `site`, as one PEM text; the gate takes the certificate from now on."""
    authority = Authority(
        read_key((folder / "ca.key").read_bytes()), x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    )
    key, certificate = new_client(authority, site, now)
    trust(folder, site, certificate)
    return key + certificate


def trust(folder: Path, site: str, pem: bytes) -> str:
    """Take a client certificate for `site`; its fingerprint.

    Raises
    ------
    ConfigurationError
        ``site-certificates``: it is none, or is known already.
    """
    try:
        found = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise ConfigurationError("site-certificates", "not-a-certificate") from None
    # Written anew: nothing but the certificate is kept of what was handed in, which may hold a key as well.
    one = SiteCertificate(site, found.public_bytes(serialization.Encoding.PEM).decode())
    text = write_bundle([*_certificates(folder), one])
    read_bundle(text)
    _write(folder, text)
    return one.fingerprint


def revoke(folder: Path, beginning: str) -> None:
    """Take back the one certificate whose fingerprint begins so.

    Raises
    ------
    ConfigurationError
        ``site-certificates``: none or several begin so, or what is given is too short to tell.
    """
    beginning = beginning.lower().replace(":", "")
    certificates = _certificates(folder)
    meant = [one for one in certificates if one.fingerprint.startswith(beginning)]
    if len(beginning) < _SHORTEST or len(meant) != 1:
        raise ConfigurationError("site-certificates", "no-such-fingerprint")
    _write(folder, write_bundle([one for one in certificates if one not in meant]))


def with_route(text: str, route: dict[str, object]) -> str:
    """The routes file `text` with one more route at its end.

    Raises
    ------
    ConfigurationError
        The file would not be right.
    """
    # A JSON text or list of texts is a TOML one too, as long as it is ASCII.
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in route.items())
    longer = f"{text.rstrip()}\n\n[[route]]\n{lines}"
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "routes.toml"
        draft.write_text(longer, encoding="utf-8")
        load_routes(draft)
    return longer


def _certificates(folder: Path) -> tuple[SiteCertificate, ...]:
    return read_bundle((folder / SITES).read_text(encoding="ascii"))


def _write(folder: Path, text: str) -> None:
    # In its place: the gate's container has this very file mounted, and would keep another one that was renamed away.
    with (folder / SITES).open("r+", encoding="ascii") as file:
        file.write(text)
        file.truncate()


def main(words: Sequence[str]) -> None:
    """Run one command."""
    command, folder, path, *rest = words
    routes = load_routes(Path(path)).routes
    out = sys.stdout
    match command, rest:
        case "list", []:
            json.dump(described(routes, _certificates(Path(folder))), out)
        case "issue", [site]:
            out.write(issue(Path(folder), _known(routes, site), datetime.now(UTC)).decode())
        case "trust", [site]:
            out.write(trust(Path(folder), _known(routes, site), sys.stdin.buffer.read()) + "\n")
        case "revoke", [beginning]:
            revoke(Path(folder), beginning)
        case "route", [text]:
            out.write(with_route(Path(path).read_text(encoding="utf-8"), json.loads(text)))
        case _:
            raise ConfigurationError("unknown-command", command)


def _known(routes: Sequence[Route], site: str) -> str:
    if site not in {route.site for route in routes}:
        raise ConfigurationError("no-such-site", site)
    return site


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ConfigurationError as error:
        sys.exit(str(error))

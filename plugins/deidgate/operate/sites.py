# SPDX-License-Identifier: Apache-2.0
"""`gateway sites`: which clinics may send, and the certificates that they send under."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from deidgate.operate import engine
from deidgate.operate.private_files import drafts
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.secret_files import SecretFiles
from deidgate.operate.shell import Outcome
from deidgate.operate.up import Site

ROUTES = "routes.toml"


def add(several: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands."""
    actions = several.add_parser("sites", help="the clinics that send, and their certificates").add_subparsers(
        metavar="ACTION", required=True
    )
    one = actions.add_parser("list", help="sites, AE titles and certificates")
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(run=list_sites)

    one = actions.add_parser("add", help="write a route for a new site, or for more AE titles of one")
    one.add_argument("site", metavar="SITE", help="its name here: Patient IDs are known by it")
    one.add_argument("--calling", action="append", required=True, metavar="AE", help="AE title; may be said again")
    one.add_argument("--project", required=True, help="whose studies these are")
    one.add_argument("--policy", required=True, metavar="NAME", help="a file of policies/, without .toml")
    one.add_argument("--commitment", metavar="HOST:PORT", help="where answers to storage commitment go")
    one.add_argument("--tls", action="store_true", help="refuse it without TLS and a certificate of its own")
    one.set_defaults(run=add_site)

    one = actions.add_parser("certificate", help="make a key and certificate for the machines of a site")
    one.add_argument("site", metavar="SITE")
    one.add_argument("file", metavar="FILE", help="where to write both, as PEM; kept nowhere else")
    one.set_defaults(run=certificate)

    one = actions.add_parser("trust", help="take a certificate that the site has already")
    one.add_argument("site", metavar="SITE")
    one.add_argument("file", metavar="FILE", help="the certificate, as PEM")
    one.set_defaults(run=trust)

    one = actions.add_parser("revoke", help="take a certificate back, from now on")
    one.add_argument("fingerprint", metavar="FINGERPRINT", help="its first 8 figures or more, from `sites list`")
    one.set_defaults(run=revoke)


def list_sites(site: Site, given: argparse.Namespace) -> int:
    """Print the sites with their AE titles and certificates."""
    text = _run(site, "list").out
    if given.json:
        print(text)
        return Exit.OK
    for found in json.loads(text):
        how = "TLS only" if found["tls"] else "plain or TLS"
        print(f"{found['site']:<20} {how:<14} {', '.join(found['calling']) or 'any AE title'}")
        for one in found["certificates"]:
            print(f"{'':<20} certificate {one['fingerprint'][:16]} until {one['until'][:10]}")
    return Exit.OK


def add_site(site: Site, given: argparse.Namespace) -> int:
    """Add a route for a site to ``routes.toml``, which is replaced as a whole."""
    route: dict[str, object] = {
        "name": f"{given.site}-{'-'.join(given.calling)}".lower(),
        "calling": given.calling,
        "site": given.site,
        "project": given.project,
        "policy": given.policy,
    }
    if any(character in title for title in given.calling for character in "*?"):
        raise Problem("an AE title that may send is named in full", "say --calling for each of them", Exit.USAGE)
    policy = site.installation.root / "orthanc-ingest" / "policies" / f"{given.policy}.toml"
    if not policy.is_file():
        raise Problem(f"there is no policy {given.policy}", f"name a file of {policy.parent}", Exit.USAGE)
    if given.commitment:
        route["commitment"] = given.commitment
    if given.tls:
        route["tls"] = True
    text = _run(site, "route", json.dumps(route)).out
    _replace(_routes(site), text)
    site.say(f"wrote the route to {_routes(site)}; ./gateway up makes it hold")
    return Exit.OK


def certificate(site: Site, given: argparse.Namespace) -> int:
    """Make a key and a certificate for a site, and write both to a file."""
    target = Path(given.file).resolve()
    with drafts(target) as [place]:
        place.write_text(_run(site, "issue", given.site).out, encoding="utf-8")
    site.say(f"key and certificate of {given.site}: {target}; bring both to its machines, and keep no copy")
    return Exit.OK


def trust(site: Site, given: argparse.Namespace) -> int:
    """Let a site use a certificate of its own making."""
    try:
        text = Path(given.file).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise Problem(f"{given.file} cannot be read", "name a certificate in PEM", Exit.USAGE) from None
    done = _run(site, "trust", given.site, text=text)
    site.say(f"{given.site} may use the certificate {done.out.strip()[:16]} from now on")
    return Exit.OK


def revoke(site: Site, given: argparse.Namespace) -> int:
    """Refuse a certificate from now on."""
    _run(site, "revoke", given.fingerprint)
    site.say("it is refused from now on; what was sent under it stays")
    return Exit.OK


def _routes(site: Site) -> Path:
    return site.installation.root / "orthanc-ingest" / ROUTES


def _replace(path: Path, text: str) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(draft).chmod(path.stat().st_mode & 0o777)
    Path(draft).replace(path)


def _run(site: Site, command: str, *words: str, text: str | None = None) -> Outcome:
    files = SecretFiles(site.shell, engine.require(site.shell), site.installation)
    if files.missing():
        raise Problem("there are no certificates yet", "make them with ./gateway up", Exit.UNHEALTHY)
    mounts = [f"{site.installation.secrets}:/secrets:rw", f"{_routes(site).parent}:/config:ro"]
    argv = ["python3", "-m", "deidgate.custody.sites", command, "/secrets", f"/config/{ROUTES}", *words]
    done = files.run(argv, mounts, timeout_s=120, text=text)
    if not done.ok:
        raise Problem(
            "that could not be done; the reason is above", "put it right and try again", Exit.FAILED, done.tail()
        )
    return done

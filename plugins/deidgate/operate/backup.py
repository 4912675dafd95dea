# SPDX-License-Identifier: Apache-2.0
"""`gateway backup` and `gateway restore`: ledger, keys, settings, routes and policies in one encrypted file."""

from __future__ import annotations

import argparse
import base64
import getpass
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from deidgate.operate import engine, env_file, installation
from deidgate.operate.commands import compose_of
from deidgate.operate.compose import Compose
from deidgate.operate.engine import Engine
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.secret_files import NAMES, OWNER, SecretFiles
from deidgate.operate.up import Site, prepare
from deidgate.operate.up import up as bring_up

IMAGES = ("ingest", "research")
"""Volumes with images, which are as large as the studies."""
WRITERS = ("ingest", "worker", "research")
"""Stopped while images are copied: else index and files would be of different moments."""
PLACES = ("/secrets", "/config", "/settings", "/ledger")


def add(several: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The two commands."""
    one = several.add_parser("backup", help="ledger, keys, settings, routes and policies as one encrypted file")
    one.add_argument("file", metavar="FILE", help="a new file")
    one.add_argument("--with-images", action="store_true", help="also all studies; the gateway stops meanwhile")
    one.add_argument("--passphrase-file", metavar="FILE", help="else a recovery key is made and printed")
    one.set_defaults(run=backup)

    one = several.add_parser("restore", help="put a backup back, on this machine or a new one, and start")
    one.add_argument("file", metavar="FILE", help="written by backup")
    one.add_argument("--passphrase-file", metavar="FILE", help="else the passphrase or recovery key is asked for")
    one.add_argument("--yes", action="store_true", help="replace what is here")
    one.set_defaults(run=restore)


def backup(site: Site, given: argparse.Namespace) -> int:
    """Write an encrypted backup to a new file; without a passphrase a recovery key is made and printed once."""
    target = Path(given.file).resolve()
    if target.exists() or not target.parent.is_dir():
        raise Problem(f"{target} is there already, or its folder is not", "name a new file", Exit.USAGE)
    compose = compose_of(site)
    files = SecretFiles(site.shell, engine.require(site.shell), site.installation)
    if files.missing() and not site.installation.secrets.exists():
        raise Problem("there is nothing to back up yet", "start the gateway with ./gateway up", Exit.UNHEALTHY)
    key = None if given.passphrase_file else _recovery_key()
    images = IMAGES if given.with_images else ()
    with _passphrase(given.passphrase_file, key) as folder, _stopped(site, compose, given.with_images):
        script = 'python3 -m deidgate.custody.backup "$@" && chown "$0" "$1"'
        words = [f"/out/{target.name}", "/key/passphrase", *PLACES, *(f"{name}=/images/{name}" for name in images)]
        mounts = [*_mounts(site, images, "ro"), f"{target.parent}:/out:rw", f"{folder}:/key:ro"]
        done = files.run(["sh", "-euc", script, f"{os.getuid()}:{os.getgid()}", *words], mounts)
    if not done.ok:
        raise Problem("no backup was written; the last lines are above", _hint(done.tail()), Exit.FAILED, done.tail())
    print(f"{target}: {target.stat().st_size} bytes{'' if images else ', without images'}")
    if key:
        print(f"Recovery key: {key}")
        print("Write it down and keep it apart from the file: without it nobody can read the backup, you included.")
    return Exit.OK


def restore(site: Site, given: argparse.Namespace) -> int:
    """Put back what a backup holds, after all of it was read; what is there already is moved aside."""
    source = Path(given.file).resolve()
    if not source.is_file():
        raise Problem(f"{given.file} is not there", "name a file that ./gateway backup wrote", Exit.USAGE)
    found = prepare(site, lambda _what: given.yes or not sys.stdin.isatty())
    there = site.installation
    files = SecretFiles(site.shell, found, there)
    volumes = {name for name in (*IMAGES, "ledger") if _has_volume(site, found, name)}
    with _passphrase(given.passphrase_file, None) as folder:
        manifest = _checked(files, source, folder)
        site.say(f"the backup of {manifest['at']} is whole")
        if ("ledger" in volumes or len(files.missing()) < len(NAMES)) and not given.yes:
            raise Problem(
                f"{there.project} has keys or a mapping table already",
                "to replace them (they are moved aside) say --yes; ./gateway backup them first",
                Exit.USAGE,
            )
        images = tuple(manifest["images"])
        _taken_down(Compose(site.shell, found, there))
        _put(site, files, source, folder, images, new_index="ingest" not in volumes and "ingest" not in images)
    there = _settled(site)
    bring_up(replace(site, installation=there), lambda _what: given.yes)
    site.say("restored; now count: ./gateway reconcile")
    return Exit.OK


def _taken_down(compose: Compose) -> None:
    """Let nothing run that has the ledger open which is about to be replaced."""
    if compose.installation.env_path.exists():
        compose.run("down", "--remove-orphans", timeout_s=300)
    if any(one.state not in ("exited", "dead", "created") for one in compose.containers()):
        raise Problem(
            f"containers of {compose.installation.project} still run; nothing was changed",
            "stop them with ./gateway down, or docker stop, and try again",
            Exit.FAILED,
        )


def _put(site: Site, files: SecretFiles, source: Path, folder: Path, images: Sequence[str], *, new_index: bool) -> None:
    there = site.installation
    there.secrets.mkdir(parents=True, exist_ok=True)
    there.env_path.parent.mkdir(parents=True, exist_ok=True)
    there.env_path.touch()
    for name in ("ledger", *images):
        labels = (("project", there.project), ("volume", name))
        words = [word for key, value in labels for word in ("--label", f"com.docker.compose.{key}={value}")]
        site.shell.run([files.engine.docker, "volume", "create", *words, f"{there.project}_{name}"], timeout_s=60)
    index = "new-index" if new_index else "same-index"
    pairs = [f"{name}=/images/{name}" for name in images]
    words = [f"/in/{source.name}", "/key/passphrase", *PLACES, str(OWNER), index, *pairs]
    mounts = [*_mounts(site, images, "rw"), f"{source.parent}:/in:ro", f"{folder}:/key:ro"]
    done = files.run(["python3", "-m", "deidgate.custody.restore", "put", *words], mounts)
    if not done.ok:
        raise Problem(
            "the backup could not be put back; the last lines are above",
            "what was here is in a folder replaced-TIME beside each place",
            Exit.FAILED,
            done.tail(),
        )


def _settled(site: Site) -> installation.Installation:
    """The installation, with the settings that hold now; those of an installation of another name are not taken."""
    there = site.installation
    text = there.env_path.read_text(encoding="utf-8")
    if not text or env_file.parse(text, "settings").get(env_file.PROJECT, there.project) != there.project:
        there.env_path.unlink()
    return installation.find(there.root, there.name)


def _checked(files: SecretFiles, source: Path, folder: Path) -> dict[str, list[str]]:
    words = ["python3", "-m", "deidgate.custody.restore", "check", f"/in/{source.name}", "/key/passphrase"]
    done = files.run(words, [f"{source.parent}:/in:ro", f"{folder}:/key:ro"])
    if not done.ok:
        raise Problem(
            "this backup cannot be restored; nothing was changed", _hint(done.tail()), Exit.FAILED, done.tail()
        )
    manifest: dict[str, list[str]] = json.loads(done.out)
    return manifest


def _hint(lines: Sequence[str]) -> str:
    text = " ".join(lines)
    for code, hint in (
        ("backup-unreadable", "the passphrase is another one, or the file is damaged or cut off"),
        ("backup-not-one", "name a file that ./gateway backup wrote"),
        ("passphrase-too-short", "use a passphrase of 12 characters or more"),
        (
            "backup-without-key",
            "a key that the mapping table needs is not in secrets/: put it back; if the key is just being changed, wait"
            " for the end of that and back up again",
        ),
        ("ledger-not-here", "a PostgreSQL ledger is backed up with pg_dump"),
    ):
        if code in text:
            return hint
    return "see the lines above"


def _mounts(site: Site, images: Sequence[str], mode: str) -> list[str]:
    there = site.installation
    return [
        f"{there.secrets}:/secrets:{mode}",
        f"{there.root / 'orthanc-ingest'}:/config:{mode}",
        f"{there.env_path}:/settings:{mode}",
        # Written to by a backup too: the copy of the ledger is made beside it.
        f"{there.project}_ledger:/ledger:rw",
        *(f"{there.project}_{name}:/images/{name}:{mode}" for name in images),
    ]


@contextmanager
def _stopped(site: Site, compose: Compose, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    running = [one.service for one in compose.containers() if one.service in WRITERS and one.state == "running"]
    site.say("stopping ingest, worker and research while the images are copied")
    try:
        compose.must("stop", *WRITERS, timeout_s=300, failed=f"{', '.join(WRITERS)} could not be stopped")
        yield
    finally:
        if running:
            failed = f"{', '.join(running)} could not be started again: the gateway takes nothing"
            compose.must("start", *running, timeout_s=300, failed=failed)


@contextmanager
def _passphrase(file: str | None, key: str | None) -> Iterator[Path]:
    """A folder with the passphrase in it, for a container; gone afterwards."""
    if file is not None:
        try:
            given = Path(file).read_text(encoding="utf-8")
        except OSError:
            raise Problem(f"{file} cannot be read", "name a file with the passphrase", Exit.USAGE) from None
    elif key is not None:
        given = key
    elif sys.stdin.isatty():
        given = getpass.getpass("gateway: passphrase or recovery key: ")
    else:
        given = sys.stdin.readline()
    with tempfile.TemporaryDirectory(prefix="deidgate-") as name:
        path = Path(name) / "passphrase"
        path.touch(mode=0o600)
        path.write_text(given.strip(), encoding="utf-8")
        yield Path(name)


def _recovery_key() -> str:
    """160 random bits in groups of four."""
    text = base64.b32encode(secrets.token_bytes(20)).decode()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def _has_volume(site: Site, found: Engine, name: str) -> bool:
    volume = f"{site.installation.project}_{name}"
    return site.shell.run([found.docker, "volume", "inspect", volume], timeout_s=30).ok

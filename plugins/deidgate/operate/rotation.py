# SPDX-License-Identifier: Apache-2.0
"""`gateway rotate-encryption-key`: another key for the identifying columns; every pseudonym and UID stays."""

from __future__ import annotations

import argparse

from deidgate.operate import engine, health
from deidgate.operate.commands import compose_of, who
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.reason import ask_why
from deidgate.operate.secret_files import OWNER, SecretFiles
from deidgate.operate.shell import Outcome
from deidgate.operate.up import Site

USERS = ("worker", "ingest")
"""Services that are given the key."""


def add(several: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command."""
    one = several.add_parser("rotate-encryption-key", help="encrypt the mapping table with a new key; goes on if cut")
    ask_why(one)
    one.set_defaults(run=rotate)


def rotate(site: Site, given: argparse.Namespace) -> int:
    """New key beside the old one, workers that know both, every row again, and only then the old key goes."""
    compose = compose_of(site)
    files = SecretFiles(site.shell, engine.require(site.shell), site.installation)
    compose.require_running("worker")
    old, new = _must(_keys(files, "begin"), "the new key could not be made").out.split()
    site.say(f"key {new} takes the place of key {old}")
    for service in USERS:
        # A container sees a replaced secret when it is started again.
        _must(compose.run("restart", service, timeout_s=180), f"{service} could not be restarted")
    health.wait(compose, frozenset(USERS))
    words = ("deidgate", "gateway", "re-encrypt", old, new, "--by", who(), "--why", given.why)
    if site.shell.show(compose.in_worker(*words)) != 0:
        raise Problem("some rows still need the old key, which is kept", "run the same command again", Exit.FAILED)
    _must(_keys(files, "finish"), "the old key could not be destroyed")
    site.say("the old key is destroyed here; backups that were made before hold it. Make a new backup now")
    return Exit.OK


def _keys(files: SecretFiles, what: str) -> Outcome:
    words = ["python3", "-m", "deidgate.custody.rotation", what, "/secrets", str(OWNER)]
    return files.run(words, [f"{files.installation.secrets}:/secrets:rw"], timeout_s=120)


def _must(outcome: Outcome, what: str) -> Outcome:
    if not outcome.ok:
        raise Problem(f"{what}; the last lines are above", "run the same command again", Exit.FAILED, outcome.tail())
    return outcome

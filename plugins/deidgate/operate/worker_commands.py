# SPDX-License-Identifier: Apache-2.0
"""Commands that are those of `deidgate` in the running worker: counting, deciding, looking up, auditing."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from deidgate.operate.commands import compose_of, who
from deidgate.operate.private_files import drafts
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.reason import ask_why
from deidgate.operate.up import Site


def add(several: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands that stand by themselves."""
    one = several.add_parser("reconcile", help="count what was received against what became of it; 1 if it is not so")
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(run=reconcile)

    one = several.add_parser("recall", help="take back what was delivered; asks first")
    _which(one)
    one.set_defaults(run=recall)

    one = several.add_parser("reprocess", help="do it again under the present policy and replace it; asks first")
    _which(one)
    one.add_argument("--recalled", action="store_true", help="also what was recalled before")
    one.set_defaults(run=reprocess)

    one = several.add_parser("purge", help="delete now the originals that retention.toml lets go")
    one.add_argument("--dry-run", action="store_true", help="only say how many")
    one.set_defaults(run=purge)

    _destinations(several)
    _approvals(several)
    audit = several.add_parser("audit", help="the audit trail").add_subparsers(metavar="ACTION", required=True)
    for name, what in (
        ("verify", "check that nobody changed it"),
        ("list", "print it"),
        ("head", "number and seal of its last line, to be noted elsewhere"),
    ):
        one = audit.add_parser(name, help=what)
        if name == "verify":
            one.add_argument("--noted", metavar="NUMBER:SEAL", help="a head that was noted before")
        one.set_defaults(run=audit_command, action=name, noted=None)


def add_hold(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What is seen of a held instance, and decided of it."""
    one = actions.add_parser("show", help="who it is of, and what it differs from; recorded in the audit trail")
    one.add_argument("items", nargs="+", type=int, metavar="ITEM", help="number in the hold list")
    ask_why(one)
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(run=show)
    one = actions.add_parser("original", help="write its original to a file; recorded in the audit trail")
    one.add_argument("item", type=int, metavar="ITEM", help="number in the hold list")
    one.add_argument("file", metavar="FILE", help="where to; it must not be there")
    ask_why(one)
    one.set_defaults(run=original)
    for name, what in (("release", "hand it back to the workers"), ("reject", "decide that it is not delivered")):
        one = actions.add_parser(name, help=what)
        one.add_argument("items", nargs="+", type=int, metavar="ITEM", help="number in the hold list")
        ask_why(one)
        if name == "release":
            one.add_argument("--accept", action="store_true", help="let the reason pass from now on")
            one.add_argument(
                "--box",
                action="append",
                default=[],
                nargs=4,
                type=int,
                metavar=("TOP", "LEFT", "BOTTOM", "RIGHT"),
                help="blank this in the picture of one ITEM, which you looked at; from 0, half-open",
            )
            one.add_argument("--frame", type=int, metavar="N", help="only on this frame (default: on every frame)")
        one.set_defaults(run=decide, action=name, accept=False, box=[], frame=None)


def add_mapping(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Looking up who is who."""
    one = actions.add_parser("look-up", help="who a pseudonym, UID or Patient ID is; recorded in the audit trail")
    one.add_argument("value", nargs="?", metavar="VALUE", help="asked for, if it is not given")
    one.add_argument("--project", help="only this project")
    ask_why(one)
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(run=look_up)


def _which(one: argparse.ArgumentParser) -> None:
    one.add_argument("--patient", metavar="PSEUDONYM", help="of this patient")
    one.add_argument("--study", metavar="UID", help="of this study, by its new UID")
    one.add_argument("--series", metavar="UID", help="of this series, by its new UID")
    one.add_argument("--project", help="of this project")
    one.add_argument("--policy", metavar="NAME[:VERSION]", help="delivered under this policy")
    ask_why(one)
    one.add_argument("--yes", action="store_true", help="do not ask")


def _destinations(several: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = several.add_parser("destinations", help="where a project's instances go beside research").add_subparsers(
        metavar="ACTION", required=True
    )
    one = actions.add_parser("list", help="what each has, and what of it a person has to look at")
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(run=destinations_list)
    for name, what in (
        ("retry", "have what a destination refused tried again"),
        ("withdrawn", "record that recalled instances were removed there by hand"),
    ):
        one = actions.add_parser(name, help=what)
        one.add_argument("destination", metavar="NAME")
        some = "*" if name == "retry" else "+"
        one.add_argument("items", nargs=some, type=int, metavar="ITEM", help="number in ./gateway destinations list")
        ask_why(one)
        one.set_defaults(run=destinations_decide, action=name)


def _approvals(several: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = several.add_parser("approvals", help="two people for an export of the mapping table").add_subparsers(
        metavar="ACTION", required=True
    )
    for name, what in (
        ("list", "what was asked for"),
        ("ask", "ask for an export; prints its number"),
        ("approve", "approve what another person asked for"),
        ("require", "from now on an export needs two people"),
        ("require-no-more", "from now on one person is enough; takes an approved ask for four-eyes-off"),
    ):
        one = actions.add_parser(name, help=what)
        one.set_defaults(run=approvals, action=name, words=[], project=None, why=None)
        if name == "ask":
            choices = ("export-patients", "export-uids", "four-eyes-off")
            one.add_argument("words", nargs=1, choices=choices, metavar="WHAT", help=", ".join(choices))
            one.add_argument("--project", help="only this project")
        if name in ("approve", "require-no-more"):
            one.add_argument("words", nargs=1, metavar="NUMBER", help="of the ask")
        if name != "list":
            ask_why(one)


def reconcile(site: Site, given: argparse.Namespace) -> int:
    """Count what was received against what became of it."""
    return _worker(site, "gateway", "reconcile", *(["--json"] if given.json else []))


def recall(site: Site, given: argparse.Namespace) -> int:
    """Take results back from research, after a question."""
    _asked(site, "recall", given)
    return _worker(site, "gateway", "recall", *_selection(given), "--yes")


def reprocess(site: Site, given: argparse.Namespace) -> int:
    """Have originals de-identified again by the policies that hold now, after a question."""
    _asked(site, "reprocess", given)
    compose = compose_of(site)
    # A worker reads its policies when it starts: those that hold now are meant.
    if not compose.run("restart", "worker", timeout_s=120).ok:
        raise Problem("the worker could not be restarted", "see ./gateway status", Exit.UNHEALTHY)
    return _worker(site, "gateway", "reprocess", *_selection(given), "--yes")


def purge(site: Site, given: argparse.Namespace) -> int:
    """Delete originals whose time at ingest is over."""
    return _worker(site, "gateway", "purge", *(["--dry-run"] if given.dry_run else []))


def decide(site: Site, given: argparse.Namespace) -> int:
    """Release or reject held items."""
    words = [*map(str, given.items), "--why", given.why, "--by", who(), *(["--accept"] if given.accept else [])]
    words += [word for box in given.box for word in ("--box", *map(str, box))]
    words += ["--frame", str(given.frame)] if given.frame is not None else []
    return _worker(site, "gateway", "hold", given.action, *words)


def show(site: Site, given: argparse.Namespace) -> int:
    """Show held items with what identifies them; the audit trail says who looked, and why."""
    words = [*map(str, given.items), "--why", given.why, "--by", who(), *(["--json"] if given.json else [])]
    return _worker(site, "gateway", "hold", "show", *words)


def original(site: Site, given: argparse.Namespace) -> int:
    """Write the original of a held item to a new file; the audit trail says who had it, and why."""
    words = ["gateway", "hold", "original", str(given.item), "--why", given.why, "--by", who()]
    with drafts(Path(given.file).resolve(), new=True) as [place]:
        done = site.shell.save(compose_of(site).in_worker("deidgate", *words), place)
        if not done.ok:
            raise Problem("the original could not be had", "see ./gateway hold list", Exit.FAILED, done.tail())
    return Exit.OK


def destinations_list(site: Site, given: argparse.Namespace) -> int:
    """Print what each further destination has, and what of it a person has to look at."""
    return _worker(site, "gateway", "destinations", "list", *(["--json"] if given.json else []))


def destinations_decide(site: Site, given: argparse.Namespace) -> int:
    """Have deliveries to a further destination tried again, or say that they were withdrawn there."""
    words = [given.destination, *map(str, given.items), "--why", given.why, "--by", who()]
    return _worker(site, "gateway", "destinations", given.action, *words)


def approvals(site: Site, given: argparse.Namespace) -> int:
    """Ask for, give, list and require approvals by a second person."""
    words = [*(["--project", given.project] if given.project else []), *given.words]
    named = ["--why", given.why, "--by", who()] if given.why is not None else []
    return _worker(site, "approvals", given.action, *words, *named)


def audit_command(site: Site, given: argparse.Namespace) -> int:
    """Check the audit trail, print it, or print its head."""
    return _worker(site, "audit", given.action, *(["--noted", given.noted] if given.noted else []))


def look_up(site: Site, given: argparse.Namespace) -> int:
    """Say who a pseudonym, patient or UID is; what is asked for comes from the words or from standard input."""
    value = given.value or (input("gateway: look up: ") if sys.stdin.isatty() else sys.stdin.readline())
    words = ["--why", given.why, "--by", who()]
    words += [*(["--project", given.project] if given.project else []), *(["--json"] if given.json else [])]
    # Through a pipe: what is asked for may be an identity, and is in no list of processes of the container.
    command = compose_of(site).in_worker("deidgate", "mapping", "look-up", "-", *words)
    done = site.shell.run(command, text=value.strip() + "\n", timeout_s=120)
    sys.stdout.write(done.out)
    sys.stderr.write(done.err)
    return Exit.OK if done.ok else Exit.FAILED


def _asked(site: Site, command: str, given: argparse.Namespace) -> None:
    """Say how many, and ask.

    Raises
    ------
    Problem
        It cannot be told how many, nobody is there to be asked, or the answer is no.
    """
    words = ["deidgate", "gateway", command, *_selection(given), "--count", "--json"]
    counted = site.shell.run(compose_of(site).in_worker(*words), timeout_s=600)
    if not counted.ok:
        raise Problem("it cannot be told what is meant", "see the lines above", Exit.FAILED, counted.tail())
    found = json.loads(counted.out)
    what = f"{command} {found['instances']} instances of {found['studies']} studies"
    site.say(what)
    if given.yes:
        return
    if not sys.stdin.isatty():
        raise Problem(f"this would {what}", "say so with --yes", Exit.USAGE)
    if input(f"gateway: {what}? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Problem("nothing was changed", "answer y to go on", Exit.FAILED)


def _selection(given: argparse.Namespace) -> list[str]:
    names = ("patient", "study", "series", "project", "policy")
    if not any(getattr(given, name) for name in names):
        raise Problem("this names nothing", "say --patient, --study, --series, --project or --policy", Exit.USAGE)
    words = [word for name in names if getattr(given, name) for word in (f"--{name}", getattr(given, name))]
    recalled = ["--recalled"] if getattr(given, "recalled", False) else []
    return [*words, *recalled, "--why", given.why, "--by", who()]


def _worker(site: Site, *words: str) -> int:
    status = site.shell.show(compose_of(site).in_worker("deidgate", *_plain(words)))
    # What only the worker can tell to be a wrong command line is one here too.
    return {0: Exit.OK, 2: Exit.USAGE}.get(status, Exit.FAILED)


def _plain(words: Sequence[str]) -> list[str]:
    return [str(word) for word in words]

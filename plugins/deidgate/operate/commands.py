# SPDX-License-Identifier: Apache-2.0
"""The operator's commands. They wire; what needs the ledger, a key or DICOM runs in a container."""

from __future__ import annotations

import argparse
import json
import os
import pwd
import shlex
import sys
import time
from pathlib import Path

from deidgate.operate import engine, installation
from deidgate.operate.compose import Compose, Container
from deidgate.operate.private_files import drafts
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.secret_files import SecretFiles
from deidgate.operate.shell import Outcome
from deidgate.operate.up import Site
from deidgate.operate.up import up as bring_up

INGEST = ("ingest", "4242")
"""Past the gate: the operator's own tools are behind it, and send also where plain DICOM is switched off."""
CALLED = "DEIDGATE"
DEMO = "DEMO"
RESEARCHER = "researcher"


def compose_of(site: Site) -> Compose:
    """Compose for the installation, when an engine answers.

    Raises
    ------
    Problem
        None does.
    """
    return Compose(site.shell, engine.require(site.shell), site.installation)


def up(site: Site, given: argparse.Namespace) -> int:
    """Build and start what is not, show the demo where it is asked for, and say the addresses."""
    # A script has nobody to ask; it said what it wants by running the command.
    ask = not given.yes and sys.stdin.isatty()
    compose = bring_up(site, lambda what: not ask or _agreed(what), fresh=given.rebuild)
    if given.demo:
        _demo(site, compose)
    _print(addresses(site))
    return Exit.OK


def _agreed(what: str) -> bool:
    return input(f"gateway: {what}? [Y/n] ").strip().lower() in ("", "y", "yes")


def _demo(site: Site, compose: Compose) -> None:
    site.say(f"sending a made-up study to ingest as the clinic {DEMO}")
    before = _states(site, compose)
    # Another one each time: what is known already would be neither delivered nor held anew.
    patient = f"DEMO-{time.strftime('%Y%m%d-%H%M%S')}"
    words = ["deidgate", "send", *INGEST, "/tmp/demo", "--aet", DEMO, "--called", CALLED]  # noqa: S108 - in a container
    script = f"deidgate demo-study /tmp/demo --patient {patient} && {shlex.join(words)}"
    _must(site.shell.run(compose.in_tools("sh", "-euc", script), timeout_s=120), "the demo study could not be sent")
    waited = compose.in_worker("deidgate", "gateway", "wait", "--timeout", "120")
    _must(site.shell.run(waited, timeout_s=150), "the demo study did not arrive at research")
    after = _states(site, compose)
    if after.get("held", 0) > before.get("held", 0) or after.get("delivered", 0) <= before.get("delivered", 0):
        raise Problem("the demo study is held", "see why with ./gateway hold list", Exit.FAILED)
    site.say(f"it is there, without its patient: {site.installation.research_url}/ohif/")


def _states(site: Site, compose: Compose) -> dict[str, int]:
    states = (_flow(site, compose) or {}).get("states")
    return states if isinstance(states, dict) else {}


def _must(outcome: Outcome, what: str) -> None:
    if not outcome.ok:
        raise Problem(f"{what}; the last lines are above", "see also ./gateway status", Exit.FAILED, outcome.tail())


def addresses(site: Site) -> list[str]:
    """Where everything is, for a person."""
    settings = site.installation.settings
    name = site.installation.name
    gateway = "./gateway" if name == installation.DEFAULT else f"./gateway --installation {name}"
    return [
        f"DICOM     port {settings.dicom_port}, called AE title {CALLED}"
        if settings.plain_dicom == "on"
        else f"DICOM     over TLS only, called AE title {CALLED}",
        f"DICOM TLS port {settings.dicom_tls_port}",
        f"Research  {site.installation.research_url}/",
        f"Log-in    {gateway} credentials",
    ]


def down(site: Site, given: argparse.Namespace) -> int:
    """Stop and remove the containers; with ``--volumes`` all studies, the mapping table and the audit trail too."""
    compose = compose_of(site)
    if not given.volumes:
        return _finish(compose.show("down", "--remove-orphans"))
    what = f"delete ALL studies, the mapping table and the audit trail of {site.installation.project}"
    if not given.yes:
        if not sys.stdin.isatty():
            raise Problem("this deletes all studies and the mapping table", "say so with --yes", Exit.USAGE)
        if input(f"gateway: {what}? Type the word delete: ").strip() != "delete":
            raise Problem("nothing was deleted", "type the word delete to go on", Exit.FAILED)
    return _finish(compose.show("down", "--remove-orphans", "--volumes"))


def _finish(status: int) -> int:
    return Exit.OK if status == 0 else Exit.FAILED


def status(site: Site, given: argparse.Namespace) -> int:
    """Say how the services are and what is under way; fails unless all of them are up."""
    compose = compose_of(site)
    services = compose.containers()
    absent = sorted(compose.services() - {one.service for one in services}) if services else []
    flow = _flow(site, compose) if any(one.service == "worker" and one.state == "running" for one in services) else None
    if given.json:
        listed = [{"service": one.service, "state": one.state, "health": one.health} for one in services]
        listed += [{"service": name, "state": "absent", "health": ""} for name in absent]
        print(json.dumps({"services": listed, "flow": flow}, indent=2))
    else:
        _print([*(f"{name:<15} absent" for name in absent), *status_lines(services, flow)])
    up = bool(services) and not absent and all(one.is_up for one in services)
    return Exit.OK if up and flow is not None else Exit.UNHEALTHY


def _flow(site: Site, compose: Compose) -> dict[str, object] | None:
    asked = site.shell.run(compose.in_worker("deidgate", "gateway", "status", "--json"), timeout_s=60)
    try:
        answer = json.loads(asked.out) if asked.ok else None
    except json.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def status_lines(services: tuple[Container, ...], flow: dict[str, object] | None) -> list[str]:
    """The status for a person: the services, then how many instances are where."""
    if not services:
        return ["nothing runs; start it with ./gateway up"]
    lines = [f"{one.service:<15} {one.state}{f' ({one.health})' if one.health else ''}" for one in services]
    if flow is None:
        return [*lines, "", "where the instances are cannot be told: ./gateway logs worker, ./gateway logs ingest"]
    states = flow.get("states")
    numbers = {**(states if isinstance(states, dict) else {}), "in flight": flow.get("in_flight", 0)}
    further = flow.get("destinations")
    for name, there in sorted(further.items() if isinstance(further, dict) else ()):
        numbers |= {f"{name}: {state}": number for state, number in sorted(there.items())}
    taken = "takes instances in" if flow.get("open") else "REFUSES instances: disk or backlog is at its limit"
    return [*lines, "", *(f"{name:<15} {number}" for name, number in numbers.items()), f"{'ingest':<15} {taken}"]


def logs(site: Site, given: argparse.Namespace) -> int:
    """Print what the services, or one of them, have logged."""
    compose = compose_of(site)
    known = [one.service for one in compose.containers()]
    if given.service and given.service not in known:
        raise Problem(f"no service {given.service} here", f"use one of {', '.join(known) or 'none'}", Exit.USAGE)
    words = [
        "logs",
        "--no-color",
        f"--tail={given.tail}",
        *(["--follow"] if given.follow else []),
        *filter(None, [given.service]),
    ]
    return _finish(compose.show(*words))


def send(site: Site, given: argparse.Namespace) -> int:
    """Send files and folders to ingest by C-STORE."""
    compose = compose_of(site)
    compose.require_running("ingest")
    mounts = []
    for number, name in enumerate(given.paths):
        path = Path(name).resolve()
        if not path.exists():
            raise Problem(f"{name} is not there", "name a DICOM file or a folder", Exit.USAGE)
        mounts.append((str(path), f"/send/{number}", False))
    inside = [mount[1] for mount in mounts]
    words = ["deidgate", "send", *INGEST, *inside, "--aet", given.aet, "--called", given.called]
    return _finish(site.shell.show_output(compose.in_tools(*words, mounts=mounts)))


def wait(site: Site, given: argparse.Namespace) -> int:
    """Wait until nothing is in flight."""
    command = compose_of(site).in_worker("deidgate", "gateway", "wait", "--timeout", str(given.timeout))
    return _finish(site.shell.show(command))


def hold_list(site: Site, given: argparse.Namespace) -> int:
    """Print what is held, and why."""
    words = ["deidgate", "gateway", "hold", "list", *(["--json"] if given.json else [])]
    return _finish(site.shell.show(compose_of(site).in_worker(*words)))


def mapping_export(site: Site, given: argparse.Namespace) -> int:
    """Write the mapping table to two files on this machine, which are whole or not written."""
    compose = compose_of(site)
    uids, patients = Path(given.uids).resolve(), Path(given.patients).resolve()
    # Two texts through one pipe, a line with a NUL between them; nothing of it touches a disk on the way.
    script = (
        "out=$(mktemp -d) && trap 'rm -rf \"$out\"' EXIT"
        ' && deidgate mapping export --uids "$out/uids.csv" --patients "$out/patients.csv" --by "$@" >&2'
        ' && cat "$out/uids.csv" && printf \'\\0\' && cat "$out/patients.csv"'
    )
    # The audit trail names who asked, as this machine knows them, and why.
    why = ("--why", given.why) if given.why is not None else ()
    asked = [who(), *why, *(word for number in given.approval for word in ("--approval", number))]
    with drafts(uids, patients) as places:
        done = site.shell.run(compose.in_worker("sh", "-euc", script, "sh", *asked), timeout_s=600)
        texts = done.out.split("\0")
        if not done.ok or len(texts) != 2:
            raise Problem(
                "the mapping table could not be exported; the last lines are above",
                "see also ./gateway status",
                Exit.FAILED,
                tuple(done.err.splitlines()[-15:]),
            )
        for place, text in zip(places, texts, strict=True):
            place.write_text(text, encoding="utf-8", newline="")
    return Exit.OK


def who() -> str:
    """Who runs this command, as this machine knows them; behind sudo, who asked for it.

    From the process and not from its environment, which everybody writes as they like; only root is believed there.
    """
    if os.getuid() == 0 and os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def research_download(site: Site, given: argparse.Namespace) -> int:
    """Write the studies that research has into a folder, whose new files are the caller's."""
    compose = compose_of(site)
    compose.require_running("research")
    folder = Path(given.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    owner = f"{os.getuid()}:{os.getgid()}"
    # What was there before stays whose it is; what was written is the caller's, even if the rest could not be.
    script = f"""
        begun=$(mktemp)
        trap 'find /download -mindepth 1 -user 0 -newer "$begun" -exec chown -h {owner} {{}} +' EXIT
        deidgate gateway download /download
    """
    mounts = [(str(folder), "/download", True)]
    return _finish(site.shell.show_output(compose.in_tools("sh", "-euc", script, mounts=mounts)))


def credentials(site: Site, given: argparse.Namespace) -> int:
    """Print where ingest and research are reached, and the researcher's password."""
    there = site.installation
    names = ("researcher.password",)
    found = SecretFiles(site.shell, engine.require(site.shell), there).read(names)
    answer = {
        "dicom": {
            "host": "localhost",
            "port": there.settings.dicom_port,
            "tls_port": there.settings.dicom_tls_port,
            "called_aet": CALLED,
            "demo_aet": DEMO,
        },
        "research": {
            "url": there.research_url,
            "user": RESEARCHER,
            "password": found["researcher.password"],
            "ca": str(there.secrets / "ca.pem"),
        },
    }
    if given.json:
        print(json.dumps(answer, indent=2))
    else:
        _print(
            [
                *addresses(site)[:-1],
                f"User      {RESEARCHER}",
                f"Password  {found['researcher.password']}",
                f"Authority {there.secrets / 'ca.pem'}",
            ]
        )
    return Exit.OK


def _print(lines: list[str]) -> None:
    print("\n".join(lines))

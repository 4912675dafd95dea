# SPDX-License-Identifier: Apache-2.0
"""The command line of `gateway`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from deidgate.operate import backup, commands, installation, prove, rotation, sites, testing, worker_commands
from deidgate.operate.engine import read_host
from deidgate.operate.problem import Exit, Problem
from deidgate.operate.reason import ask_why
from deidgate.operate.shell import SystemShell
from deidgate.operate.up import Site

ROOT = Path(__file__).resolve().parents[3]

EPILOGUE = """exit codes:
  0  done
  1  ran, and the answer is no: tests failed, a wait ran out, a file was refused
  2  wrong command line
  3  this machine lacks something: engine, port, disk, mirror
  4  the gateway, or a part of it, does not run or is not healthy
"""


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="gateway",
        description="Run a DICOM de-identification gateway on this machine.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "--installation",
        metavar="NAME",
        default=os.environ.get("GATEWAY_INSTALLATION", installation.DEFAULT),
        help="which gateway on this machine, if there is more than one (default: %(default)s)",
    )
    several = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    one = several.add_parser("up", help="build what is missing, start everything, wait until it answers")
    one.add_argument("--demo", action="store_true", help="send a small made-up study through and say where to see it")
    one.add_argument("--yes", action="store_true", help="install what is missing without asking")
    one.add_argument("--rebuild", action="store_true", help="build all images anew with the newest packages")
    one.set_defaults(run=commands.up)

    one = several.add_parser("down", help="stop everything; studies, mapping table and keys stay")
    one.add_argument("--volumes", action="store_true", help="also delete ALL studies and the mapping table")
    one.add_argument("--yes", action="store_true", help="do not ask before deleting")
    one.set_defaults(run=commands.down)

    one = several.add_parser("status", help="what runs, and where every instance is")
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(run=commands.status)

    one = several.add_parser("logs", help="the newest lines that the services printed")
    one.add_argument("service", nargs="?", metavar="SERVICE", help="only of this one")
    one.add_argument("--follow", "-f", action="store_true", help="go on as lines come")
    one.add_argument("--tail", type=int, default=200, metavar="N", help="lines of each service (default: %(default)s)")
    one.set_defaults(run=commands.logs)

    one = several.add_parser("send", help="C-STORE files and folders to the gateway, as the demo site")
    one.add_argument("paths", nargs="+", metavar="PATH", help="DICOM file or folder")
    one.add_argument("--aet", default="DEMO", metavar="AE", help="calling AE title (default: %(default)s)")
    one.add_argument("--called", default="DEIDGATE", metavar="AE", help="called AE title (default: %(default)s)")
    one.set_defaults(run=commands.send)

    one = several.add_parser("wait", help="come back when nothing is in flight any more")
    one.add_argument("--timeout", type=int, default=600, metavar="S", help="at most S seconds (default: %(default)s)")
    one.set_defaults(run=commands.wait)

    hold = several.add_parser("hold", help="instances that were held instead of sent").add_subparsers(
        metavar="ACTION", required=True
    )
    one = hold.add_parser("list", help="which, and for what reason")
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(run=commands.hold_list)
    worker_commands.add_hold(hold)

    mapping = several.add_parser("mapping", help="the mapping table").add_subparsers(metavar="ACTION", required=True)
    one = mapping.add_parser(
        "export", help="write it as two CSV files, id_old,id_new; this is recorded in the audit trail"
    )
    one.add_argument("--uids", required=True, metavar="FILE", help="Study, Series and SOP Instance UIDs")
    one.add_argument("--patients", required=True, metavar="FILE", help="Patient IDs")
    one.add_argument(
        "--approval", action="append", default=[], metavar="N", help="number of an approval, for each file"
    )
    # A program that exports after each study has no reason of its own.
    ask_why(one, required=False)
    one.set_defaults(run=commands.mapping_export)
    worker_commands.add_mapping(mapping)
    worker_commands.add(several)
    sites.add(several)
    backup.add(several)
    rotation.add(several)

    research = several.add_parser("research", help="the research side").add_subparsers(metavar="ACTION", required=True)
    one = research.add_parser("download", help="every instance on research as a file")
    one.add_argument("folder", metavar="DIR", help="where to; made if it is not there")
    one.set_defaults(run=commands.research_download)

    one = several.add_parser("credentials", help="addresses, users and passwords")
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(run=commands.credentials)

    one = several.add_parser("prove", help="send made-up instances with planted identifiers through, and look for them")
    one.add_argument("--html", metavar="FILE", help="write the report as a page")
    one.add_argument("--json", metavar="FILE", help="write the report for programs")
    one.add_argument(
        "--aet", default="DEMO", metavar="AE", help="send as this AE title, by its route (default: %(default)s)"
    )
    one.add_argument(
        "--timeout", type=int, default=600, metavar="S", help="wait at most S seconds (default: %(default)s)"
    )
    one.set_defaults(run=prove.prove)

    one = several.add_parser("test", help="run the tests, on a gateway of their own")
    one.add_argument("what", nargs="?", choices=(*testing.FOLDERS, "all"), default="all")
    one.add_argument("--keep", action="store_true", help="leave the tests' gateway running afterwards")
    one.add_argument("pytest", nargs="*", metavar="-- PYTEST ARGUMENT", help="handed to pytest")
    one.set_defaults(run=testing.test)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = parser().parse_args(arguments)
    try:
        site = Site(
            shell=SystemShell(),
            host=read_host(user_id=os.getuid()),
            installation=installation.find(ROOT, given.installation),
            say=lambda line: print(f"gateway: {line}", file=sys.stderr, flush=True),
        )
        return int(given.run(site, given))
    except Problem as problem:
        for line in problem.lines():
            print(line, file=sys.stderr)
        return int(problem.code)
    except OSError as error:
        # A disk that is full, a file that somebody else owns: the operator's to put right.
        print(f"gateway: {error.filename or 'a file'}: {error.strerror or type(error).__name__}", file=sys.stderr)
        print("gateway: see that this user may write there, and that there is room", file=sys.stderr)
        return int(Exit.ENVIRONMENT)
    except KeyboardInterrupt:
        print("gateway: interrupted", file=sys.stderr)
        return int(Exit.FAILED)

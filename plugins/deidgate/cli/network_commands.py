# SPDX-License-Identifier: Apache-2.0
"""``deidgate echo``, ``query``, ``pull`` and ``receive``."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from deidgate.cli.counted import counted
from deidgate.cli.exits import Exit
from deidgate.cli.node_options import Node, calls_node
from deidgate.cli.options import AE_TITLE, PATH, json_option


@click.command(
    epilog="""\b
Examples:
  deidgate echo pacs.example 104 --called PACS
  deidgate echo pacs.example 2762 --tls --ca ca.pem --cert me.pem --key me.key

\b
Exit codes: 0 answered, 1 not reached or refused, 2 wrong command line."""
)
@calls_node()
@json_option
def echo(node: Node, as_json: bool) -> None:
    """Ask a DICOM node whether it is there (C-ECHO)."""
    from deidgate.dimse.link import echo as ask

    status = ask(node.peer, node.context)
    click.echo(json.dumps({"status": status}) if as_json else f"answered, status {status:04X}H")
    if status:
        sys.exit(Exit.REFUSED)


def _searches(command: Callable[..., Any]) -> Callable[..., Any]:
    """What studies are looked for by, handed over as ``wanted``: keywords and what they have to match."""

    @functools.wraps(command)
    def with_wanted(
        *,
        study: str | None,
        patient: str | None,
        patient_name: str | None,
        date: str | None,
        accession: str | None,
        modality: str | None,
        keys: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        found = {
            "StudyInstanceUID": study,
            "PatientID": patient,
            "PatientName": patient_name,
            "StudyDate": date,
            "AccessionNumber": accession,
            "ModalitiesInStudy": modality,
        }
        wanted = {keyword: value for keyword, value in found.items() if value}
        return command(wanted=wanted | _others(keys), **rest)

    whole: Callable[..., Any] = with_wanted
    for option in (
        click.option("--key", "keys", multiple=True, metavar="KEYWORD=VALUE", help="Any other; may be repeated."),
        click.option("--modality", help="Of the study."),
        click.option("--accession", help="Accession Number."),
        click.option("--date", callback=_date, help="Study Date, YYYYMMDD or a range YYYYMMDD-YYYYMMDD."),
        click.option("--patient-name", help="With * and ?."),
        click.option("--patient", help="Patient ID."),
        click.option("--series", help="Series Instance UID."),
        click.option("--study", help="Study Instance UID."),
    ):
        whole = option(whole)
    return whole


def _date(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """A date or a range of dates. Source: PS3.4 C.2.2.2.1 and C.2.2.2.5."""
    if text is None:
        return None
    ends = text.split("-")
    if len(ends) > 2 or not any(ends) or not all(_is_date(end) for end in ends if end):
        raise click.BadParameter(f"{text} is no date YYYYMMDD, and no range YYYYMMDD-YYYYMMDD")
    if len(ends) == 2 and all(ends) and ends[0] > ends[1]:
        raise click.BadParameter(f"{text} ends before it begins")
    return text


def _is_date(text: str) -> bool:
    try:
        return len(text) == 8 and text.isdecimal() and bool(datetime.strptime(text, "%Y%m%d"))
    except ValueError:
        return False


def _others(texts: tuple[str, ...]) -> dict[str, str]:
    from pydicom.datadict import tag_for_keyword

    found = {}
    for text in texts:
        keyword, equals, value = text.partition("=")
        if not equals or tag_for_keyword(keyword) is None:
            raise click.BadParameter(f"{text} is not KEYWORD=VALUE", param_hint="--key")
        found[keyword] = value
    return found


@click.command(
    epilog="""\b
Examples:
  deidgate query pacs 104 --called PACS --date 20240101-20240131 --modality MG
  deidgate query pacs 104 --called PACS --level SERIES --study 1.2.3

\b
Exit codes: 0 asked (also if nothing matched), 1 not reached or refused, 2 wrong command line.
With --tls: our own certificate is --tls-cert, and its key --tls-key (--key is what to search by)."""
)
@calls_node(short_key=False)
@click.option("--level", type=click.Choice(["STUDY", "SERIES", "IMAGE"]), default="STUDY", show_default=True)
@_searches
@json_option
def query(
    node: Node,
    level: str,
    series: str | None,
    wanted: dict[str, str],
    as_json: bool,
) -> None:
    """Search a PACS (C-FIND, Study Root). It prints identities."""
    from deidgate.dimse.query import Level, find

    if series:
        wanted["SeriesInstanceUID"] = series
    if level != "STUDY" and "StudyInstanceUID" not in wanted:
        raise click.UsageError("below the study, give --study")
    if level == "SERIES" and "ModalitiesInStudy" in wanted:
        wanted["Modality"] = wanted.pop("ModalitiesInStudy")
    number = 0
    for match in find(node.peer, Level(level), wanted, node.context):
        number += 1
        if as_json:
            click.echo(json.dumps(match, ensure_ascii=False))
        else:
            click.echo(
                " | ".join(f"{name} {text}" for name, text in match.items() if text and name != "QueryRetrieveLevel")
            )
    if not as_json:
        click.echo(f"{number} found", err=True)


@click.command(
    epilog="""\b
Examples:
  deidgate pull pacs 104 incoming/ --called PACS --accession ACC0001
  deidgate pull pacs 104 incoming/ --called PACS --study 1.2.3 --move --listen 11112 --aet MYSCP

\b
Exit codes: 0 all came, 1 not reached or refused, 2 wrong command line, 3 something failed or nothing matched."""
)
@calls_node(short_key=False)
@click.argument("folder", type=PATH)
@click.option(
    "--move",
    is_flag=True,
    help="C-MOVE to a receiver of ours, for a PACS that has no C-GET; with --tls over TLS too.",
)
@click.option(
    "--listen", type=click.IntRange(1, 65535), default=11112, show_default=True, help="With --move: our port."
)
@_searches
@json_option
def pull(
    node: Node,
    folder: Path,
    move: bool,
    listen: int,
    series: str | None,
    wanted: dict[str, str],
    as_json: bool,
) -> None:
    """Fetch studies from a PACS into FOLDER as they are there (C-GET, or C-MOVE). These are originals."""
    from deidgate.dimse import query as asking
    from deidgate.dimse.receive import Inbox, serve
    from deidgate.dimse.tls import server_context
    from deidgate.files.guard import check_writable

    if not wanted:
        raise click.UsageError("say what to fetch: --study, --accession, --patient, --date, …")
    study = wanted.get("StudyInstanceUID")
    if series and not study:
        raise click.UsageError("with --series, give --study")
    check_writable(folder)
    peer, context = node.peer, node.context
    aet = peer.calling_aet
    came: list[Path] = []
    inbox = Inbox(folder, came.append)
    listening = server_context(node.files) if move and node.files else None
    server = serve(inbox, aet, ("", listen), listening, called_only=True) if move else None
    complete, completed = True, 0
    try:
        found = [study] if study else asking.studies(peer, wanted, context)
        for uid in found:
            if move:
                done = asking.move(peer, uid, series or "", aet, context)
            else:
                done = asking.get(peer, uid, series or "", inbox, context)
            complete, completed = complete and done.ok, completed + done.completed
            if as_json:
                click.echo(json.dumps({"study": uid, "completed": done.completed, "failed": done.failed}))
            else:
                click.echo(f"{uid}: {done.completed} came, {done.failed} failed")
    finally:
        if server is not None:
            server.shutdown()
    if not as_json:
        click.echo(f"{counted(len(came), 'file')} written to {folder}")
    if not complete or not completed:
        sys.exit(Exit.INCOMPLETE)


@click.command(
    epilog="""\b
Examples:
  deidgate receive 11112 incoming/
  deidgate receive 2762 incoming/ --cert me.pem --key me.key --ca clinics.pem

\b
Ends with an interrupt (exit code 130)."""
)
@click.argument("port", type=click.IntRange(1, 65535))
@click.argument("folder", type=PATH)
@click.option("--aet", type=AE_TITLE, default="DEIDGATE", show_default=True, help="Our AE title.")
@click.option("--only-called", is_flag=True, help="Refuse associations for another AE title.")
@click.option("--bind", default="", help="Address to listen on.  [default: all]")
@click.option("--cert", "--tls-cert", "cert", type=PATH, help="Our certificate (PEM): listen with TLS.")
@click.option("--key", "--tls-key", "key", type=PATH, help="Our key (PEM).")
@click.option("--ca", type=PATH, help="Only clients with a certificate that this authority signed (PEM).")
@json_option
def receive(
    port: int,
    folder: Path,
    aet: str,
    only_called: bool,
    bind: str,
    cert: Path | None,
    key: Path | None,
    ca: Path | None,
    as_json: bool,
) -> None:
    """Take instances by C-STORE into FOLDER, as they come: originals. `deidgate serve` can watch the folder."""
    import signal
    import threading

    from deidgate.dimse.receive import Inbox, serve
    from deidgate.dimse.tls import TlsFiles, server_context
    from deidgate.files.guard import check_writable

    check_writable(folder)
    context = server_context(TlsFiles(ca, cert, key)) if cert or key or ca else None

    def tell(path: Path) -> None:
        click.echo(json.dumps({"file": str(path)}) if as_json else str(path))

    over = threading.Event()
    server = serve(Inbox(folder, tell), aet, (bind, port), context, called_only=only_called)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    click.echo(f"listening on port {port} as {aet}", err=True)
    over.wait()
    server.shutdown()
    sys.exit(Exit.INTERRUPTED)

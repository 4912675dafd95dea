# SPDX-License-Identifier: Apache-2.0
"""``deidgate echo``, ``query``, ``pull`` and ``receive``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from deidgate.cli.exits import Exit
from deidgate.cli.options import PATH, json_option

Command = TypeVar("Command", bound=Callable[..., Any])


def peer_options(command: Command) -> Command:
    """HOST, PORT, AE titles and TLS of who is called."""
    for option in (
        click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds."),
        click.option("--any-name", is_flag=True, help="With --tls: the certificate need not name HOST."),
        click.option("--key", "--tls-key", "key", type=PATH, help="With --tls: our key (PEM)."),
        click.option("--cert", "--tls-cert", "cert", type=PATH, help="With --tls: our certificate (PEM)."),
        click.option("--ca", type=PATH, help="With --tls: who signed theirs (PEM).  [default: the system's]"),
        click.option("--tls", is_flag=True, help="Over TLS, version 1.2 or newer."),
        click.option("--called", default="ANY-SCP", show_default=True, help="Their AE title."),
        click.option("--aet", default="DEIDGATE", show_default=True, help="Our AE title."),
    ):
        command = option(command)
    command = click.argument("port", type=click.IntRange(1, 65535))(command)
    return click.argument("host")(command)


def context_of(tls: bool, ca: Path | None, cert: Path | None, key: Path | None, any_name: bool) -> Any:
    """The TLS context for calling, or None."""
    from deidgate.dimse.tls import TlsFiles, client_context

    if not tls:
        if ca or cert or key or any_name:
            raise click.UsageError("--ca, --cert, --key and --any-name go with --tls")
        return None
    return client_context(TlsFiles(ca, cert, key, not any_name))


@click.command(
    epilog="""\b
Examples:
  deidgate echo pacs.example 104 --called PACS
  deidgate echo pacs.example 2762 --tls --ca ca.pem --cert me.pem --key me.key

\b
Exit codes: 0 answered, 1 not reached or refused, 2 wrong command line."""
)
@peer_options
@json_option
def echo(
    host: str,
    port: int,
    aet: str,
    called: str,
    tls: bool,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    any_name: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Ask a DICOM node whether it is there (C-ECHO)."""
    from deidgate.dimse.link import echo as ask
    from deidgate.dimse.send import Peer

    status = ask(Peer(host, port, called, aet, timeout), context_of(tls, ca, cert, key, any_name))
    click.echo(json.dumps({"status": status}) if as_json else f"answered, status {status:04X}H")
    if status:
        sys.exit(Exit.REFUSED)


def _search_options(command: Command) -> Command:
    for option in (
        click.option("--key", "keys", multiple=True, metavar="KEYWORD=VALUE", help="Any other; may be repeated."),
        click.option("--modality", help="Of the study."),
        click.option("--accession", help="Accession Number."),
        click.option("--date", help="Study Date, YYYYMMDD or a range YYYYMMDD-YYYYMMDD."),
        click.option("--patient-name", help="With * and ?."),
        click.option("--patient", help="Patient ID."),
        click.option("--series", help="Series Instance UID."),
        click.option("--study", help="Study Instance UID."),
    ):
        command = option(command)
    return command


def searched(
    study: str | None,
    patient: str | None,
    patient_name: str | None,
    date: str | None,
    accession: str | None,
    modality: str | None,
    keys: tuple[str, ...],
) -> dict[str, str]:
    """Keywords and what they have to match."""
    from pydicom.datadict import tag_for_keyword

    found = {
        "StudyInstanceUID": study,
        "PatientID": patient,
        "PatientName": patient_name,
        "StudyDate": date,
        "AccessionNumber": accession,
        "ModalitiesInStudy": modality,
    }
    wanted = {keyword: value for keyword, value in found.items() if value}
    for text in keys:
        keyword, equals, value = text.partition("=")
        if not equals or tag_for_keyword(keyword) is None:
            raise click.BadParameter(f"{text} is not KEYWORD=VALUE", param_hint="--key")
        wanted[keyword] = value
    return wanted


@click.command(
    epilog="""\b
Examples:
  deidgate query pacs 104 --called PACS --date 20240101-20240131 --modality MG
  deidgate query pacs 104 --called PACS --level SERIES --study 1.2.3

\b
Exit codes: 0 asked (also if nothing matched), 1 not reached or refused, 2 wrong command line.
With --tls: our own certificate is --tls-cert, and its key --tls-key (--key is what to search by)."""
)
@click.argument("host")
@click.argument("port", type=click.IntRange(1, 65535))
@click.option("--aet", default="DEIDGATE", show_default=True, help="Our AE title.")
@click.option("--called", default="ANY-SCP", show_default=True, help="Their AE title.")
@click.option("--tls", is_flag=True, help="Over TLS.")
@click.option("--ca", type=PATH, help="Who signed their certificate (PEM).")
@click.option("--tls-cert", "--cert", "tls_cert", type=PATH, help="Our certificate (PEM).")
@click.option("--tls-key", type=PATH, help="Our key (PEM).")
@click.option("--any-name", is_flag=True, help="The certificate need not name HOST.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds.")
@click.option("--level", type=click.Choice(["STUDY", "SERIES", "IMAGE"]), default="STUDY", show_default=True)
@_search_options
@json_option
def query(
    host: str,
    port: int,
    aet: str,
    called: str,
    tls: bool,
    ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    any_name: bool,
    timeout: float,
    level: str,
    study: str | None,
    series: str | None,
    patient: str | None,
    patient_name: str | None,
    date: str | None,
    accession: str | None,
    modality: str | None,
    keys: tuple[str, ...],
    as_json: bool,
) -> None:
    """Search a PACS (C-FIND, Study Root). It prints identities."""
    from deidgate.dimse.query import Level, find
    from deidgate.dimse.send import Peer

    wanted = searched(study, patient, patient_name, date, accession, modality, keys)
    if series:
        wanted["SeriesInstanceUID"] = series
    if level != "STUDY" and "StudyInstanceUID" not in wanted:
        raise click.UsageError("below the study, give --study")
    if level == "SERIES" and "ModalitiesInStudy" in wanted:
        wanted["Modality"] = wanted.pop("ModalitiesInStudy")
    peer = Peer(host, port, called, aet, timeout)
    number = 0
    for match in find(peer, Level(level), wanted, context_of(tls, ca, tls_cert, tls_key, any_name)):
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
@click.argument("host")
@click.argument("port", type=click.IntRange(1, 65535))
@click.argument("folder", type=PATH)
@click.option("--aet", default="DEIDGATE", show_default=True, help="Our AE title.")
@click.option("--called", default="ANY-SCP", show_default=True, help="Their AE title.")
@click.option("--tls", is_flag=True, help="Over TLS.")
@click.option("--ca", type=PATH, help="Who signed their certificate (PEM).")
@click.option("--tls-cert", "--cert", "tls_cert", type=PATH, help="Our certificate (PEM).")
@click.option("--tls-key", type=PATH, help="Our key (PEM).")
@click.option("--any-name", is_flag=True, help="The certificate need not name HOST.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds.")
@click.option("--move", is_flag=True, help="C-MOVE to a receiver of ours, for a PACS that has no C-GET.")
@click.option(
    "--listen", type=click.IntRange(1, 65535), default=11112, show_default=True, help="With --move: our port."
)
@_search_options
@json_option
def pull(
    host: str,
    port: int,
    folder: Path,
    aet: str,
    called: str,
    tls: bool,
    ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    any_name: bool,
    timeout: float,
    move: bool,
    listen: int,
    study: str | None,
    series: str | None,
    patient: str | None,
    patient_name: str | None,
    date: str | None,
    accession: str | None,
    modality: str | None,
    keys: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fetch studies from a PACS into FOLDER as they are there (C-GET, or C-MOVE). These are originals."""
    from deidgate.dimse import query as asking
    from deidgate.dimse.receive import Inbox, serve
    from deidgate.dimse.send import Peer
    from deidgate.files.guard import check_writable

    wanted = searched(study, patient, patient_name, date, accession, modality, keys)
    if not wanted:
        raise click.UsageError("say what to fetch: --study, --accession, --patient, --date, …")
    if series and not study:
        raise click.UsageError("with --series, give --study")
    check_writable(folder)
    peer = Peer(host, port, called, aet, timeout)
    context = context_of(tls, ca, tls_cert, tls_key, any_name)
    came: list[Path] = []
    inbox = Inbox(folder, came.append)
    server = serve(inbox, aet, ("", listen)) if move else None
    complete = True
    try:
        found = [study] if study else asking.studies(peer, wanted, context)
        for uid in found:
            if move:
                done = asking.move(peer, uid, series or "", aet, context)
            else:
                done = asking.get(peer, uid, series or "", inbox, context)
            complete = complete and done.ok
            if as_json:
                click.echo(json.dumps({"study": uid, "completed": done.completed, "failed": done.failed}))
            else:
                click.echo(f"{uid}: {done.completed} came, {done.failed} failed")
    finally:
        if server is not None:
            server.shutdown()
    if not as_json:
        click.echo(f"{len(came)} files written to {folder}")
    if not complete or not found:
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
@click.option("--aet", default="DEIDGATE", show_default=True, help="Our AE title.")
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

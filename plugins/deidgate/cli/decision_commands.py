# SPDX-License-Identifier: Apache-2.0
"""What people decide of instances: ``deidgate gateway`` recall, reprocess, purge, and hold release and reject."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta

import click

from deidgate.cli.exits import Exit
from deidgate.cli.ledger import open_ledger
from deidgate.cli.options import Command, boxes_option, on_frame, who_and_why
from deidgate.dicom.box import Box
from deidgate.orthanc_io.client import OrthancClient
from deidgate.orthanc_io.originals import IngestOriginals
from deidgate.orthanc_io.research_store import ResearchStore
from deidgate.orthanc_io.withdrawal import withdraw_recalled
from deidgate.settings import Settings
from deidgate.store.model import ItemFilter, ItemView
from deidgate.store.states import Original, State
from deidgate.store.store import Store
from deidgate.worker.assembly import ingest_server, research_server

_PAGE = 500
"""Items in one decision of `reprocess`: their numbers are a line of the audit trail."""


def _which(command: Command) -> Command:
    for option in (
        click.option("--policy", metavar="NAME[:VERSION]", help="Delivered under this policy."),
        click.option("--project", help="Only of this project."),
        click.option("--series", metavar="UID", help="New Series Instance UID."),
        click.option("--study", metavar="UID", help="New Study Instance UID."),
        click.option("--patient", metavar="PSEUDONYM", help="The patient with this pseudonym."),
    ):
        command = option(command)
    return command


def selected(
    patient: str | None, study: str | None, series: str | None, project: str | None, policy: str | None
) -> ItemFilter:
    """What the options name.

    Raises
    ------
    click.UsageError
        They name nothing: everything must be asked for by its project or policy.
    """
    if not any((patient, study, series, project, policy)):
        raise click.UsageError("say which: --patient, --study, --series, --project or --policy")
    name, _, version = (policy or "").partition(":")
    return ItemFilter(
        pseudonym=patient,
        research_study_uid=study,
        research_series_uid=series,
        project=project,
        policy_name=name or None,
        policy_version=version or None,
    )


@click.command()
@_which
@who_and_why
@click.option("--count", "only_count", is_flag=True, help="Only say how many; decides nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def recall(
    patient: str | None,
    study: str | None,
    series: str | None,
    project: str | None,
    policy: str | None,
    by: str,
    why: str,
    only_count: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Take back what was delivered: it is deleted at research. Originals and the mapping table stay."""
    selection = selected(patient, study, series, project, policy)
    with open_ledger() as store:
        found = _found(store, replace(selection, states=frozenset({State.DELIVERED})), yes or only_count, "Recall")
        if only_count:
            _tell(as_json, **found)
            return
        recalled = store.review.recall(selection, by, why)
        # What an earlier recall left undone is done too.
        withdraw_recalled(store, _research())
    _tell(as_json, recalled=len(recalled))


@click.command()
@_which
@who_and_why
@click.option("--recalled", is_flag=True, help="Also what was recalled before: make sure that nobody wants it away.")
@click.option("--count", "only_count", is_flag=True, help="Only say how many; decides nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def reprocess(
    patient: str | None,
    study: str | None,
    series: str | None,
    project: str | None,
    policy: str | None,
    by: str,
    why: str,
    recalled: bool,
    only_count: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Do it again under the present policy: what research has is replaced, under the same identities.

    What has no original any more is left as it is.
    """
    selection = selected(patient, study, series, project, policy)
    states = frozenset({State.DELIVERED, State.RECALLED} if recalled else {State.DELIVERED})
    wanted = replace(selection, states=states, original=Original.PRESENT)
    again = 0
    with open_ledger() as store:
        found = _found(store, wanted, yes or only_count, "Process again")
        if only_count:
            _tell(as_json, **found)
            return
        # By their numbers: what somebody recalled for good is not brought back by a selection that fits it too.
        for page in _pages(store, wanted):
            named = ItemFilter(item_ids=frozenset(item.id for item in page))
            store.review.recall(named, by, why)
            withdraw_recalled(store, _research())
            again += store.review.reprocess(named, by, why)
    _tell(as_json, again=again)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say how many are due in each project.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def purge(dry_run: bool, as_json: bool) -> None:
    """Delete now the originals that retention.toml lets go; the gateway does so by itself every minute.

    Exit status 3 when research did not confirm some of what was delivered: their originals stay.
    """
    from deidgate.orthanc_io.purge import purge_originals
    from deidgate.policy.retention import load_retention

    settings = Settings.read(os.environ)
    days, now = load_retention(settings.retention), datetime.now(UTC)
    with open_ledger() as store:
        if dry_run:
            due = {
                project: len(store.retention.purgeable(now - timedelta(days=number), 1_000_000, project))
                for project, number in days.items()
            }
            _tell(as_json, **due) if due else click.echo("{}" if as_json else "no project's originals are purged")
            return
        ingest = IngestOriginals(OrthancClient(ingest_server(settings)))
        purged, unconfirmed = purge_originals(store, ingest, _research(), days, now)
    _tell(as_json, purged=purged, not_confirmed=unconfirmed)
    if unconfirmed:
        sys.exit(Exit.INCOMPLETE)


@click.command()
@click.argument("items", nargs=-1, required=True, type=int)
@who_and_why
@click.option("--accept", is_flag=True, help="Let the reason that it is held for pass from now on, for this instance.")
@boxes_option(required=False, help="Blank this in its picture, which a person has looked at; of one ITEM.")
def release(items: tuple[int, ...], by: str, why: str, accept: bool, boxes: tuple[Box, ...], frame: int | None) -> None:
    """Hand held ITEMS back to the workers. Without --accept it is tried again, for instance after a change of a rule.

    With --box a person has looked at the picture: nothing else in it is asked about, these rectangles (from 0,
    half-open, as `deidgate blank` takes them) are blanked, and the result claims Clean Pixel Data. They stay until
    another release names others.

    Exit status 3 when one of them was not held.
    """
    # A rectangle belongs to a picture that somebody has seen: the same place in another one may show something else.
    if boxes and len(items) > 1:
        raise click.UsageError("--box is for one ITEM: each picture is looked at by itself")
    if frame is not None and not boxes:
        raise click.UsageError("--frame says where a --box is; there is none")
    drawn = {"boxes": [astuple(box) for box in on_frame(boxes, frame)]} if boxes else None
    with open_ledger() as store:
        _each(items, lambda item: store.review.release(item, by, why, accept=accept, instructions=drawn), "released")


@click.command()
@click.argument("items", nargs=-1, required=True, type=int)
@who_and_why
def reject(items: tuple[int, ...], by: str, why: str) -> None:
    """Decide that held ITEMS are not delivered.

    Exit status 3 when one of them was not held.
    """
    with open_ledger() as store:
        _each(items, lambda item: store.review.reject(item, by, why), "rejected")


def _each(items: tuple[int, ...], decide: Callable[[int], bool], word: str) -> None:
    undecided = [item for item in items if not decide(item)]
    click.echo(f"{len(items) - len(undecided)} {word}")
    for item in undecided:
        click.echo(f"{item} is not held", err=True)
    if undecided:
        sys.exit(Exit.INCOMPLETE)


def _found(store: Store, selection: ItemFilter, sure: bool, verb: str) -> dict[str, int]:
    """How much is meant; asks, unless that is not wanted."""
    instances = 0
    studies: set[str | None] = set()
    for page in _pages(store, selection):
        instances += len(page)
        studies |= {item.research_study_uid for item in page}
    if not sure:
        click.confirm(f"{verb} {instances} instances of {len(studies)} studies?", abort=True)
    return {"instances": instances, "studies": len(studies)}


def _pages(store: Store, selection: ItemFilter) -> Iterator[list[ItemView]]:
    after = 0
    while page := store.reports.items(selection, _PAGE, after):
        after = page[-1].id
        yield page


def _tell(as_json: bool, **numbers: int) -> None:
    if as_json:
        click.echo(json.dumps(numbers))
    else:
        click.echo(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in numbers.items()))


def _research() -> ResearchStore:
    return ResearchStore(OrthancClient(research_server(Settings.read(os.environ))))

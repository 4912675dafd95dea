# SPDX-License-Identifier: Apache-2.0
"""Seeing who a held instance is of: ``deidgate gateway hold show`` and ``hold original``, audited before."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import click
from pydicom import Dataset, dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.tag import BaseTag

from deidgate.cli.exits import Exit
from deidgate.cli.ledger import open_ledger
from deidgate.cli.options import who_and_why
from deidgate.convert import listing
from deidgate.dicom.path import ElementPath
from deidgate.dicom.second import CannotRenameError, first_name
from deidgate.errors import CannotDeidentify
from deidgate.orthanc_io.client import OrthancClient
from deidgate.orthanc_io.originals import IngestOriginals
from deidgate.settings import Settings
from deidgate.store.model import ItemView
from deidgate.store.store import Store
from deidgate.words.lookup import explain
from deidgate.worker.assembly import ingest_server

SHOWN = (
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "StudyDescription",
    "StudyInstanceUID",
    "Modality",
    "SeriesNumber",
    "SeriesDescription",
    "InstanceNumber",
    "SOPClassUID",
    "SOPInstanceUID",
)
"""What a clinic knows an instance by."""


@click.command()
@click.argument("items", nargs=-1, required=True, type=int)
@who_and_why
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object in a list for each item.")
def show(items: tuple[int, ...], by: str, why: str, as_json: bool) -> None:
    """Show who held ITEMS are of, and what stands beside them. The audit trail says that you saw it.

    Exit status 3 when one of them is not held.
    """
    shown = []
    with open_ledger() as store:
        for number in items:
            item = _seen(store, number, by, why)
            if item is not None:
                shown.append(_described(store, item))
                if not as_json:
                    click.echo("\n".join(_lines(shown[-1])) + "\n")
    if as_json:
        click.echo(json.dumps(shown, ensure_ascii=False))
    if len(shown) < len(items):
        sys.exit(Exit.INCOMPLETE)


@click.command()
@click.argument("item", type=int)
@who_and_why
def original(item: int, by: str, why: str) -> None:
    """Write the original of the held ITEM, as it was received, to the standard output. The audit trail says so.

    Exit status 3 when it is not held, 1 when ingest does not have it whole.
    """
    if sys.stdout.isatty():
        raise click.UsageError("this is a DICOM file: send it to a file or a program")
    with open_ledger() as store:
        held = _seen(store, item, by, why)
    if held is None:
        sys.exit(Exit.INCOMPLETE)
    try:
        content = _received(_originals().read(held.orthanc_id))
    except CannotDeidentify as error:
        click.echo(error.code, err=True)
        sys.exit(Exit.REFUSED)
    click.echo(content, nl=False)


def _originals() -> IngestOriginals:
    return IngestOriginals(OrthancClient(ingest_server(Settings.read(os.environ))))


def _seen(store: Store, number: int, by: str, why: str) -> ItemView | None:
    """The item, if it is held; that somebody sees it is recorded before."""
    item = store.review.see(number, by, why)
    if item is None:
        click.echo(f"{number} is not held", err=True)
    return item


def held_row(item: ItemView) -> dict[str, object]:
    """What the hold list says of an item. It names nobody."""
    reason = explain(item.reason_code or "", item.reason_path or "")
    return {
        "item": item.id,
        "site": item.site,
        "code": item.reason_code,
        "path": item.reason_path,
        "reason": reason.what,
        "to_do": reason.to_do,
        "received_at": item.received_at.isoformat(),
        "orthanc_id": item.orthanc_id,
    }


def held_line(row: Mapping[str, object], width: int = 0) -> str:
    """Number (in `width` characters), site and reason of a `held_row`, for people."""
    place = f" at {row['path']}" if row["path"] else ""
    return f"{row['item']:>{width}} {row['site']}: {row['reason']} ({row['code']}{place})"


def _described(store: Store, item: ItemView) -> dict[str, Any]:
    file, unread = _read(item)
    # A dataset for each use: looking at an element changes how its dataset keeps it.
    dataset = _parsed(file)
    attributes = {} if dataset is None else _attributes(dataset)
    same = store.reports.same_instance(attributes.get("SOPInstanceUID", ""))
    return held_row(item) | {
        "calling_aet": item.calling_aet,
        "unreadable": unread or ("unreadable-file" if dataset is None else None),
        "attributes": attributes,
        "same_instance": [_compared(file, one) for one in same if one.id != item.id],
    }


def _read(item: ItemView) -> tuple[bytes | None, str | None]:
    """The file, and why there is none."""
    try:
        return _received(_originals().read(item.orthanc_id)), None
    except CannotDeidentify as error:
        return None, error.code


def _received(file: bytes) -> bytes:
    """The file as the clinic sent it."""
    try:
        return first_name(file) or file
    except CannotRenameError:
        return file


def _parsed(file: bytes | None) -> Dataset | None:
    try:
        return None if file is None else dcmread(BytesIO(file))
    except Exception:  # noqa: BLE001 -- files are held for being broken, in any way; the rest is shown all the same
        return None


def _attributes(dataset: Dataset) -> dict[str, str]:
    found: dict[str, str] = {}
    for keyword in SHOWN:
        part = Dataset()
        try:
            if keyword in dataset:
                part[keyword] = dataset[keyword]
            found |= {row.name: row.value for row in listing.rows(part)}
        except Exception:  # noqa: BLE001 -- as above
            found[keyword] = "(unreadable)"
    return found


def _compared(file: bytes | None, other: ItemView) -> dict[str, Any]:
    there, unread = _read(other)
    one, another = _parsed(file), _parsed(there)
    return {
        "item": other.id,
        "state": other.state.value,
        "received_at": other.received_at.isoformat(),
        "unreadable": unread or ("unreadable-file" if another is None else None),
        "differs": None if one is None or another is None else _differing(one, another),
    }


def _differing(one: Dataset, other: Dataset) -> list[str]:
    """Names of the outermost elements that are not alike."""
    tags = sorted({*one.keys(), *other.keys()})
    return [keyword_for_tag(tag) or str(ElementPath.top(int(tag))) for tag in tags if not _alike(one, other, tag)]


def _alike(one: Dataset, other: Dataset, tag: BaseTag) -> bool:
    try:
        return _raw(one, tag) == _raw(other, tag)
    except Exception:  # noqa: BLE001 -- as above; items of a sequence are understood to be compared
        return False


def _raw(dataset: Dataset, tag: BaseTag) -> tuple[object, ...]:
    """What a dataset has there, as it was read."""
    element = dataset.get_item(tag) if tag in dataset else None
    return () if element is None else (element.VR, element.value)


def _lines(one: dict[str, Any]) -> list[str]:
    lines = [held_line(one), f"  {one['to_do']}"]
    lines.append(f"  received {one['received_at']} from {one['calling_aet'] or 'an unknown AE title'}")
    if one["unreadable"]:
        lines.append(f"  its file cannot be shown: {one['unreadable']}")
    width = max(map(len, one["attributes"]), default=0)
    lines += [f"  {keyword:{width}}  {value}" for keyword, value in one["attributes"].items()]
    for other in one["same_instance"]:
        lines.append(f"  the same SOP Instance UID: item {other['item']}, {other['state']}, {other['received_at']}")
        if other["differs"] is not None:
            lines.append(f"    differs in: {', '.join(other['differs']) or 'nothing'}")
    return lines

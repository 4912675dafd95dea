# SPDX-License-Identifier: Apache-2.0
"""Pre-assigned pseudonyms: looked at as a whole before a line is written.

A line is a problem when it has

* ``patient-id-blank`` or ``pseudonym-blank``;
* ``pseudonym-unfit``: not printable ASCII, longer than 64 characters, or a character that means something in DICOM;
* ``pseudonym-is-identity``: the Patient ID or a part of the name stands in it;
* ``duplicate-patient`` or ``duplicate-pseudonym``: in the file itself, on another line;
* ``patient-has-another``: the patient has another pseudonym (or shift) already;
* ``pseudonym-taken``: another patient has the pseudonym.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from deidgate.pseudonym import PseudonymStyle, draw_shift_days
from deidgate.store.context import Context
from deidgate.store.crypto import plain
from deidgate.store.dialect import chunks, insert_new
from deidgate.store.identity import encrypted_identity
from deidgate.store.model import ImportFinding, ImportReport, PatientRow
from deidgate.store.retired import require_current
from deidgate.store.schema import patients, projects

_LONG_STRING = 64  # Source: PS3.5 6.2, VR LO and a component group of PN
_SHORTEST_GIVEAWAY = 3  # a part of a name that is shorter stands in too many pseudonyms by chance

_Named = tuple[PatientRow, bytes]


def import_patients(
    context: Context, rows: Sequence[PatientRow], style: PseudonymStyle, by: str, why: str, *, dry_run: bool
) -> ImportReport:
    """Write all of `rows` in one transaction, or none; see the module for what is a problem."""
    problems = [*_unfit(rows)]
    named = [
        (row, context.project(row.project).index.patient(row.site, row.issuer, row.patient_id))
        for row in rows
        if plain(row.patient_id)
    ]
    problems += _duplicates(named)
    if dry_run or problems:
        with context.database.read() as connection:
            new, unchanged, found = _compared(connection, named)
        return _report(len(new), unchanged, [*problems, *found], written=False)
    with context.database.write() as connection:
        require_current(connection, context.cipher.key_id)
        names = sorted({row.project for row in rows})
        insert_new(connection, projects, [{"name": name, "patients_indexed": 0} for name in names])
        # No worker may create a patient of these projects while we compare and write.
        locked = select(projects.c.name).where(projects.c.name.in_(names)).order_by(projects.c.name)
        connection.execute(locked.with_for_update()).all()
        new, unchanged, found = _compared(connection, named)
        if found:
            return _report(len(new), unchanged, found, written=False)
        if new:
            connection.execute(insert(patients), [_values(context, row, key, style) for row, key in new])
        objects = [*(f"project:{name}" for name in names), f"patients:{len(new)}"]
        context.trail.append(connection, context.clock(), by, "import-patients", objects, why)
    return _report(len(new), unchanged, [], written=True)


def _report(new: int, unchanged: int, problems: Iterable[ImportFinding], *, written: bool) -> ImportReport:
    ordered = tuple(sorted(set(problems), key=lambda finding: (finding.number, finding.code)))
    return ImportReport(new=new, unchanged=unchanged, problems=ordered, written=written)


def _unfit(rows: Iterable[PatientRow]) -> Iterable[ImportFinding]:
    for row in rows:
        if not plain(row.patient_id):
            yield ImportFinding(row.number, "patient-id-blank")
        if not row.pseudonym.strip():
            yield ImportFinding(row.number, "pseudonym-blank")
        for text, specials in ((row.pseudonym, "\\^=*?"), (row.pseudonym_name, "\\=*?")):
            unfit = not text.isascii() or not text.isprintable() or text != text.strip() or len(text) > _LONG_STRING
            if text and (unfit or any(character in specials for character in text)):
                yield ImportFinding(row.number, "pseudonym-unfit")
        if _gives_away(row):
            yield ImportFinding(row.number, "pseudonym-is-identity")


def _gives_away(row: PatientRow) -> bool:
    parts = [plain(row.patient_id), *row.identity.patient_name.replace("^", " ").replace("=", " ").split()]
    telling = [part.casefold() for part in parts if len(part) >= _SHORTEST_GIVEAWAY]
    written = f"{row.pseudonym} {row.pseudonym_name}".casefold()
    return any(part in written for part in telling) or plain(row.patient_id) == row.pseudonym


def _duplicates(named: Iterable[_Named]) -> Iterable[ImportFinding]:
    by_patient: defaultdict[object, list[PatientRow]] = defaultdict(list)
    by_pseudonym: defaultdict[object, list[PatientRow]] = defaultdict(list)
    for row, key in named:
        by_patient[row.project, key].append(row)
        by_pseudonym[row.project, row.pseudonym].append(row)
    for code, groups in (("duplicate-patient", by_patient), ("duplicate-pseudonym", by_pseudonym)):
        for group in groups.values():
            if len(group) > 1:
                yield from (ImportFinding(row.number, code) for row in group)


def _compared(connection: Connection, named: Sequence[_Named]) -> tuple[list[_Named], int, list[ImportFinding]]:
    """The rows that are new, the number that is there already, and what collides."""
    new: list[_Named] = []
    unchanged = 0
    findings: list[ImportFinding] = []
    for some in chunks(named):
        known = _known(connection, some)
        owners = {(row.project, row.pseudonym): row.patient_key for row in known}
        present = {(row.project, row.patient_key): row for row in known}
        for row, key in some:
            if owners.get((row.project, row.pseudonym), key) != key:
                findings.append(ImportFinding(row.number, "pseudonym-taken"))
            elif (have := present.get((row.project, key))) is None:
                new.append((row, key))
            elif _same(row, have):
                unchanged += 1
            else:
                findings.append(ImportFinding(row.number, "patient-has-another"))
    return new, unchanged, findings


def _known(connection: Connection, named: Sequence[_Named]) -> list[Row[Any]]:
    keys, pseudonyms = [key for _, key in named], [row.pseudonym for row, _ in named]
    query = select(
        patients.c.project,
        patients.c.patient_key,
        patients.c.pseudonym,
        patients.c.pseudonym_name,
        patients.c.shift_days,
    ).where(
        patients.c.project.in_({row.project for row, _ in named}),
        patients.c.patient_key.in_(keys) | patients.c.pseudonym.in_(pseudonyms),
    )
    return list(connection.execute(query))


def _same(row: PatientRow, have: Row[Any]) -> bool:
    return (
        have.pseudonym == row.pseudonym
        and have.pseudonym_name == (row.pseudonym_name or row.pseudonym)
        and row.shift_days in (None, have.shift_days)
    )


def _values(context: Context, row: PatientRow, key: bytes, style: PseudonymStyle) -> dict[str, Any]:
    shift = draw_shift_days(style, secrets.randbelow) if row.shift_days is None else row.shift_days
    return {
        "project": row.project,
        "site": row.site,
        "patient_key": key,
        "pseudonym": row.pseudonym,
        "pseudonym_name": row.pseudonym_name or row.pseudonym,
        "shift_days": shift,
        "origin": "imported",
        "created_at": context.clock(),
        **encrypted_identity(context, row.project, key, row.issuer, row.patient_id, row.identity),
    }

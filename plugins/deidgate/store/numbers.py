# SPDX-License-Identifier: Apache-2.0
"""Numbers for file and folder names: of patients in a project, of images in a patient."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select, update

from deidgate.store.context import Context
from deidgate.store.dialect import chunks
from deidgate.store.projects import locked_project
from deidgate.store.recent import Recent
from deidgate.store.schema import images, patients, projects

_REMEMBERED = 50_000  # patients


class Numbers:
    """Gives numbers in the order in which they are first asked for, and the same ones ever after."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._remembered: Recent[int, int] = context.epoch.recent(_REMEMBERED)

    def patient_index(self, project: str, patient: int) -> int:
        """See `Mapping.patient_index`."""
        known = self._remembered.get(patient)
        if known is not None:
            return known
        cleared = self._remembered.cleared
        with self._context.database.write() as connection:
            counter = locked_project(connection, project)
            query = select(patients.c.patient_index).where(patients.c.id == patient, patients.c.project == project)
            number: int | None = connection.execute(query).scalar_one()
            if number is None:
                number = counter + 1
                connection.execute(update(patients).where(patients.c.id == patient).values(patient_index=number))
                connection.execute(update(projects).where(projects.c.name == project).values(patients_indexed=number))
        self._remembered.put(patient, number, cleared)
        return number

    def image_numbers(self, project: str, patient: int, sop_uids: Sequence[str]) -> list[int]:
        """See `Mapping.image_numbers`."""
        index = self._context.project(project).index
        keys = [index.uid(uid) for uid in sop_uids]
        with self._context.database.write() as connection:
            last = connection.execute(
                select(patients.c.images_numbered).where(patients.c.id == patient).with_for_update()
            ).scalar_one()
            numbers: dict[bytes, int] = {}
            for some in chunks(sorted(set(keys))):
                query = select(images.c.uid_key, images.c.number).where(
                    images.c.patient == patient, images.c.uid_key.in_(some)
                )
                numbers.update({row.uid_key: row.number for row in connection.execute(query)})
            new = [key for key in dict.fromkeys(keys) if key not in numbers]
            numbers.update({key: last + place for place, key in enumerate(new, start=1)})
            if new:
                rows = [{"patient": patient, "uid_key": key, "number": numbers[key]} for key in new]
                connection.execute(insert(images), rows)
                values = {"images_numbered": last + len(new)}
                connection.execute(update(patients).where(patients.c.id == patient).values(values))
        return [numbers[key] for key in keys]

# SPDX-License-Identifier: Apache-2.0
"""Projects as rows: each one's counter of patients, and the lock under which patients are created."""

from __future__ import annotations

from sqlalchemy import Connection, select

from deidgate.store.dialect import insert_new
from deidgate.store.schema import projects


def locked_project(connection: Connection, project: str) -> int:
    """The number of patients that have an index; the project is ours until the transaction ends."""
    query = select(projects.c.patients_indexed).where(projects.c.name == project).with_for_update()
    counter: int | None = connection.execute(query).scalar_one_or_none()
    if counter is None:
        insert_new(connection, projects, [{"name": project, "patients_indexed": 0}])
        return int(connection.execute(query).scalar_one())
    return counter

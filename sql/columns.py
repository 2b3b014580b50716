"""How an entity of the standard lies in the database: its columns and their types, read from the one table.

Staging, diff, documents and the schema test read this; `schema.sql` is written by hand and compared with it.
"""

import functools

import msgspec

from oneroster import entities
from oneroster.entities import Entity


class Stored(msgspec.Struct, frozen=True):
    """One database column."""

    name: str
    type: str


DOCUMENTED = (entities.ORGS, entities.ACADEMIC_SESSIONS, entities.COURSES, entities.CLASSES, entities.USERS)
"""Entities whose rendered record is stored; enrollments and demographics are rendered on the way out."""


@functools.cache
def staged(entity: Entity) -> tuple[Stored, ...]:
    """The columns a bundle fills: they are the same in staging, live and history tables."""
    columns = [Stored("sourced_id", "text"), Stored("status", "text"), Stored("source_modified", "timestamptz")]
    columns += [Stored(field.column, field.kind.sql) for field in entity.kept]
    columns += [Stored(f"{field.column}_folded", "text") for field in entity.kept if field.folded]
    if not entity.seals_metadata:
        columns.append(Stored("metadata", "json"))
    columns += [Stored(f"{field.column}_hash", "uuid") for field in entity.sealed]
    if entity.sealed:
        columns.append(Stored("sealed", "bytea"))
    return (*columns, Stored("row_hash", "uuid"), Stored("line", "integer"))


@functools.cache
def live(entity: Entity) -> tuple[Stored, ...]:
    """The columns of the live table after `tenant_id`."""
    columns = list(staged(entity))
    if entity in DOCUMENTED:
        columns.append(Stored("document", "text"))
    if entity is entities.USERS:
        columns += [Stored("student", "boolean"), Stored("teacher", "boolean")]
    return (*columns, Stored("changed", "bigint"))

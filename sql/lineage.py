"""Lineage: which bundle, file and line made a record, changed it, removed it, and what it was before and after.

Read from the live and the history table, so it reaches back as far as history is kept.
"""

import datetime
import itertools
import uuid
from typing import Any

import msgspec
from psycopg.sql import SQL, Composed, Identifier

from oneroster import entities
from oneroster.entities import PARTS, Entity
from oneroster.refused import Refused
from sql import database, versions
from sql.database import Connection


class UnknownRecord(Refused):
    """There is no such record, and none is remembered."""

    hint = "Entities are orgs, academicSessions, courses, classes, users, demographics, enrollments."
    exit_code = 66


class Version(msgspec.Struct, frozen=True):
    """What became of a record at one revision."""

    change: str
    """made, changed, removed or returned; undone where a rollback did it."""
    revision: int
    at: datetime.datetime | None
    """When it was published."""
    job: uuid.UUID
    bundle: str
    file: str
    line: int
    """The line that did it; 0 where no line did: it was missing from the file, or it was a rollback."""
    fields: dict[str, list[Any]]
    """Member to [before, after]."""


class _State(msgspec.Struct, frozen=True):
    changed: int
    status: str
    source_modified: datetime.datetime | None
    row_hash: uuid.UUID
    line: int
    document: str
    sealed: list[str]
    at: datetime.datetime | None
    job: uuid.UUID
    kind: str
    bundle: str


class _Part(msgspec.Struct, frozen=True):
    revision: int
    file: str
    line: int


async def of(
    conn: Connection, tenant_id: int, entity: Entity, sourced_id: str, *, masked: bool = True
) -> list[Version]:
    """The versions of a record, newest first. Raises UnknownRecord (66)."""
    key = {"tenant": tenant_id, "id": sourced_id}
    states = await database.fetch_all(conn, _states(entity), _State, key)
    if not states:
        raise UnknownRecord(f"{entity.name} {sourced_id}.")
    parts = (
        {one.revision: one for one in await database.fetch_all(conn, _through(entity), _Part, key)}
        if (entity is entities.USERS or entity.children)
        else {}
    )
    found = [_version(entity, None, states[0], parts, masked=masked)]
    found += [_version(entity, was, now, parts, masked=masked) for was, now in itertools.pairwise(states)]
    return found[::-1]


def _version(entity: Entity, was: _State | None, now: _State, parts: dict[int, _Part], *, masked: bool) -> Version:
    before = versions.members(entity, was.document if was else None, masked=masked)
    after = versions.members(entity, now.document, masked=masked)
    file, line = entity.file, now.line
    if now.kind == "rollback":
        file, line = "", 0
    elif was is not None and was.row_hash == now.row_hash:
        if was.status != now.status and now.status == "tobedeleted":
            line = now.line if now.source_modified != was.source_modified else 0
        elif was.status == now.status:
            part = parts.get(now.changed)
            file, line = (part.file, part.line) if part is not None else ("", 0)
    return Version(
        _change(was, now),
        now.changed,
        now.at,
        now.job,
        now.bundle,
        file,
        line,
        versions.differences(before, after, now.sealed if was is not None else ()),
    )


def _change(was: _State | None, now: _State) -> str:
    if now.kind == "rollback":
        return "undone"
    if was is None:
        return "made"
    if was.status == now.status:
        return "changed"
    return "removed" if now.status == "tobedeleted" else "returned"


def _states(entity: Entity) -> Composed:
    """Every state of the record, oldest first, with the names of sealed members that differ from the state before."""
    sealed = [(Identifier(field.column), Identifier(f"{field.column}_hash"), field.member) for field in entity.sealed]
    hashes = [now for _, now, _ in sealed]
    before = [SQL("lag({}) OVER (ORDER BY changed) AS {}").format(now, was) for was, now, _ in sealed]
    changed = [
        SQL("CASE WHEN b.{} IS DISTINCT FROM b.{} THEN {} END").format(was, now, member) for was, now, member in sealed
    ]
    picked = [SQL(name) for name in ("changed", "status", "source_modified", "row_hash", "line")] + hashes
    states = SQL(
        "SELECT {picked}, {document} AS document FROM {table} t WHERE tenant_id = %(tenant)s AND sourced_id = %(id)s"
    )
    live, past = (
        states.format(picked=SQL(", ").join(picked), document=versions.document(entity, "t"), table=Identifier(name))
        for name in (entity.table, f"{entity.table}_history")
    )
    return SQL(
        "SELECT b.changed, b.status, b.source_modified, b.row_hash, b.line, b.document, {sealed} AS sealed,"
        " r.published_at AS at, r.job_id AS job, j.kind, j.bundle"
        " FROM (SELECT s.*{before} FROM ({live} UNION ALL {past}) AS s) AS b"
        " JOIN revisions r ON r.tenant_id = %(tenant)s AND r.revision = b.changed"
        " JOIN jobs j ON j.tenant_id = %(tenant)s AND j.id = r.job_id ORDER BY b.changed"
    ).format(
        sealed=SQL("array_remove(ARRAY[{}]::text[], NULL)").format(SQL(", ").join(changed)),
        before=SQL("").join(SQL(", {}").format(one) for one in before),
        live=live,
        past=past,
    )


def _through(entity: Entity) -> Composed:
    """Rows of other records that are shown inside this one, by the revision in which they changed or went."""
    if entity is entities.USERS:
        others = [(part, "user_sourced_id") for part in PARTS]
    else:
        others = [(entity, "parent_sourced_id")]
    # A row that stands here now is told of with its line; one that went, or belongs elsewhere now, without.
    places = (("", "changed", "line"), ("_history", "changed", "line"), ("_history", "until", "0"))
    selects = [
        SQL(
            "SELECT {revision} AS revision, {file} AS file, {line} AS line FROM {table}"
            " WHERE tenant_id = %(tenant)s AND {column} = %(id)s"
        ).format(
            revision=SQL(revision),
            file=one.file,
            line=SQL(line),
            table=Identifier(f"{one.table}{suffix}"),
            column=Identifier(column),
        )
        for one, column in others
        for suffix, revision, line in places
    ]
    return SQL("SELECT revision, file, line FROM ({}) AS t ORDER BY line").format(SQL(" UNION ALL ").join(selects))

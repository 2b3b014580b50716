"""Why so much would change: a likely cause for a held load, computed from what would go, come and stay.

Read within the load's transaction, after `diff`: `next_<entity>` holds every record that changes. A cause is a
sentence that helps a school secretary find what went wrong in the export; it decides nothing.
"""

from collections.abc import Mapping, Sequence

import msgspec
from psycopg.sql import SQL, Composed, Identifier

from oneroster import entities
from oneroster.entities import Entity
from oneroster.said import Said
from sql import database
from sql.database import Connection
from sql.jobs import Count
from sql.merge import Merge

SHARE = 0.5
"""A cause must explain so much of what would go."""

SAME = {
    entities.USERS: "family_name, given_name",
    entities.ORGS: "name",
    entities.COURSES: "title",
    entities.CLASSES: "title, school_sourced_id",
    entities.ACADEMIC_SESSIONS: "title",
    entities.ENROLLMENTS: "user_sourced_id, class_sourced_id, role",
}
"""What a record is known by when its id is another."""


class Share(msgspec.Struct, frozen=True):
    """How many there are, and how many of them something explains."""

    all: int
    explained: int
    lost: int = 0
    schools: bool = False

    @property
    def enough(self) -> bool:
        return self.all > 0 and self.explained >= SHARE * self.all


class School(msgspec.Struct, frozen=True):
    """Of all that would go, how much belongs to a school, and how much of what there is does."""

    all: int
    explained: int
    sourced_id: str
    name: str
    live: int
    held: int


async def likely(conn: Connection, work: Merge, counts: Sequence[Count], rows: Mapping[str, int]) -> Said | None:
    """The likeliest cause as sentences, None when none shows."""
    held = [one for one in counts if one.guard in ("hold:deleted", "hold:ids", "hold:empty")]
    for one in sorted(held, key=lambda one: -one.deleted):
        entity = entities.USERS if one.entity in ("students", "teachers") else entities.BY_NAME[one.entity]
        if entity in work.fresh or not one.deleted:
            continue
        for cause in (_rekeyed, _lost_orgs, _cut_off, _one_school):
            sentence = await cause(conn, work, entity, rows)
            if sentence is not None:
                return sentence
    return None


async def _rekeyed(conn: Connection, work: Merge, entity: Entity, rows: Mapping[str, int]) -> Said | None:
    if entity not in SAME:
        return None
    statement = SQL(
        "WITH went AS ({gone}), came AS (SELECT {names} FROM {next} n WHERE n.new AND n.status = 'active')"
        ' SELECT count(*) AS "all", count(*) FILTER (WHERE ({names}) IN (SELECT {names} FROM came)) AS explained'
        " FROM went"
    ).format(gone=_gone(entity), names=SQL(SAME[entity]), next=Identifier(f"next_{entity.table}"))
    found = await _share(conn, work, statement)
    if not found.enough:
        return None
    share = f"{found.explained / found.all:.0%}"
    return Said(
        f"Likely cause: {share} of the {found.all:,} {entity.name} that would go come again under new ids: a re-keyed"
        " export. Export with the ids used before.",
        f"考えられる原因：{entity.file}で削除される{found.all:,}件の{share}が、新しいIDで再び含まれています"
        "（IDの振り直し）。以前と同じIDで出力し直してください。",
    )


async def _lost_orgs(conn: Connection, work: Merge, entity: Entity, rows: Mapping[str, int]) -> Said | None:
    """Of what would go, how much belongs to orgs that would go."""
    orgs = entities.ORGS
    if orgs not in work.modes or orgs in work.fresh or entity is orgs:
        return None
    belongs = {
        entities.USERS: "SELECT FROM roles r WHERE r.tenant_id = %(tenant)s AND r.user_sourced_id = w.sourced_id"
        " AND r.org_sourced_id IN (SELECT sourced_id FROM lost)",
        entities.CLASSES: "SELECT WHERE w.school_sourced_id IN (SELECT sourced_id FROM lost)",
        entities.ENROLLMENTS: "SELECT WHERE w.school_sourced_id IN (SELECT sourced_id FROM lost)",
        entities.COURSES: "SELECT WHERE w.org_sourced_id IN (SELECT sourced_id FROM lost)",
    }.get(entity)
    if belongs is None:
        return None
    statement = SQL(
        "WITH lost AS (SELECT w.sourced_id, w.type FROM ({orgs}) AS w), went AS ({gone})"
        ' SELECT count(*) AS "all", count(*) FILTER (WHERE EXISTS ({belongs})) AS explained,'
        " (SELECT count(*) FROM lost) AS lost, (SELECT coalesce(bool_and(type = 'school'), false) FROM lost) AS schools"
        " FROM went w"
    ).format(orgs=_gone(orgs), gone=_gone(entity), belongs=SQL(belongs))
    found = await _share(conn, work, statement)
    if not found.enough or not found.lost:
        return None
    noun = ("school" if found.schools else "org") + ("" if found.lost == 1 else "s")
    return Said(
        f"Likely cause: orgs.csv lost {found.lost:,} {noun};"
        f" {found.explained:,} of the {found.all:,} removals in {entity.name} belong to them.",
        f"考えられる原因：orgs.csvから{'学校' if found.schools else '組織'}が{found.lost:,}件なくなり、"
        f"{entity.file}で削除される{found.all:,}件のうち{found.explained:,}件がそこに属しています。",
    )


async def _cut_off(conn: Connection, work: Merge, entity: Entity, rows: Mapping[str, int]) -> Said | None:
    """Whether what would go stood behind the place where the file now ends."""
    count = rows.get(entity.name)
    if count is None or work.modes.get(entity) != "bulk":
        return None
    statement = SQL(
        'WITH went AS ({gone}) SELECT count(*) AS "all", count(*) FILTER (WHERE line > {end}) AS explained FROM went'
    ).format(gone=_gone(entity), end=SQL(str(int(count) + 1)))
    found = await _share(conn, work, statement)
    if found.all == 0 or found.explained < 0.9 * found.all:
        return None
    return Said(
        f"Likely cause: {entity.file} looks cut off after {count:,} rows; {found.explained:,} of the {found.all:,}"
        " records that would go stood behind that in the last file. Export again and check that it ended well.",
        f"考えられる原因：{entity.file}が{count:,}行で途切れているようです。削除される{found.all:,}件のうち"
        f"{found.explained:,}件は、前回それより後ろにありました。出力が最後まで終わったことを確かめて、"
        "出力し直してください。",
    )


async def _one_school(conn: Connection, work: Merge, entity: Entity, rows: Mapping[str, int]) -> Said | None:
    """Whether nearly all that would go belongs to one school, of several, that stays itself."""
    belonging = {
        entities.USERS: "SELECT DISTINCT x.sourced_id, r.org_sourced_id AS org FROM {} x JOIN roles r"
        " ON r.tenant_id = %(tenant)s AND r.user_sourced_id = x.sourced_id AND r.status = 'active'",
        entities.CLASSES: "SELECT x.sourced_id, x.school_sourced_id AS org FROM {} x",
        entities.ENROLLMENTS: "SELECT x.sourced_id, x.school_sourced_id AS org FROM {} x",
        entities.COURSES: "SELECT x.sourced_id, x.org_sourced_id AS org FROM {} x",
    }.get(entity)
    if belonging is None:
        return None
    may_go = entities.ORGS in work.modes and entities.ORGS not in work.fresh
    statement = SQL(
        "WITH went AS NOT MATERIALIZED ({gone}), live AS NOT MATERIALIZED"
        " (SELECT * FROM {table} WHERE tenant_id = %(tenant)s AND status = 'active'),"
        " most AS (SELECT o.sourced_id, o.name, count(*) AS explained FROM ({went}) AS b JOIN orgs o"
        " ON o.tenant_id = %(tenant)s AND o.sourced_id = b.org AND o.status = 'active' AND o.type = 'school'"
        " WHERE {stays} GROUP BY o.sourced_id, o.name ORDER BY explained DESC LIMIT 1)"
        ' SELECT (SELECT count(*) FROM went) AS "all", m.explained, m.sourced_id, m.name,'
        " (SELECT count(*) FROM live) AS live,"
        " (SELECT count(*) FROM ({live}) AS b WHERE b.org = m.sourced_id) AS held FROM most m"
    ).format(
        gone=_gone(entity),
        table=Identifier(entity.table),
        went=SQL(belonging).format(SQL("went")),
        live=SQL(belonging).format(SQL("live")),
        stays=SQL("o.sourced_id NOT IN (SELECT sourced_id FROM ({}) AS g)").format(_gone(entities.ORGS))
        if may_go
        else SQL("true"),
    )
    found = await database.fetch_one(conn, statement, School, work.key)
    if found is None or found.explained < 0.9 * found.all or found.held > SHARE * found.live:
        return None
    return Said(
        f"Likely cause: {found.explained:,} of the {found.all:,} removals in {entity.name} belong to {found.name}"
        f" ({found.sourced_id}), which stays: its part may be missing from the export.",
        f"考えられる原因：{entity.file}で削除される{found.all:,}件のうち{found.explained:,}件が{found.name}"
        f"（{found.sourced_id}）に属しています。学校そのものは残っているため、この学校の分が出力から漏れているようです。",
    )


async def _share(conn: Connection, work: Merge, statement: Composed) -> Share:
    found = await database.fetch_one(conn, statement, Share, work.key)
    assert found is not None
    return found


def _gone(entity: Entity) -> Composed:
    """The live rows of the records that would go."""
    return SQL(
        "SELECT l.* FROM {} l JOIN {} n ON n.sourced_id = l.sourced_id"
        " WHERE l.tenant_id = %(tenant)s AND l.status = 'active' AND n.status = 'tobedeleted'"
    ).format(Identifier(entity.table), Identifier(f"next_{entity.table}"))

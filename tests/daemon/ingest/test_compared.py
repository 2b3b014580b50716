"""A bundle that is compared with the one before ends as one that is read whole."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from oneroster import entities, profiles, sample, write
from oneroster.profiles import Profile
from sql import audit, database, tenants

Rows = list[dict[str, str]]
Roster = dict[str, Rows]
TABLES = (
    *("orgs", "academic_sessions", "courses", "classes", "users"),
    *("roles", "user_profiles", "demographics", "enrollments"),
)
OWN = ("tenant_id", "row_hash", "sealed")
"""Columns that differ between tenants, as their keys do."""
NAME = "RO_20260401_239930.zip"


class Twins:
    """Two tenants that are sent the same bundles; the second forgets each time what it was sent before."""

    def __init__(self, one: Any, other: Any) -> None:
        self.one, self.other = one, other
        self.compared = 0

    async def deliver(self, bundle: Path) -> str:
        """Send a bundle to both and see that all came to the same; the state of both jobs."""
        with capture_logs() as logs:
            first = await self.one.deliver(bundle, NAME)
        self.compared += any(line["event"] == "compared" for line in logs)
        async with database.hub(self.one.pool, "owner") as conn:
            await conn.execute(
                "UPDATE current_bundles SET read_as = NULL WHERE tenant_id = %s", (self.other.tenant.id,)
            )
        with capture_logs() as logs:
            second = await self.other.deliver(bundle, NAME)
        assert not any(line["event"] == "compared" for line in logs)
        told = [(one.state, one.revision, one.profile, one.rows, one.errors, one.warnings) for one in (first, second)]
        assert told[0] == told[1]
        assert await problems(self.one, first) == await problems(self.other, second)
        assert await self.one.counts(first) == await self.other.counts(second)
        for table in (*TABLES, *(f"{table}_history" for table in TABLES)):
            assert await stored(self.one, table) == await stored(self.other, table), table
        return str(first.state)


async def problems(hub: Any, job: Any) -> list[tuple[Any, ...]]:
    return [(one.code, one.file, one.line, one.column, one.value, one.detail) for one in await hub.problems(job)]


async def stored(hub: Any, table: str) -> list[dict[str, Any]]:
    async with database.tenant(hub.pool, hub.tenant.id) as conn:
        cursor = conn.cursor(row_factory=dict_row)
        await cursor.execute(
            f"SELECT * FROM {table} WHERE tenant_id = %s ORDER BY sourced_id, changed",  # type: ignore[arg-type]
            (hub.tenant.id,),
        )
        return [
            {name: value for name, value in row.items() if name not in OWN and not name.endswith("_hash")}
            for row in await cursor.fetchall()
        ]


@pytest.fixture
async def twins(hub: Any) -> Twins:
    other = type(hub)(hub.pool, hub.conninfo, hub.folder)
    async with database.hub(hub.pool, "admin") as conn:
        other.tenant = await tenants.add(conn, "twin", "Twin", "auto", hub.worker.master, audit.SYSTEM)
    return Twins(hub, other)


def made(profile: Profile, users: int = 14) -> Roster:
    rows = sample.sample(users, profile=profile)
    return {
        name: [dict(zip(profile.header(entities.BY_NAME[name]), cells, strict=True)) for cells in found]
        for name, found in rows.items()
    }


def written(folder: Path, profile: Profile, roster: Roster) -> Path:
    cells = {name: [tuple(row.values()) for row in rows] for name, rows in roster.items()}
    target = folder / "sent.zip"
    write.write(target, profile, cells)
    return target


class Meddler:
    """Changes a roster in the ways of a school year, and in those of a broken export."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._gone: list[tuple[str, dict[str, str]]] = []
        self._made = 0

    def meddle(self, roster: Roster) -> Roster:
        roster = copy.deepcopy(roster)
        for _ in range(self._random.choice((0, 1, 1, 2, 4))):
            often = (self.reword, self.reword, self.whole, self.enroll, self.shuffle, self.come_back)
            rarely = (self.leave, self.double, self.point_astray, self.second_role, self.rekey, self.retype)
            deed = self._random.choice(often if self._random.random() < 0.7 else rarely)
            deed(roster)
        return roster

    def _row(self, roster: Roster, *names: str) -> tuple[Rows, int]:
        rows = roster[self._random.choice([name for name in names or tuple(roster) if roster.get(name)])]
        return rows, self._random.randrange(len(rows))

    def _new_id(self) -> str:
        self._made += 1
        return f"{self._made:08x}-0000-4000-8000-{self._random.getrandbits(48):012x}"

    def reword(self, roster: Roster) -> None:
        rows, at = self._row(roster, "users", "classes", "courses", "orgs", "demographics")
        column = {"familyName", "title", "name", "cityOfBirth"} & {*rows[at]}
        rows[at][column.pop()] += self._random.choice(("子", "x", "﨑"))

    def leave(self, roster: Roster) -> None:
        """A row is missing, whoever refers to it."""
        names = [name for name in roster if len(roster[name]) > 1]
        rows, at = self._row(roster, *names)
        self._gone.append((next(name for name in names if roster[name] is rows), rows.pop(at)))

    def whole(self, roster: Roster) -> None:
        """A user leaves with all that is his."""
        rows, at = self._row(roster, "users")
        if len(rows) > 4:
            number = rows.pop(at)["sourcedId"]
            for name in ("roles", "userProfiles", "enrollments"):
                roster[name] = [row for row in roster.get(name, []) if row["userSourcedId"] != number]
            roster["demographics"] = [row for row in roster["demographics"] if row["sourcedId"] != number]

    def come_back(self, roster: Roster) -> None:
        if self._gone:
            name, row = self._gone.pop(self._random.randrange(len(self._gone)))
            roster[name].insert(self._random.randrange(len(roster[name]) + 1), row)

    def enroll(self, roster: Roster) -> None:
        rows, at = self._row(roster, "enrollments")
        classes, which = self._row(roster, "classes")
        rows.append({**rows[at], "sourcedId": self._new_id(), "classSourcedId": classes[which]["sourcedId"]})

    def shuffle(self, roster: Roster) -> None:
        rows, _ = self._row(roster)
        self._random.shuffle(rows)

    def double(self, roster: Roster) -> None:
        if self._random.random() < 0.3:
            rows, at = self._row(roster)
            rows.insert(self._random.randrange(len(rows) + 1), dict(rows[at]))

    def point_astray(self, roster: Roster) -> None:
        rows, at = self._row(roster, "enrollments", "roles", "classes")
        column = {"classSourcedId", "orgSourcedId", "courseSourcedId"} & {*rows[at]}
        others, which = self._row(roster, "users", "orgs")
        rows[at][column.pop()] = others[which]["sourcedId"]

    def second_role(self, roster: Roster) -> None:
        rows, at = self._row(roster, "roles")
        kind = self._random.choice(("primary", "secondary"))
        rows.append({**rows[at], "sourcedId": self._new_id(), "roleType": kind})

    def rekey(self, roster: Roster) -> None:
        """Roles under other ids, which no record shows."""
        rows, at = self._row(roster, "roles")
        rows[at]["sourcedId"] = self._new_id()

    def retype(self, roster: Roster) -> None:
        rows, at = self._row(roster, "orgs")
        rows[at]["type"] = self._random.choice(("school", "district"))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ["base-1.2", "jp-1.2.1"])
async def test_whatever_changes_the_end_is_the_same(twins: Twins, name: str, seed: int, tmp_path: Path) -> None:
    profile = profiles.BY_NAME[name]
    meddler = Meddler(seed)
    roster = made(profile)
    assert await twins.deliver(written(tmp_path, profile, roster)) == "applied"
    ends = []
    for _ in range(14):
        sent = meddler.meddle(roster)
        ends.append(await twins.deliver(written(tmp_path, profile, sent)))
        if ends[-1] == "applied":
            roster = sent
    assert twins.compared >= 3
    assert {"applied", "rejected"} <= {*ends}

"""A bundle that is compared with the one before ends as one that is read whole."""

import contextlib
import copy
import random
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from oneroster import entities, profiles, sample, write
from oneroster.profiles import Profile
from sql import audit, database, decisions, jobs, tenants
from tests.daemon.ingest.conftest import zipped

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


async def give(twins: Twins, folder: Path, roster: Roster, mangle: Callable[[bytes], bytes] | None = None) -> str:
    """The state of a bundle of rows; `mangle` changes the bytes of users.csv."""
    target = zipped(folder / "given.zip", roster)
    if mangle is not None:
        with zipfile.ZipFile(target) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        files["users.csv"] = mangle(files["users.csv"])
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    return await twins.deliver(target)


def without(roster: Roster, user: str) -> Roster:
    """The roster after a user has left with all that is his."""
    left = {name: [row for row in rows if row.get("userSourcedId") != user] for name, rows in roster.items()}
    for name in ("users", "demographics"):
        left[name] = [row for row in left[name] if row["sourcedId"] != user]
    left["users"] = [row | {"agentSourcedIds": ""} for row in left["users"]]
    return left


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

    def live(self, roster: Roster) -> Roster:
        """The roster some days later."""
        deeds = (self.reword, self.reword, self.whole, self.enroll, self.shuffle)
        return self._after(roster, deeds, self._random.choice((0, 1, 1, 2, 4)))

    def spoil(self, roster: Roster) -> Roster:
        """The roster as a bad export has it, if it is one of the bad days."""
        deeds = (self.leave, self.come_back, self.double, self.point_astray, self.second_role, self.rekey, self.retype)
        return self._after(roster, deeds, self._random.choice((0, 0, 1, 2)))

    def _after(self, roster: Roster, deeds: Sequence[Callable[[Roster], None]], number: int) -> Roster:
        roster = copy.deepcopy(roster)
        for deed in self._random.choices(deeds, k=number):
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
            for row in rows:
                row["agentSourcedIds"] = ",".join(one for one in row["agentSourcedIds"].split(",") if one != number)
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


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["base-1.2", "jp-1.2.1"])
async def test_whatever_changes_the_end_is_the_same(twins: Twins, name: str, seed: int, tmp_path: Path) -> None:
    profile = profiles.BY_NAME[name]
    for one in (twins.one, twins.other):  # a guard that lets some pass and holds some
        await one.set("auto", {"guard": {"deleted": 0.8, "updated": 0.9, "few": 1}})
    meddler = Meddler(seed)
    roster = made(profile)
    assert await twins.deliver(written(tmp_path, profile, roster)) == "applied"
    ends = []
    for _ in range(10):
        roster = meddler.live(roster)
        ends.append(await twins.deliver(written(tmp_path, profile, meddler.spoil(roster))))
    assert twins.compared, ends
    assert {"applied", "rejected"} <= {*ends}


async def sent(hub: Any, roster: Roster, **given: Any) -> tuple[Any, list[str] | None]:
    """The job, and the names of the files without a difference; None where the bundle was read whole."""
    with capture_logs() as logs:
        job = await hub.roster(roster, **given)
    found = [line["same"] for line in logs if line["event"] == "compared"]
    return job, found[0] if found else None


async def test_what_has_not_changed_is_not_read_again(hub: Any, roster: Any) -> None:
    job, same = await sent(hub, roster)
    assert (job.state, same) == ("applied", None)
    roster["users"][2]["givenName"] = "三郎"
    job, same = await sent(hub, roster)
    assert (job.state, job.revision, job.updated, job.rows["users"]) == ("applied", 2, 1, 14)
    assert same == sorted({*roster} - {"users"})
    job, same = await sent(hub, roster, backwards=True)
    assert (job.state, job.revision, same) == ("applied", 2, sorted(roster))
    counts = await hub.counts(job)
    assert [(one.before, one.after) for one in map(counts.get, ("users", "students", "enrollments"))] == [
        (14, 14),
        (12, 12),
        (13, 13),
    ]


async def test_a_line_that_refers_to_what_has_gone_is_named_though_it_has_not_changed(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    del roster["classes"][0]
    job, same = await sent(hub, roster)
    assert (job.state, same) == ("rejected", None)
    faults = [one for one in await hub.problems(job) if one.severity == "error"]
    assert {(one.code, one.column, one.value) for one in faults} == {("E-REF", "classSourcedId", "c-1")}
    assert [one.line for one in faults] == list(range(2, 15))


async def test_only_the_bundle_that_the_roster_is_of_is_compared_with(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    changed = copy.deepcopy(roster)
    changed["users"][2]["givenName"] = "三郎"
    date = {"status": "active", "dateLastModified": "2026-04-02T00:00:00.000Z"}
    users = {"users": [row | date for row in changed["users"][2:3]]}
    assert (await sent(hub, users, modes={"users": "delta"}))[0].updated == 1
    job, same = await sent(hub, roster)  # the row of the delta changes back
    assert (job.state, job.updated, same) == ("applied", 1, None)
    assert (await sent(hub, changed))[1] is not None
    async with database.hub(hub.pool, "admin") as conn:
        newest = (await jobs.page(conn))[0]
        await decisions.roll_back(conn, newest, "a test", audit.SYSTEM, cascade=False)
    while await hub.worker.turn(hub.conninfo):
        pass
    roster["users"][3]["givenName"] = "四郎"
    job, same = await sent(hub, roster)
    assert (job.state, job.updated, same) == ("applied", 1, None)


async def test_who_returns_has_what_the_files_say_and_nothing_of_what_he_had(
    twins: Twins, roster: Any, tmp_path: Path
) -> None:
    roster["userProfiles"].append({**roster["userProfiles"][0], "sourcedId": "p-2", "userSourcedId": "u-2"})
    assert await give(twins, tmp_path, roster) == "applied"
    assert await give(twins, tmp_path, without(roster, "u-2")) == "applied"
    returned = copy.deepcopy(roster)
    returned["userProfiles"].pop()
    role = next(row for row in returned["roles"] if row["userSourcedId"] == "u-2")
    role.update(sourcedId="r-new", orgSourcedId="s-2")
    assert await give(twins, tmp_path, returned) == "applied"
    document = await twins.one.document("users", "u-2")
    assert [one["org"]["sourcedId"] for one in document["roles"]] == ["s-2"]
    assert "userProfiles" not in document


async def test_files_of_parts_alone_are_no_basis(twins: Twins, roster: Any, tmp_path: Path) -> None:
    """A role may come for a user who was removed; a bundle with users and roles has no such row."""
    for name, column in (("enrollments", "userSourcedId"), ("demographics", "sourcedId")):
        roster[name] = [row for row in roster[name] if row[column] != "u-2"]
    assert await give(twins, tmp_path, roster) == "applied"
    users = [row for row in roster["users"] if row["sourcedId"] != "u-2"]
    assert await give(twins, tmp_path, {"users": users}) == "applied"
    assert await give(twins, tmp_path, {"roles": roster["roles"]}) == "applied"
    assert await give(twins, tmp_path, {"roles": roster["roles"][::-1]}) == "applied"
    assert await give(twins, tmp_path, roster | {"users": users}) == "rejected"


async def test_a_parent_keeps_its_line_where_only_its_children_change(
    twins: Twins, roster: Any, tmp_path: Path
) -> None:
    assert await give(twins, tmp_path, roster) == "applied"
    school = {"sourcedId": "s-3", "name": "New", "type": "school", "identifier": "N3", "parentSourcedId": "d-1"}
    roster["orgs"].insert(0, school)
    assert await give(twins, tmp_path, roster) == "applied"


HALF_CR = {
    "in the header": lambda text: text.replace(b"\r\n", b"\r\r\n", 1),
    "in a row": lambda text: text.replace(b"\r\n", b"\r\r\n", 2).replace(b"\r\r\n", b"\r\n", 1),
    "at the end": lambda text: text[:-1],
}


@pytest.mark.parametrize("where", HALF_CR)
@pytest.mark.parametrize("before", [False, True])
async def test_a_cr_alone_is_read_as_ever(twins: Twins, roster: Any, tmp_path: Path, where: str, before: bool) -> None:
    assert await give(twins, tmp_path, roster, HALF_CR[where] if before else None) == "applied"
    roster["users"][5]["givenName"] = "五郎"
    assert await give(twins, tmp_path, roster, HALF_CR[where]) == "applied"


async def test_a_zip_that_contradicts_itself_is_refused_though_its_bytes_are_known(
    twins: Twins, roster: Any, tmp_path: Path
) -> None:
    assert await give(twins, tmp_path, roster) == "applied"
    roster["users"][3]["givenName"] = "三郎"
    target = zipped(tmp_path / "t.zip", roster)
    data = bytearray(target.read_bytes())
    data[data.find(b"courses.csv")] = ord("X")
    target.write_bytes(bytes(data))
    assert await twins.deliver(target) == "rejected"


async def test_one_connection_serves_night_after_night(hub: Any, roster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hub.pool.connection() as conn:

        @contextlib.asynccontextmanager
        async def connect(conninfo: str) -> AsyncIterator[Any]:
            yield conn

        monkeypatch.setattr(database, "connect", connect)
        for night in range(3):
            roster["users"][2]["givenName"] = f"{night}郎"
            job, same = await sent(hub, roster)
            assert (job.state, same is not None) == ("applied", night > 0)


async def test_a_bundle_whose_forerunner_is_not_to_be_read_is_read_whole(hub: Any, roster: Any) -> None:
    first = await hub.roster(roster)
    place = hub.settings.state / "archive" / str(hub.tenant.id) / first.sha256
    place.write_bytes(place.read_bytes()[:-1])
    roster["users"][2]["givenName"] = "三郎"
    job, same = await sent(hub, roster)
    assert (job.state, job.updated, same) == ("applied", 1, None)
    place = hub.settings.state / "archive" / str(hub.tenant.id) / job.sha256
    place.unlink()
    roster["users"][2]["givenName"] = "四郎"
    job, same = await sent(hub, roster)
    assert (job.state, job.updated, same) == ("applied", 1, None)

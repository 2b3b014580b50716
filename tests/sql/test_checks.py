"""Checks across files: what is wrong is found once, at its line, beside what is stored; NULL is nobody's fault."""

import csv
import io
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from psycopg.sql import SQL, Identifier

from oneroster import entities, profiles
from oneroster.entities import Entity
from oneroster.manifest import Manifest
from oneroster.problems import Problem
from oneroster.profiles import Profile
from oneroster.rows import Rows
from sql import checks, columns, database, people, references, seal, staging
from sql.database import Connection
from sql.prospect import Prospect

MASTER = bytes(range(32))
SEALER = seal.Sealer(MASTER, seal.new_tenant_key(MASTER))
BASE, JAPAN = profiles.BY_NAME["base-1.2"], profiles.BY_NAME["jp-1.2.1"]
TENANT = 1
WHEN = "2026-04-01T00:00:00Z"

Row = dict[str, str]
Roster = dict[str, list[Row]]

ORG, SCHOOL, YEAR, COURSE, ONE, PUPIL, TEACHER = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in range(7))


def roster() -> Roster:
    return {
        "orgs": [
            {"sourcedId": ORG, "name": "教育委員会", "type": "district"},
            {"sourcedId": SCHOOL, "name": "小学校", "type": "school", "parentSourcedId": ORG},
        ],
        "academicSessions": [
            {"sourcedId": YEAR, "title": "2026年度", "type": "schoolYear", "startDate": "2026-04-01",
             "endDate": "2027-03-31", "schoolYear": "2026"},
        ],
        "courses": [
            {"sourcedId": COURSE, "title": "2026年度国語", "orgSourcedId": SCHOOL, "schoolYearSourcedId": YEAR},
        ],
        "classes": [
            {"sourcedId": ONE, "title": "1年1組", "courseSourcedId": COURSE, "classType": "homeroom",
             "schoolSourcedId": SCHOOL, "termSourcedIds": YEAR},
        ],
        "users": [
            {"sourcedId": PUPIL, "enabledUser": "true", "username": "p", "givenName": "怜", "familyName": "宮本",
             "metadata.jp.homeClass": ONE},
            {"sourcedId": TEACHER, "enabledUser": "true", "username": "t", "givenName": "蓮", "familyName": "後藤"},
        ],
        "roles": [
            {"sourcedId": PUPIL, "userSourcedId": PUPIL, "roleType": "primary", "role": "student",
             "orgSourcedId": SCHOOL},
            {"sourcedId": TEACHER, "userSourcedId": TEACHER, "roleType": "primary", "role": "teacher",
             "orgSourcedId": SCHOOL},
        ],
        "enrollments": [
            {"sourcedId": PUPIL, "classSourcedId": ONE, "schoolSourcedId": SCHOOL, "userSourcedId": PUPIL,
             "role": "student", "primary": "false"},
            {"sourcedId": TEACHER, "classSourcedId": ONE, "schoolSourcedId": SCHOOL, "userSourcedId": TEACHER,
             "role": "teacher", "primary": "true"},
        ],
    }  # fmt: skip


def text(entity: Entity, rows: list[Row], profile: Profile) -> bytes:
    out = io.StringIO()
    header = profile.header(entity)
    writer = csv.DictWriter(out, header, restval="", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows([{name: cell for name, cell in row.items() if name in header} for row in rows])
    return out.getvalue().encode()


async def stage(conn: Connection, entity: Entity, rows: list[Row], profile: Profile) -> None:
    reader = Rows(io.BytesIO(text(entity, rows, profile)), entity.file, entity, profile)
    encoder = staging.Encoder(entity, reader.columns, SEALER)

    async def chunks() -> AsyncIterator[bytes]:
        for batch in reader.batches():
            yield encoder.encode(batch)

    place = await staging.create(conn, entity)
    await staging.fill(conn, place, encoder.names, chunks())
    await staging.analyze(conn, place)


async def store(conn: Connection, given: Roster, profile: Profile) -> None:
    """The rows as a bundle before left them."""
    for name, rows in given.items():
        entity = entities.BY_NAME[name]
        await stage(conn, entity, rows, profile)
        names = [one.name for one in columns.staged(entity) if one.name != "status"]
        more = {"document": "'{}'", "student": "false", "teacher": "false"}
        extra = {one.name: more[one.name] for one in columns.live(entity) if one.name in more}
        partition = Identifier(f"{entity.table}_t{TENANT}")
        await conn.execute(
            SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES IN ({})").format(
                partition, Identifier(entity.table), TENANT
            )
        )
        await conn.execute(
            SQL("INSERT INTO {} (tenant_id, status, changed, {}) SELECT {}, coalesce(status, 'active'), 1, {} FROM {}")
            .format(
                partition,
                SQL(", ").join(map(Identifier, [*names, *extra])),
                TENANT,
                SQL(", ").join([*map(Identifier, names), *map(SQL, extra.values())]),
                staging.table(entity),
            )
        )  # fmt: skip
        await conn.execute(SQL("DROP TABLE {}").format(staging.table(entity)))


@asynccontextmanager
async def prospect(
    conninfo: str,
    given: Roster,
    modes: Mapping[str, str] | None = None,
    *,
    stored: Roster | None = None,
    profile: Profile = JAPAN,
    holed: frozenset[str] = frozenset(),
    wrong: frozenset[tuple[str, str]] = frozenset(),
) -> AsyncIterator[tuple[Connection, Prospect]]:
    async with database.connect(conninfo) as conn, conn.transaction(force_rollback=True):
        await conn.execute(SQL("SET LOCAL rosterhub.tenant = {}").format(str(TENANT)))
        await store(conn, stored or {}, profile)
        for name, rows in given.items():
            await stage(conn, entities.BY_NAME[name], rows, profile)
        chosen = {one: (modes or {}).get(one.name, "bulk") for one in entities.ALL if one.name in given}
        yield conn, Prospect(TENANT, profile, chosen, wrong, holed)


async def found(conninfo: str, given: Roster, modes: Mapping[str, str] | None = None, **more: object) -> list[Problem]:
    async with prospect(conninfo, given, modes, **more) as (conn, work):  # type: ignore[arg-type]
        answers = [answer async for answer in checks.across(conn, work)]
        answers += [answer async for answer in references.left(conn, work)]
        return [one for problems, _ in answers for one in problems]


def told(problems: list[Problem]) -> list[tuple[str, str, int, str, str]]:
    return [(one.code, one.file, one.line, one.column, one.value) for one in problems]


def delta(*rows: Row, status: str = "active") -> list[Row]:
    return [{"status": status, "dateLastModified": WHEN} | row for row in rows]


@pytest.mark.parametrize("profile", [BASE, JAPAN], ids=lambda one: one.name)
async def test_a_good_roster_is_good_whether_anything_is_stored_or_not(conninfo: str, profile: Profile) -> None:
    assert await found(conninfo, roster(), profile=profile) == []
    assert await found(conninfo, roster(), profile=profile, stored=roster()) == []
    assert await found(conninfo, {}, profile=profile, stored=roster()) == []


async def test_a_delta_refers_to_what_is_stored_and_what_is_to_be_deleted_to_nothing(conninfo: str) -> None:
    given = roster()
    modes = dict.fromkeys(given, "delta")
    changed = {name: delta(*rows) for name, rows in given.items()}
    assert await found(conninfo, changed, modes, stored=given) == []
    gone = {
        "enrollments": delta({**given["enrollments"][0], "userSourcedId": ORG, "sourcedId": ORG}, status="tobedeleted")
    }
    assert await found(conninfo, gone, {"enrollments": "delta"}, stored=given) == []


async def test_a_reference_that_dangles_is_named_with_what_may_be_meant(conninfo: str) -> None:
    given = roster()
    given["enrollments"][0] |= {"userSourcedId": SCHOOL}
    (one,) = await found(conninfo, given)
    assert told([one]) == [("E-REF", "enrollments.csv", 2, "userSourcedId", SCHOOL)]
    assert one.detail == "Not in users.csv. It is in orgs.csv."
    base: Roster = {"orgs": [
        {"sourcedId": "Dist-A", "name": "d", "type": "district"},
        {"sourcedId": "s", "name": "s", "type": "school", "parentSourcedId": "dist-a"},
    ]}  # fmt: skip
    (one,) = await found(conninfo, base, profile=BASE)
    assert one.detail == "Not in orgs.csv. There is Dist-A; upper and lower case count."


async def test_lists_are_looked_at_item_by_item(conninfo: str) -> None:
    given = roster()
    given["classes"][0]["termSourcedIds"] = f"{ORG},{YEAR},{ONE}"
    assert sorted(told(await found(conninfo, given))) == [
        ("E-REF", "classes.csv", 2, "termSourcedIds", one) for one in (ORG, ONE)
    ]


async def test_who_refers_to_a_file_with_holes_is_not_blamed(conninfo: str) -> None:
    given = roster()
    given["orgs"].pop()
    codes = {one.code for one in await found(conninfo, given)}
    assert codes == {"E-REF"}
    assert await found(conninfo, given, holed=frozenset({"orgs.csv"})) == []


async def test_an_id_twice_is_named_at_the_second_and_case_does_not_help(conninfo: str) -> None:
    given = roster()
    given["users"].append(given["users"][0] | {"sourcedId": PUPIL.upper()})
    (one,) = [one for one in await found(conninfo, given) if one.code == "E-DUPLICATE"]
    assert told([one]) == [("E-DUPLICATE", "users.csv", 4, "sourcedId", PUPIL)]
    assert one.detail == "It stands on line 2 already."


async def test_a_school_is_of_type_school_and_a_school_year_a_school_year(conninfo: str) -> None:
    given = roster()
    given["classes"][0]["schoolSourcedId"] = ORG
    given["enrollments"][1]["schoolSourcedId"] = ORG
    problems = await found(conninfo, given)
    assert told(problems) == [
        ("E-REF-TYPE", "classes.csv", 2, "schoolSourcedId", ORG),
        ("E-REF-TYPE", "enrollments.csv", 3, "schoolSourcedId", ORG),
    ]
    assert problems[0].detail == "It is of type district."
    # The same with orgs.csv left out, where what is stored counts.
    classes = {"classes": given["classes"]}
    assert [one.code for one in await found(conninfo, classes, stored=roster())] == ["E-REF-TYPE"]
    base = roster()
    base["orgs"][1]["type"] = "ext:academy"
    base["academicSessions"][0]["type"] = "term"
    assert told(await found(conninfo, base, profile=BASE)) == [
        ("E-REF-TYPE", "courses.csv", 2, "schoolYearSourcedId", YEAR)
    ]


@pytest.mark.parametrize("length", [1, 2, 3, 50, 64])
async def test_each_row_of_a_cycle_is_named_once_and_who_hangs_below_it_is_not(conninfo: str, length: int) -> None:
    orgs = [
        {"sourcedId": f"o{at}", "name": "o", "type": "local", "parentSourcedId": f"o{(at + 1) % length}"}
        for at in range(length)
    ]
    below = [{"sourcedId": f"b{at}", "name": "b", "type": "school", "parentSourcedId": "o0" if not at else f"b{at - 1}"}
             for at in range(20)]  # fmt: skip
    apart = [{"sourcedId": f"a{at}", "name": "a", "type": "school", "parentSourcedId": f"a{at - 1}" if at else ""}
             for at in range(20)]  # fmt: skip
    problems = await found(conninfo, {"orgs": [*apart, *orgs, *below]}, profile=BASE)
    assert told(problems) == [
        ("E-CYCLE", "orgs.csv", 22 + at, "parentSourcedId", f"o{(at + 1) % length}") for at in range(length)
    ]


async def test_a_delta_that_closes_a_cycle_over_stored_rows_is_named(conninfo: str) -> None:
    orgs = [{"sourcedId": ORG, "name": "d", "type": "local", "parentSourcedId": SCHOOL}]
    problems = await found(conninfo, {"orgs": delta(*orgs)}, {"orgs": "delta"}, stored=roster(), profile=BASE)
    assert told(problems) == [("E-CYCLE", "orgs.csv", 2, "parentSourcedId", SCHOOL)]


async def test_a_chain_of_ten_thousand_orgs_and_ids_that_stand_a_thousand_times_cost_nothing(conninfo: str) -> None:
    chain = [
        {"sourcedId": f"o{at}", "name": "o", "type": "local", "parentSourcedId": f"o{at + 1}"} for at in range(10_000)
    ]
    chain += [{"sourcedId": "o10000", "name": "o", "type": "local", "parentSourcedId": ""}]
    chain += [{"sourcedId": "x", "name": "x", "type": "local", "parentSourcedId": "x"}] * 1_000
    start = time.monotonic()
    problems = await found(conninfo, {"orgs": chain}, profile=BASE)
    assert Counter(one.code for one in problems) == {"E-DUPLICATE": 999, "E-CYCLE": 1_000}
    assert time.monotonic() - start < 20


async def test_two_primary_roles_in_one_org_are_one_too_many(conninfo: str) -> None:
    given = roster()
    given["roles"].append(given["roles"][0] | {"sourcedId": ONE, "role": "guardian"})
    given["roles"].append(given["roles"][0] | {"sourcedId": ORG, "orgSourcedId": ORG})
    given["roles"].append(given["roles"][0] | {"sourcedId": YEAR, "roleType": "secondary"})
    assert told(await found(conninfo, given)) == [("E-PRIMARY-TWICE", "roles.csv", 4, "roleType", PUPIL)]


async def test_a_delta_of_roles_is_judged_with_the_stored_ones_it_leaves(conninfo: str) -> None:
    role = roster()["roles"][0]
    more = {"roles": delta(role | {"sourcedId": ONE})}
    modes = {"roles": "delta"}
    assert told(await found(conninfo, more, modes, stored=roster())) == [
        ("E-PRIMARY-TWICE", "roles.csv", 2, "roleType", PUPIL)
    ]
    instead = {"roles": delta(role, status="tobedeleted") + delta(role | {"sourcedId": ONE})}
    assert await found(conninfo, instead, modes, stored=roster()) == []
    lowered = {"roles": delta(role | {"roleType": "secondary"})}
    assert told(await found(conninfo, lowered, modes, stored=roster())) == [
        ("E-PRIMARY-NONE", "roles.csv", 2, "roleType", PUPIL)
    ]


async def test_roles_without_a_primary_one_are_an_error_in_japan(conninfo: str) -> None:
    given = roster()
    given["roles"][1]["roleType"] = "secondary"
    given["roles"].append(given["roles"][1] | {"sourcedId": ONE, "role": "principal"})
    assert told(await found(conninfo, given)) == [("E-PRIMARY-NONE", "roles.csv", 3, "roleType", TEACHER)]
    assert await found(conninfo, given, profile=BASE) == []
    assert await found(conninfo, given, wrong=frozenset({("roles.csv", "userSourcedId")})) == []


async def test_of_a_user_who_does_not_exist_nobody_asks_for_a_primary_role(conninfo: str) -> None:
    given = roster()
    given["roles"].append(given["roles"][1] | {"sourcedId": ONE, "userSourcedId": ONE, "roleType": "secondary"})
    assert [(one.code, one.line) for one in await found(conninfo, given)] == [("E-REF", 4)]


async def test_a_user_without_role_and_a_pupil_without_class_are_warned_of(conninfo: str) -> None:
    given = roster()
    del given["users"][0]["metadata.jp.homeClass"]
    given["roles"].pop()
    assert told(await found(conninfo, given)) == [
        ("W-NO-ROLE", "users.csv", 3, "sourcedId", TEACHER),
        ("W-HOME-CLASS", "users.csv", 2, "metadata.jp.homeClass", PUPIL),
    ]
    # A delta of users alone knows the stored roles.
    users = {"users": delta(*given["users"])}
    assert [one.code for one in await found(conninfo, users, {"users": "delta"}, stored=roster())] == ["W-HOME-CLASS"]


async def test_a_master_identifier_stands_once(conninfo: str) -> None:
    given = roster()
    for user, identifier in zip(given["users"], (ONE, ONE.upper()), strict=True):
        user["userMasterIdentifier"] = identifier
    assert told(await found(conninfo, given)) == [("E-DUPLICATE", "users.csv", 3, "userMasterIdentifier", ONE.upper())]
    assert await found(conninfo, given, profile=BASE) == []
    stored = roster()
    stored["users"][1]["userMasterIdentifier"] = ONE
    users = {"users": delta(given["users"][0])}
    assert [one.line for one in await found(conninfo, users, {"users": "delta"}, stored=stored)] == [2]


@pytest.mark.parametrize(
    ("first", "second", "profile", "lines"),
    [
        (("", ""), ("", ""), BASE, [4]),
        (("", "2026-09-01"), ("2026-09-01", ""), BASE, []),
        (("", "2026-09-01"), ("2026-09-01", ""), JAPAN, [4]),
        (("", "2026-08-31"), ("2026-09-01", ""), JAPAN, []),
        (("2026-09-01", ""), ("2026-04-01", "2026-10-01"), BASE, [3]),
        (("2026-09-01", "2026-04-01"), ("2026-04-01", "2026-04-02"), BASE, []),
    ],
)
async def test_a_class_has_one_primary_teacher_at_a_time(
    conninfo: str, first: tuple[str, str], second: tuple[str, str], profile: Profile, lines: list[int]
) -> None:
    given = roster()
    leads = given["enrollments"][1]
    given["enrollments"].append(leads | {"sourcedId": ONE, "userSourcedId": PUPIL})
    for row, (begin, end) in zip(given["enrollments"][1:], (first, second), strict=True):
        row.update(beginDate=begin, endDate=end)
    problems = await found(conninfo, given, profile=profile)
    assert told(problems) == [("W-PRIMARY-TEACHER", "enrollments.csv", line, "primary", "true") for line in lines]


async def test_a_teacher_who_is_stored_and_begins_later_is_seen_too(conninfo: str) -> None:
    stored = roster()
    stored["enrollments"][1]["beginDate"] = "2026-09-01"
    lead = stored["enrollments"][1] | {"sourcedId": ONE, "userSourcedId": PUPIL, "beginDate": "2026-04-01"}
    problems = await found(conninfo, {"enrollments": delta(lead)}, {"enrollments": "delta"}, stored=stored)
    assert [(one.code, one.line) for one in problems] == [("W-PRIMARY-TEACHER", 2)]


async def test_stored_rows_left_pointing_at_what_goes_are_counted_by_id(conninfo: str) -> None:
    given = roster()
    users = {"users": [given["users"][1]]}
    problems = await found(conninfo, users, stored=given)
    assert told(problems) == [("W-LEFT", "enrollments.csv", 0, "userSourcedId", PUPIL)]
    assert problems[0].detail == "1 row."
    # Roles go with their user; lists and metadata are looked into; a delta tells what goes by its status.
    sessions = {"academicSessions": delta(given["academicSessions"][0], status="tobedeleted")}
    problems = await found(conninfo, sessions, {"academicSessions": "delta"}, stored=given)
    assert told(problems) == [
        ("W-LEFT", "courses.csv", 0, "schoolYearSourcedId", YEAR),
        ("W-LEFT", "classes.csv", 0, "termSourcedIds", YEAR),
    ]
    problems = await found(conninfo, {"classes": delta(given["classes"][0], status="tobedeleted")},
                           {"classes": "delta"}, stored=given)  # fmt: skip
    assert {(one.file, one.column) for one in problems} == {
        ("users.csv", "metadata.jp.homeClass"),
        ("enrollments.csv", "classSourcedId"),
    }


async def test_what_a_delta_replaces_is_not_left(conninfo: str) -> None:
    given = roster()
    both = {
        "users": delta(given["users"][0], status="tobedeleted"),
        "enrollments": delta(given["enrollments"][0], status="tobedeleted"),
    }
    assert await found(conninfo, both, dict.fromkeys(both, "delta"), stored=given) == []


async def test_null_is_nobodys_fault(conninfo: str) -> None:
    async with prospect(conninfo, roster(), stored=roster()) as (conn, work):
        for entity in work.modes:
            names = [one.name for one in columns.staged(entity) if one.name not in ("line", "row_hash")]
            for _ in range(2):
                await conn.execute(
                    SQL("INSERT INTO {} (line, {}) SELECT line + 100, {} FROM {}").format(
                        staging.table(entity),
                        SQL(", ").join(map(Identifier, names)),
                        SQL(", ").join([SQL("NULL")] * len(names)),
                        staging.table(entity),
                    )
                )
        assert [one async for problems, _ in checks.across(conn, work) for one in problems] == []


async def test_rows_of_another_mode_than_their_file_are_named_each(conninfo: str) -> None:
    orgs = [{"sourcedId": f"o{at}", "name": "o", "type": "school"} for at in range(4)]
    orgs[1] |= {"status": "tobedeleted"}
    orgs[3] |= {"dateLastModified": WHEN}
    async with prospect(conninfo, {"orgs": orgs}, profile=BASE) as (conn, _):
        problems, total = await checks.unfitting(conn, entities.ORGS, "bulk")
        assert told(problems) == [
            ("E-STATUS", "orgs.csv", 3, "status", "tobedeleted"),
            ("E-STATUS", "orgs.csv", 5, "dateLastModified", ""),
        ]
        assert total == 2


async def test_a_first_bundle_of_japan_has_all_files_and_a_later_one_may_leave_some_out(conninfo: str) -> None:
    modes = {"orgs": "bulk", "users": "absent"}
    manifest = Manifest("1.2", 3, modes, {"users": 17})
    async with prospect(conninfo, {}) as (conn, _):
        problems = await checks.lacking(conn, TENANT, JAPAN, manifest)
        assert {one.code for one in problems} == {"E-MANDATORY"}
        assert len(problems) == len(JAPAN.mandatory) - 1
        assert ("manifest.csv", 17, "file.users", "absent") in [
            (one.file, one.line, one.column, one.value) for one in problems
        ]
        assert await checks.lacking(conn, TENANT, BASE, manifest) == []
        assert await checks.lacking(conn, TENANT, JAPAN, Manifest("1.2", 3, {"orgs": "delta"}, {})) == []
    async with prospect(conninfo, {}, stored=roster()) as (conn, _):
        assert await checks.lacking(conn, TENANT, JAPAN, manifest) == []


async def test_of_many_faults_a_thousand_are_told_and_all_counted(conninfo: str) -> None:
    orgs = [{"sourcedId": f"o{at}", "name": "o", "type": "school", "parentSourcedId": "none"} for at in range(1_500)]
    async with prospect(conninfo, {"orgs": orgs}, profile=BASE) as (conn, work):
        answers = [(len(problems), total) async for problems, total in checks.across(conn, work) if problems]
    assert answers == [(1_000, 1_500)]


async def test_a_class_with_twenty_thousand_primary_teachers_costs_nothing(conninfo: str) -> None:
    given = roster()
    lead = given["enrollments"][1]
    given["enrollments"] = [
        lead | {"sourcedId": f"e{at}", "userSourcedId": (PUPIL, TEACHER)[at % 2]} for at in range(20_000)
    ]
    async with prospect(conninfo, given, profile=BASE) as (conn, work):
        start = time.monotonic()
        _, total = await people.primary_teachers(conn, work)
        assert total == 19_999
        assert time.monotonic() - start < 10

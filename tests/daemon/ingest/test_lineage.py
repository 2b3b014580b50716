"""Where a record comes from: bundle, file and line of each of its states, before and after."""

import copy
from typing import Any

import pytest

from oneroster import entities
from oneroster.refused import Refused
from sql import audit, database, decisions, jobs, lineage

NEXT = "RO_20260402_239930.zip"


async def versions(hub: Any, entity: str, number: str, **how: Any) -> list[lineage.Version]:
    async with database.tenant(hub.pool, hub.tenant.id, "viewer") as conn:
        return await lineage.of(conn, hub.tenant.id, entities.BY_NAME[entity], number, **how)


def told(one: lineage.Version) -> tuple[str, str, int]:
    return one.change, one.file, one.line


async def test_a_pupil_made_changed_removed_and_returned(hub: Any, roster: Any) -> None:
    first = await hub.roster(roster)
    changed = copy.deepcopy(roster)
    changed["users"].reverse()
    changed["users"][-1] |= {"grades": "P2", "email": "other@example.jp", "givenName": "次郎"}
    second = await hub.roster(changed, name=NEXT)
    gone = copy.deepcopy(changed)
    gone["users"].pop()
    for file, column in (("roles", "userSourcedId"), ("enrollments", "userSourcedId"), ("demographics", "sourcedId")):
        gone[file] = [row for row in gone[file] if row[column] != "u-1"]
    gone["users"][0]["agentSourcedIds"] = ""
    await hub.roster(gone, name=NEXT)
    await hub.roster(changed, name=NEXT)
    found = await versions(hub, "users", "u-1")
    assert [told(one) for one in found] == [
        ("returned", "users.csv", 15),
        ("removed", "users.csv", 0),
        ("changed", "users.csv", 15),
        ("made", "users.csv", 2),
    ]
    assert [one.job for one in found][-2:] == [second.id, first.id]
    assert found[2].fields == {
        "givenName": ["太**", "次**"],
        "grades": [["P1"], ["P2"]],
        "email": ["***", "***"],
    }
    assert (await versions(hub, "users", "u-1", masked=False))[2].fields["givenName"] == ["太郎", "次郎"]
    assert found[1].fields == {"status": ["active", "tobedeleted"]}


async def test_a_role_that_moves_its_user_is_named_with_its_line(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["roles"][2]["role"] = "teacher"
    await hub.roster(roster, name=NEXT)
    newest = (await versions(hub, "users", "u-3"))[0]
    assert told(newest) == ("changed", "roles.csv", 4)
    assert list(newest.fields) == ["roles"]


async def test_a_child_that_moves_its_parent_is_named_with_its_line(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["orgs"].append({"sourcedId": "s-3", "name": "East", "type": "school", "parentSourcedId": "d-1"})
    await hub.roster(roster, name=NEXT)
    newest = (await versions(hub, "orgs", "d-1"))[0]
    assert told(newest) == ("changed", "orgs.csv", 5)
    assert newest.fields == {"children": [["s-1", "s-2"], ["s-1", "s-2", "s-3"]]}


async def test_a_delta_row_that_removes_is_named_with_its_line(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    row = roster["enrollments"][0] | {"status": "tobedeleted", "dateLastModified": "2026-04-02T00:00:00.000Z"}
    await hub.roster({"enrollments": [row]}, {"enrollments": "delta"}, name=NEXT)
    assert told((await versions(hub, "enrollments", "e-u-1"))[0]) == ("removed", "enrollments.csv", 2)


async def test_a_rollback_stands_in_the_lineage(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["demographics"][0]["sex"] = "male"
    second = await hub.roster(roster, name=NEXT)
    async with database.hub(hub.pool, "operator") as conn:
        found = await jobs.by_prefix(conn, str(second.id))
        await decisions.roll_back(conn, found, "wrong", audit.SYSTEM, cascade=False)
    while await hub.worker.turn(hub.conninfo):
        pass
    found = await versions(hub, "demographics", "u-1")
    assert [told(one) for one in found] == [
        ("undone", "", 0),
        ("changed", "demographics.csv", 2),
        ("made", "demographics.csv", 2),
    ]
    assert found[0].fields == found[1].fields == {"sex": ["***", "***"]}


async def test_an_unknown_record_is_refused(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    with pytest.raises(Refused, match="users nobody"):
        await versions(hub, "users", "nobody")

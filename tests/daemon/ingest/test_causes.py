"""A held bundle says why, as far as it shows: a re-keyed export, schools that are missing, a file that is cut off."""

import copy
from typing import Any

import pytest

NEXT = "RO_20260402_239930.zip"


@pytest.fixture
def board(roster: Any) -> Any:
    """The small board with sixty pupils in two schools, thirty in each."""
    pupils = [f"p-{number:02}" for number in range(60)]
    school = {one: "s-1" if number < 30 else "s-2" for number, one in enumerate(pupils)}
    roster["classes"].append(roster["classes"][0] | {"sourcedId": "c-9", "schoolSourcedId": "s-2"})
    roster["users"] += [
        {"sourcedId": one, "enabledUser": "true", "username": one, "givenName": f"名{one}", "familyName": "鈴木",
         "grades": "P1"} for one in pupils
    ]  # fmt: skip
    roster["roles"] += [
        {"sourcedId": f"r-{one}", "userSourcedId": one, "roleType": "primary", "role": "student",
         "orgSourcedId": school[one]} for one in pupils
    ]  # fmt: skip
    roster["enrollments"] += [
        {"sourcedId": f"e-{one}", "userSourcedId": one, "role": "student", "schoolSourcedId": school[one],
         "classSourcedId": "c-1" if school[one] == "s-1" else "c-9"} for one in pupils
    ]  # fmt: skip
    return roster


def keeping(board: Any, users: set[str]) -> Any:
    left = copy.deepcopy(board)
    left["users"] = [row for row in left["users"] if row["sourcedId"] in users]
    for file, column in (("roles", "userSourcedId"), ("enrollments", "userSourcedId"), ("demographics", "sourcedId")):
        left[file] = [row for row in left[file] if row[column] in users]
    return left


async def test_a_lost_school_is_named_as_the_cause(hub: Any, board: Any) -> None:
    await hub.roster(board)
    gone = {row["userSourcedId"] for row in board["roles"] if row["orgSourcedId"] == "s-2"}
    left = keeping(board, {row["sourcedId"] for row in board["users"]} - gone)
    left["orgs"] = [row for row in left["orgs"] if row["sourcedId"] != "s-2"]
    left["classes"] = [row for row in left["classes"] if row["sourcedId"] != "c-9"]
    held = await hub.roster(left, name=NEXT)
    assert held.state == "held"
    assert "orgs.csv lost 1 school; 30 of the 30 removals in" in held.reason


async def test_a_school_that_stays_without_its_pupils_is_named(hub: Any, board: Any) -> None:
    board["users"].reverse()  # so that the file does not end where they stood
    await hub.roster(board)
    gone = {row["userSourcedId"] for row in board["roles"] if row["orgSourcedId"] == "s-2"}
    left = {row["sourcedId"] for row in board["users"]} - gone
    held = await hub.roster(keeping(board, left), name=NEXT)
    assert held.state == "held"
    assert "30 of the 30 removals in users belong to" in held.reason
    assert "(s-2), which stays: its part may be missing from the export." in held.reason


async def test_pupils_of_all_schools_name_none(hub: Any, board: Any) -> None:
    await hub.roster(board)
    gone = {f"p-{number:02}" for number in (*range(5, 28), *range(32, 50))}
    left = {row["sourcedId"] for row in board["users"]} - gone
    held = await hub.roster(keeping(board, left), name=NEXT)
    assert held.state == "held"
    assert "Likely cause" not in held.reason


async def test_a_re_keyed_export_is_told_by_its_names(hub: Any, board: Any) -> None:
    await hub.roster(board)
    fresh = copy.deepcopy(board)
    for file, columns in {
        "users": ("sourcedId", "agentSourcedIds"), "roles": ("sourcedId", "userSourcedId"),
        "enrollments": ("sourcedId", "userSourcedId"), "demographics": ("sourcedId",),
        "userProfiles": ("userSourcedId",),
    }.items():  # fmt: skip
        for row in fresh[file]:
            for column in columns:
                row[column] = row.get(column, "") and f"new-{row[column]}"
    held = await hub.roster(fresh, name=NEXT)
    assert held.state == "held"
    assert "100% of the 74 users that would go come again under new ids: a re-keyed export" in held.reason


async def test_a_file_that_is_cut_off_is_told_by_where_the_missing_stood(hub: Any, board: Any) -> None:
    await hub.roster(board)
    held = await hub.roster(keeping(board, {row["sourcedId"] for row in board["users"][:50]}), name=NEXT)
    assert held.state == "held"
    assert "users.csv looks cut off after 50 rows; 24 of the 24 records that would go stood behind that" in held.reason

"""What has changed since a date: found in the list of changes or by looking at all, it is the same."""

import datetime

import psycopg
import pytest

from api import places
from sql import reading, revisions

from .test_answers import links

SCHOOLS = [{"sourcedId": f"o-{number:03}", "name": f"{number}", "type": "school"} for number in range(60)]
DISTRICT = {"sourcedId": "d-1", "name": "Board", "type": "district"}


@pytest.fixture(params=[20_000, 5, 0], ids=["listed", "listed in part", "not listed"])
def most(request, monkeypatch):
    monkeypatch.setattr(revisions, "MOST_LISTED", request.param)


@pytest.fixture
async def moved(board):
    """A board with four revisions, in which 60, 3, 1 and 8 schools changed."""
    one, rows = await board("moved"), {row["sourcedId"]: row for row in [DISTRICT, *SCHOOLS]}
    await one.load({"orgs": list(rows.values())})
    for numbers in ((7, 8, 9), (8,), range(20, 28)):
        for number in numbers:
            name = f"o-{number:03}"
            rows[name] = {**rows[name], "name": rows[name]["name"] + "!"}
        await one.load({"orgs": list(rows.values())})
    del rows["o-059"]
    rows["o-100"] = {"sourcedId": "o-100", "name": "new", "type": "school"}
    await one.load({"orgs": list(rows.values())})
    return one


async def moments(caller):
    """Every dateLastModified there is, and those a millisecond beside them."""
    _, body, _ = await caller.get("/orgs")
    found = {one["sourcedId"]: one["dateLastModified"] for one in body["orgs"]}
    for text in sorted(set(found.values())):
        exact = datetime.datetime.fromisoformat(text)
        for beside in (-1, 0, 1):
            yield found, (exact + datetime.timedelta(milliseconds=beside)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@pytest.mark.usefixtures("most")
async def test_a_delta_is_all_that_changed_since_and_nothing_else(moved, stranger):
    caller = await stranger().sign_in(moved)
    async for found, moment in moments(caller):
        for predicate, later in ((">", str.__gt__), (">=", str.__ge__)):
            expected = sorted(name for name, changed in found.items() if later(changed, moment))
            clause = f"dateLastModified{predicate}'{moment}'"
            _, body, headers = await caller.get("/orgs", filter=clause)
            assert [one["sourcedId"] for one in body["orgs"]] == expected, clause
            assert headers["X-Total-Count"] == str(len(expected))
            _, body, headers = await caller.get("/orgs", filter=clause, limit=2, offset=1)
            assert [one["sourcedId"] for one in body["orgs"]] == expected[1:3]
            assert headers["X-Total-Count"] == str(len(expected))
            _, body, _ = await caller.get("/schools", filter=f"{clause} AND status='active'")
            assert [one["sourcedId"] for one in body["orgs"]] == [
                name for name in expected if name not in ("d-1", "o-059")
            ]
            _, body, _ = await caller.get("/orgs", filter=f"{clause} OR sourcedId='o-003'")
            assert {one["sourcedId"] for one in body["orgs"]} == {*expected, "o-003"}
            _, body, _ = await caller.get("/orgs", filter=clause, sort="name", orderBy="desc")
            assert sorted(one["sourcedId"] for one in body["orgs"]) == expected


@pytest.mark.usefixtures("most")
async def test_a_delta_goes_on_at_the_revision_it_began_with(moved, stranger):
    caller = await stranger().sign_in(moved)
    _, body, _ = await caller.get("/orgs")
    first = min(one["dateLastModified"] for one in body["orgs"])
    expected = sorted(one["sourcedId"] for one in body["orgs"] if one["dateLastModified"] > first)
    status, body, headers = await caller.get(f"/orgs?limit=3&filter=dateLastModified%3E'{first}'")
    walked = [one["sourcedId"] for one in body["orgs"]]
    await moved.load({"orgs": [DISTRICT, *SCHOOLS]})
    while following := links(headers).get("next"):
        status, body, headers = await caller.get(following)
        assert status == 200
        walked += [one["sourcedId"] for one in body["orgs"]]
    assert walked == expected


async def test_a_poll_to_which_nothing_has_changed_is_answered_from_memory(moved, stranger, app, monkeypatch):
    caller = await stranger().sign_in(moved)
    _, body, _ = await caller.get("/orgs")
    last = max(one["dateLastModified"] for one in body["orgs"])
    assert (await caller.get("/orgs", filter=f"dateLastModified>='{last}'"))[1]["orgs"]

    async def unread(*_: object) -> None:
        raise AssertionError("it was read")

    later = (datetime.datetime.fromisoformat(last) + datetime.timedelta(milliseconds=1)).isoformat()
    tag = (await caller.get("/orgs"))[2]["ETag"]
    with monkeypatch.context() as patched:
        patched.setattr(reading, "ask", unread)
        for clause in (
            f"dateLastModified>'{last}'",
            f"dateLastModified>'{last}' AND status='active'",
            f"dateLastModified>='{later}'".replace("+", "%2B").replace("%2B", "+"),
            "dateLastModified>'2999-01-01'",
        ):
            status, body, headers = await caller.get("/orgs", filter=clause)
            assert (status, body, headers["X-Total-Count"]) == (200, {"orgs": []}, "0")
            assert headers["ETag"] == tag
            assert headers["Date"]
            assert set(links(headers)) == {"first", "last"}
    # What may be wrong, or true of more, is asked of the database.
    assert (await caller.get("/orgs", filter=f"dateLastModified>'{last}' AND parent.href='x'"))[0] == 400
    assert (await caller.get("/orgs", filter=f"dateLastModified>'{last}' OR name='3'"))[1]["orgs"]
    assert (await caller.get("/schools/nobody/classes", filter=f"dateLastModified>'{last}'"))[0] == 404
    await moved.load({"orgs": [DISTRICT, *SCHOOLS]})
    assert (await caller.get("/orgs", filter=f"dateLastModified>'{last}'"))[1]["orgs"]
    assert app[places.NEWEST].published_at(moved.tenant.id) > datetime.datetime.fromisoformat(last)


async def test_the_list_names_what_changed_and_a_first_load_as_a_whole(moved, conninfo):
    with psycopg.connect(conninfo) as conn:
        rows = conn.execute("SELECT revision, sourced_id FROM changes WHERE entity = 'orgs'").fetchall()
    listed = {}
    for revision, name in rows:
        listed.setdefault(revision, set()).add(name)
    assert listed == {
        1: {""},
        2: {"o-007", "o-008", "o-009"},
        3: {"o-008"},
        4: {f"o-{number:03}" for number in range(20, 28)},
        5: {"o-059", "o-100"},
    }

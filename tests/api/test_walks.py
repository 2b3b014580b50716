"""A poller misses nothing, whichever way it walks and while revisions are made and published beside it."""

import asyncio
import email.utils
import random

import pytest

from api import app as apps

from .conftest import BASE, serving
from .test_answers import links

ORGS = {f"o-{number:03}": {"sourcedId": f"o-{number:03}", "name": "0", "type": "school"} for number in range(60)}
SECONDS = "%Y-%m-%dT%H:%M:%S.000Z"


async def load_again_and_again(board, rows, done):
    chance = random.Random(1)
    for number in range(1, 11):
        for name in chance.sample(sorted(rows), 10):
            rows[name] = {**rows[name], "name": str(number)}
        rows[f"o-{number:03}x"] = {"sourcedId": f"o-{number:03}x", "name": str(number), "type": "school"}
        await board.load({"orgs": list(rows.values())}, publish=False)
        await asyncio.sleep(chance.random() / 10)
        await board.publish()
        await asyncio.sleep(chance.random() / 10)
    done.set()


async def poll(caller, done, *, by_next, by_date):
    """What a poller knows once it has walked after the last change."""
    cursor, known, last = "2000-01-01T00:00:00.000Z", {}, False
    while not last:
        last = done.is_set()
        query = f"/orgs?limit=7&filter=dateLastModified%3E'{cursor}'"
        address, offset, begun, greatest = query, 0, None, cursor
        while address:
            status, body, headers = await caller.get(address)
            assert status == 200
            begun = begun or email.utils.parsedate_to_datetime(headers["Date"])
            for org in body["orgs"]:
                known[org["sourcedId"]] = org["name"]
                greatest = max(greatest, org["dateLastModified"])
            offset += 7
            following = links(headers).get("next")
            address = following if by_next or following is None else f"{query}&offset={offset}"
        cursor = begun.strftime(SECONDS) if by_date else greatest
    return known


@pytest.mark.parametrize("by_next", [True, False], ids=["by next", "by offset"])
@pytest.mark.parametrize("by_date", [True, False], ids=["from the date", "from the greatest change"])
async def test_a_walk_misses_nothing_while_the_roster_changes(board, stranger, by_next, by_date):
    one, done, rows = await board("walked"), asyncio.Event(), dict(ORGS)
    await one.load({"orgs": list(rows.values())})
    caller = await stranger().sign_in(one)
    _, known = await asyncio.gather(
        load_again_and_again(one, rows, done), poll(caller, done, by_next=by_next, by_date=by_date)
    )
    assert known == {name: row["name"] for name, row in rows.items()}


async def test_a_link_to_a_later_page_stays_with_its_revision(board, stranger):
    one, rows = await board("walked"), list(ORGS.values())
    await one.load({"orgs": rows})
    caller = await stranger().sign_in(one)
    _, _, headers = await caller.get("/orgs?limit=30")
    await one.load({"orgs": [{**row, "name": "1"} for row in rows[10:]]})
    _, body, pinned = await caller.get(links(headers)["next"])
    assert {org["name"] for org in body["orgs"]} == {"0"}
    assert pinned["ETag"] == headers["ETag"]
    _, body, _ = await caller.get(links(pinned)["first"])
    assert [org["status"] for org in body["orgs"]].count("tobedeleted") == 10
    for query in ("revision=9", "revision=x", "revision="):
        assert (await caller.get(f"/orgs?{query}"))[0] == 400


@pytest.mark.parametrize("clause", ["&filter=dateLastModified%3E'2000-01-01'", ""], ids=["a delta", "a first walk"])
async def test_pages_counted_by_the_client_stay_with_the_revision_of_the_first(board, stranger, clause):
    one, rows = await board("walked"), list(ORGS.values())[:20]
    await one.load({"orgs": rows})
    caller = await stranger().sign_in(one)
    query = f"/orgs?limit=10{clause}"
    await caller.get(query)
    await one.load({"orgs": [{**row, "name": "1"} if row["sourcedId"] in ("o-001", "o-015") else row for row in rows]})
    _, body, _ = await caller.get(f"{query}&offset=10")
    assert {org["name"] for org in body["orgs"]} == {"0"}
    greatest = max(org["dateLastModified"] for org in body["orgs"])
    _, body, _ = await caller.get(f"/orgs?filter=dateLastModified%3E'{greatest}'")
    assert [org["sourcedId"] for org in body["orgs"]] == ["o-001", "o-015"]
    await caller.get(query)  # that walk is over
    _, body, _ = await caller.get(f"{query}&offset=10")
    assert {org["name"] for org in body["orgs"]} == {"0", "1"}


@pytest.mark.parametrize("kept", [False, True], ids=["read", "kept"])
@pytest.mark.parametrize("clause", ["&filter=dateLastModified%3E'2000-01-01'", ""], ids=["a delta", "a first walk"])
async def test_the_page_after_a_full_last_page_stays_empty(board, stranger, clause, kept):
    one, rows = await board("walked"), list(ORGS.values())[:20]
    await one.load({"orgs": rows})
    caller = await stranger().sign_in(one)
    query = f"/orgs?limit=10{clause}"
    for _ in range(1 + kept * 2):
        for offset in (0, 10):
            assert len((await caller.get(f"{query}&offset={offset}"))[1]["orgs"]) == 10
    await one.load({"orgs": [{**row, "name": "1"} for row in ORGS.values()]})
    for offset, names in ((20, []), (20, []), (10, ["0"] * 10), (30, [])):  # asked for twice, as after a lost answer
        _, body, _ = await caller.get(f"{query}&offset={offset}")
        assert [org["name"] for org in body["orgs"]] == names
    _, body, _ = await caller.get(f"{query}&offset=0")
    assert {org["name"] for org in body["orgs"]} == {"1"}
    _, body, _ = await caller.get(f"{query}&offset=20")
    assert {org["name"] for org in body["orgs"]} == {"1"}


async def test_a_walk_counted_by_the_client_goes_on_at_another_process(board, stranger, pool, tmp_path):
    one, rows = await board("walked"), list(ORGS.values())[:20]
    await one.load({"orgs": rows})
    caller, query = await stranger().sign_in(one), f"{BASE}/orgs?limit=10"
    made = [apps.make_app(pool, bytes(range(32)), public_url=None, build="b1", shared=tmp_path) for _ in range(2)]
    async with serving(made[0]) as first, serving(made[1]) as second:
        await caller.get(f"{first}{query}")
        await one.load({"orgs": [{**row, "name": "1"} for row in rows]})
        _, body, _ = await caller.get(f"{second}{query}&offset=10")
        assert {org["name"] for org in body["orgs"]} == {"0"}
        _, body, _ = await caller.get(f"{second}{query}")
        assert {org["name"] for org in body["orgs"]} == {"1"}
        _, body, _ = await caller.get(f"{first}{query}&offset=10")
        assert {org["name"] for org in body["orgs"]} == {"1"}

"""Answers from memory are those the database gives, for nobody else and no longer; pages follow each other by key."""

import asyncio
import gzip
import sys

import pytest

from api import ahead, beginnings, places
from api.kept import Kept
from sql import reading, rosters

from .conftest import ROSTER, changed
from .test_answers import links

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MANY = [{"sourcedId": f"o-{number:03}", "name": f"{number % 7}", "type": "school"} for number in range(60)]


async def test_what_was_answered_is_answered_again_without_reading_it(caller, app, monkeypatch):
    paths = ("/users?limit=2", "/users/u-1", "/classes/c%2F1/students", "/users?filter=givenName='Taro'")
    first = [await caller.get(path) for path in paths]

    async def unread(*_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(app[places.STANDINGS], "ask", unread)
    for path, (status, body, headers) in zip(paths, first, strict=True):
        again = await caller.get(path)
        assert again[:2] == (status, body)
        for name in ("ETag", "Link", "X-Total-Count", "Vary", "Cache-Control", "Content-Type"):
            assert again[2].get(name) == headers.get(name)
        assert (await caller.get(path, headers={"If-None-Match": headers["ETag"]}))[0] == 304


async def test_an_answer_from_memory_is_for_the_same_tenant_scope_and_host(caller, board, north, stranger):
    assert (await caller.get("/users"))[1]["users"]
    other = await board("south")
    await other.load({"orgs": MANY[:1], "users": [], "roles": []})
    assert (await (await stranger().sign_in(other)).get("/users"))[1] == {"users": []}
    narrow = await stranger().sign_in(north, "roster-demographics.readonly")
    assert (await narrow.get("/users"))[0] == 403
    assert (await stranger().get("/users"))[0] == 401
    _, body, _ = await caller.get("/users/u-1", headers={"Host": "other.example:81"})
    assert body["user"]["agents"][0]["href"].startswith("http://other.example:81/")
    _, body, _ = await caller.get("/users/u-1")
    assert body["user"]["agents"][0]["href"].startswith(caller.origin)


async def test_an_answer_from_memory_comes_packed_only_to_those_who_like_it(caller):
    sizes = []
    for _ in range(2):
        for accepted, unpack in (("identity", bytes), ("gzip", gzip.decompress), ("zstd", zstd.decompress)):
            async with caller.session.get(
                f"{caller.origin}/ims/oneroster/rostering/v1p2/users",
                headers={"Authorization": f"Bearer {caller.token}", "Accept-Encoding": accepted},
                auto_decompress=False,
            ) as response:
                raw = await response.read()
                coding = None if accepted == "identity" else accepted
                assert response.headers.get("Content-Encoding") == coding
                sizes.append(len(unpack(raw)))
    assert len(set(sizes)) == 1


async def test_nothing_old_is_answered_once_a_load_is_done(caller, north):
    for number in range(5):
        await north.load(changed(ROSTER, "orgs", "s-1", name=f"{number}"))
        for path in ("/orgs/s-1", "/orgs?limit=3", "/orgs?filter=identifier='S1'"):
            _, body, _ = await caller.get(path)
            found = body["org"] if "org" in body else next(one for one in body["orgs"] if one["sourcedId"] == "s-1")
            assert found["name"] == str(number)


async def test_nothing_is_answered_from_memory_when_the_database_is_away(caller, pool):
    assert (await caller.get("/orgs"))[0] == 200
    await pool.close()
    await asyncio.sleep(0.3)
    assert (await caller.get("/orgs"))[0] == 503


@pytest.mark.parametrize("forgetful", [False, True, "anchored", "ahead"])
@pytest.mark.parametrize("sorted_by", ["", "&sort=name", "&sort=sourcedId&orderBy=desc", "&filter=name!='3'"])
async def test_pages_by_link_and_by_offset_are_the_same(board, stranger, app, monkeypatch, sorted_by, forgetful):
    one = await board("paged")
    await one.load({"orgs": MANY})
    caller = await stranger().sign_in(one)
    _, whole, _ = await caller.get(f"/orgs?limit=1000{sorted_by}")
    if forgetful == "ahead":
        monkeypatch.setattr(ahead, "LEAST", 1)
    elif forgetful:  # as another process is that has not answered the page before
        monkeypatch.setattr(app[places.ENDS], "get", lambda key: None)
    if forgetful == "anchored":
        monkeypatch.setattr(beginnings, "DEEP", 12)
        monkeypatch.setattr(rosters, "STEP", 5)
    address, by_link, offset = f"/orgs?limit=7{sorted_by}", [], 0
    while address:
        _, body, headers = await caller.get(address)
        by_link += body["orgs"]
        _, same, _ = await caller.get(f"/orgs?limit=7{sorted_by}&offset={offset}")
        assert same == body
        offset, address = offset + 7, links(headers).get("next")
    assert by_link == whole["orgs"]


async def test_a_client_that_changes_the_offset_of_a_link_gets_that_offset(board, stranger):
    one = await board("paged")
    await one.load({"orgs": MANY})
    caller = await stranger().sign_in(one)
    _, _, headers = await caller.get("/orgs?limit=10")
    following = links(headers)["next"]
    assert "offset=10" in following
    _, body, _ = await caller.get(following.replace("offset=10", "offset=40"))
    assert [org["sourcedId"] for org in body["orgs"]] == [org["sourcedId"] for org in MANY[40:50]]


async def walked(caller, address):
    """The ids of all pages from that address on, each page's by itself."""
    pages = []
    while address:
        status, body, headers = await caller.get(address)
        assert status == 200
        pages.append([org["sourcedId"] for org in body["orgs"]])
        address = links(headers).get("next")
    return pages


async def test_the_next_page_is_read_ahead_and_once_only(board, stranger, app, monkeypatch):
    one = await board("paged")
    await one.load({"orgs": MANY})
    caller = await stranger().sign_in(one)
    monkeypatch.setattr(ahead, "LEAST", 10)
    asked = []
    page = rosters.page
    monkeypatch.setattr(
        rosters, "page", lambda *given, **how: asked.append((how["after"], how["limit"])) or page(*given, **how)
    )
    names = [org["sourcedId"] for org in MANY]
    await caller.get("/orgs?limit=1")  # else it would have to find out first where the tenant stands
    asked.clear()
    assert await walked(caller, "/orgs?limit=20") == [names[:20], names[20:40], names[40:]]
    assert asked == [("", 20), ("o-019", 20), ("o-039", 20)]
    asked.clear()
    _, _, headers = await caller.get("/orgs?limit=30&n=1")
    await asyncio.sleep(0.1)
    assert asked == [("", 30), ("o-029", 30)]  # before anybody has come for it
    await one.load({"orgs": [{**org, "name": "new"} for org in MANY]})
    _, body, _ = await caller.get(links(headers)["next"])
    assert [org["name"] for org in body["orgs"]] == [org["name"] for org in MANY[30:]]


async def test_a_page_read_ahead_waits_for_its_client_for_a_while(board, stranger, app, monkeypatch):
    one = await board("paged")
    await one.load({"orgs": MANY})
    caller = await stranger().sign_in(one)
    monkeypatch.setattr(ahead, "LEAST", 1)
    monkeypatch.setattr(ahead, "PATIENCE", 0.1)
    for number in range(6):
        await caller.get(f"/orgs?limit={7 + number}")
        assert len(app[places.AHEAD]) <= ahead.MOST
    assert len(app[places.AHEAD]) == ahead.MOST
    await asyncio.sleep(0.3)
    assert len(app[places.AHEAD]) == 0


@pytest.mark.parametrize("least", [1, 1_000])
async def test_where_a_page_begins_is_one_clients_word_and_misleads_nobody(board, stranger, monkeypatch, least):
    one = await board("paged")
    await one.load({"orgs": MANY})
    liar, honest = [await stranger().sign_in(one) for _ in range(2)]
    monkeypatch.setattr(ahead, "LEAST", least)
    _, _, headers = await honest.get("/orgs?limit=10")
    following = links(headers)["next"]
    _, body, _ = await liar.get(following.replace("o-009", "o-029"))
    assert body["orgs"][0]["sourcedId"] == "o-030"
    for address in (following.replace("offset=10", "offset=20"), "/orgs?limit=10&offset=20"):
        for caller in (honest, liar):
            _, body, _ = await caller.get(address)
            assert body["orgs"][0]["sourcedId"] == "o-020"


async def test_where_one_clients_page_ended_anothers_begins(board, stranger, monkeypatch):
    one = await board("paged")
    await one.load({"orgs": MANY})
    callers = [await stranger().sign_in(one) for _ in range(2)]
    begun = []
    page = rosters.page
    monkeypatch.setattr(
        rosters, "page", lambda *given, **how: begun.append((how["after"], how["skip"])) or page(*given, **how)
    )
    for number, caller in enumerate(callers * 2):
        _, body, _ = await caller.get(f"/orgs?limit=10&offset={10 * number}")
        assert body["orgs"][0]["sourcedId"] == f"o-{10 * number:03}"
    assert begun[-3:] == [("o-009", 0), ("o-019", 0), ("o-029", 0)]


def test_what_rested_longest_gives_way():
    kept: Kept[str, int] = Kept(10)
    for number, name in enumerate("abc"):
        kept.put(name, number, 4)
    assert [kept.get(name) for name in "abc"] == [None, 1, 2]
    assert kept.get("b") == 1
    kept.put("d", 3, 4)
    assert [kept.get(name) for name in "bcd"] == [1, None, 3]
    kept.put("e", 4, 11)
    assert kept.get("e") is None
    kept.put("b", 5, 9)
    assert [kept.get(name) for name in "bd"] == [5, None]
    kept.drop("b")
    kept.put("f", 6, 10)
    assert kept.get("f") == 6


async def test_a_page_deep_inside_is_found_by_anchors_which_are_read_once_a_revision(board, stranger, app, monkeypatch):
    one = await board("paged")
    await one.load({"orgs": MANY})
    caller = await stranger().sign_in(one)
    monkeypatch.setattr(beginnings, "DEEP", 12)
    monkeypatch.setattr(rosters, "STEP", 5)
    read = []
    anchors = rosters.anchors
    monkeypatch.setattr(rosters, "anchors", lambda *given: read.append(given[0].revision) or anchors(*given))
    for offset in (55, 20, 3, 59, 60, 61, 44):
        _, body, _ = await caller.get(f"/orgs?limit=2&offset={offset}")
        assert [org["sourcedId"] for org in body["orgs"]] == [org["sourcedId"] for org in MANY[offset : offset + 2]]
    assert read.count(1) == 1
    await one.load({"orgs": [{**MANY[0], "name": "x"}, *MANY[1:]]})
    for offset in (0, 30, 40, 50):  # with the first page another walk begins
        _, body, _ = await caller.get(f"/orgs?limit=1&offset={offset}")
        assert body["orgs"][0]["sourcedId"] == f"o-{offset:03}"
    assert read.count(2) == 1


async def test_what_takes_too_long_is_ended_and_the_client_told(caller, monkeypatch):
    monkeypatch.setattr(reading, "LONGEST", 0.2)
    monkeypatch.setattr(rosters, "total", lambda *_: reading.Query("SELECT pg_sleep(5)", {}))
    status, body, headers = await caller.get("/users")
    assert (status, headers["Retry-After"]) == (503, "5")
    assert "takes longer" in body["imsx_description"]
    monkeypatch.undo()
    assert (await caller.get("/users"))[0] == 200

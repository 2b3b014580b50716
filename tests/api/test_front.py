"""A request that comes again is answered at once, and exactly as if it went the whole way; nothing else is."""

import asyncio
import gc
import re
import urllib.parse

import pytest
from aiohttp import web

from api import places, tokens
from sql import audit, clients, database

from .conftest import BASE, ROSTER, changed


class Line:
    """A connection that speaks bytes."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def send(self, *pieces):
        """Each piece in a segment of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.05)

    async def answer(self):
        """Status, headers in lower case and body of the next answer."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode()
        status, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(status.split()[1]), headers, body

    async def ask(self, raw):
        await self.send(raw)
        return await self.answer()

    async def silent(self):
        """Whether nothing more comes."""
        try:
            return await asyncio.wait_for(self.reader.read(1), 0.3) == b""
        except TimeoutError:
            return True


@pytest.fixture
async def line(caller):
    """Makes connections to the service."""
    address = urllib.parse.urlsplit(caller.origin)
    opened = []

    async def make():
        one = Line(*await asyncio.open_connection(address.hostname, address.port))
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.writer.close()


def request(caller, path, **headers):
    lines = {"Host": urllib.parse.urlsplit(caller.origin).netloc, "Authorization": f"Bearer {caller.token}", **headers}
    return "\r\n".join([f"GET {BASE}{path} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items()), "", ""]).encode()


@pytest.fixture
def whole_way(app, monkeypatch):
    """How many requests went the whole way."""
    went = []
    find = app[places.PAGES].find

    async def counted(key):
        went.append(key)
        return await find(key)

    monkeypatch.setattr(app[places.PAGES], "find", counted)
    return went


def bare(answer):
    status, headers, body = answer
    return status, sorted(one for one in headers.items() if one[0] not in ("date", "x-ratelimit-remaining")), body


async def limit(pool, board, **changes):
    async with database.hub(pool, "admin") as conn:
        (client,) = await clients.every(conn, board.tenant.code)
        await clients.change(conn, client, audit.SYSTEM, **changes)


@pytest.mark.parametrize("path", ["/users?limit=2", "/users/u-1", "/orgs?limit=1&offset=1", "/users?fields=sourcedId"])
async def test_the_same_request_gets_the_same_answer(caller, line, whole_way, north, pool, path):
    await limit(pool, north, rate=600)
    one = await line()
    raw = request(caller, path, **{"Accept-Encoding": "gzip"})
    answers = [await one.ask(raw) for _ in range(5)]
    assert len(whole_way) == 2
    assert bare(answers[0])[0] == 200
    assert len({str(bare(answer)) for answer in answers}) == 1
    for answer in answers:
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer[1]["date"])
    left = [int(headers["x-ratelimit-remaining"]) for _, headers, _ in answers]
    assert left[-1] < left[0]


async def test_what_is_unchanged_is_said_again(caller, line, whole_way, north):
    one = await line()
    tag = (await one.ask(request(caller, "/users")))[1]["etag"]
    raw = request(caller, "/users", **{"If-None-Match": tag})
    answers = [await one.ask(raw) for _ in range(4)]
    assert [(status, headers["etag"], body) for status, headers, body in answers] == [(304, tag, b"")] * 4
    assert len(whole_way) < 5
    await north.load(changed(ROSTER, "orgs", "s-1", name="Other"))
    status, headers, _ = await one.ask(raw)
    assert (status, headers["etag"] == tag) == (200, False)


async def test_a_load_that_is_done_is_seen_at_once(caller, line, north):
    one, raw = await line(), request(caller, "/orgs/s-1")
    for number in range(4):
        await north.load(changed(ROSTER, "orgs", "s-1", name=f"Name {number}"))
        for _ in range(4):
            assert f"Name {number}".encode() in (await one.ask(raw))[2]


async def test_a_revoked_client_is_refused_and_an_ended_token(caller, line, north, pool, monkeypatch):
    one, raw = await line(), request(caller, "/orgs")
    for _ in range(3):
        assert (await one.ask(raw))[0] == 200
    monkeypatch.setattr(tokens.time, "time", lambda: 2**33)
    assert (await one.ask(raw))[0] == 401
    monkeypatch.undo()
    monkeypatch.setattr(tokens, "FRESH", 0.2)
    async with database.hub(pool, "admin") as conn:
        (client,) = await clients.every(conn, north.tenant.code)
        await clients.revoke(conn, client, "test", audit.SYSTEM)
    await asyncio.sleep(0.3)
    assert (await one.ask(raw))[0] == 401


async def test_the_rate_counts_every_request(caller, line, north, pool):
    await limit(pool, north, rate=1, burst=7)
    one, raw = await line(), request(caller, "/orgs")
    assert [(await one.ask(raw))[0] for _ in range(9)] == [200] * 7 + [429] * 2


async def test_every_answer_is_recorded(caller, line, app, pool):
    one, raw = await line(), request(caller, "/users/u-2")
    for _ in range(6):
        await one.ask(raw)
    await app[places.LOG].flush()
    async with database.hub(pool, "admin", read_only=True) as conn:
        cursor = await conn.execute(
            "SELECT count(*), min(origin), max(target), array_agg(DISTINCT detail ->> 'rows') FROM audit"
            " WHERE action = 'api.read users' AND ok"
        )
        assert await cursor.fetchone() == (6, "127.0.0.1", "u-2", ["1"])


async def test_an_answer_without_a_body_has_given_no_record(caller, line, app, pool):
    one = await line()
    _, headers, _ = await one.ask(request(caller, "/users/u-2"))
    raw = request(caller, "/users/u-2", **{"If-None-Match": headers["etag"]})
    assert [(await one.ask(raw))[0] for _ in range(4)] == [304] * 4
    await app[places.LOG].flush()
    async with database.hub(pool, "admin", read_only=True) as conn:
        cursor = await conn.execute(
            "SELECT array_agg((detail ->> 'rows')::int ORDER BY id) FROM audit WHERE action = 'api.read users'"
        )
        assert await cursor.fetchone() == ([1, 0, 0, 0, 0],)


async def test_pieces_and_pipelines_are_answered_in_order(caller, line):
    one, raw, other = await line(), request(caller, "/orgs/s-1"), request(caller, "/orgs/s-2")
    for _ in range(3):
        await one.ask(raw)
    again = await line()
    await again.ask(raw)
    await again.send(raw[:40], raw[40:])
    assert (await again.answer())[0] == 200
    await again.send(raw)
    assert (await again.answer())[0] == 200
    await again.send(raw + other + raw)
    assert [b'"sourcedId":"s-1","status"' in (await again.answer())[2] for _ in range(3)] == [True, False, True]
    assert await again.silent()


@pytest.mark.parametrize("before", ["alone", "behind a request", "in two pieces", "chunked"])
async def test_a_body_is_never_taken_for_a_request(caller, line, before):
    one, raw = await line(), request(caller, "/orgs/s-1")
    for _ in range(4):
        await one.ask(raw)
    host = urllib.parse.urlsplit(caller.origin).netloc
    head = f"POST /token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    if before == "chunked":
        head += f"Transfer-Encoding: chunked\r\n\r\n{len(raw):x}\r\n"
        pieces = [head.encode(), raw, b"\r\n0\r\n\r\n"]
    else:
        head += f"Content-Length: {len(raw)}\r\n\r\n"
        pieces = [head.encode(), raw]
    if before == "behind a request":
        pieces[0] = raw + pieces[0]
    if before == "in two pieces":
        pieces = [pieces[0][:50], pieces[0][50:], raw]
    await one.send(*pieces)
    statuses = [(await one.answer())[0]]
    if before == "behind a request":
        statuses.append((await one.answer())[0])
    assert statuses[-1] in (400, 401)
    assert await one.silent()


async def test_a_connection_that_is_to_be_closed_is_closed(caller, line):
    raw, last = request(caller, "/orgs"), request(caller, "/orgs", Connection="close")
    for _ in range(3):
        one = await line()
        assert [(await one.ask(raw))[0] for _ in range(3)] == [200] * 3
        assert (await one.ask(last))[0] == 200
        assert await asyncio.wait_for(one.reader.read(), 5) == b""


async def test_what_is_kept_no_more_is_not_held_for_those_who_come_again(caller, line, app, whole_way):
    one, raw = await line(), request(caller, "/users")
    for _ in range(4):
        await one.ask(raw)
    kept, front = app[places.PAGES]._kept, app[places.FRONT]
    assert [seen.page() is None for seen, _ in front._seen._values.values()] == [False]
    for key in list(kept._values):
        kept.drop(key)
    gc.collect()
    assert [seen.page() is None for seen, _ in front._seen._values.values()] == [True]
    before = len(whole_way)
    assert (await one.ask(raw))[0] == 200
    assert len(whole_way) == before + 1


async def test_an_answer_that_was_sent_is_not_held_by_the_connection_that_waits(caller, line):
    lines = [await line() for _ in range(3)]
    for number, one in enumerate(lines):
        status, _, body = await one.ask(request(caller, f"/users?n={number}"))
        assert status == 200 and body
    gc.collect()
    assert [one for one in gc.get_objects() if isinstance(one, web.Response) and one.body] == []

"""Clients get what they may ask for, and are told what is left."""

import asyncio
import datetime
import multiprocessing

import pytest

from api import limits, places, slots
from sql import audit, clients, database


async def limited(pool, caller_id, **changes):
    async with database.hub(pool, "admin") as conn:
        client = await clients.by_id(conn, caller_id)
        await clients.change(conn, client, audit.SYSTEM, **changes)


@pytest.fixture
async def signed_in(north, stranger):
    """A caller and its client id."""
    who, secret = await north.client("roster.readonly", limited=True)
    one = stranger()
    _, body, _ = await one.ask_token(who, secret)
    one.token = body["access_token"]
    return one, who


async def test_a_client_without_limits_of_its_own_has_those_of_the_service(signed_in):
    one, _ = signed_in
    _, _, headers = await one.get("/orgs")
    assert headers["X-RateLimit-Limit"] == "600"
    assert headers["X-RateLimit-Remaining"] == "199"
    assert int(headers["X-RateLimit-Reset"]) == 1


async def test_who_asks_for_more_is_told_when_to_come_again(signed_in, pool, app):
    one, who = signed_in
    await limited(pool, who, rate=60, burst=3)
    found = [await one.get("/orgs") for _ in range(5)]
    assert [status for status, _, _ in found] == [200, 200, 200, 429, 429]
    assert [headers["X-RateLimit-Remaining"] for _, _, headers in found] == ["2", "1", "0", "0", "0"]
    _, body, headers = found[-1]
    assert headers["Retry-After"] == "1"
    assert body["imsx_CodeMinor"]["imsx_codeMinorField"][0]["imsx_codeMinorFieldValue"] == "server_busy"
    await asyncio.sleep(1.1)
    assert [(await one.get("/orgs"))[0] for _ in range(2)] == [200, 429]


async def test_a_rate_of_nought_is_none(signed_in, pool):
    one, who = signed_in
    await limited(pool, who, rate=0, burst=1)
    found = [await one.get("/orgs") for _ in range(20)]
    assert {status for status, _, _ in found} == {200}
    assert "X-RateLimit-Limit" not in found[0][2]


async def test_only_so_many_requests_of_a_client_are_under_way(signed_in, monkeypatch, app):
    one, _ = signed_in
    monkeypatch.setattr(limits, "AT_ONCE", 2)
    asked, held = app[places.STANDINGS].ask, asyncio.Event()

    async def slow(*given, **more):
        await held.wait()
        return await asked(*given, **more)

    monkeypatch.setattr(app[places.STANDINGS], "ask", slow)
    waiting = [asyncio.create_task(one.get(f"/orgs?limit={number}")) for number in (1, 2)]
    await asyncio.sleep(0.2)
    status, _, headers = await one.get("/orgs?limit=3")
    assert (status, headers["Retry-After"]) == (429, "1")
    held.set()
    assert [status for status, _, _ in await asyncio.gather(*waiting)] == [200, 200]
    assert (await one.get("/orgs?limit=3"))[0] == 200


async def test_a_client_may_be_bound_to_addresses(signed_in, pool):
    one, who = signed_in
    await limited(pool, who, allow=["10.0.0.0/8", "2001:db8::/32"])
    status, body, _ = await one.get("/orgs")
    assert status == 403
    assert "127.0.0.1" in body["imsx_description"]


async def test_an_expired_client_gets_no_token(north, stranger, pool):
    who, secret = await north.client("roster.readonly")
    await limited(pool, who, expires=datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1))
    status, body, _ = await stranger().ask_token(who, secret)
    assert (status, body["error"]) == (401, "invalid_client")


def take_all(file, answers):
    shared = limits.Buckets(file)
    answers.put(sum(not shared.take("client", 60, 500).wait for _ in range(1000)))


def test_several_processes_share_a_bucket(tmp_path):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [context.Process(target=take_all, args=(tmp_path / "buckets", answers)) for _ in range(3)]
    for one in processes:
        one.start()
    taken = sum(answers.get(timeout=30) for _ in processes)
    for one in processes:
        one.join()
    assert 500 <= taken <= 510  # what came in meanwhile, one a second


@pytest.mark.parametrize("made", [lambda folder: limits.Buckets(), lambda folder: limits.Buckets(folder / "buckets")])
def test_a_bucket_fills_at_its_rate_and_no_further(made, tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(slots.time, "monotonic", lambda: now[0])
    bucket = made(tmp_path)
    assert [bucket.take("a", 120, 2).wait for _ in range(4)] == [0, 0, 1, 1]
    assert bucket.take("b", 120, 2).remaining == 1
    now[0] += 0.5
    assert [bucket.take("a", 120, 2).wait for _ in range(2)] == [0, 1]
    now[0] += 3600
    full = bucket.take("a", 120, 2)
    assert (full.limit, full.remaining, full.reset, full.wait) == (120, 1, 1, 0)
    assert bucket.take("c", 6, 1).wait == 0
    assert bucket.take("c", 6, 1).wait == 10


async def test_ids_and_secrets_are_no_options_of_a_command_line(north):
    made = [await north.client("roster.readonly") for _ in range(100)]
    assert [text for pair in made for text in pair if not text[0].isalnum()] == []
    assert len({text for pair in made for text in pair}) == 200

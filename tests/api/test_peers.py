"""Whom a request comes from: the connection says it, and a proxy only where it is trusted."""

import pytest
from multidict import CIMultiDict

from api import app as apps
from api import places
from api.peers import Peers
from sql import audit, clients, database, search


@pytest.mark.parametrize(
    ("trusted", "said", "is_of"),
    [
        ((), "203.0.113.9", ""),
        (("127.0.0.0/8",), "203.0.113.9", "203.0.113.9"),
        (("127.0.0.0/8",), "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (("127.0.0.0/8", "203.0.113.0/24"), "198.51.100.1 ,203.0.113.9", "198.51.100.1"),
        (("127.0.0.0/8", "2001:db8::/32"), "2001:db8::1, 127.0.0.2", ""),
        (("127.0.0.0/8",), "2001:db8::1", "2001:db8::1"),
        (("127.0.0.0/8",), "", ""),
        (("127.0.0.0/8",), "somebody", ""),
        (("127.0.0.0/8",), "203.0.113.9, somebody", ""),
        (("127.0.0.0/8",), "203.0.113.9:4711", ""),
    ],
)
def test_the_last_address_that_is_no_proxy_counts(trusted, said, is_of):
    peers = Peers(trusted)
    headers = CIMultiDict({"x-forwarded-for": said})
    assert (peers.forwarded(headers) if peers.trusts("127.0.0.1") else "") == is_of


@pytest.fixture(params=[(), ("127.0.0.1/32",)], ids=["not trusted", "trusted"])
def trusted_proxies(request):
    return request.param


@pytest.fixture
async def app(pool, trusted_proxies):
    return apps.make_app(pool, bytes(range(32)), public_url=None, build="b1", trusted_proxies=trusted_proxies)


async def test_the_audit_log_names_the_client_behind_a_proxy_that_is_trusted(caller, app, pool, trusted_proxies):
    said = {"X-Forwarded-For": "203.0.113.9"}
    for _ in range(4):  # the last ones are answered before they are parsed
        assert (await caller.get("/orgs", headers=said))[0] == 200
    await app[places.LOG].flush()
    async with database.hub(pool, "viewer") as conn:
        origins = {one.origin for one in (await search.page(conn)).entries if one.action == "api.read orgs"}
    assert origins == {"203.0.113.9" if trusted_proxies else "127.0.0.1"}


async def test_networks_of_a_client_are_those_of_the_client_itself(north, stranger, trusted_proxies, pool):
    who, secret = await north.client("roster.readonly")
    async with database.hub(pool, "admin") as conn:
        client = await clients.by_id(conn, who)
        await clients.change(conn, client, audit.SYSTEM, allow=["203.0.113.0/24"])
    caller = stranger()
    caller.token = (await caller.ask_token(who, secret))[1]["access_token"]
    for address, status in (("203.0.113.9", 200), ("198.51.100.7", 403)):
        found = await caller.get("/orgs", headers={"X-Forwarded-For": address})
        assert found[0] == (status if trusted_proxies else 403)

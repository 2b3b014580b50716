"""Client credentials: who gets a token, with which scopes, and which tokens are good."""

import asyncio
import base64
import json
import time
import urllib.parse

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from api import guesses, places, tokens
from oneroster import scopes
from sql import clients, database, seal, search

MASTER = bytes(range(32))


@pytest.fixture
async def credentials(north):
    return await north.client(scopes.url(scopes.ROSTER), scopes.CORE)


async def ask(caller, body, headers=None, path="/token", content_type="application/x-www-form-urlencoded"):
    async with caller.session.post(
        caller.origin + path, data=body.encode(), headers={"Content-Type": content_type, **(headers or {})}
    ) as response:
        return response.status, await response.json(), response.headers


async def test_a_client_gets_what_it_may_have(stranger, credentials):
    caller = stranger()
    wanted = " ".join(
        [
            scopes.url(scopes.CORE),
            scopes.url(scopes.ROSTER).replace("https:", "http:"),
            scopes.url(scopes.DEMOGRAPHICS),
            scopes.PREFIX + "gradebook.readonly",
        ]
    )
    status, body, headers = await caller.ask_token(*credentials, scope=wanted)
    assert status == 200
    assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["scope"] == f"{scopes.url(scopes.CORE)} {scopes.url(scopes.ROSTER)}"
    _, body, _ = await caller.ask_token(*credentials)
    assert set(body["scope"].split()) == {scopes.url(scopes.CORE), scopes.url(scopes.ROSTER)}


async def test_credentials_come_in_the_body_or_encoded_or_raw(stranger, credentials):
    caller, (who, secret) = stranger(), credentials
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": who, "client_secret": secret})
    assert (await ask(caller, form))[0] == 200
    assert (await ask(caller, form, path="/oauth/token"))[0] == 200
    encoded = "".join(f"%{ord(character):02X}" for character in f"{who}") + ":" + secret.replace("-", "%2D")
    basic = {"Authorization": "basic " + base64.b64encode(encoded.encode()).decode()}
    assert (await ask(caller, "grant_type=client_credentials", basic))[0] == 200
    assert (await ask(caller, f"grant_type=client_credentials&client_id={who}", basic))[0] == 200
    status, body, _ = await ask(caller, f"grant_type=client_credentials&client_secret={secret}", basic)
    assert (status, body["error"]) == (400, "invalid_request")


async def test_a_bad_token_request_gets_the_error_of_the_rfc(stranger, credentials):
    caller = stranger()
    basic = {"Authorization": "Basic " + base64.b64encode(":".join(credentials).encode()).decode()}
    for form, error in {
        "": "invalid_request",
        "grant_type=": "invalid_request",
        "grant_type=client_credentials&grant_type=client_credentials": "invalid_request",
        "grant_type=%FF": "invalid_request",
        "x" * 20_000: "invalid_request",
        "grant_type=password": "unsupported_grant_type",
        "grant_type=client_credentials&scope=nothing": "invalid_scope",
        f"grant_type=client_credentials&scope={scopes.DEMOGRAPHICS}": "invalid_scope",
    }.items():
        status, body, _ = await ask(caller, form, basic)
        assert (status, body["error"]) == (400, error), form
        assert set(body) == {"error", "error_description"}
    status, body, _ = await ask(caller, "{}", basic, content_type="application/json")
    assert (status, body["error"]) == (400, "invalid_request")
    for header in ("Basic !", "Basic eA==", "Bearer x", "Basic " + base64.b64encode(b"a:b\0").decode()):
        status, body, headers = await ask(caller, "grant_type=client_credentials", {"Authorization": header})
        assert (status, body["error"]) == (401, "invalid_client")
        assert headers["WWW-Authenticate"].startswith("Basic")
    for who, secret in [(credentials[0], "wrong"), ("nobody", credentials[1]), ("\0", "x"), (credentials[0], "")]:
        status, body, _ = await caller.ask_token(who, secret)
        assert (status, body["error"]) == (401, "invalid_client")


async def test_a_client_was_here_last_when_it_was_let_in_last(stranger, credentials, app, pool):
    async def last():
        async with database.hub(pool, "viewer") as conn:
            (listed,), (standing,) = await clients.every(conn), await clients.standing(conn)
        assert listed.last_used_at == standing.last_used_at
        return listed.last_used_at

    assert await last() is None
    who, secret = credentials
    for given in (secret, "wrong"):
        await stranger().ask_token(who, given)
        await app[places.LOG].flush()
    async with database.hub(pool, "viewer") as conn:
        refused, let_in = [one for one in (await search.page(conn)).entries if one.action == "api.token"]
    assert (refused.ok, let_in.ok) == (False, True)
    assert await last() == let_in.at


async def test_every_token_request_is_audited(stranger, credentials, app, pool):
    caller = stranger()
    await caller.ask_token(*credentials)
    await caller.ask_token("some\0body", "wrong")
    await app[places.LOG].flush()
    async with database.hub(pool, "viewer") as conn:
        entries = [one for one in (await search.page(conn)).entries if one.action == "api.token"]
    assert {(one.tenant, one.who, one.ok) for one in entries} == {
        ("north", credentials[0], True),
        (None, "somebody", False),
    }


async def test_a_token_that_was_tampered_with_is_refused(caller):
    good = caller.token
    for at in range(len(good)):
        caller.token = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        assert (await caller.get("/orgs"))[0] == 401, at
    for token in (good + "=", good + "A", good[:-1], good.replace(".", ".."), "." + good):
        caller.token = token
        assert (await caller.get("/orgs"))[0] == 401


async def test_only_our_fresh_signature_of_our_algorithm_counts(caller, north):
    (known,) = [north.tenant.id]
    day = int(time.time()) // 86_400
    kid, key = {"kid": str(day)}, key_of(day)
    claims = jwt.decode(caller.token, key, algorithms=["HS256"]).claims
    assert claims["tid"] == known
    now = int(time.time())
    for header, changes, signing, status in [
        ({"alg": "HS256"}, {}, key, 200),
        ({"alg": "HS256"}, {"exp": now - 1}, key, 401),
        ({"alg": "HS256"}, {"exp": None}, key, 401),
        ({"alg": "HS256"}, {"tid": known + 1}, key, 401),
        ({"alg": "HS256"}, {"sub": "nobody"}, key, 401),
        ({"alg": "HS256"}, {"scope": scopes.CORE}, key, 200),
        ({"alg": "HS256"}, {"scope": "x"}, key, 403),
        ({"alg": "HS512"}, {}, key, 401),
        ({"alg": "HS256"}, {}, OctKey.import_key(MASTER), 401),
        ({"alg": "HS256", "kid": str(day - 1)}, {}, key_of(day - 1), 200),
        ({"alg": "HS256", "kid": str(day + 1)}, {}, key_of(day + 1), 200),
        ({"alg": "HS256", "kid": str(day - 2)}, {}, key_of(day - 2), 401),
        ({"alg": "HS256", "kid": str(day - 1)}, {}, key, 401),
        ({"alg": "HS256", "kid": ""}, {}, key, 401),
    ]:
        caller.token = jwt.encode({**kid, **header}, {**claims, **changes}, signing, algorithms=["HS256", "HS512"])
        assert (await caller.get("/orgs"))[0] == status, (header, changes)


async def test_a_token_lives_on_when_the_key_that_signs_is_a_new_one(north, stranger, monkeypatch):
    late = time.time() // 86_400 * 86_400 + 86_399
    monkeypatch.setattr(time, "time", lambda: late)
    caller = await stranger().sign_in(north)
    monkeypatch.setattr(time, "time", lambda: late + 2)
    assert (await caller.get("/orgs"))[0] == 200
    later = await stranger().sign_in(north)
    assert (await later.get("/orgs"))[0] == 200
    assert int(day_of(later.token)) == int(day_of(caller.token)) + 1


async def test_who_was_wrong_too_often_is_not_listened_to(stranger, credentials, monkeypatch):
    caller, (who, secret) = stranger(), credentials
    checked = []
    proves = clients.Known.proves
    monkeypatch.setattr(clients.Known, "proves", lambda *given: checked.append(given) or proves(*given))
    answers = [await caller.ask_token(who, f"wrong{number}") for number in range(30)]
    assert [status for status, _, _ in answers] == [401] * 5 + [429] * 25
    assert len(checked) == 5
    status, body, headers = await caller.ask_token(who, secret)
    assert (status, body["error"]) == (429, "invalid_client")
    assert 890 <= int(headers["Retry-After"]) <= 900


async def test_others_on_that_address_and_the_client_on_another_are_unharmed(stranger, credentials, north):
    caller, (who, secret) = stranger(), credentials
    for _ in range(6):
        await caller.ask_token(who, "wrong")
        await caller.ask_token("nobody", "wrong")
    assert (await caller.ask_token("nobody", "wrong"))[0] == 429  # nobody is like anybody
    other, other_secret = await north.client(scopes.ROSTER)
    assert (await caller.ask_token(other, other_secret))[0] == 200
    assert (await caller.ask_token(who, secret))[0] == 429


async def test_who_is_right_is_forgiven(stranger, credentials):
    caller, (who, secret) = stranger(), credentials
    for _ in range(4):
        for _ in range(4):
            assert (await caller.ask_token(who, "wrong"))[0] == 401
        assert (await caller.ask_token(who, secret))[0] == 200


def test_each_ban_is_twice_as_long_up_to_a_day(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    tries, waits = guesses.Guesses(), []
    for number in range(16):
        tries.wrong("a", "b")
        waits.append(tries.wait("a", "b"))
        now[0] += waits[-1]
        assert tries.wait("a", "b") == 0, number
    assert waits[:4] == [0, 0, 0, 0]
    assert waits[4:12] == [900, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400]
    assert set(waits[12:]) == {86_400}
    tries.right("a", "b")
    assert tries.wait("a", "b") == 0


def test_all_processes_know_who_was_wrong(tmp_path):
    one, other = (guesses.Guesses(tmp_path / "guesses", bytes(32)) for _ in range(2))
    for number in range(guesses.FREE):
        (one, other)[number % 2].wrong("a", "b")
    assert one.wait("a", "b") == other.wait("a", "b") == guesses.BAN
    assert other.wait("a", "c") == other.wait("c", "b") == 0


def key_of(day):
    """The key that signs on a day, numbered from 1970 on."""
    return OctKey.import_key(seal.derive(MASTER, f"api tokens {day}"))


def day_of(token):
    """The day that a token's head names."""
    return json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"]


async def test_a_token_ends_when_its_hour_is_over(caller, monkeypatch):
    assert (await caller.get("/orgs"))[0] == 200
    later = time.time() + tokens.LIFETIME
    monkeypatch.setattr(time, "time", lambda: later)
    assert (await caller.get("/orgs"))[0] == 401


async def test_a_scope_taken_from_the_client_is_gone_from_its_tokens(caller, pool, monkeypatch):
    monkeypatch.setattr(tokens, "FRESH", 0.0)
    assert (await caller.get("/demographics"))[0] == 200
    async with database.hub(pool, "admin") as conn:
        await conn.execute("UPDATE clients SET scopes = array_remove(scopes, %s)", [scopes.DEMOGRAPHICS])
    assert (await caller.get("/demographics"))[0] == 403
    assert (await caller.get("/orgs"))[0] == 200


async def test_requests_that_come_at_once_look_a_client_up_once(caller, monkeypatch):
    looks = []
    find = clients.find

    async def counted(conn, client_id):
        looks.append(client_id)
        return await find(conn, client_id)

    monkeypatch.setattr(clients, "find", counted)
    answers = await asyncio.gather(*(caller.get(f"/orgs?limit={number}") for number in range(1, 25)))
    assert {status for status, _, _ in answers} == {200}
    assert len(looks) == 1

"""OAuth 2 client credentials (REST section 5): the token endpoint, and the token of a request."""

import base64
import binascii
import urllib.parse
from collections.abc import Mapping, Sequence

import msgspec
import structlog
from aiohttp import web

from api import limits, peers, places, tokens
from api.status import RETRY_AFTER, Trouble
from api.tokens import Caller
from oneroster import scopes
from sql import clients, database
from sql.clients import Known

MOST_BYTES = 16_384
"""Of a token request's body."""

ACTION = "api.token"

log = structlog.get_logger("api.auth")


class Denied(Exception):
    """A token request that gets an error of RFC 6749 section 5.2."""

    def __init__(
        self, error: str, description: str, status: int = 400, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.headers = headers or {}


async def token(request: web.Request) -> web.Response:
    """POST /token: proves the client and gives it a token with the requested scopes that it may have."""
    who, tenant_id, good = "", None, False
    try:
        form = await _form(request)
        who, offered = _credentials(request, form)
        client = await _client(request, who, offered)
        tenant_id = client.tenant_id
        grant = _grant(form, client.scopes)
        issued = request.app[places.TOKENS].issue(client, grant)
        good = True
    except Denied as denied:
        problem = {"error": denied.error, "error_description": denied.description}
        return _answer(denied.status, problem, denied.headers)
    except database.OUTAGE as error:
        log.warning("database away", place=places.of(request), problem=type(error).__name__)
        problem = {"error": "temporarily_unavailable", "error_description": "Try again in a moment."}
        return _answer(503, problem, {"Retry-After": RETRY_AFTER})
    finally:
        request.app[places.LOG].add(tenant_id, who, request.app[places.PEERS].of(request), ACTION, "", good)
    return _answer(
        200,
        {
            "access_token": issued,
            "token_type": "Bearer",
            "expires_in": tokens.LIFETIME,
            "scope": " ".join(scopes.url(name) for name in grant),
        },
        {},
    )


async def authorise(request: web.Request, needed: Sequence[str]) -> Caller:
    """The client of the request. Raises Trouble 401 without a good token, 403 when it has none of the scopes."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        raise Trouble(401, headers={"WWW-Authenticate": 'Bearer realm="rosterhub"'})
    caller = await request.app[places.TOKENS].caller(value.strip())
    if caller is None:
        raise Trouble(
            401,
            "The access token is wrong, expired or revoked.",
            headers={"WWW-Authenticate": 'Bearer realm="rosterhub", error="invalid_token"'},
        )
    request[places.CALLER] = caller
    _check_address(request, caller.client)
    _take(request, caller.client)
    if caller.scopes.isdisjoint(needed):
        urls = " ".join(scopes.url(name) for name in needed)
        challenge = f'error="insufficient_scope", scope="{scopes.url(needed[0])}"'
        raise Trouble(
            403,
            f"The access token has none of the scopes that allow this: {urls}",
            headers={"WWW-Authenticate": f'Bearer realm="rosterhub", {challenge}'},
        )
    return caller


def _check_address(request: web.Request, client: Known) -> None:
    """Raises Trouble 403 where the client may not call from there."""
    if client.allow is None:
        return
    address = request.app[places.PEERS].of(request)
    if not peers.within(address, client.allow):
        raise Trouble(403, f"This client may not call from {address}.")


def _take(request: web.Request, client: Known) -> None:
    """Count the request. Raises Trouble 429 where the client has asked for too much."""
    allowance = limits.take(request.app[places.BUCKETS], client)
    if allowance is None:
        return
    request[places.ALLOWANCE] = allowance
    if allowance.wait:
        raise Trouble(429, headers={"Retry-After": str(allowance.wait)})


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != "application/x-www-form-urlencoded":
        raise Denied("invalid_request", "The body must be application/x-www-form-urlencoded.")
    body = await request.content.read(MOST_BYTES + 1)
    while len(body) <= MOST_BYTES and not request.content.at_eof():
        body += await request.content.read(MOST_BYTES + 1 - len(body))
    if len(body) > MOST_BYTES:
        raise Denied("invalid_request", "The body is too long.")
    try:
        pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError as error:
        raise Denied("invalid_request", "The body cannot be read.") from error
    form = dict(pairs)
    if len(form) < len(pairs):
        raise Denied("invalid_request", "A parameter is repeated.")
    return form


def _credentials(request: web.Request, form: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The client's id, and the secrets it may mean: inside Basic as it stands, and form-decoded."""
    header = request.headers.get("Authorization")
    if header is None:
        if not form.get("client_id") or "client_secret" not in form:
            raise _unproved("The client must say who it is, by HTTP Basic or in the body.")
        return form["client_id"], (form["client_secret"],)
    scheme, _, value = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        who, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        if not colon:
            raise ValueError(who)
    except (binascii.Error, ValueError) as error:
        raise _unproved("The Authorization header is not HTTP Basic.") from error
    decoded = urllib.parse.unquote_plus(who)
    if "client_secret" in form or form.get("client_id", decoded) not in (who, decoded):
        raise Denied("invalid_request", "The client says twice who it is.")
    return decoded, tuple(dict.fromkeys((secret, urllib.parse.unquote_plus(secret))))


async def _client(request: web.Request, client_id: str, offered: Sequence[str]) -> Known:
    guesses, address = request.app[places.GUESSES], request.app[places.PEERS].of(request)
    if wait := guesses.wait(client_id, address):
        description = f"This client was wrong too often from {address}. Try again in {wait} s."
        raise Denied("invalid_client", description, 429, headers={"Retry-After": str(wait)})
    known = None
    if "\x00" not in client_id:
        async with database.hub(request.app[places.POOL], "api", read_only=True) as conn:
            known = await clients.find(conn, client_id)
    if known is None or not any(known.proves(request.app[places.MASTER], secret) for secret in offered):
        guesses.wrong(client_id, address)
        raise _unproved("The client id or the secret is wrong.")
    guesses.right(client_id, address)
    return known


def _unproved(description: str) -> Denied:
    return Denied("invalid_client", description, 401, headers={"WWW-Authenticate": 'Basic realm="rosterhub"'})


def _grant(form: Mapping[str, str], allowed: Sequence[str]) -> tuple[str, ...]:
    if not form.get("grant_type"):
        raise Denied("invalid_request", "There is no grant_type.")
    if form["grant_type"] != "client_credentials":
        raise Denied("unsupported_grant_type", "The only grant_type is client_credentials.")
    granted = scopes.granted(form["scope"].split() if "scope" in form else allowed, allowed)
    if not granted:
        raise Denied("invalid_scope", "None of the requested scopes is allowed to this client.")
    return granted


def _answer(status: int, body: Mapping[str, object], headers: Mapping[str, str]) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers={"Cache-Control": "no-store", "Pragma": "no-cache", **headers},
    )

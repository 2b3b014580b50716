"""Access tokens: signed claims, proved once and remembered until they expire; the client is looked up every 5 s."""

import asyncio
import base64
import secrets
import time
from collections.abc import Sequence

import msgspec
from joserfc.errors import JoseError

from api.signing import Keys
from oneroster import scopes
from sql import clients, database
from sql.clients import Known
from sql.database import Pool

LIFETIME = 3600
"""Seconds a token is good for."""

FRESH = 5.0
"""Seconds for which a client is believed to be neither revoked nor expired."""

MOST = 10_000
"""Remembered tokens and clients, each."""


class Claims(msgspec.Struct, frozen=True):
    """What a token says."""

    sub: str
    """The client's id."""
    tid: int
    """The tenant's number."""
    scope: str
    """Short names of the granted scopes, with blanks between."""
    iat: int
    exp: int
    """Seconds since 1970."""
    jti: str


class Caller(msgspec.Struct, frozen=True):
    """A client with a good token."""

    client_id: str
    tenant_id: int
    scopes: frozenset[str]
    client: Known
    """As it was when it was looked up last."""
    exp: int = 0
    """When the token ends, in seconds since 1970."""


class Tokens:
    """Issues tokens and proves them."""

    def __init__(self, pool: Pool, master: bytes) -> None:
        self._pool = pool
        self._keys = Keys(master)
        self._proved: dict[str, Claims] = {}
        self._callers: dict[str, Caller] = {}
        self._clients: dict[str, tuple[float, Known | None]] = {}
        self._looking: dict[str, asyncio.Task[Known | None]] = {}

    def issue(self, client: Known, granted: Sequence[str]) -> str:
        """A token for the client with these scopes."""
        now = int(time.time())
        claims = Claims(
            client.client_id, client.tenant_id, " ".join(granted), now, now + LIFETIME, secrets.token_urlsafe(12)
        )
        return self._keys.sign(msgspec.structs.asdict(claims))

    async def caller(self, token: str) -> Caller | None:
        """Whose token it is; None when it is not ours, has expired, or its client may call no more."""
        claims = self._proved.get(token) or self._prove(token)
        if claims is None or claims.exp <= time.time():
            self._proved.pop(token, None)
            return None
        client = await self._client(claims.sub)
        if client is None or client.tenant_id != claims.tid:
            return None
        known = self._callers.get(token)
        if known is not None and known.client is client:
            return known
        # A scope that was taken from the client meanwhile is gone from its tokens, too.
        granted = frozenset(scopes.granted(claims.scope.split(), client.scopes))
        if len(self._callers) >= MOST:
            self._callers.clear()
        self._callers[token] = caller = Caller(claims.sub, claims.tid, granted, client, claims.exp)
        return caller

    def holds(self, caller: Caller) -> bool:
        """Whether the caller's token and client are still believed to be good, without another look."""
        seen, client = self._clients.get(caller.client_id, (float("-inf"), None))
        return client is caller.client and time.monotonic() - seen < FRESH and time.time() < caller.exp

    def _prove(self, token: str) -> Claims | None:
        signature = token.rpartition(".")[2]
        try:
            claims = msgspec.convert(self._keys.read(token), Claims)
            # Base64 spells some bytes in several ways; only one of them is the token we gave.
            if base64.urlsafe_b64encode(base64.urlsafe_b64decode(signature + "=")).decode().rstrip("=") != signature:
                return None
        except (JoseError, ValueError, msgspec.ValidationError):
            return None
        if len(self._proved) >= MOST:
            self._proved.clear()
        self._proved[token] = claims
        return claims

    async def _client(self, client_id: str) -> Known | None:
        seen, client = self._clients.get(client_id, (float("-inf"), None))
        if time.monotonic() - seen < FRESH:
            return client
        # One look for all who wait for it: after a restart each client comes with many requests at once.
        looking = self._looking.get(client_id)
        if looking is None:
            looking = self._looking[client_id] = asyncio.create_task(self._look(client_id), name="client")
            looking.add_done_callback(lambda done: self._looked(client_id, done))
        return await asyncio.shield(looking)

    def _looked(self, client_id: str, done: asyncio.Task[Known | None]) -> None:
        del self._looking[client_id]
        if not done.cancelled():
            done.exception()  # where nobody waits for it, nobody needs to hear that it failed

    async def _look(self, client_id: str) -> Known | None:
        now = time.monotonic()
        async with database.hub(self._pool, "api", read_only=True) as conn:
            client = await clients.find(conn, client_id)
        if len(self._clients) >= MOST:
            self._clients.clear()
        self._clients[client_id] = (now, client)  # the age counts from before the look
        return client

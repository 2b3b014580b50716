"""The page after a page: read from the database while the page itself is made and sent.

Of a large page the database has half of the work and we have the other, so a client that walks gets both at once. What
is read ahead is of the revision that the walk stays with, so that it does not matter when it was read.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from api.query import Query
from api.standing import Answer, NoRevision, Restless
from sql.database import OUTAGE, Pool

LEAST = 1_000
"""Rows of a page from which on the next one is read ahead."""

MOST = 4
"""Pages that are ready or being read, of perhaps 10 MB each; the one begun first gives way."""

PATIENCE = 5.0
"""Seconds that a page waits for its client."""

Key = tuple[int, str, int | None, Query]
"""Tenant, path, revision, and what of a query tells one page from another, with the id that it begins behind."""


def key(tenant_id: int, path: str, revision: int | None, asked: Query, after: str) -> Key:
    """The same for all ways to ask for the page of that revision that begins behind `after`."""
    return tenant_id, path, revision, msgspec.structs.replace(asked, fields=None, revision=None, after=after)


class Ahead:
    """The pages that this process has read ahead."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._reading: dict[Key, asyncio.Task[Answer | None]] = {}

    def __len__(self) -> int:
        return len(self._reading)

    def begin(self, key: Key, read: Callable[[], Awaitable[Answer]]) -> None:
        """Read a page, unless others wait for the database."""
        if key in self._reading or not self._pool.get_stats().get("pool_available", 0):
            return
        while len(self._reading) >= MOST:
            self._drop(next(iter(self._reading)))
        self._reading[key] = task = asyncio.create_task(_quietly(read))
        asyncio.get_running_loop().call_later(PATIENCE, self._expire, key, task)

    async def take(self, key: Key) -> Answer | None:
        """The page, if it was read or is being read; once."""
        task = self._reading.pop(key, None)
        return None if task is None else await task

    def _expire(self, key: Key, task: asyncio.Task[Answer | None]) -> None:
        if self._reading.get(key) is task:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        self._reading.pop(key).cancel()


async def _quietly(read: Callable[[], Awaitable[Answer]]) -> Answer | None:
    """What fails here is asked for again by the request that needs it, which then says why."""
    try:
        return await read()
    except (*OUTAGE, NoRevision, Restless):
        return None

"""The way to the database: opened when it answers, dropped when it does not, so that a restart is seen and survived."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sql import database
from sql.database import Connection, Pool, Role

ANSWER = 2.0
"""Seconds a database may take to let us in."""

READ = 5.0
"""Seconds a look at it may take in all."""


class Away(Exception):
    """The database does not answer."""


class Source:
    """Transactions under one role."""

    def __init__(self, conninfo: str, role: Role) -> None:
        self._conninfo = conninfo
        self._role: Role = role
        self._pool: Pool | None = None
        self._stack = AsyncExitStack()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A snapshot of the hub; raises Away when there is no database, or it goes away meanwhile."""
        try:
            async with asyncio.timeout(READ):
                pool = self._pool or await self._open()
                async with database.hub(pool, self._role, read_only=True) as conn:
                    yield conn
        except (*database.OUTAGE, TimeoutError) as error:
            await self.close()
            raise Away from error

    @asynccontextmanager
    async def acting(self) -> AsyncIterator[Connection]:
        """A transaction that may change things, as far as the role may; raises Away, NOT_ALLOWED."""
        try:
            async with asyncio.timeout(READ):
                pool = self._pool or await self._open()
                async with database.hub(pool, self._role) as conn:
                    yield conn
        except (*database.OUTAGE, TimeoutError) as error:
            await self.close()
            raise Away from error

    async def close(self) -> None:
        """Let go of the database."""
        stack, self._stack, self._pool = self._stack, AsyncExitStack(), None
        await stack.aclose()

    async def _open(self) -> Pool:
        # A pool alone would retry behind our back with growing pauses; a first connection of our own says at once.
        async with asyncio.timeout(ANSWER), database.connect(self._conninfo):
            pass
        self._pool = await self._stack.enter_async_context(database.open_pool(self._conninfo, size=1))
        return self._pool

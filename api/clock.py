"""The hub's clock: answers are dated up to it, and nothing is published at or below it (design: Rules of the data).

A process raises it before it reads, a second ahead, and rarely: every 0.7 s under traffic.
"""

import asyncio
import time

from sql import database, revisions
from sql.database import Pool

EVERY = 0.7


class Clock:
    """When this process raised the clock last."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._raised = float("-inf")
        self._raising: asyncio.Task[None] | None = None

    async def raise_if_due(self) -> None:
        """Raise the clock, together with whoever else is waiting for that."""
        if time.monotonic() - self._raised < EVERY:
            return
        if self._raising is None or self._raising.done():
            self._raising = asyncio.create_task(self._raise())
        await asyncio.shield(self._raising)

    async def _raise(self) -> None:
        began = time.monotonic()
        async with database.hub(self._pool, "api") as conn:
            await revisions.raise_clock(conn)
        self._raised = began

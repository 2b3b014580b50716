"""The newest published revision of every tenant, as this process knows it: answers in memory are good while it lasts.

It is asked for at most every tenth of a second, by whoever needs it; nobody believes an answer that was asked for more
than a quarter of a second ago. A job reads `applied` only after that (`daemon.work.KNOWN_EVERYWHERE`).
"""

import asyncio
import datetime
import time
from collections.abc import Mapping

import structlog

from api.clock import Clock
from sql import database, revisions
from sql.database import Pool

DUE = 0.1
"""Seconds after which it is asked for again, while the last answer is still good."""
GOOD = 0.25
"""Seconds for which an answer is good, from when it was asked for."""
TRIES = 3
OVERLAP = datetime.timedelta(seconds=60)
"""Revisions become visible a little later than the time that they bear."""

log = structlog.get_logger("api.newest")


class Newest:
    """What was last seen."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool, self._clock = pool, clock
        self._asked = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._since = datetime.datetime.min.replace(tzinfo=datetime.UTC)
        self._known: dict[int, int] = {}
        self._times: dict[int, datetime.datetime] = {}
        self.dated = ""
        """The database time of that look, never above the hub's clock: the `Date` of an answer from memory."""

    def at_hand(self) -> Mapping[int, int] | None:
        """The same without waiting, None where what is known is no good any more."""
        age = self._see_to_it()
        return self._known if age <= GOOD else None

    def published_at(self, tenant_id: int) -> datetime.datetime | None:
        """When the tenant's newest revision was published, as far as is known."""
        return self._times.get(tenant_id)

    async def known(self) -> Mapping[int, int] | None:
        """The newest published revision by tenant; none is there for a tenant that has none. Raises OUTAGE.

        None where the database takes so long to say it that it is no good any more.
        """
        for _ in range(TRIES):
            if self._see_to_it() <= GOOD:
                return self._known
            assert self._asking is not None
            await asyncio.shield(self._asking)
        return self.at_hand()

    def _see_to_it(self) -> float:
        """Ask again where it is due; the age of what is known, in seconds."""
        age = time.monotonic() - self._asked
        if age > DUE and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask(), name="newest")
            # Where nobody waits for it, nobody needs to hear that it failed.
            self._asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        return age

    async def _ask(self) -> None:
        began = time.monotonic()
        try:
            await self._clock.raise_if_due()
            async with database.hub(self._pool, "api", read_only=True) as conn:
                found = await revisions.published(conn, self._since)
        except database.OUTAGE as error:
            log.warning("database away", problem=type(error).__name__)
            raise
        for one in found.newest:
            if one.revision > self._known.get(one.tenant_id, 0):
                self._known[one.tenant_id], self._times[one.tenant_id] = one.revision, one.published_at
        if found.newest:
            self._since = max(self._since, *(one.published_at - OVERLAP for one in found.newest))
        self.dated = found.dated
        self._asked = began

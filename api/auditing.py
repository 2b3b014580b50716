"""Audit of what clients do: one entry a request, written together at most a second later."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import groupby

import msgspec
import structlog

from sql import audit, database
from sql.database import Pool

EVERY = 0.3
"""Seconds between two writings."""

MOST = 100_000
"""Entries that may wait. What cannot be recorded is not answered."""

log = structlog.get_logger("api.auditing")


class Entry(msgspec.Struct, frozen=True):
    """What was done, and when by the monotonic clock."""

    tenant_id: int | None
    who: str
    origin: str
    action: str
    target: str
    ok: bool
    at: float
    rows: int | None = None
    """How many records were given."""


class Log:
    """The entries that wait."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[Entry] = []
        self._taken: list[Entry] = []
        """What is being written."""
        self._flushing = asyncio.Lock()

    @property
    def behind(self) -> float:
        """Seconds since the oldest deed that is not known to be written; 0 where all are."""
        oldest = min((entry.at for entry in (*self._taken, *self._waiting)), default=None)
        return 0.0 if oldest is None else time.monotonic() - oldest

    @property
    def full(self) -> bool:
        return len(self._waiting) >= MOST

    def add(
        self, tenant_id: int | None, who: str, origin: str, action: str, target: str, ok: bool, rows: int | None = None
    ) -> None:
        """Record a deed of a client, of nobody known where `tenant_id` is None."""
        entry = Entry(tenant_id, _clean(who) or "-", origin, action, _clean(target), ok, time.monotonic(), rows)
        self._waiting.append(entry)

    async def flush(self) -> None:
        """Write what waits and what is being written, a transaction for each tenant; what fails goes on waiting."""
        async with self._flushing:
            taken, self._waiting = self._waiting, []
            self._taken = taken
            taken.sort(key=lambda entry: (entry.tenant_id or 0, entry.at))
            groups = [(tenant, list(group)) for tenant, group in groupby(taken, lambda entry: entry.tenant_id)]
            try:
                while groups:
                    await self._write(*groups[0])
                    del groups[0]
            finally:
                self._waiting[:0] = [entry for _, group in groups for entry in group]
                self._taken = []

    async def _write(self, tenant_id: int | None, entries: list[Entry]) -> None:
        now = time.monotonic()
        deeds = [
            audit.Deed(entry.who, entry.origin, entry.action, entry.target, entry.ok, now - entry.at, entry.rows)
            for entry in entries
        ]
        if tenant_id is None:
            async with database.hub(self._pool, "api") as conn:
                await audit.write_all(conn, None, deeds)
        else:
            async with database.tenant(self._pool, tenant_id, "api", read_only=False) as conn:
                await audit.write_all(conn, tenant_id, deeds)

    async def _keep_writing(self, over: asyncio.Event) -> None:
        """Until it is over; not until it is cancelled, which a database that goes away in the midst would swallow."""
        while not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), EVERY)
            await self._try()

    async def _try(self) -> None:
        try:
            await self.flush()
        except database.OUTAGE as error:
            log.warning("audit waits", entries=len(self._waiting), problem=type(error).__name__)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write now and then, and at the end what is left."""
        over = asyncio.Event()
        writing = asyncio.create_task(self._keep_writing(over), name="audit")
        try:
            yield
        finally:
            over.set()
            await writing
            await self._try()
            if self._waiting:
                log.error("audit lost", entries=len(self._waiting))


def _clean(text: str) -> str:
    """What a stranger sent, as text that the log can hold."""
    if len(text) < 256 and text.isascii() and text.isprintable():
        return text
    return text[:255].replace("\x00", "").encode("utf-8", "replace").decode()

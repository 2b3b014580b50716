"""Where tenants stand: each answer is of one revision, and this process remembers which was the newest one.

So an answer needs one message to the database: it asks at the revision that was newest before, and in the same snapshot
where the tenant stands now. Only when that has moved it has to ask again.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from sql import database, reading, revisions, rosters, tenants
from sql.database import Pool
from sql.reading import Query, Rows
from sql.rosters import Shown
from sql.seal import Sealer

MOST_TRIES = 8
"""Publications in a row that may come between two questions."""

STANDING = Query(revisions.STATEMENTS["standing"], {}, steady=True)

MOST_STAMPS = 10_000
"""Revisions of one tenant whose times are remembered."""

Compose = Callable[[Shown], Sequence[Query]]


class NoRevision(Exception):
    """The revision that is asked for has not been published."""


class Restless(Exception):
    """The roster changes too fast to be read."""


class Answer(msgspec.Struct, frozen=True):
    """What was found, at which revision."""

    shown: Shown
    dated: str
    """The database time of the snapshot, never above the hub's clock: the `Date` of the answer."""
    rows: list[Rows]
    """Of each query."""


class Standings:
    """What this process knows of the tenants it answers for."""

    def __init__(self, pool: Pool, master: bytes) -> None:
        self._pool, self._master = pool, master
        self._newest: dict[int, int] = {}
        self._sealers: dict[int, Sealer] = {}
        self._stamps: dict[int, dict[bytes, bytes]] = {}

    async def ask(self, tenant_id: int, compose: Compose, pinned: int | None = None) -> Answer:
        """The answers to the queries at the tenant's newest published revision, or at the one that is pinned.

        Raises NoRevision, Restless, and whatever `compose` raises.
        """
        sealer = await self._sealer(tenant_id)
        newest = self._newest.get(tenant_id, 0)
        # History is asked where it must be, and else only once it shows that it must.
        shown = Shown(newest, False, sealer) if pinned is None else Shown(pinned, pinned < newest, sealer)
        for _ in range(MOST_TRIES):
            standing, *rows = await reading.ask(self._pool, tenant_id, [STANDING, *compose(shown)])
            published, committed, dated = (value.decode() for value in standing[0] if value is not None)
            self._newest[tenant_id] = int(published)
            if pinned is not None and pinned > int(published):
                raise NoRevision(pinned)
            revision = int(published) if pinned is None else pinned
            behind = int(committed) > revision
            if shown.revision == revision and shown.behind >= behind:
                return Answer(shown, dated, rows)
            shown = Shown(revision, behind, sealer)
        raise Restless

    async def stamps(self, tenant_id: int, revisions: set[bytes]) -> Mapping[bytes, bytes]:
        """The `dateLastModified` of what changed in these revisions: once published, it stays as it is."""
        known = self._stamps.setdefault(tenant_id, {})
        missing = revisions - known.keys()
        if missing:
            if len(known) + len(missing) > MOST_STAMPS:
                known = self._stamps[tenant_id] = {}
                missing = revisions
            (found,) = await reading.ask(self._pool, tenant_id, [rosters.stamps(missing)])
            known.update((revision, stamp) for revision, stamp in found if revision is not None and stamp is not None)
        return known

    def newest(self, tenant_id: int) -> int:
        """The newest published revision, as far as is known."""
        return self._newest.get(tenant_id, 0)

    async def _sealer(self, tenant_id: int) -> Sealer:
        """A tenant's key never changes."""
        if tenant_id not in self._sealers:
            async with database.tenant(self._pool, tenant_id) as conn:
                self._sealers[tenant_id] = (await tenants.by_id(conn, tenant_id)).sealer(self._master)
        return self._sealers[tenant_id]

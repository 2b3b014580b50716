"""The chain over the audit log: a link for each committed entry, keyed, holding the link before it and the whole entry.

Entries are committed in another order than that of their ids, and some ids never are. An id is drawn by a transaction
that holds a lock on the log until it ends. So a gap among the ids is a hole as long as one of those transactions lives
that wrote when the gap was first seen; it is looked into again until then, and after that nothing can come there.
"""

import datetime
import hmac
from collections.abc import Sequence

import msgspec

from sql import database, seal, statements
from sql.database import Connection, Pool

STATEMENTS = statements.load("chain")
LOCK = 0x5365616C
BATCH = 5_000
"""Entries that are sealed in one transaction."""

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
FIRST = bytes(32)
"""What stands for a link before the first one."""


class Entry(msgspec.Struct, frozen=True):
    """A whole row of the log."""

    id: int
    at: datetime.datetime
    tenant_id: int | None
    who: str
    who_kind: str
    origin: str
    action: str
    target: str
    ok: bool
    detail: str
    """As the database writes it, which is always the same way."""
    sealed: bool


class Link(msgspec.Struct, frozen=True):
    """A row of the chain."""

    seq: int
    audit_id: int
    at: datetime.datetime
    sealed_at: datetime.datetime
    settled: int
    """Entries up to this id were sealed by then, or will never come."""
    hmac: bytes


class Place(msgspec.Struct, frozen=True):
    """Where an entry stands in the chain."""

    audit_id: int
    seq: int
    hmac: bytes
    before: bytes
    """The HMAC of the link before it; empty where there is none."""


class Anchor(msgspec.Struct, frozen=True):
    """How far the chain was, to be kept where who can write to the database cannot."""

    seq: int
    hmac: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hmac.hex()}"


class Broken(Exception):
    """The chain no longer holds what was sealed a moment ago."""


def key(master: bytes) -> bytes:
    """The chain's own key."""
    return seal.derive(master, "audit chain")


def sign(key: bytes, before: bytes, link: Link, entry: Entry) -> bytes:
    """The HMAC of a link over an entry; that of `link` itself does not matter."""
    said = (link.seq, micros(link.sealed_at), link.settled, entry.id, micros(entry.at), entry.tenant_id, entry.who,
            entry.who_kind, entry.origin, entry.action, entry.target, entry.ok, entry.detail)  # fmt: skip
    return hmac.digest(key, before + msgspec.json.encode(said), "sha256")


def micros(when: datetime.datetime) -> int:
    """Microseconds since 1970."""
    past = when - EPOCH
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds


async def last(conn: Connection) -> Link | None:
    """The newest link."""
    return await database.fetch_one(conn, STATEMENTS["last"], Link, {})


async def link(conn: Connection, seq: int) -> Link | None:
    """The link of that number."""
    return await database.fetch_one(conn, STATEMENTS["link"], Link, {"seq": seq})


async def places(conn: Connection, ids: Sequence[int]) -> dict[int, Place]:
    """Where entries stand, by id; those are missing that are not sealed yet."""
    found = await database.fetch_all(conn, STATEMENTS["places"], Place, {"ids": list(ids)})
    return {one.audit_id: one for one in found}


async def drawn(conn: Connection) -> int:
    """The highest id that an entry may have."""
    return int(await database.fetch_value(conn, STATEMENTS["drawn"], {}))


class Hole(msgspec.Struct, frozen=True):
    """Ids, the last one included, that had not come when later ones were sealed."""

    first: int
    last: int
    writers: frozenset[str]
    """The transactions that one of them may still come from."""


class _Round(msgspec.Struct, frozen=True):
    now: datetime.datetime
    end: Link | None
    high: int
    """Entries up to this id have been looked at."""
    holes: tuple[Hole, ...]


class _Time(msgspec.Struct, frozen=True):
    mine: bool
    now: datetime.datetime


class Sealer:
    """Appends links. Any number may try; one at a time does, and takes up what another has left."""

    def __init__(self, pool: Pool, key: bytes) -> None:
        self._pool, self._key = pool, key
        self._end: Link | None = None
        self._high = 0
        self._holes: tuple[Hole, ...] = ()
        self.more = False
        """Whether the last round has left some for the next one."""

    @property
    def end(self) -> Link | None:
        """The newest link that we know of."""
        return self._end

    async def seal(self) -> int:
        """One round: how many entries were looked at. Raises Broken, once for each fault."""
        async with database.hub(self._pool, "ingest") as conn:
            begun = await self._begin(conn)
            if begun is None:
                return 0
            done, found = await self._round(conn, begun)
        self._end, self._high, self._holes = done.end, done.high, done.holes  # it is committed
        return found

    async def _begin(self, conn: Connection) -> _Round | None:
        """Where to go on, or None while another one seals."""
        time = await database.fetch_one(conn, STATEMENTS["lock"], _Time, {"key": LOCK})
        if time is None or not time.mine:
            return None
        end, known = await last(conn), self._end
        if known is not None and end == known:
            return _Round(time.now, end, self._high, self._holes)
        self._end, self._high, self._holes = end, end.settled if end else 0, ()
        if known is not None and await link(conn, known.seq) != known:
            raise Broken(str(Anchor(known.seq, known.hmac)))
        return _Round(time.now, end, self._high, self._holes)

    async def _round(self, conn: Connection, begun: _Round) -> tuple[_Round, int]:
        """What is there now, and how much of it was looked at. It is safe by the order in which the three are asked."""
        newest = await drawn(conn)
        self.more = False
        if newest <= begun.high and not begun.holes:
            return begun, 0
        writers = frozenset(await database.fetch_value(conn, STATEMENTS["writers"], {}))
        found: list[Entry] = []
        holes: list[Hole] = []
        for hole in begun.holes:
            came, upto = await _entries(conn, hole.first, hole.last)
            found += came
            holes += _gaps(came, hole.first, upto, hole.writers & writers)
            if upto < hole.last:  # the rest in the next round, whoever lives
                holes.append(Hole(upto + 1, hole.last, hole.writers))
                self.more = True
        high = begun.high
        if newest > high:
            came, upto = await _entries(conn, high + 1, newest)
            found += came
            holes += _gaps(came, high + 1, upto, writers)
            high = upto
        self.more |= high < newest
        settled = min([high, *(hole.first - 1 for hole in holes)])
        end = await self._append(conn, begun, found, settled)
        return _Round(begun.now, end, high, tuple(holes)), len(found)

    async def _append(self, conn: Connection, begun: _Round, found: Sequence[Entry], settled: int) -> Link | None:
        end, links, ids = begun.end, [], set()
        for entry in found:
            if entry.sealed or entry.id in ids:  # an id that is there twice is for the verification to name
                continue
            ids.add(entry.id)
            seq, before = (end.seq + 1, end.hmac) if end else (1, FIRST)
            bare = Link(seq, entry.id, entry.at, begun.now, settled, b"")
            end = msgspec.structs.replace(bare, hmac=sign(self._key, before, bare, entry))
            links.append(end)
        if links:
            columns = {name: [getattr(one, name) for one in links] for name in Link.__struct_fields__}
            await database.run(conn, STATEMENTS["append"], columns)
        return end


async def _entries(conn: Connection, first: int, last: int) -> tuple[list[Entry], int]:
    """The next entries between two ids, and up to which id these are all."""
    begin = await database.fetch_value(conn, STATEMENTS["next"], {"first": first, "last": last})
    if begin is None:
        return [], last
    upto = min(last, begin + BATCH - 1)
    return await database.fetch_all(conn, STATEMENTS["entries"], Entry, {"first": begin, "last": upto}), upto


def _gaps(found: Sequence[Entry], first: int, last: int, writers: frozenset[str]) -> list[Hole]:
    """What is missing between two ids, if it may still come."""
    if not writers:
        return []
    gaps, expected = [], first
    for entry in found:
        if entry.id > expected:
            gaps.append(Hole(expected, entry.id - 1, writers))
        expected = entry.id + 1
    if expected <= last:
        gaps.append(Hole(expected, last, writers))
    return gaps


async def prepare(pool: Pool) -> None:
    """Partitions for the months ahead; does not wait for long where the log is being written to."""
    async with database.hub(pool, "ingest") as conn:
        await conn.execute("SET LOCAL lock_timeout = '2s'")
        await conn.execute(STATEMENTS["partitions"])

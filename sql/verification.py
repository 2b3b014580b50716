"""Whether the audit log is what was sealed: every link and every entry looked at anew, and what is wrong named."""

import asyncio
import datetime
from collections.abc import Callable, Mapping, Sequence, Set

import msgspec

from sql import chain, database
from sql.chain import STATEMENTS, Anchor, Entry, Link
from sql.database import Connection, Pool, Role

BLOCK = 5_000
"""Links looked at in one go; between two of them others have their turn."""

MOST_FAULTS = 1_000
"""That are told; the rest is counted."""

LATE = datetime.timedelta(hours=1)
"""An entry that is older by more than all that was sealed before it was not written when it says."""


class Fault(msgspec.Struct, frozen=True):
    """Something that is not as it was sealed."""

    kind: str
    """changed, deleted, moved, unsealed, undrawn, behind, relinked, unlinked, cut, anchor."""
    what: str
    """A sentence."""
    seq: int | None = None
    audit_id: int | None = None
    at: datetime.datetime | None = None
    """When the entry was written."""


class Verified(msgspec.Struct, frozen=True):
    """What a verification has found."""

    first: int
    last: int
    """The numbers of the links looked at; 0 where there is none."""
    links: int
    hmac: bytes
    """Of the last link."""
    anchors: int
    """Anchors that were compared."""
    waiting: int
    """Entries that are not sealed yet."""
    count: int
    faults: tuple[Fault, ...] = ()
    """At most MOST_FAULTS of `count`."""

    @property
    def anchor(self) -> Anchor:
        """To be noted elsewhere."""
        return Anchor(self.last, self.hmac)


Progress = Callable[[int], None]
"""Is told how many links have been looked at."""


async def verify(
    pool: Pool,
    key: bytes,
    *,
    start: int = 1,
    anchors: Sequence[Anchor] = (),
    role: Role = "viewer",
    progress: Progress | None = None,
) -> Verified:
    """Look at all links from number `start` on, at their entries, and for entries without a link."""
    async with database.hub(pool, role, read_only=True) as conn:
        before = await chain.link(conn, start - 1) if start > 1 else None
        known: dict[int, set[bytes]] = {}
        for one in anchors:
            known.setdefault(one.seq, set()).add(one.hmac)
        noted = known.get(start - 1, set())
        held = before.hmac if before else chain.FIRST if start == 1 else noted.pop() if len(noted) == 1 else b""
        judge = _Judge(key, start, held, known)
        seq = start
        while block := await _links(conn, seq):
            entries = await _linked(conn, block)
            await asyncio.to_thread(judge.look, block, entries)
            seq = block[-1].seq + 1
            if progress is not None:
                progress(judge.links)
        judge.end(anchors)
        waiting = await _loose(conn, judge, before.settled if before else 0)
    return Verified(
        judge.first, judge.last, judge.links, judge.hmac, judge.anchors, waiting, judge.count, tuple(judge.faults)
    )


async def _links(conn: Connection, seq: int) -> list[Link]:
    """The next links; none at the end."""
    first = await database.fetch_value(conn, STATEMENTS["next_link"], {"seq": seq})
    if first is None:
        return []
    rows = await conn.execute(STATEMENTS["links"], {"first": first, "last": first + BLOCK - 1})
    return [Link(*row) for row in await rows.fetchall()]


async def _linked(conn: Connection, links: Sequence[Link]) -> dict[int, Entry]:
    """Their entries by id, where they are gone those that bear another time."""
    given = {"ids": [one.audit_id for one in links], "ats": [one.at for one in links]}
    rows = await conn.execute(STATEMENTS["linked"], given)
    found = {row[0]: Entry(*row) for row in await rows.fetchall()}
    if missing := [one.audit_id for one in links if one.audit_id not in found]:
        rows = await conn.execute(STATEMENTS["moved"], {"ids": missing})
        found |= {row[0]: Entry(*row) for row in await rows.fetchall()}
    return found


async def _loose(conn: Connection, judge: "_Judge", after: int) -> int:
    """Judge the entries without a link; how many of them only wait for theirs."""
    drawn, waiting = await chain.drawn(conn), 0
    while block := await database.fetch_all(conn, STATEMENTS["loose"], Entry, {"after": after, "most": BLOCK}):
        waiting += sum(judge.loose(one, drawn) for one in block)
        after = block[-1].id
    return waiting


class _Judge:
    """Sees links in order. A link that does not fit is named once the next one has told which of the two is wrong."""

    def __init__(self, key: bytes, start: int, before: bytes, anchors: Mapping[int, Set[bytes]]) -> None:
        self.key, self._known = key, anchors
        self._expected = start
        self._before = before
        """The HMAC that stands before the next link; empty where it is not known."""
        self._computed = before
        """The same as it would be if the last entry were what was sealed."""
        self._doubted: tuple[Link, Entry] | None = None
        self._newest = chain.EPOCH
        """The time of the newest entry so far."""
        self._named: set[int] = set()
        self.first = self.last = self.links = self.anchors = self.count = self._settled = 0
        self.hmac = b""
        self.faults: list[Fault] = []

    def look(self, links: Sequence[Link], entries: Mapping[int, Entry]) -> None:
        for one in links:
            self._step(one, entries.get(one.audit_id))

    def _step(self, link: Link, found: Entry | None) -> None:
        if link.seq != self._expected:
            self._doubt()
            self._name("unlinked", f"{_span(self._expected, link.seq - 1)} of the chain gone", seq=self._expected)
            self._before = self._computed = b""
        self._expected = link.seq + 1
        if self._known.get(link.seq, {link.hmac}) != {link.hmac}:
            self._name("anchor", f"link #{link.seq} is not the one that the anchor tells of", link)
        self.anchors += link.seq in self._known
        self._fit(link, found)
        self.first = self.first or link.seq
        self.last, self.hmac, self._settled = link.seq, link.hmac, max(self._settled, link.settled)
        self.links += 1
        self._newest = max(self._newest, link.at)

    def _fit(self, link: Link, entry: Entry | None) -> None:
        """Judge the entry, and with it the link before."""
        if entry is None or entry.at != link.at:
            self._doubt()
            if entry is None:
                self._name("deleted", f"entry {link.audit_id} is gone from the log, or its link was changed", link)
            else:
                self._named.add(link.audit_id)
                there = entry.at.isoformat()
                self._name("moved", f"entry {link.audit_id} was moved to {there}, or its link was changed", link)
            self._before = self._computed = link.hmac
            return
        held = chain.sign(self.key, self._before, link, entry)
        good = link.hmac == held or not self._before
        if self._doubted is not None:
            # Upon which of the two this link was made tells whether the one before, or what it is of, was changed.
            relinked = not good and link.hmac == chain.sign(self.key, self._computed, link, entry)
            self._doubt(relinked=relinked)
            good = good or relinked
        if not good:
            self._doubted = link, entry
        elif link.sealed_at - link.at > LATE and self._newest - link.at > LATE:
            self._name("behind", f"entry {entry.id} was put in long after the time that it tells", link)
        self._before, self._computed = link.hmac, link.hmac if good else held

    def _doubt(self, *, relinked: bool = False) -> None:
        """Name what did not fit."""
        if self._doubted is not None:
            link, entry = self._doubted
            self._doubted = None
            if relinked:
                self._name("relinked", f"link #{link.seq} is not as it was made; entry {entry.id} is", link)
            else:
                said = f"{entry.who} {entry.action} {entry.target}".strip()
                self._name("changed", f"entry {entry.id} ({said}) is not as it was sealed", link)

    def end(self, anchors: Sequence[Anchor]) -> None:
        """After the last link."""
        self._doubt()
        later = [one for one in anchors if one.seq > self.last and one.seq >= self._expected]
        if later:
            furthest = max(later, key=lambda one: one.seq)
            what = f"the chain ends at #{self.last}, but an anchor tells of #{furthest.seq}"
            self._name("cut", what, seq=furthest.seq)

    def loose(self, entry: Entry, drawn: int) -> bool:
        """Judge an entry without a link; whether it only waits for one."""
        link = Link(0, entry.id, entry.at, chain.EPOCH, 0, b"")
        if entry.id in self._named:
            return False
        if entry.id > drawn:
            self._name("undrawn", f"entry {entry.id} has an id that the hub never gave", link)
        elif entry.id <= self._settled:
            self._name("unsealed", f"entry {entry.id} was put in behind the chain, or its link is gone", link)
        elif self._newest - entry.at > LATE:
            self._name("behind", f"entry {entry.id} was put in long after the time that it tells", link)
        else:
            return True
        return False

    def _name(self, kind: str, what: str, link: Link | None = None, *, seq: int | None = None) -> None:
        self.count += 1
        if len(self.faults) < MOST_FAULTS:
            of = (link.seq or None, link.audit_id, link.at) if link else (seq, None, None)
            self.faults.append(Fault(kind, what, *of))


def _span(first: int, last: int) -> str:
    return f"link #{first} is" if first == last else f"links #{first} to #{last} are"

"""Finding entries of the audit log, however long it is: pages by key, each condition by an index, free text in steps.

An index leads to the entries; what else is asked is looked for among them, so many at a time, newest first. When that
has taken too long, what was found so far is given, and how far back that was.

A lead asks for the order of its own index, and its value is the end of a range, never an equality. The server knows
samples of the log only: where they hold no entry of a rare deed, it takes every deed for a common one, and would walk
the index of times back to the begin, sure to meet a page of them soon.
"""

import datetime
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row

from oneroster.refused import Refused
from sql import database
from sql.audit import END, STATEMENTS, Entry
from sql.database import Connection

BEGIN = datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)
Place = tuple[datetime.datetime, int]
"""Time and id of an entry; entries before it are older."""
START: Place = (END, 0)

PATIENCE = 0.15
"""Seconds after which no further step is begun."""
STEP = 5_000
"""Entries looked through in one."""
REACH = 1_000
"""Entries by which conditions are compared: the index that leads furthest back with so many is the one to take."""
MOST_VALUES = 64
"""That `name*` may stand for, to be found by the index."""
FETCH = 2_000
LAST = "\U0010ffff"
"""Above every character that a text may go on with."""


class UnknownEntry(Refused):
    """There is no such entry."""

    hint = "`rosterhub audit list --json` prints ids."
    exit_code = 66


class Asked(msgspec.Struct, frozen=True):
    """Which entries are wanted. Of several values one must hold; one that ends in * stands for all that begin so."""

    tenant: str | None = None
    who: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    ok: bool | None = None
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    words: tuple[str, ...] = ()
    """All of which stand somewhere in who, from, action, target and detail, in capitals or not."""
    without: tuple[str, ...] = ()
    """None of which does."""

    @property
    def more(self) -> bool:
        """Whether more is asked than a time."""
        given = (self.tenant, self.who, self.action, self.target, self.words, self.without)
        return any(given) or self.ok is not None


ALL = Asked()


class Found(msgspec.Struct, frozen=True):
    """A page."""

    entries: list[Entry]
    searched: Place | None = None
    """Where the search was broken off, to be gone on with; None where the page is full or there is no more."""


class _Row(msgspec.Struct, frozen=True):
    id: int
    at: datetime.datetime
    tenant: str | None
    who: str
    who_kind: str
    origin: str
    action: str
    target: str
    ok: bool
    detail: dict[str, Any]
    looked: int


class _Lead(msgspec.Struct, frozen=True):
    """An index, and the values to look for in it."""

    column: str
    values: tuple[str, ...] = ("",)


async def page(
    conn: Connection, asked: Asked = ALL, *, before: Place = START, limit: int = 100, patience: float = PATIENCE
) -> Found:
    """Entries older than `before` that fit, newest first."""
    deadline = time.monotonic() + patience
    params = await _params(conn, asked)
    if params is None:
        return Found([])
    place = min(before, (asked.until, 0)) if asked.until else before
    leads = await _leads(conn, asked, params["tenant"])
    if any(not one.values for one in leads):
        return Found([])
    lead = await _best(conn, leads, params, place)
    rest = leads != [lead] or asked.words or asked.without or _is_left(asked, leads)
    step = max(limit, STEP // len(lead.values)) if rest else limit
    found: list[Entry] = []
    while True:
        given = params | _at(place) | _by(lead, step) | {"limit": limit - len(found)}
        rows = await database.fetch_all(conn, STATEMENTS["find"], _Row, given)
        if not rows:
            return Found(found)
        *fit, last = rows
        found += map(_entry, fit)
        if len(found) >= limit or last.looked < step:
            return Found(found)
        place = last.at, last.id
        if time.monotonic() > deadline:
            return Found(found, place)


async def every(conn: Connection, asked: Asked) -> AsyncIterator[Entry]:
    """All entries that fit, oldest first, as they are at this moment."""
    params = await _params(conn, asked)
    if params is None:
        return
    place = (asked.until, 0) if asked.until else START
    async with psycopg.AsyncServerCursor(conn, "audit", row_factory=class_row(Entry)) as cursor:
        cursor.itersize = FETCH
        await cursor.execute(STATEMENTS["every"], params | _at(place))
        async for entry in cursor:
            yield entry


async def place(conn: Connection, audit_id: int) -> Place:
    """Where an entry stands in the log. Raises UnknownEntry."""
    at = await database.fetch_value(conn, STATEMENTS["at"], {"id": audit_id})
    if at is None:
        raise UnknownEntry(f"{audit_id}.")
    return at, audit_id


async def now(conn: Connection) -> datetime.datetime:
    """The time of the database."""
    found: datetime.datetime = await database.fetch_value(conn, "SELECT clock_timestamp()", {})
    return found


def later(asked: Asked, since: datetime.datetime) -> Asked:
    """The same, but no earlier than that."""
    return msgspec.structs.replace(asked, since=max(since, asked.since or since))


async def _leads(conn: Connection, asked: Asked, tenant: int | None) -> list[_Lead]:
    """The indexes that may lead to what is asked."""
    leads = []
    for column, values, known in (("target", asked.target, "targets"), ("who", asked.who, "people"),
                                  ("action", asked.action, "actions")):  # fmt: skip
        spelt = await _spelt(conn, values, known) if values else None
        if spelt is not None:
            leads.append(_Lead(column, spelt))
    if asked.ok is False:
        leads.append(_Lead("ok"))
    if tenant is not None:
        leads.append(_Lead("tenant", (str(tenant),)))
    return leads or [_Lead("")]


def _is_left(asked: Asked, leads: Sequence[_Lead]) -> bool:
    """Whether something is asked that no index leads to."""
    led = {one.column for one in leads}
    return bool(asked.ok or any(getattr(asked, name) and name not in led for name in ("who", "action", "target")))


async def _spelt(conn: Connection, values: Sequence[str], known: str) -> tuple[str, ...] | None:
    """The values that are meant, those of `name*` looked up; None where they are too many."""
    found: set[str] = set()
    for value in values:
        if not value.endswith("*"):
            found.add(_possible(value))
        else:
            begin = _possible(value[:-1])
            given = {"first": begin, "last": begin + LAST, "most": MOST_VALUES + 1}
            found.update(await database.fetch_value(conn, STATEMENTS[known], given) or ())
    return tuple(sorted(found)) if len(found) <= MOST_VALUES else None


async def _best(conn: Connection, leads: Sequence[_Lead], params: dict[str, Any], place: Place) -> _Lead:
    """The one that leads past the fewest other entries."""
    if len(leads) == 1:
        return leads[0]
    reached = []
    for lead in leads:
        at = await database.fetch_value(conn, STATEMENTS["reach"], params | _at(place) | _by(lead, REACH))
        if at is None:
            return lead
        reached.append((at, lead))
    return min(reached, key=lambda pair: pair[0])[1]


async def _params(conn: Connection, asked: Asked) -> dict[str, Any] | None:
    """What all statements are given; None where there is no such tenant."""
    tenant = None
    if asked.tenant is not None:
        tenant = await database.fetch_value(conn, STATEMENTS["tenant"], {"code": _possible(asked.tenant)})
        if tenant is None:
            return None
    return {
        "tenant": tenant,
        "ok": asked.ok,
        "since": asked.since or BEGIN,
        "who": _patterns(asked.who),
        "action": _patterns(asked.action),
        "target": _patterns(asked.target),
        "words": [f"%{_literal(word)}%" for word in asked.words] or None,
        "without": [f"%{_literal(word)}%" for word in asked.without] or None,
    }


def _at(place: Place) -> dict[str, Any]:
    return {"before_at": place[0], "before_id": place[1]}


def _by(lead: _Lead, step: int) -> dict[str, Any]:
    return {"lead": lead.column, "values": list(lead.values), "step": step}


def _patterns(values: Sequence[str]) -> list[str] | None:
    return [_literal(value[:-1]) + "%" if value.endswith("*") else _literal(value) for value in values] or None


def _literal(text: str) -> str:
    """As LIKE takes it to be meant letter by letter."""
    return _possible(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _possible(text: str) -> str:
    """No text in the database has a NUL."""
    return text.replace("\x00", "\ufffd")


def _entry(row: _Row) -> Entry:
    return Entry(row.id, row.at, row.tenant, row.who, row.who_kind, row.origin, row.action, row.target, row.ok,
                 row.detail)  # fmt: skip

"""All that an answer needs, asked for in one message and seen in one snapshot of one tenant.

A transaction of several statements would cost a round trip for each. Here `BEGIN`, role, tenant, the statements and
`COMMIT` travel together, and a statement that was met before on the connection is prepared, so that only values differ.
"""

import itertools
import re
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from psycopg.errors import DuplicatePreparedStatement, InvalidSqlStatementName, QueryCanceled
from psycopg.sql import Composed, Literal

from sql.database import Connection, Pool, undo

MOST = 200
"""Statements that are kept prepared on a connection, of perhaps 50 kB each; the one that rested longest gives way."""

LONGEST: float = 2
"""Seconds that a statement may take; then it raises TOO_LONG."""
TOO_LONG = QueryCanceled

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_SPECIAL = re.compile(rf"{_PLACEHOLDER.pattern}|%%")
_numbers = itertools.count(1)

Rows = list[tuple[bytes | None, ...]]
"""Values as PostgreSQL writes them."""


class Query(msgspec.Struct, frozen=True):
    """A statement with named values. Its text is to hold no value: every text is prepared."""

    text: str
    values: Mapping[str, Any]
    steady: bool = False
    """One plan is the best for all values, so that none has to be made for each, which takes as long as a page."""


def query(statement: Composed | str, values: Mapping[str, Any], *, steady: bool = False) -> Query:
    """A query of a composed statement."""
    return Query(statement if isinstance(statement, str) else statement.as_string(None), values, steady)


class Prepared:
    """The statements that are prepared on a connection."""

    def __init__(self) -> None:
        self._names: OrderedDict[tuple[int, str], tuple[str, tuple[str, ...]]] = OrderedDict()

    def call(self, one: Query, tenant_id: int, conn: Connection) -> list[str]:
        """The commands that run a query, the last of which answers."""
        commands = []
        text = one.text
        if one.steady and "revision" in one.values:
            # Nearly all rows are as old as the revision that is shown; of a mere parameter that could not be known.
            text = text.replace("%(revision)s", str(int(one.values["revision"])))
        key = tenant_id, text
        known = self._names.get(key)
        if known is None:
            # Planned for one tenant, a statement touches one partition; else it would have to lock all of them.
            text = text.replace("%(tenant)s", str(tenant_id))
            order = tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))
            known = self._names[key] = f"r{next(_numbers)}", order
            text = _PLACEHOLDER.sub(lambda found: f"${order.index(found[1]) + 1}", text).replace("%%", "%")
            commands.append(f"PREPARE {known[0]} AS {text}")
            if len(self._names) > MOST:
                _, (oldest, _) = self._names.popitem(last=False)
                commands.append(f"DEALLOCATE {oldest}")
        self._names.move_to_end(key)
        name, order = known
        values = ", ".join(_literal(one.values[value], conn) for value in order)
        commands.append(f"EXECUTE {name}({values})" if order else f"EXECUTE {name}")
        return commands


class Sessions:
    """What is prepared on the connections of this process."""

    def __init__(self) -> None:
        self.keep = True
        """Sessions are ours alone. They are not behind a pooler that gives each transaction another one."""
        self._prepared: weakref.WeakKeyDictionary[Connection, Prepared] = weakref.WeakKeyDictionary()

    def of(self, conn: Connection) -> Prepared | None:
        """None where nothing can be kept."""
        return (self._prepared.get(conn) or self._prepared.setdefault(conn, Prepared())) if self.keep else None

    def forget(self, conn: Connection) -> None:
        """After an error it is not known what has been prepared."""
        self._prepared.pop(conn, None)


_sessions = Sessions()


async def ask(pool: Pool, tenant_id: int, queries: Sequence[Query]) -> list[Rows]:
    """The rows of each query, all of one snapshot. Raises what psycopg raises."""
    async with pool.connection() as conn:
        try:
            return await _ask(conn, int(tenant_id), queries)
        except (InvalidSqlStatementName, DuplicatePreparedStatement):
            # Somebody between us and the server deals sessions out; from now on every text is sent whole.
            _sessions.keep = False
            return await _ask(conn, int(tenant_id), queries)


async def _ask(conn: Connection, tenant_id: int, queries: Sequence[Query]) -> list[Rows]:
    prepared = _sessions.of(conn)
    commands = [
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        "SET LOCAL ROLE rosterhub_api",
        f"SET LOCAL rosterhub.tenant = '{tenant_id}'",
        f"SET LOCAL statement_timeout = {round(1000 * LONGEST)}",
        # Pages come in the order of a key; the way of the key must not look dearer than sorting two million rows.
        "SET LOCAL random_page_cost = 1.1",
    ]
    if all(one.steady for one in queries):
        commands.append("SET LOCAL plan_cache_mode = force_generic_plan")
    answers = []
    for one in queries:
        if prepared is None:
            commands.append(_whole(one, tenant_id, conn))
        else:
            commands += prepared.call(one, tenant_id, conn)
        answers.append(len(commands) - 1)
    commands.append("COMMIT")
    try:
        return _rows(await conn.execute(";".join(commands)), answers)
    except BaseException:
        _sessions.forget(conn)
        await undo(conn)
        raise


def _whole(one: Query, tenant_id: int, conn: Connection) -> str:
    """The statement with its values in it."""
    values = {**one.values, "tenant": tenant_id}
    # In one go, as what looks like a doubled percent sign in a value is the value's.
    return _SPECIAL.sub(lambda found: _literal(values[found[1]], conn) if found[1] else "%", one.text)


def _rows(cursor: Any, answers: Sequence[int]) -> list[Rows]:
    found, number = [], 0
    for wanted in answers:
        while number < wanted:
            cursor.nextset()
            number += 1
        result = cursor.pgresult
        value, fields = result.get_value, range(result.nfields)
        found.append([tuple([value(row, field) for field in fields]) for row in range(result.ntuples)])
    return found


def _literal(value: Any, conn: Connection) -> str:
    return str(value) if type(value) is int else Literal(value).as_string(conn)

"""Walks by offset: a client that counts its own way through what changed since a date stays with one revision.

Links carry the revision themselves. A client that makes its own addresses does not, so it is remembered, by all
processes and over restarts, at which revision its first page was answered. Without that, a record that changes behind
the walk could be missed by a poller that goes on from the greatest date it saw. That holds for its first walk, too,
which asks for everything. Only such queries are remembered: others want the newest there is.
"""

from pathlib import Path

from api.query import Query
from api.slots import Slots
from sql.rosters import Order

PAUSE = 600.0
"""Seconds between two pages after which a walk is over."""


class Walks:
    """The walks of all clients."""

    def __init__(self, file: Path | None = None) -> None:
        self._revisions = Slots("q", file)

    def recall(self, client_id: str, path: str, asked: Query) -> int | None:
        """The revision to go on with, None for the newest."""
        if asked.revision is not None or not asked.offset or not _is_poll(asked):
            return asked.revision
        with self._revisions.of(_name(client_id, path, asked)) as last:
            return last.values[0] if last.values is not None and last.age < PAUSE else None

    def remember(self, client_id: str, path: str, asked: Query, revision: int, *, full: bool) -> None:
        """A page was answered at that revision. A first page that is not `full` is a walk by itself.

        Else nobody knows which page is the last one: after a full one many ask for another, which must be as empty as
        it was when the walk began, and any page may be asked for twice. So a walk is over when another begins.
        """
        if not _is_poll(asked):
            return
        with self._revisions.of(_name(client_id, path, asked)) as last:
            if full or asked.offset:
                last.put(revision)
            else:
                last.clear()


def _is_poll(asked: Query) -> bool:
    clauses = asked.filter.all
    return asked.order == Order() and all(one.path == ("dateLastModified",) for one in clauses)


def _name(client_id: str, path: str, asked: Query) -> str:
    return "\n".join((client_id, path, *(one.predicate + one.value for one in asked.filter.all)))

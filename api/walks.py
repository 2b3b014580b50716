"""Walks by offset: a client that counts its own way through what changed since a date stays with one revision.

Links carry the revision themselves. A client that makes its own addresses does not, so this process remembers at which
revision it answered the first page. Without that, a record that changes behind the walk could be missed by a poller
that goes on from the greatest date it saw. That holds for its first walk, too, which asks for everything. Only such
queries are remembered: others want the newest there is.
"""

import time
from collections import OrderedDict

import msgspec

from api.query import Query
from sql.rosters import Order

PAUSE = 600.0
"""Seconds between two pages after which a walk is over."""

MOST = 10_000
"""Walks that are remembered."""

Key = tuple[str, str, tuple[tuple[str, str], ...]]


class Step(msgspec.Struct, frozen=True):
    """The last page of a walk."""

    revision: int
    at: float


class Walks:
    """The walks of this process's clients."""

    def __init__(self) -> None:
        self._steps: OrderedDict[Key, Step] = OrderedDict()

    def recall(self, client_id: str, path: str, asked: Query) -> int | None:
        """The revision to go on with, None for the newest."""
        if asked.revision is not None or not asked.offset or not _is_poll(asked):
            return asked.revision
        step = self._steps.get(_key(client_id, path, asked))
        return step.revision if step is not None and time.monotonic() - step.at < PAUSE else None

    def remember(self, client_id: str, path: str, asked: Query, revision: int, *, more: bool) -> None:
        """A page was answered at that revision; with no `more` after it the walk is over."""
        if not _is_poll(asked):
            return
        key = _key(client_id, path, asked)
        self._steps.pop(key, None)
        if more:
            self._steps[key] = Step(revision, time.monotonic())
            if len(self._steps) > MOST:
                self._steps.popitem(last=False)


def _is_poll(asked: Query) -> bool:
    clauses = asked.filter.all
    return asked.order == Order() and all(one.path == ("dateLastModified",) for one in clauses)


def _key(client_id: str, path: str, asked: Query) -> Key:
    return client_id, path, tuple((one.predicate, one.value) for one in asked.filter.all)

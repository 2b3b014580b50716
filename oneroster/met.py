"""What is seen of rows, ids and references while the files of a bundle are read, so that nobody need look again.

Files come in the order of dependence, so most references are to ids that were met before. What cannot be told here,
for it needs the stored roster, or for there are too many ids, is not said; nothing that is said is wrong.
"""

from collections.abc import Sequence

import msgspec

from oneroster import entities, links
from oneroster.entities import Entity
from oneroster.headers import Column
from oneroster.pieces import Columns
from oneroster.profiles import Profile
from oneroster.rows import UNREAD

MOST = 1_000_000
"""Ids of a file that are kept, about 100 bytes each."""


class Modes(msgspec.Struct):
    """How many rows of a file carry status and date, one of them, or none (CSV binding section 4).

    A row of which one of them could not be read says nothing.
    """

    rows: int = 0
    blank: int = 0
    filled: int = 0
    half: int = 0

    def count(self, status: str, date: str) -> None:
        if status == UNREAD["status"] or date == UNREAD["dateLastModified"]:
            return
        self.rows += 1
        self.blank += not status and not date
        self.filled += bool(status and date)
        self.half += bool(status) != bool(date)


class Met:
    """The ids of the files read so far, of those that others refer to."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._ids: dict[str, set[str]] = {}
        self._targets = {link.target for entity in entities.ALL for link in links.of(entity, profile)}

    def look_at(self, entity: Entity, columns: Sequence[Column]) -> "Looking":
        """Look at a file of these columns, of which no other rows than it is shown are staged."""
        at = {column.header: index for index, column in enumerate(columns)}
        known = {
            link.column: (at[link.column], self._ids[link.target])
            for link in links.of(entity, self._profile)
            if link.column in at and not link.many and link.target in self._ids and link.target != entity.name
        }
        ids = self._ids.setdefault(entity.name, set()) if entity.name in self._targets else None
        return Looking(ids, at["sourcedId"], [at[name] for name in UNREAD], known)


class Looking:
    """One file under way."""

    def __init__(
        self, ids: set[str] | None, at: int, telling: Sequence[int], known: dict[str, tuple[int, set[str]]]
    ) -> None:
        self.modes = Modes()
        self._ids, self._at, self._telling = ids, at, telling
        self._rows = 0
        self._known = known

    def see(self, columns: Columns) -> None:
        """At checked cells, a blank one being none."""
        self._rows += len(columns[self._at])
        if self._ids is not None and self._rows <= MOST:
            self._ids.update(columns[self._at])
        self._count([columns[at] for at in self._telling], len(columns[self._at]))
        for column, (at, ids) in [*self._known.items()]:
            if not ids.issuperset(columns[at]) and not {*columns[at]} - ids <= {""}:
                del self._known[column]

    def _count(self, telling: Columns, rows: int) -> None:
        if not any(map(any, telling)):
            self.modes.rows += rows
            self.modes.blank += rows
        else:
            for status, date in zip(*telling, strict=True):
                self.modes.count(status, date)

    @property
    def unique(self) -> bool:
        """Whether it is known that no id stands in it twice, nor a blank one."""
        return self._ids is not None and len(self._ids) == self._rows and "" not in self._ids

    @property
    def led(self) -> set[str]:
        """The columns of which every id was met in a file before."""
        return set(self._known)

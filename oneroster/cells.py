"""A stored record as the cells of a row: the way back from values to the columns of a profile's file.

What a profile has no place for is left out and counted, so that whoever asked for the file can be told.
"""

import operator
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oneroster import entities, kinds, vocabularies
from oneroster.entities import Entity
from oneroster.profiles import Profile

PARENTLESS = {"academicSessions": vocabularies.SESSION_TYPES.words, "orgs": ("district",)}
"""Types of records whose blank parentSourcedId is the text NULL in a Japanese file (Japan sheet section 3)."""

NO_COLUMN = "{count} left out, because {profile} has no such column"
NO_WORD = "{count} left out, because {profile} has no such word"
STRANGE_WORD = "{count} written although {profile} has no such word; its readers may refuse them"


def paths(tree: Mapping[str, Any], head: str = "metadata") -> Iterator[str]:
    """The headers of all values in a record's metadata: `metadata.a.b` for `{"a": {"b": "..."}}`."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from paths(value, f"{head}.{name}")
        else:
            yield f"{head}.{name}"


def beyond(profile: Profile, entity: Entity, found: set[str]) -> tuple[str, ...]:
    """Of these headers of metadata those that the profile's own columns do not take, sorted."""
    own = {name for one in profile.metadata(entity) for name in (one.key, one.header)}
    return tuple(sorted(found - own))


class Cells:
    """Makes the rows of one file, by a plan made once from the columns of the profile and of `extra` metadata."""

    def __init__(self, entity: Entity, profile: Profile, extra: Sequence[str] = ()) -> None:
        self.left_out: Counter[tuple[str, str]] = Counter()
        """How many values could not be written as they should, by column and the sentence that says so."""
        kept = [field.name for field in entity.kept]
        sealed = [field.name for field in entity.sealed]
        metadata = [(one.key, one.header) for one in profile.metadata(entity)] + [(name, name) for name in extra]
        pool = [field.name for field in entities.STANDARD] + kept + sealed + [header for _, header in metadata] + [""]
        header = (*profile.header(entity), *extra)
        places = [pool.index(name if name in pool else "") for name in header]
        self._pick = operator.itemgetter(*places)
        self._typed = [
            (at, field.kind)
            for at, field in enumerate(entity.kept, start=len(entities.STANDARD))
            if field.kind.many or field.kind.sql != "text"
        ]
        self._members = [field.member for field in entity.sealed]
        self._metadata = [tuple(tuple(name.split(".")[1:]) for name in dict.fromkeys(names)) for names in metadata]
        self._homeless = [(pool.index(name), name) for name in kept if name not in header]
        self._words = [
            (header.index(field.name), field.name, field.required, re.compile(words.pattern).fullmatch, set[str]())
            for field in profile.fields(entity)
            if (words := profile.words(entity, field)) is not None and field.name != "status"
        ]
        self._parentless = PARENTLESS.get(entity.name, ()) if profile.japanese else ()
        self._null_at = header.index("parentSourcedId") if self._parentless else 0
        self._type_at = header.index("type") if self._parentless else 0

    def row(
        self,
        record: Sequence[Any],
        dated: tuple[str, str],
        sealed: Mapping[str, str],
        metadata: Mapping[str, Any],
    ) -> tuple[str, ...]:
        """The cells of a record, that is its id and the values of `entity.kept`; unsealed values come by member."""
        pool = ["" if value is None else value for value in record]
        pool[1:1] = dated
        for at, kind in self._typed:
            if pool[at] != "":
                pool[at] = kinds.csv_text(kind, pool[at])
        for at, name in self._homeless:
            self.left_out[name, NO_COLUMN] += pool[at] != ""
        pool += [sealed.get(member, "") for member in self._members]
        pool += [_leaf(metadata, spellings) for spellings in self._metadata]
        pool.append("")
        cells: tuple[str, ...] = self._pick(pool)
        for at, name, required, fits, good in self._words:
            if cells[at] and cells[at] not in good:
                if fits(cells[at]):
                    good.add(cells[at])
                elif required:
                    self.left_out[name, STRANGE_WORD] += 1
                else:
                    self.left_out[name, NO_WORD] += 1
                    cells = _with(cells, at, "")
        if self._null_at and not cells[self._null_at] and cells[self._type_at] in self._parentless:
            cells = _with(cells, self._null_at, "NULL")
        return cells


def _with(cells: tuple[str, ...], at: int, cell: str) -> tuple[str, ...]:
    return (*cells[:at], cell, *cells[at + 1 :])


def _leaf(tree: Mapping[str, Any], spellings: Sequence[Sequence[str]]) -> str:
    """The value at one of these paths, the first that has one; "" when none has."""
    for path in spellings:
        value: Any = tree
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            return value
    return ""

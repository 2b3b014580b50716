"""The filter of the REST binding (section 2.5) as text and as clauses; what a clause means in the database is sql's.

Quotes are read first, so that ` AND ` inside a value is no operator. Trouble is a `BadFilter` that says what is wrong.
"""

import re
from typing import Literal, cast

import msgspec

from oneroster import members
from oneroster.entities import Entity

Predicate = Literal["=", "!=", ">", ">=", "<", "<=", "~"]

MOST = 20
"""Clauses in one filter; the standard wants two."""

_OPENING = re.compile(r"([^\s=!<>~'.]+(?:\.[^\s=!<>~'.]+)*)(!=|>=|<=|=|>|<|~)'")
_LOGICAL = re.compile(r" (AND|OR) ")
# What looks like another clause behind a quote was not meant as a part of the value.
_CLAUSE_LIKE = re.compile(r"'[\s,;&|]*(?:\w+\s+)?[\w.]+(?:!=|>=|<=|=|>|<|~)'")


class BadFilter(ValueError):
    """The filter cannot be applied; the text of the error is for the client."""


class Clause(msgspec.Struct, frozen=True):
    """One comparison."""

    path: tuple[str, ...]
    """The member's name, and below it the names within."""
    predicate: Predicate
    value: str

    @property
    def name(self) -> str:
        return ".".join(self.path)


class Filter(msgspec.Struct, frozen=True):
    """Clauses joined by one operator."""

    clauses: tuple[Clause, ...] = ()
    either: bool = False
    """OR, else AND."""
    since: Clause | None = None
    """Holds in any case."""

    @property
    def always(self) -> tuple[Clause, ...]:
        """The clauses that hold of everything it lets through."""
        return (self.since,) if self.either and self.since else () if self.either else self.all

    @property
    def all(self) -> tuple[Clause, ...]:
        return self.clauses if self.since is None else (*self.clauses, self.since)


EVERYTHING = Filter()


def parse(text: str, entity: Entity) -> Filter:
    """The filter of a request on records of the entity. Raises BadFilter."""
    if "\x00" in text:  # also below metadata, where any name may stand
        raise BadFilter("the filter holds a character that no text has")
    clauses: list[Clause] = []
    operators: set[str] = set()
    at = 0
    while True:
        opening = _OPENING.match(text, at)
        if opening is None:
            raise BadFilter(f"the filter cannot be read at {text[at : at + 40]!r}: expected field, predicate, 'value'")
        path = tuple(opening[1].split("."))
        value, at = _value(text, opening.end())
        if not members.known(entity, path):
            raise BadFilter(f"unknown filter field '{opening[1]}'")
        clauses.append(Clause(path, cast(Predicate, opening[2]), value))
        if at == len(text):
            break
        logical = _LOGICAL.match(text, at)
        assert logical is not None  # a value ends nowhere else
        operators.add(logical[1])
        at = logical.end()
    if len(clauses) > MOST:
        raise BadFilter(f"more than {MOST} clauses")
    if len(operators) > 1:
        raise BadFilter("AND and OR cannot be mixed in one filter")
    return Filter(tuple(clauses), operators == {"OR"})


def _value(text: str, start: int) -> tuple[str, int]:
    """The value whose first character is at `start`, and where the text goes on behind its closing quote."""
    parts: list[str] = []
    at = start
    while True:
        quote = text.find("'", at)
        if quote < 0:
            raise BadFilter("a value is not closed by a single quote")
        parts.append(text[at:quote])
        at = quote + 1
        if at == len(text) or _LOGICAL.match(text, at):
            break
        if text[at] == "'":
            at += 1
        elif _CLAUSE_LIKE.match(text, quote):
            raise BadFilter("clauses are joined by ' AND ' or ' OR ', upper case, one space on each side")
        parts.append("'")  # O'Brien, or O''Brien
    return "".join(parts), at

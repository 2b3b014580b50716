"""The filter of the lists: `word field:value,other !not since:24h`, all of which must hold."""

import datetime
import re

import msgspec

from tui.rows import Row

SINCE = re.compile(r"(\d+)([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Term(msgspec.Struct, frozen=True):
    """One condition: any of the values, in that field or anywhere; or none of them."""

    field: str
    """A field's name, or "" for any field."""
    values: tuple[str, ...]
    negated: bool = False


def parse(text: str) -> tuple[Term, ...]:
    """What was typed, as conditions; a half-typed one such as `state:` asks for nothing."""
    terms = []
    for word in text.casefold().split():
        negated, bare = word.startswith("!"), word.lstrip("!")
        field, colon, rest = bare.partition(":")
        if not colon or not field:
            field, rest = "", bare
        values = tuple(value for value in (rest.split(",") if field else [rest]) if value and value != "*")
        if values:
            terms.append(Term(field, values, negated))
    return tuple(terms)


def holds(terms: tuple[Term, ...], row: Row, now: datetime.datetime) -> bool:
    """Whether a row is to be shown."""
    return all(_holds(term, row, now) != term.negated for term in terms)


def _holds(term: Term, row: Row, now: datetime.datetime) -> bool:
    if term.field == "since":
        return row.when is not None and any(row.when >= now - _length(value) for value in term.values)
    if term.field and term.field not in row.facts:
        # `10:30` or `urn:x` are words with a colon rather than fields
        return any(f"{term.field}:{value}" in fact for value in term.values for fact in row.facts.values())
    facts = [row.facts[term.field]] if term.field else list(row.facts.values())
    return any(value in fact for value in term.values for fact in facts)


def _length(value: str) -> datetime.timedelta:
    found = SINCE.fullmatch(value)
    if found is None:
        return datetime.timedelta(days=36500)
    return datetime.timedelta(**{UNITS[found[2]]: min(int(found[1]), 99999)})


def states(terms: tuple[Term, ...], known: tuple[str, ...]) -> list[str] | None:
    """The job states that a `state:` condition allows, for the query; None when it allows all."""
    allowed = [
        state
        for state in known
        if all(any(v in state for v in t.values) != t.negated for t in terms if t.field == "state")
    ]
    return allowed if 0 < len(allowed) < len(known) else None

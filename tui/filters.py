"""The filter of the lists: `word field:value,other !not since:24h`, all of which must hold."""

import datetime
import re
from functools import cache

import msgspec

from tui import words
from tui.rows import Row
from tui.words import word

SINCE = re.compile(r"(\d+)(m|h|d|分|時間|日)")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "分": "minutes", "時間": "hours", "日": "days"}
FIELDS = {
    "bundle": word("BUNDLE"),
    "column": word("COLUMN"),
    "entity": word("ENTITY"),
    "file": word("FILE"),
    "guard": word("GUARD"),
    "job": word("JOB"),
    "line": word("LINE"),
    "reason": word("REASON"),
    "rule": word("RULE"),
    "since": word("SINCE"),
    "state": word("STATE"),
    "tenant": word("TENANT"),
    "value": word("VALUE"),
    "via": word("VIA"),
}
"""Fields and the titles of their columns, under which Japanese knows them too."""
PUNCTUATION = str.maketrans("：！，、", ":!,,")
"""What comes out of a Japanese keyboard for what was meant."""


class Term(msgspec.Struct, frozen=True):
    """One condition: any of the values, in that field or anywhere; or none of them."""

    field: str
    """A field's name, or "" for any field."""
    values: tuple[str, ...]
    negated: bool = False


def parse(text: str) -> tuple[Term, ...]:
    """What was typed, as conditions; a half-typed one such as `state:` asks for nothing."""
    terms = []
    for one in text.translate(PUNCTUATION).casefold().split():
        negated, bare = one.startswith("!"), one.lstrip("!")
        field, colon, rest = bare.partition(":")
        field = _titles().get(field, field)
        if not colon or not field:
            field, rest = "", bare
        values = tuple(value for value in (rest.split(",") if field else [rest]) if value and value != "*")
        if values:
            terms.append(Term(field, values, negated))
    return tuple(terms)


@cache
def _titles() -> dict[str, str]:
    return {words.in_japanese(title): field for field, title in FIELDS.items()}


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
        if all(any(v in words.both(state) for v in t.values) != t.negated for t in terms if t.field == "state")
    ]
    return allowed if 0 < len(allowed) < len(known) else None

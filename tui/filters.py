"""The filter of the lists: `word field:value,other !not since:24h`, all of which must hold."""

import datetime
import re
import unicodedata
from collections.abc import Sequence
from functools import cache

import msgspec

from tui import words
from tui.format import Moment
from tui.rows import Row
from tui.words import word

SINCE = re.compile(r"(\d+)(m|h|d|分|時間|日)")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "分": "minutes", "時間": "hours", "日": "days"}
CLOCK = re.compile(r"\d?\d:\d\d")
DATE = re.compile(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?!\d)")
DAYS = {"today": 0, "今日": 0, "yesterday": 1, "昨日": 1}
"""Days back from today."""
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


def holds(terms: tuple[Term, ...], row: Row, at: Moment) -> bool:
    """Whether a row is to be shown."""
    return all(_holds(term, row, at) != term.negated for term in terms)


def misread(terms: tuple[Term, ...], at: Moment) -> Sequence[str]:
    """The conditions that mean nothing, though something stands in them."""
    return [f"since:{v}" for t in terms if t.field == "since" for v in t.values if moment(v, at.now, at.zone) is None]


def _holds(term: Term, row: Row, at: Moment) -> bool:
    if term.field == "since":
        begins = [moment(value, at.now, at.zone) for value in term.values]
        return row.when is not None and any(begin is None or row.when >= begin for begin in begins)
    if term.field and term.field not in row.facts:
        # `10:30` or `urn:x` are words with a colon rather than fields
        return any(f"{term.field}:{value}" in fact for value in term.values for fact in row.facts.values())
    facts = [row.facts[term.field]] if term.field else list(row.facts.values())
    return any(value in fact for value in term.values for fact in facts)


def moment(text: str, now: datetime.datetime, zone: datetime.tzinfo | None) -> datetime.datetime | None:
    """`24h` back from now, `18:43` of today, today, yesterday, or a date and perhaps a time; None for anything else.

    What names no zone is the time where the operator is.
    """
    said = DATE.sub(_padded, unicodedata.normalize("NFKC", text).lower())
    if (length := SINCE.fullmatch(said)) is not None:
        return now - datetime.timedelta(**{UNITS[length[2]]: min(int(length[1]), 99999)})
    today = now.astimezone(zone).date()
    if said in DAYS:
        said = (today - datetime.timedelta(days=DAYS[said])).isoformat()
    elif CLOCK.fullmatch(said):
        said = f"{today}T{said:0>5}"
    try:
        found = datetime.datetime.fromisoformat(said.upper())
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def _padded(date: re.Match[str]) -> str:
    return f"{date[1]}-{date[2]:0>2}-{date[3]:0>2}"


def states(terms: tuple[Term, ...], known: tuple[str, ...]) -> list[str] | None:
    """The job states that a `state:` condition allows, for the query; None when it allows all."""
    allowed = [
        state
        for state in known
        if all(any(v in words.both(state) for v in t.values) != t.negated for t in terms if t.field == "state")
    ]
    return allowed if 0 < len(allowed) < len(known) else None

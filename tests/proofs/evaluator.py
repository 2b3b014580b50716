"""What a query must be answered: REST section 2 and docs/conformance.md, worked out with nothing of ours.

It knows the members of the seven record types from tests/standard/members.json, and works on the records as the API
gives them without a query.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

MEMBERS = json.loads((Path(__file__).parent.parent / "standard" / "members.json").read_text())
MOST_CLAUSES = 20
MOST_RECORDS = 10_000
MOST_INTEGER = 2**31 - 1

SEALED = {"User": ("email", "phone", "sms"), "Demographics": tuple(MEMBERS["Demographics"])[4:]}
WHOLE = ("User", "Org", "AcademicSession", "Course", "Class", "Enrollment", "Demographics")
UNSORTED = {f"{element}.{name}" for element, names in SEALED.items() for name in names}
"""Members that rest sealed sort nothing (docs/conformance.md)."""
assert "Demographics.birthDate" in UNSORTED and "Demographics.metadata" not in UNSORTED

LISTS = {"texts": "word", "ids": "id"}
"""Kinds of lists, and what their items are."""

FILTER, SELECTION, DATA = "invalid_filter_field", "invalid_selection_field", "invaliddata"

Record = dict[str, Any]
Pairs = Sequence[tuple[str, str]]
"""A query, decoded."""


class Wrong(Exception):
    """The filter cannot be applied."""


class Page(msgspec.Struct, frozen=True):
    """What a collection answers: records, how many there are in all, and where the links lead by relation."""

    records: list[Record]
    total: int
    limit: int
    links: dict[str, int]


class Clause(msgspec.Struct, frozen=True):
    """`member predicate 'value'`."""

    member: str
    predicate: str
    value: str


def answer(element: str, records: Sequence[Record], query: Pairs) -> Page | set[str]:
    """The page; or, of a query that must be refused, the codes of all that is wrong with it."""
    wrong = set()
    limit = _integer(query, "limit", 100, least=1)
    offset = _integer(query, "offset", 0, least=0)
    order = _given(query, "orderBy")
    if limit is None or offset is None or order not in (None, "asc", "desc"):
        wrong.add(DATA)
    names = [name.strip() for given, value in query if given == "fields" for name in value.split(",")]
    if "" in names:
        wrong.add(SELECTION)
    found = list(records)
    text = _given(query, "filter")
    if text is not None:
        try:
            matches = selects(element, text)
            found = [record for record in found if matches(record)]
        except Wrong:
            wrong.add(FILTER)
    if wrong or limit is None or offset is None:
        return wrong
    limit = min(limit, MOST_RECORDS)
    found = arranged(element, found, _given(query, "sort"), descending=order == "desc")
    page = [shown(element, record, names) for record in found[offset : offset + limit]]
    return Page(page, len(found), limit, links(len(found), offset, limit))


def _given(query: Pairs, name: str) -> str | None:
    return next((value for given, value in query if given == name), None)


def _integer(query: Pairs, name: str, default: int, least: int) -> int | None:
    """A parameter that is a plain decimal integer, None if it is wrong (2.2)."""
    values = [value for given, value in query if given == name]
    if not values:
        return default
    if len(values) > 1 or not re.fullmatch(r"[0-9]+", values[0]):
        return None
    return int(values[0]) if least <= int(values[0]) <= MOST_INTEGER else None


def links(total: int, offset: int, limit: int) -> dict[str, int]:
    """The offset that each relation leads to (2.3)."""
    step = offset % limit
    last = step + (total - 1 - step) // limit * limit if total > step else 0
    found = {"first": 0, "last": last}
    if offset + limit < total:
        found["next"] = offset + limit
    if offset > 0:
        found["prev"] = max(0, offset - limit)
    return found


# Fields (2.6)


def shown(element: str, record: Record, names: Sequence[str]) -> Record:
    """The record with these members; with all where there are none, or one that is unknown."""
    if not names or not MEMBERS[element].keys() >= set(names):
        return record
    return {name: value for name, value in record.items() if name in names}


# Sorting (2.4)


def arranged(element: str, records: Sequence[Record], member: str | None, *, descending: bool) -> list[Record]:
    """By sourcedId; before that by a member with a single value, those without one last both ways."""
    found = sorted(records, key=lambda record: str(record["sourcedId"]))
    fact = MEMBERS[element].get(member)
    if member is None or fact is None or fact["type"] != "string" or fact.get("list"):
        return found
    kind = _kind(member, fact)
    if f"{element}.{member}" in UNSORTED:
        return found
    having = [record for record in found if record.get(member)]
    having.sort(key=lambda record: _comparable(kind, record[member]), reverse=descending)
    return having + [record for record in found if not record.get(member)]


def _comparable(kind: str, text: str) -> str:
    """Dates and instants are served in a form that sorts; ids are compared exactly, texts without regard to case."""
    return text.casefold() if kind == "text" else _lowered(text) if kind == "word" else text


def _lowered(text: str) -> str:
    """Of some members docs/conformance.md says that case is told of letters of ASCII alone."""
    return re.sub("[A-Z]+", lambda found: found[0].lower(), text)


# Filtering (2.5)


def selects(element: str, text: str) -> Callable[[Record], bool]:
    """Whether a record is wanted; raises Wrong."""
    clauses, operators = parsed(text)
    tests = [_test(element, clause) for clause in clauses]
    every = all if operators != {" OR "} else any
    return lambda record: every(test(record) for test in tests)


def parsed(text: str) -> tuple[list[Clause], set[str]]:
    """The clauses and which operators stand between them."""
    clauses, operators, at = [], set(), 0
    while True:
        begun = re.compile(r"([^\s'=!<>~]+)(>=|<=|!=|=|>|<|~)'").match(text, at)
        if begun is None:
            raise Wrong(f"no clause at {at}")
        value, at = _value(text, begun.end())
        clauses.append(Clause(begun[1], begun[2], value))
        if at == len(text):
            break
        operator = re.compile(r" AND | OR ").match(text, at)
        assert operator is not None  # else the value would go on
        operators.add(operator[0])
        at = operator.end()
    if len(operators) > 1 or len(clauses) > MOST_CLAUSES:
        raise Wrong("mixed, or too many")
    return clauses, operators


def _value(text: str, at: int) -> tuple[str, int]:
    """The value that begins there, and where it has ended. Two quotes are one; a lone one within is itself."""
    value = ""
    while at < len(text):
        if text[at] != "'":
            value, at = value + text[at], at + 1
        elif text.startswith("''", at):
            value, at = value + "'", at + 2
        elif at + 1 == len(text) or text.startswith((" AND ", " OR "), at + 1):
            return value, at + 1
        elif re.compile(r"[\s,;&|]*(\w+\s+)?[\w.]+(!=|>=|<=|=|>|<|~)'").match(text, at + 1):
            raise Wrong("what looks like another clause")
        else:
            value, at = value + "'", at + 1
    raise Wrong("the value does not end")


def _test(element: str, clause: Clause) -> Callable[[Record], bool]:
    path = clause.member.split(".")
    kind = kind_of(element, path)
    if kind is None:
        raise Wrong(f"unknown: {clause.member}")
    equal = clause.predicate == "!="
    predicate = "=" if equal else clause.predicate
    if kind in LISTS:
        all_of = _of_list(LISTS[kind], predicate, clause.value)
        return lambda record: all_of({one for one in _reached(record, path) if one}) is not equal
    one = _of_one(kind, predicate, clause.value)

    def test(record: Record) -> bool:
        return any(one(value or None) for value in list(_reached(record, path)) or [None]) is not equal

    return test


def kind_of(element: str, path: Sequence[str]) -> str | None:
    """What stands there: text, word (a text of which only ASCII is told without case), id, date, instant,
    and texts or ids for a list of them. None: nothing that can be compared."""
    first, *rest = path
    if first == "metadata" and element in MEMBERS and "metadata" in MEMBERS[element]:
        return "word" if rest and all(rest) else None
    fact = MEMBERS[element].get(first)
    if fact is None:
        return None
    if fact["type"] == "string":
        if rest:
            return None
        if first in SEALED.get(element, ()):
            return "date" if "format" in fact else "text"
        return "texts" if fact.get("list") else _kind(first, fact, plain=element in WHOLE)
    if fact["type"].endswith("GUIDRef"):
        return None if rest != ["sourcedId"] else "ids" if fact.get("list") else "id"
    return kind_of(fact["type"], rest) if rest else None


def _kind(name: str, fact: Mapping[str, Any], *, plain: bool = True) -> str:
    if name == "sourcedId":
        return "id"
    if fact.get("format") in ("date", "date-time"):
        return "date" if fact["format"] == "date" else "instant"
    return "text" if plain and "words" not in fact and name != "pronouns" else "word"


def _reached(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Every value at the end of the path; None where an object on the way has no such member."""
    if isinstance(value, list):
        for one in value:
            yield from _reached(one, path)
    elif path:
        yield from _reached(value.get(path[0]) if isinstance(value, dict) else None, path[1:])
    else:
        yield value if isinstance(value, str) else None


def _of_one(kind: str, predicate: str, literal: str) -> Callable[[str | None], bool]:
    """The test of a single value, which may be absent."""
    if kind == "instant" and (predicate == "~" or not literal):
        raise Wrong("an instant has neither")
    if predicate == "=" and not literal:
        return lambda value: value is None
    if predicate == "~":
        part = _comparable(kind, literal)
        return lambda value: value is not None and part in _comparable(kind, value)
    if kind == "date" and literal:
        wanted: Any = _date(literal)
        read: Callable[[str], Any] = date.fromisoformat
    elif kind == "instant":
        wanted, read = _instant(literal), _instant
    else:
        wanted, read = _comparable(kind, literal), lambda value: _comparable(kind, value)
    holds: Callable[[Any], bool] = {
        "=": lambda it: it == wanted,
        ">": lambda it: it > wanted,
        ">=": lambda it: it >= wanted,
        "<": lambda it: it < wanted,
        "<=": lambda it: it <= wanted,
    }[predicate]
    return lambda value: value is not None and holds(read(value))


def _of_list(kind: str, predicate: str, literal: str) -> Callable[[set[str]], bool]:
    """The test of a list: whether it has all of the literal's, or any."""
    if predicate not in ("=", "~"):
        raise Wrong("lists have no order")
    wanted = {_comparable(kind, one.strip()) for one in literal.split(",") if one.strip()}
    if not wanted:
        return lambda values: (not values) is (predicate == "=")
    if predicate == "=":
        return lambda values: wanted <= {_comparable(kind, one) for one in values}
    return lambda values: not wanted.isdisjoint(_comparable(kind, one) for one in values)


def _date(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise Wrong(f"no date: {text}")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Wrong(str(error)) from error


def _instant(text: str) -> tuple[datetime, str]:
    """An instant to the second, and its fraction as digits that compare; a day is its midnight in UTC.

    What has no zone is in UTC.
    """
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?", text, re.ASCII)
    if found is None:
        raise Wrong(f"no instant: {text}")
    day, clock, fraction, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}+00:00")
        if zone not in (None, "Z"):
            ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
            at = at - ahead if zone[0] == "+" else at + ahead
    except (ValueError, OverflowError) as error:
        raise Wrong(str(error)) from error
    return at.astimezone(UTC), (fraction or "").rstrip("0")

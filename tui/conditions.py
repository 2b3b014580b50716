"""The filter of the log: `who:sato action:job.,client. target:x result:no since:24h until:2026-04-01 words !not`. Pure.

A value is the beginning of what is looked for, in capitals or not as it is written; words stand anywhere, and so does
what is not to: `!sato`, `!who:sato`.
"""

import datetime
from collections.abc import Mapping, Sequence
from functools import cache

import msgspec

from sql.search import Asked
from tui import filters, words
from tui.words import word

FIELDS = {
    "who": word("WHO"),
    "action": word("ACTION"),
    "target": word("TARGET"),
    "result": word("DONE"),
    "since": word("SINCE"),
    "until": word("UNTIL"),
}
"""Fields and the titles of their columns, under which Japanese knows them too."""
ANYWHERE = ("who", "action", "target")
"""Of these what is not wanted is looked for in the whole entry."""
RESULTS = {"ok": True, "yes": True, "done": True, "no": False, "refused": False, "failed": False}


def asked(
    text: str, tenant: str | None, since: datetime.datetime | None, now: datetime.datetime, zone: datetime.tzinfo | None
) -> Asked:
    """What was typed, as a question; what is half typed, such as `result:`, asks for nothing."""
    held: dict[str, tuple[str, ...]] = {}
    found: list[str] = []
    without: list[str] = []
    until = ok = None
    for one in _parsed(text):
        values = tuple(value.rstrip("*") for value in one.rest.split(",") if value.rstrip("*"))
        if not one.field:
            (without if one.negated else found).append(one.rest)
        elif one.field in ANYWHERE and one.negated:
            without += values
        elif one.field in ANYWHERE:
            held[one.field] = held.get(one.field, ()) + tuple(f"{value}*" for value in values)
        elif one.field == "result":
            ok = _ok(one, ok)
        elif one.field == "since" and not one.negated:
            since = filters.moment(one.rest, now, zone) or since
        elif not one.negated:
            until = filters.moment(one.rest, now, zone) or until
    return Asked(tenant=tenant, ok=ok, since=since, until=until, words=tuple(found), without=tuple(without), **held)


def misread(text: str, now: datetime.datetime, zone: datetime.tzinfo | None) -> Sequence[str]:
    """The conditions that mean nothing, though something stands in them."""
    return [one.typed for one in _parsed(text) if not _means(one, now, zone)]


class _Condition(msgspec.Struct, frozen=True):
    """One that was typed."""

    typed: str
    field: str
    """"" for a word that may stand anywhere."""
    rest: str
    negated: bool


def _parsed(text: str) -> list[_Condition]:
    found = []
    for one in text.translate(filters.PUNCTUATION).split():
        bare = one.lstrip("!")
        field, colon, rest = bare.partition(":")
        field = _titles().get(field, field.casefold())
        if not colon or field not in FIELDS:
            field, rest = "", bare
        if rest:
            found.append(_Condition(one, field, rest, one.startswith("!")))
    return found


def _means(one: _Condition, now: datetime.datetime, zone: datetime.tzinfo | None) -> bool:
    if one.field == "result":
        return _ok(one, None) is not None
    return one.field not in ("since", "until") or (not one.negated and filters.moment(one.rest, now, zone) is not None)


def _ok(one: _Condition, before: bool | None) -> bool | None:
    said = _results().get(one.rest.casefold())
    return before if said is None else said != one.negated


def named(one: Asked, names: Mapping[str, str]) -> Asked:
    """The same, with the ids by which the log knows clients where who, or what is not to stand anywhere, is of a name.

    Who is the beginning of the name, and what is not to stand there any part of it.
    """
    wanted = tuple(value.rstrip("*") for value in one.who)
    who = [number for number, name in names.items() if wanted and name.startswith(wanted)]
    words = [word.casefold() for word in one.without]
    without = [number for number, name in names.items() if any(word in name.casefold() for word in words)]
    return msgspec.structs.replace(one, who=(*one.who, *who), without=(*one.without, *without))


@cache
def _titles() -> dict[str, str]:
    return {words.in_japanese(title): field for field, title in FIELDS.items()}


@cache
def _results() -> dict[str, bool]:
    return RESULTS | {words.in_japanese(words.DONE[done]): done for done in (True, False)}

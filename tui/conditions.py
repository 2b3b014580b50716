"""The filter of the log: `who:sato action:job.,client. target:x result:no since:24h until:2026-04-01 words !not`. Pure.

A value is the beginning of what is looked for, in capitals or not as it is written; words stand anywhere.
"""

import datetime
from collections.abc import Mapping
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
RESULTS = {"ok": True, "yes": True, "no": False}


def asked(
    text: str, tenant: str | None, since: datetime.datetime | None, now: datetime.datetime, zone: datetime.tzinfo | None
) -> Asked:
    """What was typed, as a question; what is half typed, such as `result:`, asks for nothing."""
    held: dict[str, tuple[str, ...]] = {}
    found: list[str] = []
    without: list[str] = []
    until = ok = None
    for one in text.translate(filters.PUNCTUATION).split():
        field, colon, rest = one.partition(":")
        field = _titles().get(field, field.casefold())
        if not colon or field not in FIELDS:
            bare = one.lstrip("!")
            if bare:
                (without if one.startswith("!") else found).append(bare)
        elif field in ("who", "action", "target"):
            values = tuple(f"{value.rstrip('*')}*" for value in rest.split(",") if value.rstrip("*"))
            held[field] = held.get(field, ()) + values
        elif field == "result":
            ok = _results().get(rest.casefold(), ok)
        elif field == "since":
            since = _moment(rest, now, zone) or since
        else:
            until = _moment(rest, now, zone) or until
    return Asked(tenant=tenant, ok=ok, since=since, until=until, words=tuple(found), without=tuple(without), **held)


def named(one: Asked, names: Mapping[str, str]) -> Asked:
    """The same, where who is the beginning of a client's name also with the id by which the log knows it."""
    wanted = tuple(value.rstrip("*") for value in one.who)
    ids = [number for number, name in names.items() if wanted and name.startswith(wanted)]
    return msgspec.structs.replace(one, who=(*one.who, *ids)) if ids else one


def _moment(text: str, now: datetime.datetime, zone: datetime.tzinfo | None) -> datetime.datetime | None:
    """`24h` back from now, or a date and perhaps a time where the operator is; None while it is half typed."""
    length = filters.SINCE.fullmatch(text)
    if length is not None:
        return now - datetime.timedelta(**{filters.UNITS[length[2]]: min(int(length[1]), 99999)})
    try:
        said = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(datetime.UTC)


@cache
def _titles() -> dict[str, str]:
    return {words.in_japanese(title): field for field, title in FIELDS.items()}


@cache
def _results() -> dict[str, bool]:
    return RESULTS | {words.in_japanese(words.DONE[done]): done for done in (True, False)}

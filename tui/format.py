"""What rows of all screens share: colours of states, a moment, reasons as sentences. Pure."""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from tui import words
from tui.words import say, word

STYLES = {
    "OK": "good",
    "APPLIED": "good",
    "HELD": "warn",
    "STALE": "warn",
    "REJECTED": "bad",
    "FAILED": "bad",
    "LOADING": "busy",
    "RECEIVED": "busy",
}
"""Colours of states, which are always also words."""


class Moment(msgspec.Struct, frozen=True):
    """Now, and where."""

    now: datetime.datetime
    zone: datetime.tzinfo | None


def rank(value: Any) -> tuple[bool, Any]:
    """What a value sorts by: what is missing comes last."""
    return (True, 0) if value is None else (False, value)


def because(english: str | None, japanese: str | None) -> str:
    """A reason as a sentence, in the operator's language where it was kept in that, too."""
    said = ((japanese if words.japanese() else None) or english or "").strip()
    said = say(MACHINES.get(said, said))
    return said if not said or said.endswith((".", "!", "?", "。")) else say("{sentence}.", sentence=said)


MACHINES = {"rolled-back": word("These very bytes were rolled back; they are not applied again by themselves.")}
"""Reasons that are a word for machines."""


def json(value: Any) -> str:
    """As JSON on one line, whatever the type."""
    return msgspec.json.encode(value, enc_hook=str).decode()


def first(names: Sequence[str], most: int = 5) -> str:
    """So many of them, and how many more there are."""
    said = ", ".join(names[:most])
    more = len(names) - most
    return say("{first} and {count:,} more", first=said, count=more) if more > 0 else said

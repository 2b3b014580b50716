"""The whole of one row: every field on as many lines as it needs."""

import datetime
from collections.abc import Mapping
from typing import Any

from tui import format, text, times, words
from tui.format import Moment
from tui.listing import Listing
from tui.rows import Column, Line, Row
from tui.words import say, word

COLUMNS = (Column(word("FIELD"), 16), Column(word("VALUE"), 61, grow=1))


class Detail(Listing):
    """A record, field by field; it does not change any more."""

    hint = word("j k move  / filter  y copy value  Y copy all as JSON  Esc back")

    def __init__(self, record: Mapping[str, Any]) -> None:
        super().__init__()
        self.record = record
        self.data = record

    def on_mount(self) -> None:
        self.refill()

    def on_resize(self) -> None:
        self.refill()

    def columns(self) -> tuple[Column, ...]:
        return COLUMNS

    def rows(self) -> list[Row]:
        found = []
        for name, value in self.record.items():
            field = say(words.FIELDS.get(name, name))
            whole = told(name, value, self.at)
            width = max(20, self.size.width - 80 + COLUMNS[1].width)
            for number, line in enumerate(text.wrap(whole, width, 200)):
                found.append(
                    Row(
                        key=f"{name} {number}",
                        cells=((field if number == 0 else "", "head"), (line, "")),
                        ranks=(name, number),
                        facts={"field": f"{name} {field}".casefold(), "value": line.casefold()},
                        copied=whole,
                        record=self.record,
                    )
                )
        return found

    def status(self, shown: int, total: int) -> list[Line]:
        return [()]


FIRST = ("familyName", "givenName", "grades", "name", "title", "role")
"""Members by which a person knows a record; status and ids say little of it and stand behind."""


def known_first(fields: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Members of a record, those first that tell what it is."""
    return sorted(fields.items(), key=lambda pair: FIRST.index(pair[0]) if pair[0] in FIRST else len(FIRST))


def plain(value: Any) -> str:
    """A value of a record on one line: `-` for none, a list of words without the signs of JSON."""
    if value is None or value == "":
        return "-"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value) or "-"
    return value if isinstance(value, str) else format.json(value)


def told(name: str, value: Any, at: Moment) -> str:
    """A value as it is read: moments in the operator's zone, lists without the signs of JSON."""
    if isinstance(value, datetime.datetime):
        return times.whole(value, at.zone)
    if isinstance(value, list):
        return plain(value)
    return words.value(name, value)

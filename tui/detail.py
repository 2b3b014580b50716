"""The whole of one row: every field on as many lines as it needs."""

from collections.abc import Mapping
from typing import Any

from tui import text, words
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
            whole = words.value(name, value)
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

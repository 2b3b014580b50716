"""A list to choose from by typing a few letters: tenants, commands, themes, keys."""

from collections.abc import Callable, Sequence

import msgspec

from tui.listing import Listing
from tui.rows import Column, Line, Row
from tui.words import say, word


class Choice(msgspec.Struct, frozen=True):
    """One thing to choose."""

    key: str
    title: str
    more: str
    refused: str = ""
    """Why it cannot be chosen."""


class Picker(Listing):
    """Shows choices, narrows them as one types, and hands the chosen one on."""

    AUTO_FOCUS = "#asked"
    question = word("type here")
    hint = word("type to narrow, Up Down move, Enter choose, Esc back")

    def __init__(
        self,
        title: str,
        columns: tuple[str, str],
        choices: Sequence[Choice],
        chosen: Callable[[str], object],
        *,
        width: int = 24,
    ) -> None:
        super().__init__()
        self.heading = title
        self.titles = (Column(columns[0], width), Column(columns[1], 77 - width, grow=1))
        self.choices = choices
        self.chosen = chosen
        self.data = choices

    def on_mount(self) -> None:
        self.refill()
        self.action_filter()

    def columns(self) -> tuple[Column, ...]:
        return self.titles

    def rows(self) -> list[Row]:
        return [
            Row(
                key=one.key,
                cells=((one.title, "dim" if one.refused else ""), (one.more, "dim" if one.refused else "")),
                ranks=(one.title, one.more),
                facts={"title": one.title.casefold(), "more": one.more.casefold()},
                copied=one.title,
                record={"title": one.title, "more": one.more},
            )
            for one in self.choices
        ]

    def status(self, shown: int, total: int) -> list[Line]:
        refused = self._refused()
        if refused:
            return [self.sentence(refused, "warn")]
        return [self.sentence(f"{self.heading}: {say(self.hint)}", "dim")]

    def _refused(self) -> str:
        """Why the choice at the cursor cannot be chosen."""
        row = self.table.row
        return next((one.refused for one in self.choices if row is not None and one.key == row.key), "")

    def entered(self) -> None:
        row = self.table.row
        if self.is_current and row is not None and not self._refused():
            self.app.pop_screen()
            self.chosen(row.key)

    def action_back(self, drop_filter: bool) -> None:
        self.app.back(self, quitting=False)

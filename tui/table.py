"""A list with a cursor on exactly as many cells as there are: no scroll bars, no animation, few bytes."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from tui import rows, text
from tui.lines import Lines
from tui.rows import Column, Line, Row
from tui.words import say


class Table(Lines, can_focus=True):
    """Shows rows it is given; the cursor stays on its row when others come and go."""

    DEFAULT_CSS = "Table { height: 1fr; }"

    class Moved(Message):
        """The cursor stands on another row."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.styles.height = "1fr"
        self.columns: Sequence[Column] = ()
        self.rows: Sequence[Row] = ()
        self.cursor = 0
        self.top = 0
        self.skipped = 0
        self.sorted_by: tuple[int, bool] | None = None

    @property
    def row(self) -> Row | None:
        """The row at the cursor."""
        return self.rows[self.cursor] if self.rows else None

    @property
    def page(self) -> int:
        """How many rows are seen at once."""
        return max(1, self.size.height - 1)

    def fill(
        self, columns: Sequence[Column], filled: Sequence[Row], by: tuple[int, bool] | None, *, first: bool = False
    ) -> None:
        """Show these rows, with the cursor on the row it stood on, or on the `first`."""
        before = self.row
        offset = self.cursor - self.top
        self.columns, self.rows, self.sorted_by = columns, filled, by
        place = 0
        if before is not None and not first:
            found = next((place for place, row in enumerate(filled) if row.key == before.key), None)
            place = min(self.cursor, max(0, len(filled) - 1)) if found is None else found
        if self.top > 0:
            # rows that come in above must not push away what is being read
            self.top = place - offset
        self.cursor = place
        self._paint()
        if self.row != before:
            self.post_message(self.Moved())

    def move(self, place: int) -> None:
        """Put the cursor there, as far as there are rows."""
        place = max(0, min(place, len(self.rows) - 1))
        if place != self.cursor:
            self.cursor = place
            self._paint()
            self.post_message(self.Moved())

    def scroll_rows(self, by: int) -> None:
        """Move the view; the cursor only comes along where it would fall out of it."""
        self.top = max(0, min(self.top + by, len(self.rows) - self.page))
        self._paint_at(max(self.top, min(self.cursor, self.top + self.page - 1)))

    def shift(self, by: int) -> None:
        """Scroll the columns after the first."""
        self.skipped = max(0, min(self.skipped + by, len(self.columns) - 2))
        self._paint()

    def on_resize(self, event: events.Resize) -> None:
        self._paint()

    def _paint_at(self, place: int) -> None:
        moved, self.cursor = place != self.cursor, place
        self._paint()
        if moved:
            self.post_message(self.Moved())

    def _paint(self) -> None:
        if not self.size.width or not self.columns:
            return
        highest = max(0, len(self.rows) - self.page)
        self.top = max(self.cursor - self.page + 1, min(self.top, self.cursor))
        self.top = max(0, min(self.top, highest))
        sizes = rows.widths(self.columns, self.size.width, self.skipped)
        lines = [self._head(sizes)]
        for place in range(self.top, min(len(self.rows), self.top + self.page)):
            lines.append(self._line(place, sizes))
        self.put(lines)

    def _head(self, sizes: Sequence[int]) -> Line:
        titles = []
        for place, column in enumerate(self.columns):
            title = say(column.title)
            if self.sorted_by is not None and self.sorted_by[0] == place:
                title = text.head(title, column.width - 1) + ("v" if self.sorted_by[1] else "^")
            titles.append((title, "head"))
        return rows.laid(titles, self.columns, sizes, "< " if self.skipped else "  ")

    def _line(self, place: int, sizes: Sequence[int]) -> Line:
        row = self.rows[place]
        if place != self.cursor:
            return rows.laid(row.cells, self.columns, sizes)
        return tuple((value, "cursor") for value, _ in rows.laid(row.cells, self.columns, sizes, "> "))

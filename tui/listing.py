"""What all screens are made of: two header lines, a list, sentences about the row at the cursor, a line of keys."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from oneroster import safe
from sql.database import Connection
from tui import exporting, filters, format, keys, rows, text, times, words
from tui.dialog import Dialog
from tui.format import Moment
from tui.lines import Lines
from tui.rows import Column, Line, Row, Span
from tui.stage import Stage
from tui.table import Table
from tui.typed import Typed
from tui.words import say, word

if TYPE_CHECKING:
    from tui.app import RosterHub
    from tui.deeds import Deed

TABS = (
    ("overview", word("1 Overview")),
    ("jobs", word("2 Jobs")),
    ("audit", word("3 Audit")),
    ("clients", word("4 Clients")),
    ("tenants", word("5 Tenants")),
    ("logs", word("6 Logs")),
)


class Listing(Stage):
    """A screen with a list. It says what to fetch and how rows read; the application does the fetching."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.EVERYWHERE)
    DEFAULT_CSS = """
    Listing { layout: vertical; overflow: hidden; background: $background; }
    Listing > #asked { display: none; height: 1; border: none; padding: 0; }
    Listing > #banner { display: none; }
    Listing.-asking > #asked { display: block; }
    Listing.-asking > #foot { display: none; }
    Listing.-away > #banner { display: block; }
    """
    AUTO_FOCUS = "Table"
    own_keys: ClassVar[tuple[keys.Key, ...]] = ()
    """Those that only this screen has."""
    tab_name: ClassVar[str] = ""
    head_height: ClassVar[int] = 0
    status_height: ClassVar[int] = 1
    hint: ClassVar[str] = ""
    question: ClassVar[str] = word("word field:value,other !not since:24h   Enter keep, Esc drop")
    newest_first: ClassVar[bool] = False
    """Whether the first row is the newest one, so that `f` makes sense."""

    app: "RosterHub"

    def __init__(self) -> None:
        super().__init__()
        self.filter = ""
        self.sorted_by: tuple[int, bool] | None = None
        self.following = False
        self.note = ""
        self.data: Any = None
        self._minute = 0
        self._total = 0
        self._asked_before = ""
        self.wanted = ""
        """Key of the row that the cursor goes to once it has come."""

    def compose(self) -> ComposeResult:
        yield Lines(2, id="header")
        yield Lines(1, id="banner")
        if self.head_height:
            yield Lines(self.head_height, id="head")
        yield Table(id="table")
        yield Lines(self.status_height, id="status")
        yield Lines(1, id="foot")
        question = Typed(id="asked", compact=True, select_on_focus=False)
        question.cursor_blink = False
        yield question

    # What a screen says of itself

    async def fetch(self, conn: Connection) -> Any:
        """What to show, from one snapshot of the database; equal to the last when nothing changed."""
        return None

    def columns(self) -> Sequence[Column]:
        """The columns of the list."""
        return ()

    def rows(self) -> list[Row]:
        """The rows of the list before filter and sort."""
        return []

    def status(self, shown: int, total: int) -> list[Line]:
        """The lines under the list."""
        return []

    def head(self) -> list[Line]:
        """The lines between header and list."""
        return []

    def open(self, row: Row) -> None:
        """Enter on a row."""

    def deeds(self) -> "list[Deed]":
        """What can be done to the item at the cursor."""
        return []

    # Painting

    @property
    def table(self) -> Table:
        return self.query_one("#table", Table)

    @property
    def at(self) -> Moment:
        return Moment(self.app.clock(), self.app.zone)

    def on_mount(self) -> None:
        if self.data is None:
            self.app.hold(self)
        self.paint()

    def on_screen_resume(self) -> None:
        self.app.look()

    def on_resize(self) -> None:
        self.paint()

    def take(self, data: Any) -> bool:
        """Show what was fetched; True when it differs from what was there."""
        minute = int(self.at.now.timestamp()) // 60
        changed = bool(data != self.data)
        if changed or minute != self._minute:
            self.data, self._minute = data, minute
            self.refill()
        return changed

    def refill(self, *, first: bool = False) -> None:
        """Fill the list anew: after new data, another filter, another order."""
        if self.data is None:
            self.paint()
            return
        every = self.rows()
        self._total = len(every)
        found = self.filtered(every)
        if self.sorted_by is not None:
            place, reverse = self.sorted_by
            found.sort(key=lambda row: row.ranks[place], reverse=reverse)
        self.table.fill(self.columns(), found, self.sorted_by, first=first or self.following)
        there = next((place for place, row in enumerate(self.table.rows) if row.key == self.wanted), None)
        if there is not None:
            self.wanted = ""
            self.table.move(there)
        self.paint()

    def filtered(self, every: list[Row]) -> list[Row]:
        """The rows for which the filter holds."""
        terms, at = filters.parse(self.filter), self.at
        return [row for row in every if filters.holds(terms, row, at)]

    def paint(self) -> None:
        """Everything but the list."""
        width = self.size.width
        if not self.there or not width:
            return
        self.query_one("#header", Lines).put(self._header(width))
        self.query_one("#banner", Lines).put([rows.edges([(f" {self.app.away_sentence}", "alarm")], [], width)])
        self.set_class(self.app.away, "-away")
        if self.head_height:
            self.query_one("#head", Lines).put(self.head())
        self.query_one("#status", Lines).put(self.status(len(self.table.rows), self._total))
        foot = self.note or say(self.keys_line())
        self.query_one("#foot", Lines).put([rows.edges([(f" {foot}", "bar" if self.note else "dim")], [], width)])

    def keys_line(self) -> str:
        """The keys worth a line, by a word of the catalogue."""
        return self.hint

    def _header(self, width: int) -> list[Line]:
        seen, app = self.app.surroundings, self.app
        role = say(words.ROLES[app.role])
        hub: list[Span] = [(say("{role} RO" if app.read_only else "{role} RW", role=role), "bar"), ("  ", "bar")]
        hub.append((say("db AWAY"), "bar alarm") if app.away else (say("db ok"), "bar"))
        hub.append(("  ", "bar"))
        hub.append((say("sftp ok"), "bar") if seen.sftp else (say("sftp AWAY"), "bar bad"))
        disk = "--" if seen.disk is None else f"{seen.disk:2d}%"
        hub.append((f"  {say('disk {used}', used=disk)}  {times.clock(app.changed_at, app.zone)} ", "bar"))
        left: list[Span] = [(" RosterHub  ", "bar"), (app.scope, "bar")]
        tabs: list[Span] = [(" ", "")]
        for name, title in TABS:
            tabs.append((f"[{say(title)}]", "mark") if name == self.tab_name else (say(title), ""))
            tabs.append(("  ", ""))
        return [rows.edges(left, hub, width, "bar"), rows.edges(tabs, [(say("? help "), "")], width)]

    def sentence(self, said: str, style: str = "") -> Line:
        """A line for `status`."""
        return rows.edges([(f" {text.clean(said)}", style)], [], self.size.width)

    def sentences(self, said: str, style: str, height: int) -> list[Line]:
        """The same on so many lines, of which the last may be empty."""
        lines = [self.sentence(line, style) for line in text.wrap(said, max(1, self.size.width - 2), height)]
        return [*lines, *[()] * (height - len(lines))]

    def found(self, shown: int, total: int, what: str, more: str = "") -> Line:
        """The line that tells the filter and how far one has come; `what` the rows are, by a word of the catalogue."""
        misread = " ".join(self.misread)
        if misread:
            left = (f" {say('Not understood: {what}', what=misread)}", "bad")
        else:
            left = (f" {say('Filter: {filter}', filter=self.filter)}" if self.filter else "", "bar")
        what = words.counted(what, total) + more
        if self.filter:
            count = say("{shown:,} of {total:,} {what}", shown=shown, total=total, what=what)
        else:
            count = say("{total:,} {what}", total=total, what=what)
        live = say("FOLLOWING" if self.following else "live, 1 s")
        return rows.edges([left], [(f"  {count}   {live} ", "dim")], self.size.width)

    def say(self, note: str) -> None:
        """A note in place of the line of keys, until the next key."""
        self.note = note
        self.paint()

    # Keys

    def on_key(self) -> None:
        if self.note:
            self.say("")

    @on(Table.Moved)
    def moved(self) -> None:
        self.paint()

    def action_down(self) -> None:
        self.step(self.table.cursor + 1)

    def action_up(self) -> None:
        self.step(self.table.cursor - 1)

    def action_first(self) -> None:
        self.step(0)

    def action_last(self) -> None:
        self.step(len(self.table.rows) - 1)

    def action_page(self, by: int) -> None:
        self.step(self.table.cursor + by * self.table.page)

    def step(self, place: int) -> None:
        """Move the cursor by hand, which ends following."""
        self.following = self.following and place <= 0
        self.table.move(place)

    def action_scroll(self, by: int) -> None:
        self.table.scroll_rows(by * max(1, self.table.page // 2))

    def action_shift(self, by: int) -> None:
        self.table.shift(by)

    def action_next(self, by: int) -> None:
        if self.table.rows:
            self.step((self.table.cursor + by) % len(self.table.rows))

    def action_sort(self) -> None:
        place = 0 if self.sorted_by is None else self.sorted_by[0] + 1
        self.sorted_by = (place, False) if place < len(self.columns()) else None
        self.refill()

    def action_reverse(self) -> None:
        place, reverse = self.sorted_by or (0, False)
        self.sorted_by = (place, not reverse)
        self.refill()

    def action_follow(self) -> None:
        if not self.newest_first:
            self.say(say("Nothing to follow here."))
            return
        self.following = not self.following
        if self.following:
            self.sorted_by = None
        self.refill()

    def action_refresh(self) -> None:
        self.app.redraw()
        self.app.look()

    def action_open(self) -> None:
        if self.table.row is not None:
            self.open(self.table.row)

    def action_back(self, drop_filter: bool) -> None:
        if self.has_class("-asking"):
            self._end_asking()
            self.set_filter(self._asked_before)
        elif drop_filter and self.filter:
            self.set_filter("")
        else:
            self.app.back(self, quitting=not drop_filter)

    def action_copy(self) -> None:
        if self.table.row is not None:
            copied = safe.shown(self.table.row.copied)  # pasted into a shell, a line break would be Enter
            self.say(self.app.copy(copied) or say("Copied {value}", value=copied))

    def action_copy_row(self) -> None:
        if self.table.row is not None:
            copied = safe.json(format.json(self.table.row.record))
            self.say(self.app.copy(copied) or say("Copied the row as JSON."))

    # Deeds

    def action_deeds(self) -> None:
        found = self.deeds()
        if found:
            self.app.choose_deed(found)
        else:
            self.say(say("Nothing can be done to this."))

    def action_deed(self, name: str) -> None:
        found = next((one for one in self.deeds() if one.name == name), None)
        if found is not None:
            self.app.begin(found)
        else:
            self.say(say("Nothing here can be decided about in this way."))

    @property
    def misread(self) -> Sequence[str]:
        """The conditions of the filter that mean nothing: what is listed does not heed them."""
        return filters.misread(filters.parse(self.filter), self.at)

    def action_export(self) -> None:
        if self.misread:
            self.say(say("Not understood: {what}", what=" ".join(self.misread)))
        elif self.table.rows:
            self.app.push_screen(Dialog(exporting.ask(self.tab_name, self.table.rows, self.at)))
        else:
            self.say(say("Nothing is listed."))

    # The filter

    def action_filter(self) -> None:
        asked = self.query_one("#asked", Input)
        self._asked_before = self.filter
        asked.value = self.filter
        asked.placeholder = say(self.question)
        self.add_class("-asking")
        asked.focus()

    @on(Input.Changed, "#asked")
    def asked_changed(self, event: Input.Changed) -> None:
        if self.has_class("-asking"):
            self.set_filter(event.value.strip())

    @on(Input.Submitted, "#asked")
    def asked_submitted(self) -> None:
        self.entered()

    def entered(self) -> None:
        """Enter in the line of the filter: keep it."""
        self._end_asking()

    def _end_asking(self) -> None:
        self.remove_class("-asking")
        self.table.focus()

    def set_filter(self, wanted: str) -> None:
        """Show only what holds."""
        if wanted != self.filter:
            self.filter = wanted
            self.refill(first=True)

"""The sixth screen: what the daemon says, newest first, as it comes."""

import asyncio
from collections import deque
from typing import ClassVar

import msgspec
from textual.binding import BindingType

from sql.database import Connection
from tui import keys, text, times
from tui.hands import Said
from tui.listing import Listing
from tui.rows import Column, Line, Row
from tui.words import say, word

MOST = 2_000
"""Lines held; older ones are in the journal."""

LEVELS = ("debug", "info", "warning", "error")
STYLES = {"error": "bad", "warning": "warn", "debug": "dim"}
COLUMNS = (
    Column(word("TIME"), 12),
    Column(word("LEVEL"), 7),
    Column(word("UNIT"), 8),
    Column(word("TEXT"), 48, grow=1),
)


class Log(msgspec.Struct, frozen=True):
    """What the screen shows: how many lines have come, and the last of them."""

    count: int
    lines: tuple[Said, ...]


class Logs(Listing):
    """Lines of the log from a level on, of one unit or all."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.LOGS)
    own_keys = keys.LOGS
    tab_name = "logs"
    status_height = 3
    hint = word("f follow  / search  l level  u unit  w wrap  y copy line  e export  q back")
    newest_first = True

    data: Log | None

    def __init__(self) -> None:
        super().__init__()
        self.level = "info"
        self.unit = ""
        self.wrap = False
        self._held: deque[Said] = deque(maxlen=MOST)
        self._count = 0
        self._ended = ""
        self._reading: asyncio.Task[None] | None = None

    def on_mount(self) -> None:
        super().on_mount()
        self._reading = asyncio.create_task(self._read())

    def on_unmount(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        """Take in what the log says until the screens are closed; the next look shows it."""
        hands = self.app.hands
        if hands is None or hands.logs is None:
            return
        try:
            async for lines in hands.logs():
                self._held.extend(lines)
                self._count += len(lines)
        except OSError as error:
            self._ended = say("The journal cannot be read: {why}.", why=error.strerror or str(error))

    async def fetch(self, conn: Connection) -> Log:
        if self.data is not None and self.data.count == self._count:
            return self.data
        return Log(self._count, tuple(self._held))

    def columns(self) -> tuple[Column, ...]:
        return COLUMNS

    def rows(self) -> list[Row]:
        if self.data is None:
            return []
        least = LEVELS.index(self.level)
        found: list[Row] = []
        width = max(20, self.size.width - 80 + COLUMNS[3].width)
        for one in reversed(self.data.lines):
            if LEVELS.index(one.level) < least or (self.unit and one.unit != self.unit):
                continue
            lines = text.wrap(one.text, width, 20) if self.wrap else [one.text]
            found += [self._row(one, part, line) for part, line in enumerate(lines)]
        return found

    def _row(self, one: Said, part: int, line: str) -> Row:
        style = STYLES.get(one.level, "")
        at = "-" if one.at is None else times.moment(one.at, self.at.now, self.at.zone)
        first = part == 0
        return Row(
            key=f"{one.key} {part}",
            cells=(
                (at if first else "", ""),
                (say(NAMES[one.level]) if first else "", style),
                (one.unit if first else "", ""),
                (line, style),
            ),
            ranks=(at, LEVELS.index(one.level), one.unit, line),
            facts={"level": one.level, "unit": one.unit.casefold(), "text": one.text.casefold()},
            copied=one.text,
            record={"at": one.at, "level": one.level, "unit": one.unit, "text": one.text, **one.fields},
            when=one.at,
        )

    def status(self, shown: int, total: int) -> list[Line]:
        hands = self.app.hands
        if hands is None or hands.logs is None:
            said = say("There is no journal here: the log is on the standard error of `rosterhub run`.")
            return [*self.sentences(said, "warn", 2), self.found(shown, total, word("log lines"))]
        if not self._count and not self._ended:
            said = say(
                "The journal has no line of RosterHub's units. What a hub started by hand says is on the standard error"
                " of `rosterhub run`."
            )
            return [*self.sentences(said, "warn", 2), self.found(shown, total, word("log lines"))]
        row = self.table.row
        said = self._ended or (row.copied if row else say("The log has said nothing of this kind yet."))
        level, unit = say(NAMES[self.level]), self.unit or say("all")
        asked = say("Level from {level} on   unit: {unit}", level=level, unit=unit)
        return [self.sentence(said), self.sentence(asked, "dim"), self.found(shown, total, word("log lines"))]

    def action_level(self) -> None:
        self.level = LEVELS[(LEVELS.index(self.level) + 1) % len(LEVELS)]
        self.refill()

    def action_unit(self) -> None:
        units = ["", *sorted({one.unit for one in self._held})]
        self.unit = units[(units.index(self.unit) + 1) % len(units)] if self.unit in units else ""
        self.refill()

    def action_wrap(self) -> None:
        self.wrap = not self.wrap
        self.refill()

    def on_resize(self) -> None:
        self.refill()


NAMES = {"debug": word("DEBUG"), "info": word("INFO"), "warning": word("WARN"), "error": word("ERROR")}

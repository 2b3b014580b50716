"""Reading the rows of one CSV file: columns of checked cells, a batch of rows at a time, and problems.

A batch is validated column by column: msgspec checks blanks and lengths, a look at all bytes in a row the characters,
and each distinct word or date is looked at once. Only when a batch fails are its rows walked cell by cell, to name
every fault (CSV binding sections 2 and 5). A row with faults is kept with those cells blank, so that what it
says otherwise, and whoever refers to it, can be judged; a bundle with an error is never applied.
"""

import csv
import functools
import itertools
import re
import string
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import IO, Annotated, Any

import msgspec

from oneroster import headers, kinds
from oneroster.bundle import Broken
from oneroster.encodings import Foreign, Lines
from oneroster.entities import Entity
from oneroster.habits import Habits
from oneroster.headers import Column, shown
from oneroster.pieces import Columns
from oneroster.problems import Problem
from oneroster.profiles import Profile
from oneroster.rules import Rules, each_is_uuid

BATCH = 2_000
"""Rows checked in one call."""
MOST_PLACES = 10_000
"""Rows over several lines of which is kept where their cells begin."""
UNREAD = {"status": "?", "dateLastModified": "-infinity"}
"""What stands for a cell of these columns that could not be read, where a blank one would say something."""

ENDINGS = (Foreign, Broken, csv.Error)
_CUT_OFF = "unexpected end of data"
"""As the csv module says it."""
_BREAK = re.compile(r"\r\n|\r|\n")


class Batch(msgspec.Struct, frozen=True):
    """Rows in file order: row i begins on physical line `lines[i]`, and `columns` follow `Rows.columns`.

    At the end stand rows that could not be read whole, with their sourcedId alone.
    """

    lines: Sequence[int]
    columns: Columns
    problems: list[Problem]
    plain: bool
    """It is known that no cell holds a quote, a backslash or a tab."""
    lost: int = 0
    """Rows of which not even the sourcedId could be read."""


Places = Mapping[int, Mapping[str, int]]
"""Of rows over several lines: the line on which each cell begins, by the line of the row."""


def placed(one: Problem, places: Places) -> Problem:
    """A row over several lines is known by its first; the fault is where the cell begins."""
    line = places.get(one.line, {}).get(one.column, one.line)
    return one if line == one.line else msgspec.structs.replace(one, line=line)


class Raw(msgspec.Struct):
    """Rows in the order of the file's own columns."""

    lines: Sequence[int]
    columns: Columns
    partly: list[tuple[int, list[str] | None]]
    """Rows that could not be read whole: their sourcedId alone in the order of `Rows.columns`, or nothing."""
    problems: list[Problem]
    plain: bool
    """As of `Batch`."""


# Deleting bytes is ten times faster than searching for one that is not of a class.


def _beyond_guids(text: bytes) -> bytes:
    return text.translate(None, _GUID_BYTES)


def _controls(text: bytes) -> bool:
    return len(text.translate(None, _CONTROL_BYTES)) != len(text)


_GUID_BYTES = (string.ascii_letters + string.digits + ".-_/@\n").encode()
_CONTROL_BYTES = bytes({*range(0x20), 0x7F} - {0x09, 0x0A})


class Check:
    """What a batch of a file must pass as a whole, compiled once from its columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._lengths: list[tuple[int, Any]] = []
        self._ids: list[tuple[int, bool]] = []
        self._texts: list[int] = []
        self._blanks: list[int] = []
        self._distinct: list[tuple[int, Column, set[str]]] = []
        self.uuids: set[int] = set()
        """Columns of the last batch that hold UUIDs in lower case and nothing else, as far as is known."""
        for index, column in enumerate(columns):
            if column.kind is kinds.GUID:
                self._lengths.append((index, _FILLED_SHORT if column.required else _SHORT))
                self._ids.append((index, column.header != "sourcedId"))
            elif column.kind in (kinds.TEXT, kinds.TEXTS):
                self._texts.append(index)
                if column.required:
                    self._lengths.append((index, _FILLED))
                    self._blanks.append(index)
            else:
                self._distinct.append((index, column, set()))

    def passes(self, columns: Columns) -> bool:
        """Whether every cell of every row is as it must be."""
        self.uuids.clear()
        try:
            for index, lengths in self._lengths:
                msgspec.convert(columns[index], lengths)
        except msgspec.ValidationError:
            return False
        return (
            all(self._are_ids(index, {*columns[index]} if repeats else columns[index]) for index, repeats in self._ids)
            and not any(_is_bad(columns[index], _controls) for index in self._texts)
            and all(self._fit(column, good, {*columns[index]} - good) for index, column, good in self._distinct)
            and all(all(map(str.strip, columns[index])) for index in self._blanks)
        )

    def _are_ids(self, index: int, cells: Collection[str]) -> bool:
        if each_is_uuid(cells):
            self.uuids.add(index)
            return True
        return not _is_bad(cells, _beyond_guids)

    def _fit(self, column: Column, good: set[str], cells: set[str]) -> bool:
        for cell in cells:
            if column.fits(cell):
                return False
            if len(good) < 10_000:
                good.add(cell)
        return True


def _is_bad(cells: Collection[str], bad: Callable[[bytes], object]) -> bool:
    text = "\n".join(cells).encode()
    # A line break inside a cell shows as one too many.
    return bool(bad(text)) or text.count(b"\n") >= len(cells)


_FILLED = list[Annotated[str, msgspec.Meta(min_length=1)]]
_SHORT = list[Annotated[str, msgspec.Meta(max_length=255)]]
_FILLED_SHORT = list[Annotated[str, msgspec.Meta(min_length=1, max_length=255)]]


class Rows:
    """The rows of one file. The header is read and checked at once; `problems` tells what is wrong with it."""

    def __init__(
        self, stream: IO[bytes], file: str, entity: Entity, profile: Profile, encoding: str = "auto", hint: str = ""
    ) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.columns: tuple[Column, ...] = ()
        self.header: tuple[str, ...] = ()
        """The names of the columns as they stand in the file."""
        self.whole = True
        """Whether the file could be read to its end."""
        self.places: dict[int, dict[str, int]] = {}
        """As `Places`; of the first `MOST_PLACES` such rows."""
        self._entity = entity
        self._profile = profile
        self._lines = Lines(stream, file, encoding, Habits(file) if profile.japanese else None)
        self._order: list[int] = []
        try:
            self.header = tuple(next(self._lines.reader, ()))
        except ENDINGS as error:
            self.problems.append(self._ending(error, 1))
        self.problems += self._lines.take()
        if not self.whole or self._lines.signs:
            return
        self.columns, problems = headers.check(self.header, file, entity, profile, hint)
        self.problems += problems
        place = {name: index for index, name in enumerate(self.header)}
        self._order = [place[column.header] for column in self.columns]

    @property
    def usable(self) -> bool:
        """Whether there are columns to read rows by."""
        return bool(self.columns)

    @property
    def unlisted(self) -> int:
        """Lines that could not be decoded and are not in `problems` of any batch."""
        return self._lines.unlisted

    def batches(self) -> Iterator[Batch]:
        """The rows, `BATCH` at a time, faulty cells blank, with what is wrong with them."""
        check = Check(self.columns)
        rules = Rules(self._entity, self._profile, [column.header for column in self.columns])
        nulls = [
            index
            for index, one in enumerate(self.columns)
            if self._profile.japanese and one.header == "parentSourcedId"
        ]
        for raw in self._raw():
            lines, problems = raw.lines, raw.problems
            columns = [raw.columns[index] for index in self._order]
            for index in nulls:
                columns[index] = ["" if cell == "NULL" else cell for cell in columns[index]]
            if lines and not check.passes(columns):
                columns = self._walk(lines, columns, problems)
            known = [(line, row) for line, row in raw.partly if row is not None]
            if known:
                lines = [*lines, *(line for line, _ in known)]
                for column, cells in zip(columns, zip(*(row for _, row in known), strict=True), strict=True):
                    column += cells
            uuids = () if known else check.uuids
            if lines and (found := rules.judge(lines, columns, uuids)):
                problems += self._beyond(found, problems, {line for line, _ in known})
                problems.sort(key=lambda one: one.line)
            if lines or problems:
                yield Batch(lines, columns, problems, raw.plain, len(raw.partly) - len(known))

    def _walk(self, lines: Sequence[int], columns: Columns, problems: list[Problem]) -> Columns:
        """The columns mended, and what is wrong with them added to the problems, row by row."""
        rows = list(map(list, zip(*columns, strict=True)))
        for line, row in zip(lines, rows, strict=True):
            problems.extend(self._faults(line, row))
        return list(map(list, zip(*rows, strict=True)))

    def _beyond(self, found: list[Problem], problems: list[Problem], partly: set[int]) -> list[Problem]:
        """What rules say of cells that could be read, where these begin; the others are blank by now."""
        wrong = {(one.line, one.column) for one in problems if one.severity == "error"}
        found = [one for one in found if one.line not in partly or one.column == "sourcedId"]
        return [one for one in (placed(one, self.places) for one in found) if (one.line, one.column) not in wrong]

    def _raw(self) -> Iterator[Raw]:
        """The rows as they stand in the file, up to its end or to where it cannot be read further."""
        lines = self._lines
        lines.width, lines.ended = len(self.header), lines.count
        going = True
        while going:
            raw, going = self._read_csv()
            yield raw
            if alike := lines.alike():
                last = lines.before
                yield Raw(
                    range(last - len(alike.columns[0]) + 1, last + 1), alike.columns, [], lines.take(last), alike.plain
                )
                going = True

    def _read_csv(self) -> tuple[Raw, bool]:
        """The next rows, and whether there may be more."""
        width, lines = len(self.header), self._lines
        reader, signs, before = lines.reader, lines.signs, lines.before
        good: list[list[str]] = []
        starts: list[int] = []
        raw = Raw(starts, [], [], [], False)
        going = False
        try:
            for row in itertools.islice(reader, BATCH):
                going = True
                start, lines.ended = lines.ended + 1, before + reader.line_num
                full = 0 in signs
                if len(row) == width and not any(signs):
                    starts.append(start)
                    good.append(row)
                else:
                    self._take_other(start, row, raw)
                signs.clear()
                if full:
                    break
        except ENDINGS as error:
            raw.problems.append(self._ending(error, lines.ended + 1))
            going = False
        raw.problems.extend(lines.take(lines.ended))
        raw.columns = list(map(list, zip(*good, strict=True))) if good else [[] for _ in self.header]
        return raw, going

    def _take_other(self, start: int, row: list[str], raw: Raw) -> None:
        """Take a row that is blank, of another width or not decoded."""
        width = len(self.header)
        broken = any(self._lines.signs)
        if len(row) < 2 and not broken and not any(map(str.strip, row)):
            return
        if len(row) != width and not broken:  # of a line that is no text nothing else is said
            detail = f"The header has {width} columns."
            raw.problems.append(Problem("E-COLUMNS", self.file, start, "", str(len(row)), detail))
        raw.partly.append((start, self._id_alone(row)))

    def _id_alone(self, row: list[str]) -> list[str] | None:
        """A row that could not be read whole, with its sourcedId alone; None when that is no clean one either."""
        at = self.header.index("sourcedId")
        if at >= len(row) or not headers.matcher(kinds.GUID.pattern)(row[at]):
            return None
        known = {**UNREAD, "sourcedId": row[at]}
        return [known.get(column.header, "") for column in self.columns]

    def _faults(self, line: int, row: list[str]) -> Iterator[Problem]:
        """Every fault of a row in the order of the file's columns.

        Mends in place blanks that are no value, and what the profile reads leniently; what is at fault is blanked.
        """
        begins = self._begins(line, row)
        for index in self._by_place:
            column, cell = self.columns[index], row[index]
            if column.kind not in (kinds.TEXT, kinds.TEXTS) and not cell.strip(" "):
                row[index] = cell = ""
            code = column.fits(cell)
            if code is None:
                continue
            at = begins.get(column.header, line)
            if code == "E-GUID" and self._profile.japanese:
                code = "E-UUID"  # which says more
            if code == "E-BOOL" and self._profile.japanese and cell.lower() in ("true", "false"):
                row[index] = cell.lower()
                yield Problem("W-BOOL-CASE", self.file, at, column.header, cell)
            else:
                row[index] = UNREAD.get(column.header, "")
                yield Problem(code, self.file, at, column.header, shown(cell), column.expected(code))

    @functools.cached_property
    def _by_place(self) -> list[int]:
        return sorted(range(len(self.columns)), key=self._order.__getitem__)

    def _begins(self, line: int, row: list[str]) -> dict[str, int]:
        """The line on which each cell begins, where that is not the line of the row. A break ends the line it is on."""
        if not any("\n" in cell or "\r" in cell for cell in row):
            return {}
        begins: dict[str, int] = {}
        at = line
        for index in self._by_place:
            begins[self.columns[index].header] = at
            at += len(_BREAK.findall(row[index]))
        if len(self.places) < MOST_PLACES:
            self.places[line] = begins
        return begins

    def _ending(self, error: Exception, start: int) -> Problem:
        """Why the file cannot be read further."""
        self.whole = False
        if isinstance(error, Foreign | Broken):
            return error.problem
        line, column = self._lines.unread(start)
        name = self.header[column] if column < len(self.header) else ""
        what = "The file ends in the middle of a value" if str(error) == _CUT_OFF else str(error).capitalize()
        return Problem("E-CSV", self.file, line, name, "", f"{what}.")

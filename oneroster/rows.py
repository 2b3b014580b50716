"""Reading the rows of one CSV file: each becomes a checked tuple of cells, or problems.

A batch of rows is validated in one go: msgspec checks shape, blanks and lengths, one regular expression a column the
characters, and each distinct word or date is looked at once. Only when a batch fails are its rows walked cell by cell,
to name every fault (CSV binding sections 2 and 5).
"""

import csv
import functools
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Annotated, Any

import msgspec

from oneroster import kinds
from oneroster.entities import Entity, Field
from oneroster.kinds import Kind
from oneroster.problems import Problem
from oneroster.profiles.profile import Metadata, Profile
from oneroster.rules import Rules
from oneroster.vocabularies import Vocabulary

BATCH = 2_000
"""Rows checked in one call."""
LONGEST_LINE = 1 << 20
"""Bytes; a longer physical line is not read as CSV."""
BATCH_BYTES = 4 << 20
"""Monstrous rows come in smaller batches, and a row over lines enough for two of them is not read as CSV."""
LONGEST_SHOWN = 500
"""Characters of a faulty value or header that its problem repeats."""

csv.field_size_limit(LONGEST_LINE)
_METADATA = re.compile(r"metadata\.[^\x00-\x1f\x7f]{1,246}")
"""Its dots become levels of JSON, hence the limit."""


class Batch(msgspec.Struct, frozen=True):
    """Rows in file order; `cells[i]` stands on physical line `lines[i]` and follows `Rows.columns`."""

    lines: list[int]
    cells: list[list[str]]
    problems: list[Problem]


class Column(msgspec.Struct, frozen=True):
    """A column of a file as this reader sees it: a field of the table, or metadata."""

    header: str
    kind: Kind
    field: Field | None
    metadata: Metadata | None
    words: Vocabulary | None

    @property
    def required(self) -> bool:
        return self.field is not None and self.field.required

    def fits(self, cell: str) -> str | None:
        """The code of what is wrong with the cell, or None."""
        if not cell or (self.required and not cell.strip()):
            return "E-REQUIRED" if self.required else None
        if not _matcher(self.words.pattern if self.words else self.kind.pattern)(cell):
            return self.kind.code
        return None if _in_calendar(self.kind, cell) else self.kind.code


@functools.cache
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).fullmatch


def _shown(cell: str) -> str:
    return cell if len(cell) <= LONGEST_SHOWN else cell[: LONGEST_SHOWN - 1] + "…"


def _in_calendar(kind: Kind, cell: str) -> bool:
    if kind is kinds.DATE:
        return kinds.is_date(cell)
    return kinds.is_instant(cell) if kind is kinds.INSTANT else True


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
        filled = Annotated[str, msgspec.Meta(min_length=1)]
        short = Annotated[str, msgspec.Meta(max_length=255)]
        filled_short = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
        fields: list[tuple[str, Any]] = []
        self._characters: list[tuple[int, Callable[[bytes], object]]] = []
        self._distinct: list[tuple[int, Column, set[str]]] = []
        for index, column in enumerate(columns):
            if column.kind is kinds.GUID:
                fields.append((f"c{index}", filled_short if column.required else short))
                self._characters.append((index, _beyond_guids))
            elif column.kind in (kinds.TEXT, kinds.TEXTS):
                fields.append((f"c{index}", filled if column.required else str))
                self._characters.append((index, _controls))
            else:
                fields.append((f"c{index}", filled if column.required else str))
                self._distinct.append((index, column, set()))
        self._blanks = [
            index for index, one in enumerate(columns) if one.required and one.kind in (kinds.TEXT, kinds.TEXTS)
        ]
        self._rows = list[msgspec.defstruct("Row", fields, array_like=True, gc=False)]  # type: ignore[misc]

    def passes(self, rows: list[list[str]]) -> bool:
        """Whether every cell of every row is as it must be."""
        try:
            msgspec.convert(rows, self._rows)
        except msgspec.ValidationError:
            return False
        columns = list(zip(*rows, strict=True))
        for index, bad in self._characters:
            text = "\n".join(columns[index]).encode()
            # A line break inside a cell shows as one too many.
            if bad(text) or text.count(b"\n") >= len(rows):
                return False
        for index, column, good in self._distinct:
            for cell in set(columns[index]) - good:
                if column.fits(cell):
                    return False
                if len(good) < 10_000:
                    good.add(cell)
        return all(all(map(str.strip, columns[index])) for index in self._blanks)


class Rows:
    """The rows of one file. The header is read and checked at once; `problems` tells what is wrong with it."""

    def __init__(self, stream: IO[bytes], file: str, entity: Entity, profile: Profile) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.columns: tuple[Column, ...] = ()
        self._entity = entity
        self._profile = profile
        self._full = False
        self._reader = csv.reader(self._decoded(stream), strict=True)
        self._order: list[int] = []
        try:
            header = next(self._reader, None)
        except (UnicodeDecodeError, csv.Error) as error:
            self.problems.append(self._unreadable(error))
            return
        if not header or header == [""]:
            self.problems.append(Problem("E-EMPTY", file, 1, "", ""))
            return
        self._check_header(header, entity)

    @property
    def usable(self) -> bool:
        """Whether there are columns to read rows by."""
        return bool(self.columns) and not any(problem.severity == "error" for problem in self.problems)

    def batches(self) -> Iterator[Batch]:
        """The rows, `BATCH` at a time. A row with a cell that cannot be kept is in `problems` and not in `cells`."""
        check = Check(self.columns)
        rules = Rules(self._entity, self._profile, [column.header for column in self.columns])
        nulls = [
            index
            for index, one in enumerate(self.columns)
            if self._profile.japanese and one.header == "parentSourcedId"
        ]
        straight = self._order == list(range(len(self._order)))
        for lines, rows, problems in self._raw():
            if not straight:
                rows = [[row[index] for index in self._order] for row in rows]
            for index in nulls:
                for row in rows:
                    if row[index] == "NULL":
                        row[index] = ""
            if rows and not check.passes(rows):
                lines, rows = self._sort_out(lines, rows, problems)
            if found := rules.judge(lines, rows):
                problems = sorted(problems + found, key=lambda one: one.line)
            yield Batch(lines, rows, problems)

    def _raw(self) -> Iterator[tuple[list[int], list[list[str]], list[Problem]]]:
        width = len(self._order)
        lines: list[int] = []
        rows: list[list[str]] = []
        problems: list[Problem] = []
        reader = self._reader
        while True:
            start = reader.line_num + 1
            try:
                row = next(reader, None)
            except (UnicodeDecodeError, csv.Error) as error:
                problems.append(self._unreadable(error, start))
                row = None
            if row is None:
                break
            if len(row) == width:
                lines.append(start)
                rows.append(row)
            elif row:
                problems.append(
                    Problem("E-COLUMNS", self.file, start, "", str(len(row)), f"The header has {width} columns.")
                )
                self._full = self._full or len(problems) == BATCH
            if self._full or len(rows) == BATCH:
                yield lines, rows, problems
                lines, rows, problems = [], [], []
                self._full = False
        if rows or problems:
            yield lines, rows, problems

    def _sort_out(
        self, lines: list[int], rows: list[list[str]], problems: list[Problem]
    ) -> tuple[list[int], list[list[str]]]:
        good_lines, good_rows = [], []
        for line, row in zip(lines, rows, strict=True):
            found = list(self._faults(line, row))
            problems.extend(found)
            if not any(problem.severity == "error" for problem in found):
                good_lines.append(line)
                good_rows.append(row)
        return good_lines, good_rows

    def _faults(self, line: int, row: list[str]) -> Iterator[Problem]:
        """Every fault of a row. Mends in place blanks that are no value, and what the profile reads leniently."""
        for index, column in enumerate(self.columns):
            cell = row[index]
            if column.kind not in (kinds.TEXT, kinds.TEXTS) and not cell.strip(" "):
                row[index] = cell = ""
            code = column.fits(cell)
            if code is None:
                continue
            if code == "E-BOOL" and self._profile.japanese and cell.lower() in ("true", "false"):
                row[index] = cell.lower()
                yield Problem("W-BOOL-CASE", self.file, line, column.header, cell)
            else:
                yield Problem(code, self.file, line, column.header, _shown(cell), self._expected(column, code))

    def _expected(self, column: Column, code: str) -> str:
        words = column.words
        if code != "E-ENUM" or words is None:
            return ""
        more = " or ext:NAME" if words.extensible else ""
        return f"Expected {', '.join(words.words)}{more}."

    def _check_header(self, header: list[str], entity: Entity) -> None:
        profile, file = self._profile, self.file
        fields = profile.fields(entity)
        place = {name: index for index, name in enumerate(header)}
        added = {one.header: one for one in profile.metadata(entity)}
        for name in sorted(name for name, count in Counter(header).items() if count > 1):
            self.problems.append(Problem("E-HEADER-TWICE", file, 1, _shown(name), _shown(name)))
        may_lack = profile.may_lack.get(entity.name, ())
        wanted: list[Column] = []
        missed: set[str] = set()
        for field in fields:
            if field.name in place:
                wanted.append(Column(field.name, field.kind, field, None, profile.words(entity, field)))
            elif field.name not in may_lack:
                missed.add(field.name.lower())
                near = next((name for name in header if name.lower() == field.name.lower()), "")
                detail = f"There is {near}; headers are case-sensitive." if near else ""
                self.problems.append(Problem("E-HEADER-MISSING", file, 1, field.name, near, detail))
        for one in added.values():
            if one.header in place:
                wanted.append(Column(one.header, one.kind, None, one, None))
            else:
                self.problems.append(Problem("E-HEADER-MISSING", file, 1, one.header, ""))
        known = {column.header for column in wanted}
        for name in header:
            if name in known:
                continue
            if _METADATA.fullmatch(name):
                one = Metadata(name, kinds.TEXT)
                wanted.append(Column(name, kinds.TEXT, None, one, None))
            elif name.lower() not in missed:
                self.problems.append(Problem("E-HEADER-UNKNOWN", file, 1, _shown(name), _shown(name)))
        if any(problem.severity == "error" for problem in self.problems):
            return
        self.columns = tuple(wanted)
        self._order = [place[column.header] for column in wanted]
        if self._order != sorted(self._order):
            self.problems.append(Problem("W-HEADER-ORDER", file, 1, "", ""))

    def _decoded(self, stream: IO[bytes]) -> Iterator[str]:
        first = True
        held = 0
        while raw := stream.readline(LONGEST_LINE):
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                raise csv.Error(f"line longer than {LONGEST_LINE} bytes")
            if first and raw.startswith(b"\xef\xbb\xbf"):
                self.problems.append(Problem("W-BOM", self.file, 1, "", ""))
                raw = raw[3:]
            first = False
            held += len(raw)
            if held > BATCH_BYTES:
                if self._full:  # still: no row has ended since
                    raise csv.Error(f"row longer than {BATCH_BYTES} bytes")
                self._full, held = True, 0
            yield raw.decode("utf-8")

    def _unreadable(self, error: Exception, start: int = 1) -> Problem:
        if isinstance(error, UnicodeDecodeError):
            byte = error.object[error.start]
            return Problem(
                "E-ENC",
                self.file,
                self._reader.line_num + 1,
                "",
                f"0x{byte:02x}",
                f"Byte {error.start + 1} of the line is 0x{byte:02x}.",
            )
        return Problem("E-CSV", self.file, start, "", "", f"{str(error).capitalize()}.")

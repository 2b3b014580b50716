"""How a file is written where Japan asks for more than the base: lines that end in CR LF, every data value in quotes.

Both are warnings, once a file, with line and column of the first occurrence (Japan sheet sections 2 and 8). The bytes
go by in pieces of whole lines, in an encoding that says quotes, commas and ends of lines as ASCII does. What is as it
should be is told by the shapes of rows.
"""

import csv
import re
import sys

from oneroster.pieces import Piece, first_line
from oneroster.problems import Problem

_OTHER_END = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_QUOTED = re.compile(rb'[\r\n]*(?:"[^"]*+"(?:,(?=")|[\r\n]++)?)*')
"""Values in quotes, from one on, as far as there are only such. A doubled quote is two values side by side.

Of the group itself `*+` would say the same, but before Python 3.11.5 it forgets what its last round matched.
"""
_SEPARATOR = re.compile(rb',(?=")|[\r\n]*')
_STEP = re.compile(rb'"[^"]*"|(,)|([\r\n]+)')
"""A value in quotes or half of one; or what leads to the next column, or to the next row."""


MOST_SHAPES = 10_000


class Habits:
    """Looks at the pieces of one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._ends = self._quotes = self._head = True
        self._inside = False
        self._names: list[str] = []
        self._good: set[bytes] = set()
        """Shapes of rows up to their LF: a file has a handful."""
        self._problems: list[Problem] = []

    def take(self, last: int = sys.maxsize) -> list[Problem]:
        """What has been found since it was last asked, up to a line: behind that it may be no CSV."""
        found = [one for one in self._problems if one.line <= last]
        self._problems = [one for one in self._problems if one.line > last]
        return found

    def look(self, piece: Piece, before: int) -> None:
        """Look at the next piece, before which there are so many lines."""
        if (not self._ends and not self._quotes) or piece.row[:-1] in self._good:
            return
        *shapes, rest = piece.shape.split(b"\n")
        new = set(shapes) - self._good
        if new or rest or self._head:
            self._look_at_shapes(piece.data, before, new, rest)
            self._inside ^= bool(piece.shape.count(b'"') % 2)

    def _look_at_shapes(self, piece: bytes, before: int, new: set[bytes], rest: bytes) -> None:
        """Look closer where shapes are not known to be good; those that are have no quote left open."""
        fine = {shape for shape in new if shape.endswith(b"\r") and shape.count(b"\r") == 1}
        if self._ends and (fine != new or b"\r" in rest):
            self._look_at_ends(piece, before)
        head, self._head = self._head, False
        if head:
            self._names = next(csv.reader([piece[: first_line(piece)].decode(errors="replace")]), [])
        quoted = {shape for shape in new if _QUOTED.fullmatch(shape)}
        if self._quotes and (head or quoted != new or not _QUOTED.fullmatch(rest)):
            # The header may stand without quotes.
            self._look_at_quotes(piece, first_line(piece) if head else 0, before)
        if len(self._good) < MOST_SHAPES:
            self._good |= fine & quoted

    def _look_at_ends(self, piece: bytes, before: int) -> None:
        inside, at = self._inside, 0
        for found in _OTHER_END.finditer(piece):
            inside ^= bool(piece.count(b'"', at, found.start()) % 2)
            at = found.start()
            if not inside:  # a line break in a value is a fault of the value
                self._ends = False
                self._problems.append(Problem("W-EOL", self._file, before + _breaks(piece, at) + 1, "", ""))
                return

    def _look_at_quotes(self, piece: bytes, start: int, before: int) -> None:
        if self._inside:
            start = piece.find(b'"', start) + 1 or len(piece)
            start = _end(_SEPARATOR.match(piece, start), start)
        end = _end(_QUOTED.match(piece, start), start)
        if end < len(piece) and piece[end : end + 1] != b'"':
            self._quotes = False
            line, name = before + _breaks(piece, end) + 1, self._name(piece, start, end)
            self._problems.append(Problem("W-UNQUOTED", self._file, line, name, ""))

    def _name(self, piece: bytes, start: int, end: int) -> str:
        """The column of a value before which all are in quotes; "" in a row that began in the piece before."""
        column = None if self._inside else 0
        for step in _STEP.finditer(piece, start, end):
            if step[2]:
                column = 0
            elif step[1] and column is not None:
                column += 1
        if column is not None and piece[max(end - 1, start) : end + 1] == b'",':
            column += 1  # up to the comma before it
        return self._names[column] if column is not None and column < len(self._names) else ""


def _end(found: re.Match[bytes] | None, start: int) -> int:
    return found.end() if found else start


def _breaks(piece: bytes, end: int) -> int:
    """Ends of lines before a place: CR LF, LF and CR."""
    return piece.count(b"\n", 0, end) + piece.count(b"\r", 0, end) - piece.count(b"\r\n", 0, end)

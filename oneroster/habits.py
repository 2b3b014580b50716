"""How a file is written where Japan asks for more than the base: lines that end in CR LF, every data value in quotes.

Both are warnings, once a file, with the line of the first occurrence (Japan sheet sections 2 and 8). The bytes go by
in pieces of whole lines, in an encoding that says quotes, commas and ends of lines as ASCII does. What is as it should
be is told by the shapes of rows, which are what is left of them without everything else.
"""

import re

from oneroster.problems import Problem

_ELSE = bytes(set(range(256)) - set(b'",\r\n'))
_OTHER_END = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_QUOTED = re.compile(rb'[\r\n]*(?:"[^"]*"(?:,(?=")|[\r\n]+)?)*+')
"""Values in quotes, from one on, as far as there are only such. A doubled quote is two values side by side."""
_SEPARATOR = re.compile(rb',(?=")|[\r\n]*')


MOST_SHAPES = 10_000


class Habits:
    """Looks at the pieces of one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._ends = self._quotes = self._head = True
        self._inside = False
        self._good: set[bytes] = set()
        """Rows without everything but quotes, commas and ends of lines: a file has a handful of such shapes."""
        self._problems: list[Problem] = []

    def take(self) -> list[Problem]:
        """What has been found since it was last asked."""
        found, self._problems = self._problems, []
        return found

    def look(self, piece: bytes, before: int) -> None:
        """Look at the next piece, before which there are so many lines."""
        if not self._ends and not self._quotes:
            return
        left = piece.translate(None, _ELSE)
        *shapes, rest = left.split(b"\n")
        new = set(shapes) - self._good
        if new or rest or self._head:
            self._look_at_shapes(piece, before, new, rest)
            self._inside ^= bool(left.count(b'"') % 2)

    def _look_at_shapes(self, piece: bytes, before: int, new: set[bytes], rest: bytes) -> None:
        """Look closer where shapes are not known to be good; those that are have no quote left open."""
        fine = {shape for shape in new if shape.endswith(b"\r") and shape.count(b"\r") == 1}
        if self._ends and (fine != new or b"\r" in rest):
            self._look_at_ends(piece, before)
        head, self._head = self._head, False
        quoted = {shape for shape in new if _QUOTED.fullmatch(shape)}
        if self._quotes and (head or quoted != new or not _QUOTED.fullmatch(rest)):
            # The header may stand without quotes.
            self._look_at_quotes(piece, _header_end(piece) if head else 0, before)
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
            self._problems.append(Problem("W-UNQUOTED", self._file, before + _breaks(piece, end) + 1, "", ""))


def _end(found: re.Match[bytes] | None, start: int) -> int:
    return found.end() if found else start


def _header_end(piece: bytes) -> int:
    ends = [at for at in (piece.find(b"\n"), piece.find(b"\r")) if at >= 0]
    at = min(ends, default=len(piece))
    return at + 2 if piece.startswith(b"\r\n", at) else at + 1


def _breaks(piece: bytes, end: int) -> int:
    """Ends of lines before a place: CR LF, LF and CR."""
    return piece.count(b"\n", 0, end) + piece.count(b"\r", 0, end) - piece.count(b"\r\n", 0, end)

"""Pieces of a file, whole lines each, and the cells of those in which every row is written alike.

What is left of a row without everything but quotes, commas and ends of lines is its shape. Where all rows of a piece
have the very same, and it is that of values in quotes or of values without any, no value can hold a quote, a comma or
a line break. Then the cells are what stands between the separators, found in less than half the time that CSV takes.
"""

import functools

import msgspec

_ELSE = bytes(set(range(256)) - set(b'",\r\n'))
_CR_TO_COMMA = bytes.maketrans(b"\r", b",")

Columns = list[list[str]]
"""The cells of each column, row by row."""


class Alike(msgspec.Struct, frozen=True):
    """The cells of rows that are written alike, each on a line of its own."""

    columns: Columns
    plain: bool
    """No cell holds a quote, a backslash or a tab."""


class Piece:
    """Whole lines, in an encoding that says quotes, commas and ends of lines as ASCII does."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @functools.cached_property
    def shape(self) -> bytes:
        """What is left of it without everything but quotes, commas and ends of lines."""
        return self.data.translate(None, _ELSE)

    @functools.cached_property
    def row(self) -> bytes:
        """The shape of each of its rows up to the LF, where all have the same; else nothing."""
        return _repeated(self.shape)

    def alike(self, width: int, codec: str) -> Alike | None:
        """Its cells, if it is rows of so many values and nothing else, written alike; None where CSV is to be read."""
        quotes = self.shape.translate(None, b",")
        row = _repeated(quotes)
        end = b"\r\n" if row.endswith(b"\r\n") else b"\n"
        if row == b'""' * width + end:
            begin, between = '"', '","'
        elif (
            width > 1
            and row
            and self.row == b"," * (width - 1) + end
            and self.data.count(end) == len(quotes) // len(row)
        ):
            begin, between = "", ","
        else:
            return None
        rows = len(quotes) // len(row)
        # As if all were one row. Whatever stands between a quote and its comma or end of line makes cells too few.
        joined = self.data.translate(_CR_TO_COMMA, b"\n") if len(end) == 2 else self.data.replace(b"\n", b",")
        try:
            text = joined.decode(codec)
        except UnicodeDecodeError:
            return None
        if not text.startswith(begin) or not text.endswith(begin + ","):
            return None
        cells = text[len(begin) : -len(begin) - 1].split(between)
        if len(cells) != rows * width:
            return None
        plain = b"\\" not in self.data and b"\t" not in self.data
        return Alike([cells[column::width] for column in range(width)], plain)


def _repeated(shape: bytes) -> bytes:
    """The row of which the shape of several is made; nothing where they differ."""
    row = shape[: shape.find(b"\n") + 1]
    return row if row and row * (len(shape) // len(row)) == shape else b""


def first_line(data: bytes) -> int:
    """Where the first line ends."""
    ends = [at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0]
    at = min(ends, default=len(data))
    return at + 2 if data.startswith(b"\r\n", at) else at + 1

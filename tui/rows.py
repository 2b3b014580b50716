"""Rows and columns of a list, and how columns share a line's width. Pure; who paints them is `table`."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rich.cells import cell_len

from tui import text

Span = tuple[str, str]
"""Text, and the names of its styles divided by spaces."""

Line = tuple[Span, ...]

MARKER = 2
"""Cells before the first column, for the `>` of the cursor."""


class Column(msgspec.Struct, frozen=True):
    """A column of a list."""

    title: str
    """An English word of the catalogue."""
    width: int
    """In cells, on 80 of them."""
    right: bool = False
    grow: int = 0
    """Its share of the cells beyond 80."""


class Row(msgspec.Struct, frozen=True):
    """A row of a list."""

    key: str
    """What stays the same when the row changes: the cursor follows it."""
    cells: tuple[Span, ...]
    ranks: tuple[Any, ...]
    """What each column sorts by."""
    facts: Mapping[str, str]
    """What the filter looks at, in small letters."""
    copied: str
    """What `y` copies."""
    record: Mapping[str, Any]
    """What `Y` copies as JSON."""
    when: datetime.datetime | None = None


def widths(columns: Sequence[Column], width: int, skipped: int = 0) -> list[int]:
    """The width of each column on a line; 0 where it is not shown.

    The first is always there; after it `skipped` are scrolled away, and those that do not fit are left out.
    """
    room = width - MARKER
    shown: list[int] = []
    for place, column in enumerate(columns):
        hidden = 0 < place <= skipped
        need = column.width + (1 if shown and not hidden else 0)
        if hidden or need > room:
            if not hidden:
                break
            continue
        room -= need
        shown.append(place)
    found = [column.width if place in shown else 0 for place, column in enumerate(columns)]
    growing = [place for place in shown if columns[place].grow] or shown[-1:]
    total = sum(max(1, columns[place].grow) for place in growing)
    left = room
    for place in growing:
        share = room * max(1, columns[place].grow) // total
        found[place] += share
        left -= share
    if growing:
        found[growing[-1]] += left
    return found


def laid(cells: Sequence[Span], columns: Sequence[Column], sizes: Sequence[int], marker: str = "  ") -> Line:
    """A row's cells at their places: exactly a line's width in all."""
    spans: list[Span] = [(marker, "")]
    for (value, style), column, size in zip(cells, columns, sizes, strict=True):
        if size:
            if len(spans) > 1:
                spans.append((" ", ""))
            spans.append((text.fit(value, size, column.right), style))
    return tuple(spans)


def edges(left: Sequence[Span], right: Sequence[Span], width: int, gap: str = "") -> Line:
    """A line with one part at each end and a gap of that style; the left part is cut where both do not fit."""
    tail = sum(cell_len(value) for value, _ in right)
    spans: list[Span] = []
    room = max(0, width - tail)
    for value, style in left:
        size = min(cell_len(value), room)
        if size:
            spans.append((text.fit(value, size), style))
        room -= size
    return (*spans, (" " * room, gap), *right)

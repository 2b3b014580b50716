"""What verbs print: data on stdout, as JSON or as aligned columns; talk on stderr."""

import contextlib
import contextvars
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from oneroster import safe

if TYPE_CHECKING:  # every verb prints, and few need the database
    from sql.jobs import Fault

_verb = contextvars.ContextVar("verb", default="")


@contextlib.contextmanager
def verb(name: str) -> Iterator[None]:
    """What is printed is that of this verb, such as job.list."""
    before = _verb.set(name)
    try:
        yield
    finally:
        _verb.reset(before)


def data(value: Any) -> None:
    """One JSON value on stdout, in the shape that the verb's schema says."""
    if _verb.get():
        from daemon import shapes

        value = shapes.passed(_verb.get(), value)
    sys.stdout.write(safe.json(msgspec.json.format(msgspec.json.encode(value), indent=2).decode()) + "\n")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under a header, columns aligned by cells, so that wide characters keep the edges."""
    shown = [list(header), *([safe.shown(str("" if cell is None else cell)) for cell in row] for row in rows)]
    widths = [max(cells(row[index]) for row in shown) for index in range(len(header))]
    for row in shown:
        line = "  ".join(cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def problems(found: "Sequence[Fault]") -> None:
    """What is wrong with a bundle, a line each."""
    if found:
        table(
            ("FILE", "LINE", "COLUMN", "CODE", "VALUE", "MESSAGE"),
            [(one.file, one.line or "", one.column, one.code, one.value, one.problem.message) for one in found],
        )


def line(text: str) -> None:
    """One line on stdout."""
    sys.stdout.write(safe.lines(text) + "\n")


def talk(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(safe.lines(text) + "\n")


def advice(lines: Sequence[str]) -> None:
    """What to do next, on stderr, under what came of something."""
    for one in lines:
        talk(f"  {one}")


def many(count: int, one: str, more: str) -> str:
    """So many of what has these two names."""
    return f"{count:,} {one if count == 1 else more}"


def cells(text: str) -> int:
    """The columns a terminal needs for a text."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )

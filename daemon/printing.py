"""What verbs print: data on stdout, as JSON or as aligned columns; talk on stderr."""

import struct
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from sql.jobs import Fault

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What begins a formula in a spreadsheet."""


def data(value: Any) -> None:
    """One JSON value on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under a header, columns aligned by cells, so that wide characters keep the edges."""
    shown = [list(header), *([clean(str("" if cell is None else cell)) for cell in row] for row in rows)]
    widths = [max(cells(row[index]) for row in shown) for index in range(len(header))]
    for row in shown:
        line = "  ".join(cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def problems(found: Sequence[Fault]) -> None:
    """What is wrong with a bundle, a line each."""
    if found:
        table(
            ("FILE", "LINE", "COLUMN", "CODE", "VALUE", "MESSAGE"),
            [(one.file, one.line or "", one.column, one.code, one.value, one.problem.message) for one in found],
        )


def cell(text: str) -> str:
    """A cell of a CSV file for spreadsheets: nothing in it runs, and nothing in it is hidden."""
    shown = clean(text).replace("\n", "\\u000a")
    return f"'{shown}" if text[:1] in FORMULA or (text and _hidden(text[0])) else shown


def json_line(value: Any) -> str:
    """JSON on one line in which control and direction characters are escaped."""
    return "".join(
        "".join(f"\\u{unit:04x}" for unit in _units(one)) if _hidden(one) else one
        for one in msgspec.json.encode(value).decode()
    )


def line(text: str) -> None:
    """One line on stdout."""
    sys.stdout.write(clean(text) + "\n")


def talk(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(text + "\n")


def cells(text: str) -> int:
    """The columns a terminal needs for a text."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def clean(text: str) -> str:
    """Control and direction characters made visible: no value may talk to the terminal."""
    return "".join(one if one == "\n" or not _hidden(one) else f"\\u{ord(one):04x}" for one in text)


def _hidden(one: str) -> bool:
    return unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp")


def _units(one: str) -> tuple[int, ...]:
    """UTF-16, as JSON escapes are."""
    return struct.unpack(f"<{len(one.encode('utf-16-le')) // 2}H", one.encode("utf-16-le"))

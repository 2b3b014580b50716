"""Text for a terminal: nothing of a stranger's value goes out raw, and every width is counted in cells."""

from collections.abc import Iterator
from functools import lru_cache

from rich.cells import cell_len

from oneroster import safe

clean = safe.shown

CUT = "~"
"""Stands at the end of what did not fit."""


def width(text: str) -> int:
    """The cells of the cleaned text."""
    return cell_len(clean(text))


@lru_cache(maxsize=8192)
def fit(text: str, width: int, right: bool = False) -> str:
    """The cleaned text in exactly `width` cells: padded, or cut with `~` at the end."""
    shown = clean(text)
    if cell_len(shown) > width:
        shown = head(shown, width - cell_len(CUT)) + CUT if width > 0 else ""
    gap = " " * (width - cell_len(shown))
    return gap + shown if right else shown + gap


def head(text: str, width: int) -> str:
    """As much of it as fits."""
    used = 0
    for place, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return text[:place]
    return text


def figure(number: int, width: int) -> str:
    """A whole number with thousands marked where that fits."""
    marked = f"{number:,}"
    return marked if len(marked) <= width else str(number)


def wrap(text: str, width: int, lines: int) -> list[str]:
    """The cleaned text on at most `lines` lines of `width` cells, broken at spaces where there are some."""
    done: list[str] = []
    for line in _lines(clean(text), width):
        if len(done) == lines:
            done[-1] = fit(done[-1] + " " * width, width)
            return done
        done.append(line)
    return done


def _lines(text: str, width: int) -> Iterator[str]:
    while cell_len(text) > width:
        begin = head(text, width)
        space = begin.rfind(" ")
        if space > width // 2:
            begin = begin[: space + 1]
        yield begin.rstrip()
        text = text[len(begin) or 1 :]
    yield text

"""A row of a bundle as it came, on lines of the screen, with carets under the faulty cell. Pure."""

from rich.cells import cell_len

from tui import text
from tui.hands import Raw
from tui.rows import Column, Row
from tui.words import word

COLUMNS = (Column(word("LINE"), 9, right=True), Column(word("TEXT"), 68, grow=1))


def rows(raw: Raw, width: int) -> list[Row]:
    """The physical lines, folded at so many cells; a row of carets under what is marked."""
    found: list[Row] = []
    for number, line in enumerate(raw.lines):
        marks = [(begin, end) for at, begin, end in raw.marks if at == number]
        for part, (shown, carets) in enumerate(_folded(line, marks, width)):
            title = f"{raw.first + number:,}" if part == 0 else ""
            found.append(_row(f"{number} {part}", title, shown, "", line))
            if carets:
                found.append(_row(f"{number} {part} ^", "", carets, "bad", line))
    return found


def _row(key: str, title: str, shown: str, style: str, line: str) -> Row:
    return Row(
        key=key,
        cells=((title, "head"), (shown, style)),
        ranks=(key, shown),
        facts={"text": shown.casefold()},
        copied=line,
        record={"line": title, "text": line},
    )


def _folded(line: str, marks: list[tuple[int, int]], width: int) -> list[tuple[str, str]]:
    """Pieces of at most so many cells, each with the carets under it."""
    found: list[tuple[str, str]] = []
    shown = carets = ""
    for place, character in enumerate(line):
        sign = text.clean(character)
        size = cell_len(sign)
        if cell_len(shown) + size > width and shown:
            found.append((shown, carets.rstrip()))
            shown = carets = ""
        marked = any(begin <= place < end for begin, end in marks)
        shown += sign
        carets += ("^" if marked else " ") * size
    # a blank cell has no character to stand under: its comma is marked
    if any(begin == end for begin, end in marks):
        at = next(begin for begin, end in marks if begin == end)
        before = sum(cell_len(text.clean(one)) for one in line[:at])
        if not found and before < width:
            carets = carets[:before].ljust(before) + "^" + carets[before + 1 :]
    return [*found, (shown, carets.rstrip())]

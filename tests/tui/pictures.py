"""A screen as a text that can be kept and read: every line as it stands, and under it how its cells are painted.

    > 札幌市教育委員会    保留     04-01 05:02 ...
    :.22 a8 .
    ...
    .  dark #e0e0e0 on #121212 | light #1f1f1f on #e0e0e0 | none
    a  dark #ffc473 on #121212 bold | ...

A run is a letter and how many cells it goes on for; the last one of a line goes to its end, and a line without runs is
plain. Letters are told at the end, once for all themes: what is said does not depend on colours, so one text stands
for every one of them. That makes one file of 2 to 4 kB of four SVG files of 20 kB, and a changed word a changed line.
"""

import collections
import itertools
import string
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tests.tui.conftest import Shown

Cells = list[tuple[str, str]]
"""Characters and how they are painted; the second half of a wide one is ""."""


def cells(opened: Shown) -> list[Cells]:
    """What stands on the terminal, line by line."""
    app = opened.app
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    return [_line(strips) for strips in update.strips]  # type: ignore[union-attr]


def _line(strips: Sequence[Strip]) -> Cells:
    found: Cells = []
    for segment in itertools.chain.from_iterable(strips):
        style = _style(segment.style)
        for character in segment.text:
            width = cell_len(character)
            if width:
                found += [(character, style)] + [("", style)] * (width - 1)
            elif found:
                found[-1 if found[-1][0] else -2] = (found[-1 if found[-1][0] else -2][0] + character, style)
    return found


def _style(style: Style | None) -> str:
    if style is None:
        return ""
    parts = [] if style.color is None else [_colour(style.color.name)]
    parts += [] if style.bgcolor is None else ["on", _colour(style.bgcolor.name)]
    parts += [name for name in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, name)]
    return " ".join(parts)


def _colour(name: str) -> str:
    return name.removeprefix("ansi_")


def drawn(themes: Mapping[str, list[Cells]]) -> str:
    """One text for a screen as it is in these themes. What they say must be the same."""
    first, *others = themes.values()
    texts = ["".join(character for character, _ in line) for line in first]
    for other in others:
        assert ["".join(character for character, _ in line) for line in other] == texts
    looks = [
        list(zip(*([style for _, style in cells[number]] for cells in themes.values()), strict=True))
        for number in range(len(texts))
    ]
    plain = collections.Counter(itertools.chain.from_iterable(looks)).most_common(1)[0][0]
    letters = {plain: "."}
    lines = []
    for text, line in zip(texts, looks, strict=True):
        runs = [(look, len(list(found))) for look, found in itertools.groupby(line)]
        named = [(letters.setdefault(look, string.ascii_letters[len(letters) - 1]), length) for look, length in runs]
        lines.append(text.rstrip())
        if [letter for letter, _ in named] != ["."]:
            lines.append(":" + " ".join(f"{letter}{length}" for letter, length in named[:-1]) + f" {named[-1][0]}")
    legend = [
        f"{letter}  " + " | ".join(f"{name} {one}".rstrip() for name, one in zip(themes, look, strict=True))
        for look, letter in letters.items()
    ]
    return "\n".join([*lines, "", *legend]) + "\n"

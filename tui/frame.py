"""What the terminal shows, so that only lines that differ are sent: on a slow line a whole screen costs a second."""

from typing import Any

from rich.console import Console
from rich.control import Control
from textual._compositor import CompositorUpdate
from textual.screen import Screen
from textual.strip import Strip


class Frame:
    """The lines that were sent last, whichever screen they were of."""

    def __init__(self) -> None:
        self._lines: list[Strip] = []

    def forget(self) -> None:
        """Take nothing on the terminal for granted: the next update sends every line."""
        self._lines = []

    def sent(self, lines: list[Strip]) -> list[tuple[int, Strip]]:
        """Remember these as sent; those that have to be, with their places."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            return list(enumerate(lines))
        return [(y, line) for y, (line, old) in enumerate(zip(lines, before, strict=True)) if line != old]


class Update(CompositorUpdate):
    """What of a screen differs from a frame, found out when it is written."""

    def __init__(self, frame: Frame, screen: Screen[Any]) -> None:
        self._frame = frame
        self._screen = screen

    def render_segments(self, console: Console) -> str:
        """The lines with the sequences that move to them."""
        lines = [line.simplify() for line in self._screen._compositor.render_strips()]
        return "".join(
            f"{Control.move_to(0, y).segment.text}{line.render(console)}" for y, line in self._frame.sent(lines)
        )

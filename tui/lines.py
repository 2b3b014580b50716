"""A widget of ready lines that repaints only those that changed, so that a quiet screen sends no bytes."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.rows import Line


class Lines(Widget):
    """Lines of spans; a span's style is a list of component names without their `line--`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--bar",
        "line--mark",
        "line--head",
        "line--dim",
        "line--good",
        "line--warn",
        "line--bad",
        "line--busy",
        "line--cursor",
        "line--alarm",
    }
    DEFAULT_CSS = """
    Lines {
        height: auto;
        width: 100%;
        color: $foreground;
        background: $background;
        & > .line--bar { background: $panel; text-style: bold; }
        & > .line--mark { text-style: bold reverse; }
        & > .line--head { text-style: bold; }
        & > .line--dim { text-style: dim; }
        & > .line--good { color: $text-success; }
        & > .line--warn { color: $text-warning; text-style: bold; }
        & > .line--bad { color: $text-error; text-style: bold; }
        & > .line--busy { color: $text-primary; }
        & > .line--cursor { text-style: reverse; }
        & > .line--alarm { color: $text-error; text-style: bold reverse; }
    }
    """

    def __init__(self, height: int = 1, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.styles.height = height
        self.lines: tuple[Line, ...] = ()

    def put(self, lines: Sequence[Line]) -> None:
        """Show these lines."""
        new, old = tuple(lines), self.lines
        self.lines = new
        changed = [
            Region(0, y, self.size.width, 1)
            for y in range(max(len(new), len(old)))
            if y >= len(new) or y >= len(old) or new[y] != old[y]
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """A line as the compositor wants it."""
        plain = self.rich_style
        line = self.lines[y] if y < len(self.lines) else ()
        segments = [Segment(value, self._style(names, plain)) for value, names in line]
        return Strip(segments).adjust_cell_length(self.size.width, plain).simplify()

    def _style(self, names: str, plain: Style) -> Style:
        style = plain
        for name in names.split():
            style += self.get_component_rich_style(f"line--{name}", partial=True)
        return style

"""A line to type into, as Japanese is typed, too."""

from textual import events
from textual.widgets import Input

WIDE_SPACE = "\u3000"
"""Between a family name and a given one; to Python no printable character, and so to the toolkit's own line no key."""


class Typed(Input):
    """Takes the wide space like any other character."""

    def on_key(self, event: events.Key) -> None:
        if event.character == WIDE_SPACE:
            event.stop()
            event.prevent_default()
            self.replace(WIDE_SPACE, *self.selection)

"""The themes of the screens, and the one a terminal begins with."""

import dataclasses
import os

from textual.theme import BUILTIN_THEMES, Theme

from tui.words import word

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#ffffff",
    accent="#00ffff",
    success="#00ff00",
    warning="#ffff00",
    error="#ff8080",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    text_alpha=1.0,
)
DARK = BUILTIN_THEMES["textual-dark"]
# The toolkit's own warning is an orange that is hard to read on white.
LIGHT = dataclasses.replace(
    BUILTIN_THEMES["textual-light"], variables={**BUILTIN_THEMES["textual-light"].variables, "text-warning": "#8a4b00"}
)
OURS = (HIGH_CONTRAST, LIGHT)
TITLES = {
    DARK.name: word("dark"),
    LIGHT.name: word("light"),
    HIGH_CONTRAST.name: word("high contrast"),
    "ansi-dark": word("dark, in the terminal's own colours"),
    "ansi-light": word("light, in the terminal's own colours"),
}


def first(*, plain: bool) -> str:
    """The name of the theme to begin with; `plain` wants no colours but the terminal's own."""
    if plain:
        return "ansi-dark"
    chosen = os.environ.get("TEXTUAL_THEME")
    if chosen:
        return chosen
    # Some terminals tell their colours: a background of 7 or 15 is a light one.
    light = os.environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")
    return LIGHT.name if light else DARK.name

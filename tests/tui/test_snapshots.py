"""Every screen as it looks, kept beside this file. `SNAPSHOTS=write` keeps new looks (make snapshots)."""

import os
from pathlib import Path

import pytest

from tests.tui import pictures

KEPT = Path(__file__).parent / "snapshots"
WRITING = "SNAPSHOTS"

SCREENS = {
    "overview": ("down",),
    "jobs": ("2", "down", "down", "down"),
    "job": ("2", "down", "down", "enter", "down", "down"),
    "diff": ("2", "down", "down", "down", "down", "down", "enter", "tab"),
    "audit": ("3",),
}
THEMES = {"dark": "textual-dark", "light": "textual-light", "high": "high-contrast"}
LOCALES = {"en": "en_GB.UTF-8", "ja": "ja_JP.UTF-8"}


@pytest.fixture
def drawn(still, shown, monkeypatch):
    """A screen, as a text, in every theme and without colours."""

    async def draw(screen: str, size: tuple[int, int], language: str) -> str:
        monkeypatch.setenv("LANG", LOCALES[language])
        themes = {}
        async with shown(still, size=size) as opened:
            await opened.press(*SCREENS[screen])
            for name, theme in THEMES.items():
                opened.app.theme = theme
                await opened.settle()
                themes[name] = pictures.cells(opened)
        monkeypatch.setenv("NO_COLOR", "1")
        async with shown(still, size=size) as opened:
            await opened.press(*SCREENS[screen])
            themes["none"] = pictures.cells(opened)
        return pictures.drawn(themes)

    return draw


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_looks_as_it_did(screen, size, language, drawn):
    picture = await drawn(screen, size, language)
    file = KEPT / f"{screen}-{size[0]}x{size[1]}-{language}.txt"
    if os.environ.get(WRITING) == "write":
        file.write_text(picture, encoding="utf-8")
    assert picture == file.read_text(encoding="utf-8"), f"{screen} looks different; {WRITING}=write keeps the new look"


def test_no_picture_is_kept_of_a_screen_that_is_gone():
    assert {file.name.partition("-")[0] for file in KEPT.iterdir()} == set(SCREENS)

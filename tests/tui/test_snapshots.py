"""Every screen as a picture, kept beside this file. `SNAPSHOTS=write` keeps new ones."""

import os
import re
from pathlib import Path

import pytest

KEPT = Path(__file__).parent / "snapshots"
WRITING = "SNAPSHOTS"

SCREENS = {
    "overview": ("down",),
    "jobs": ("2", "down", "down", "down"),
    "job": ("2", "down", "down", "enter", "down", "down"),
    "diff": ("2", "down", "down", "down", "down", "down", "enter", "tab"),
    "audit": ("3",),
}


def stripped(picture: str) -> str:
    """Without what is drawn anew each time: the ids of the picture."""
    return re.sub(r"terminal-\d+", "terminal", picture)


@pytest.mark.parametrize("colours", ["dark", "none"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_looks_as_it_did(screen, size, colours, still, shown, monkeypatch):
    if colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
    async with shown(still, size=size) as opened:
        await opened.press(*SCREENS[screen])
        picture = stripped(opened.app.export_screenshot(title="RosterHub"))
    file = KEPT / f"{screen}-{size[0]}x{size[1]}-{colours}.svg"
    if os.environ.get(WRITING) == "write":
        file.write_text(picture, encoding="utf-8")
    assert picture == file.read_text(encoding="utf-8"), f"{screen} looks different; {WRITING}=write keeps the new look"

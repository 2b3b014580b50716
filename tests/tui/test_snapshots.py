"""Every screen as it looks, kept beside this file. `SNAPSHOTS=write` keeps new looks (make snapshots)."""

import datetime
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from daemon import config, screens
from daemon.here import Here
from tests.tui import hub, pictures
from tui.hands import Said

SECOND = datetime.timedelta(seconds=1)

KEPT = Path(__file__).parent / "snapshots"
WRITING = "SNAPSHOTS"

SCREENS = {
    "overview": ("down",),
    "jobs": ("2", "down", "down", "down"),
    "job": ("2", "down", "down", "enter", "down", "down"),
    "diff": ("2", "down", "down", "down", "down", "down", "enter", "tab"),
    "audit": ("3",),
    "record": ("2", *["down"] * 5, "enter", "tab", "down", "enter", "enter"),
    "clients": ("4", "down", "down"),
    "tenants": ("5", "down"),
    "logs": ("6",),
    "deliver": ("colon", "deliver", "enter"),
    "approve": ("2", *["down"] * 5, "A"),
    "actions": ("2", *["down"] * 5, "a", "down", "down"),
    "settings": ("5", "enter"),
}
DELIVER = {"en": [*"deliver"], "ja": [*"投入"]}
"""What is typed to find that command."""

LOG = (
    Said("1", hub.NOW - 11 * SECOND, "info", "ingest", "job=7f3a91c2 merge 74% rows=302110", {}),
    Said("2", hub.NOW - 9 * SECOND, "warning", "doors", "auth failed user=kita-sftp ip=198.51.100.4", {}),
    Said("3", hub.NOW - 2 * SECOND, "error", "doors", "tenant=minato host key changed; refused", {}),
)
THEMES = {"dark": "textual-dark", "light": "textual-light", "high": "high-contrast"}
LOCALES = {"en": "en_GB.UTF-8", "ja": "ja_JP.UTF-8"}


@pytest.fixture
def drawn(still, shown, monkeypatch, tmp_path):
    """A screen, as a text, in every theme and without colours."""
    here = Here(config.Settings(state=tmp_path / "state"))
    here.enter(still)

    async def logs() -> AsyncIterator[list[Said]]:
        yield list(LOG)

    hands = msgspec.structs.replace(screens.hands(here, still), logs=logs)

    async def draw(screen: str, size: tuple[int, int], language: str) -> str:
        monkeypatch.setenv("LANG", LOCALES[language])
        themes = {}
        keys = [DELIVER[language] if key == "deliver" else key for key in SCREENS[screen]]
        async with shown(still, size=size, hands=hands) as opened:
            await opened.press(*keys)
            await opened.look()
            for name, theme in THEMES.items():
                opened.app.theme = theme
                await opened.settle()
                themes[name] = pictures.cells(opened)
        monkeypatch.setenv("NO_COLOR", "1")
        async with shown(still, size=size, hands=hands) as opened:
            await opened.press(*keys)
            await opened.look()
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


WORD = re.compile(r"[A-Za-z]{2,}")
NAMES = {
    "keys, formats": "Enter Esc Tab Shift Ctrl Home End PgUp PgDn DB SFTP HTTP JSON CSV IP ID OSC SHA JST HH MM GB",
    "words of commands": """rosterhub job tenant set approve client deliver record show reason confirm
        add ingest file due grace quota none auto cp dry run TENANT BUNDLE""",
    "people, boards, machines": """RosterHub demo kita kitakyushu minato sapporo naha lms prod old sis sftp example jp
        roster drop srv out sato tty Demo School Kita High Minato Ward high""",
    "files and ids": "RO csv zip aa xx cd fa ZXZpbA bG zLXByb byte at",
    "the standard's": """academicSessions classes enabledUser enrollments givenName grades kan kanaFamilyName metadata
        name orgs sourcedId startDate status title username userSourcedId users enable core readonly demographics""",
    "codes": "BOM DATE ENC ENUM NO REF REQUIRED ROLE TEXT",
    "actions of the log": "api db login read migrate overlap rejected rotate",
    "lines of the journal": """INFO WARN ERROR doors auth changed failed host ingest ip key merge refused rows user""",
}
KNOWN = {name for names in NAMES.values() for name in names.split()}


def test_no_english_word_but_names_stands_on_a_japanese_screen():
    found = {}
    for file in sorted(KEPT.glob("*-ja.txt")):
        text = file.read_text(encoding="utf-8").rpartition("\n\n")[0]
        lines = [line for line in text.split("\n") if not line.startswith(":")]
        english = set(WORD.findall("\n".join(lines))) - KNOWN
        if english:
            found[file.name] = english
    assert found == {}


def test_no_picture_is_kept_of_a_screen_that_is_gone():
    assert {file.name.partition("-")[0] for file in KEPT.iterdir()} == set(SCREENS)

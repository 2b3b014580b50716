"""The hub of `hub.py` in a database of its own, and the screens upon it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from daemon import config, screens
from daemon.here import Here
from sql import audit
from tests.tui import hub
from tui.app import RosterHub
from tui.hands import Hands
from tui.lines import Lines


@pytest.fixture(scope="session")
def still(server: str, template: str) -> Iterator[str]:
    """The hub for tests that only look."""
    name = f"still_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(
            SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(Identifier(name), Identifier(template))
        )
    conninfo = make_conninfo(server, dbname=name)
    asyncio.run(hub.fill(conninfo))
    yield conninfo
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
async def moving(conninfo: str) -> str:
    """The hub for tests that change it."""
    await hub.fill(conninfo)
    return conninfo


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in Japan that speaks English."""
    for name in ("TZ", "NO_COLOR", "COLORFGBG", "TEXTUAL_THEME", "LC_ALL", "LC_MESSAGES", "LANG", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


class Shown:
    """The application on a screen that is not there, and what stands on it."""

    def __init__(self, app: RosterHub, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str | list[str]) -> None:
        """Press keys, and after each, or each list of them, wait for what they set off.

        Not the pilot's own way: that waits for the processor to be idle, 40 ms for each key.
        """
        for key in keys:
            for one in [key] if isinstance(key, str) else key:
                character = one if len(one) == 1 else None
                named = _character_to_key(one) if character and not one.isalnum() else one
                self.app.post_message(events.Key(named, character))
                await self.pilot.pause(0)
            await self.settle()

    async def settle(self) -> None:
        """Wait until every message is handled and nobody looks at the database any more."""
        for _ in range(3):
            await self.pilot.pause(0)
            await self.app.workers.wait_for_complete()
        await self.pilot.pause(0)

    async def type(self, *fields: str) -> None:
        """Type into a dialog, from its first field on; Enter goes to the next, and at last to the button."""
        for text in fields:
            await self.press(["end", "ctrl+u", *text], "enter")

    async def confirm(self) -> None:
        """Press the button of the deed, on which Enter in the last field ends, or on Cancel if nothing was typed."""
        assert self.app.focused is not None and self.app.focused.id in ("do", "cancel"), self.text
        await self.press(*(["tab"] if self.app.focused.id == "cancel" else []), "enter")

    async def look(self) -> None:
        """What the clock does once a second."""
        self.app.look()
        await self.settle()

    async def looked(self) -> None:
        """Wait for the next look at the database to end."""
        before = self.app.looks
        while self.app.looks == before:
            await self.pilot.pause(0.01)
        await self.pilot.pause()

    def paintings(self) -> list[object]:
        """A list that grows with everything that is painted from now on."""
        painted: list[object] = []
        display = self.app._display
        self.app._display = lambda screen, what: (painted.append(what), display(screen, what))  # type: ignore[method-assign]
        return painted

    @property
    def lines(self) -> list[str]:
        """Every line of every visible widget, from the top."""
        shown = [one for one in self.app.screen.query(Lines) if one.display]
        return ["".join(value for value, _ in line) for one in shown for line in one.lines]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def line(self, part: str) -> str:
        """The one line with this in it."""
        found = [line for line in self.lines if part in line]
        assert len(found) == 1, f"{part!r} on {len(found)} lines of\n{self.text}"
        return found[0]


@pytest.fixture
def shown() -> Callable[..., object]:
    """Opens the application on a database, with the clock of the hub standing still."""

    @asynccontextmanager
    async def show(
        conninfo: str, *, size: tuple[int, int] = (80, 24), period: float = 3600.0, **options: object
    ) -> AsyncIterator[Shown]:
        app = RosterHub(conninfo, clock=lambda: hub.NOW, **options)  # type: ignore[arg-type]
        app.period = period
        async with app.run_test(size=size) as pilot:
            opened = Shown(app, pilot)
            await opened.settle()
            yield opened

    return show


class OurHands(Hands, frozen=True):
    """Those of the daemon, with the key they work with."""

    master: bytes = b""


@pytest.fixture
def hands(moving: str, tmp_path: Path) -> OurHands:
    """What the daemon hands in, for a state folder of the test's own and a person called hanako."""
    here = Here(config.Settings(state=tmp_path / "state"))
    here.enter(moving)
    made = screens.hands(here, moving)
    fields = {name: getattr(made, name) for name in made.__struct_fields__}
    return OurHands(**{**fields, "actor": audit.Actor("hanako", "operator", "tty1"), "master": here.master})

"""The terminal screens of RosterHub: `run` is what `rosterhub tui` calls."""

import asyncio
import datetime
import getpass
import os
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.binding import BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker

from oneroster.refused import Refused
from sql import audit, database, news, tenants
from sql.database import People
from sql.tenants import Tenant, UnknownTenant
from tui import copying, deeds, deliver, keys, record, refusals, surroundings, themes, times
from tui.audit import Audit, Verify
from tui.clients import Clients
from tui.deeds import Deed
from tui.dialog import Dialog
from tui.frame import Frame, Update
from tui.hands import Hands
from tui.jobs import Jobs
from tui.listing import Listing
from tui.logs import Logs
from tui.overview import Overview
from tui.picker import Choice, Picker
from tui.source import Away, Source
from tui.surroundings import Surroundings
from tui.tenants import Tenants
from tui.terminal import Terminal
from tui.words import say, word

PERIOD = 1.0
"""Seconds between looks at the database."""

RELISTEN = 5.0
"""Seconds until one listens again after an outage."""

PATIENCE = 0.3
"""Seconds that a new screen waits for its rows at most, before it is shown without them."""

NO_TERMINAL = 64
"""The exit code for a call without a terminal (quality: exit codes)."""

ALL = "*"


class RosterHub(App[int]):
    """Reads the hub's database once a second and shows what changed."""

    BINDINGS: ClassVar[list[BindingType]] = []
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    TITLE = "RosterHub"
    CSS = ".-theme-high-contrast Lines > .line--dim { text-style: none; }"
    SCREENS: ClassVar[dict[str, Callable[[], Listing]]] = {  # type: ignore[assignment]
        "overview": Overview,
        "jobs": Jobs,
        "audit": Audit,
        "clients": Clients,
        "tenants": Tenants,
        "logs": Logs,
    }

    def __init__(
        self,
        conninfo: str,
        *,
        read_only: bool = False,
        role: People = "admin",
        tenant: str | None = None,
        state: Path | None = None,
        hands: Hands | None = None,
        verify: Verify | None = None,
        clock: Callable[[], datetime.datetime] | None = None,
    ) -> None:
        plain = "NO_COLOR" in os.environ
        super().__init__(driver_class=Terminal, ansi_color=True if plain else None)
        for ours in themes.OURS:
            self.register_theme(ours)
        self.theme = themes.DARK.name  # away from TEXTUAL_THEME and back: a theme of our own was not known to it yet
        self.theme = themes.first(plain=plain)
        self.animation_level = "none"
        self.role: People = role
        self.read_only = read_only
        self.tenant = tenant
        self.state = state
        self.hands = hands
        self.actor = hands.actor if hands else audit.Actor(getpass.getuser())
        self.verify = verify
        self.clock = clock or _now
        self.zone = times.zone()
        self.surroundings = Surroundings()
        self.changed_at = self.clock()
        self.away = False
        self.period = PERIOD
        # Read-only goes down to the database: its viewer may change nothing.
        self.source = Source(conninfo, "viewer" if read_only else role)
        self._conninfo = conninfo
        self._listening: asyncio.Task[None] | None = None
        self._hearing: Timer | None = None
        self._painted = 0.0
        self._held: Listing | None = None
        self._frame = Frame()
        self._looker: Worker[None] | None = None
        self._again = False
        self.looks = 0
        self._tenant_before: list[str | None] = []

    @property
    def scope(self) -> str:
        """Whose rows are shown."""
        return say("all tenants") if self.tenant is None else self.surroundings.tenant or self.tenant

    @property
    def away_sentence(self) -> str:
        """What the banner says."""
        at = times.clock(self.changed_at, self.zone)
        return say("The database does not answer. This is how it was at {time}.", time=at)

    @property
    def listing(self) -> Listing | None:
        """The screen on top that shows the hub; None under a dialog, and once all are being closed."""
        top = self.screen_stack[-1] if self.screen_stack else None
        return top if isinstance(top, Listing) else None

    async def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.redraw())
        await self.push_screen("overview")
        self.set_interval(self.period, self.look_again)
        self._listening = asyncio.create_task(self._listen())

    async def on_unmount(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
        await self.source.close()

    # Painting

    def hold(self, screen: Listing) -> None:
        """Send nothing of a new screen before it has its rows: on a slow line an empty one costs a second."""
        self._held = screen
        self.set_timer(PATIENCE, self._release)

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None and held.there:
            held.refresh()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if screen is self._held:
            return
        if isinstance(renderable, CompositorUpdate) and not self.is_inline:
            renderable = Update(self._frame, screen)
        super()._display(screen, renderable)

    def on_resize(self) -> None:
        self._frame.forget()

    def redraw(self) -> None:
        """Send every line once more, whatever else has written to the terminal meanwhile."""
        self._frame.forget()
        self.screen.refresh()

    # Looking

    def look_again(self) -> None:
        """What the clock does: look, unless a change that was heard of has just been painted."""
        if time.monotonic() - self._painted > 0.95 * self.period:
            self.look()

    def look(self) -> None:
        """Look at the database soon: now, or once the look under way has ended."""
        if self._looker is not None and self._looker.is_running:
            self._again = True
        else:
            self._looker = self.run_worker(self._look(), group="look")

    async def _listen(self) -> None:
        """Look as soon as a job or a tenant changes, but no sooner than a period after the last painting."""
        while True:
            try:
                async with aclosing(news.heard(self._conninfo)) as heard:
                    async for _ in heard:
                        self._hear()
            except database.OUTAGE:
                await asyncio.sleep(RELISTEN)

    def _hear(self) -> None:
        if self._hearing is None:
            wait = max(0.01, self._painted + self.period - time.monotonic())
            self._hearing = self.set_timer(wait, self._heard)

    def _heard(self) -> None:
        self._hearing = None
        self.look()

    async def _look(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            self.looks += 1
            screen = self.listing
            if screen is None:
                return
            try:
                async with self.source.reading() as conn:
                    seen = await surroundings.look(conn, self.state, self.tenant, self.surroundings)
                    found = await screen.fetch(conn)
            except Away:
                self._set_away(screen, True)
                return
            except UnknownTenant as error:
                self.exit(error.exit_code, error.exit_code, f"{error} {error.hint}")
                return
            self._set_away(screen, False)
            self._show(screen, seen, found)

    def _show(self, screen: Listing, seen: Surroundings, found: Any) -> None:
        if not screen.there:
            return
        around = seen != self.surroundings
        self.surroundings = seen
        if (found is not None and screen.take(found)) or around:
            self.changed_at = self.clock()
            self._painted = time.monotonic()
            screen.paint()
        if screen is self._held:
            self.call_after_refresh(self._release)

    def _set_away(self, screen: Listing, away: bool) -> None:
        if away != self.away:
            self.away = away
            if screen.there:
                screen.paint()

    def copy(self, text: str) -> str:
        """Hand it to the terminal's clipboard; else to a file, and what is to be said of that."""
        self._clipboard = text
        if not copying.deaf():
            if self._driver is not None:
                self._driver.write(copying.sequence(text))
            return ""
        try:
            return say("This terminal has no clipboard: copied to {file}.", file=str(copying.keep(text)))
        except OSError as error:
            return say("Not copied: {reason}", reason=error.strerror or type(error).__name__)

    def _fatal_error(self) -> None:
        # The toolkit's own report shows every variable, and a password may be among them: `run` raises it instead.
        self._close_messages_no_wait()

    # Going about

    def action_go(self, name: str) -> None:
        """To one of the screens of the second line."""
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if name == "overview" and self._tenant_before:
            self.tenant = self._tenant_before.pop()
        self.switch_screen(name)

    def back(self, screen: Listing, *, quitting: bool) -> None:
        """From a screen to the one it was opened from; from the first, out."""
        if not screen.is_current:  # a second key, while it is on its way out
            return
        if len(self.screen_stack) > 2:
            self.pop_screen()
        elif not isinstance(screen, Overview):
            self.action_go("overview")
        elif quitting:
            self.exit(0)

    def open_tenant(self, code: str, job: uuid.UUID | None) -> None:
        """The jobs of one tenant with the cursor on this one; back on the Overview all tenants are there again."""
        self._tenant_before = [self.tenant]
        self.tenant = code
        self.get_screen("jobs", Jobs).begin(job)
        self.action_go("jobs")

    def set_tenant(self, code: str) -> None:
        """Show one tenant only, or all."""
        self._tenant_before = []
        self.tenant = None if code == ALL else code
        self.look()

    # Doing

    def refusal(self, deed: Deed) -> str:
        """Why something cannot be done, "" where it can."""
        return deeds.refusal(deed, self.role, read_only=self.read_only)

    def choose_deed(self, found: Sequence[Deed]) -> None:
        """A list of what can be done; what cannot is dim and says why."""
        choices = [
            Choice(one.name, one.title, refused or one.key, refused) for one in found for refused in [self.refusal(one)]
        ]
        by_name = {one.name: one for one in found}
        columns = (word("DEED"), word("KEY OR WHY NOT"))
        self.push_screen(Picker(say("Actions"), columns, choices, lambda name: self.begin(by_name[name]), width=32))

    def begin(self, deed: Deed) -> None:
        """Open the dialog of a deed, unless it is refused."""
        refused = self.refusal(deed)
        if refused:
            self.note(refused)
        else:
            self.run_worker(self._begin(deed), group="choose")

    async def _begin(self, deed: Deed) -> None:
        try:
            asked = await deed.ask()
        except Refused as error:
            self.note(refusals.told(error))
        except (Away, *database.OUTAGE):
            self.note(say("The database does not answer."))
            self.look()
        else:
            if self.is_running:
                self.push_screen(Dialog(asked))

    def note(self, said: str) -> None:
        """A note on the screen on top, and in the dialog that covers it."""
        if self.listing is not None:
            self.listing.say(said)
        if isinstance(self.screen, Dialog):
            self.screen.note(said)

    def want(self, key: str) -> None:
        """Put the cursor of the screen under the dialog on this row, once it has come."""
        below = next((one for one in reversed(self.screen_stack) if isinstance(one, Listing)), None)
        if below is not None:
            below.wanted = key

    # Choosing

    def action_choose_tenant(self) -> None:
        self.run_worker(self._choose_tenant(), group="choose")

    async def _choose_tenant(self) -> None:
        every = await self.tenants()
        if every is None or not self.is_running:
            return
        choices = [Choice(ALL, "*", say("all tenants")), *map(_tenant_choice, every)]
        self.push_screen(Picker(say("Tenant"), (word("CODE"), word("NAME")), choices, self.set_tenant, width=32))

    async def tenants(self) -> list[Tenant] | None:
        """All tenants by code, None while the database is away."""
        try:
            async with self.source.reading() as conn:
                return await tenants.every(conn)
        except Away:
            self.look()
            return None

    def action_choose_command(self) -> None:
        commands = [one for one in keys.EVERYWHERE if one.command]
        choices = [Choice(one.action, say(one.shown), say(one.does)) for one in commands]
        for name, title in themes.TITLES.items():
            choices.append(Choice(f"app.set_theme('{name}')", "", say("Theme {name}", name=say(title))))
        self.push_screen(Picker(say("Command"), (word("KEY"), word("DOES")), choices, self.perform, width=14))

    def action_keys(self) -> None:
        own = self.listing.own_keys if self.listing is not None else ()
        others = [one for one in (*keys.JOB, *keys.AUDIT, *keys.LOGS) if one not in own]
        listed = [one for one in (*own, *keys.EVERYWHERE, *others) if one.keys]
        choices = [Choice(one.action, say(one.shown), say(one.does)) for one in listed]
        self.push_screen(Picker(say("Keys"), (word("KEY"), word("DOES")), choices, self.perform, width=14))

    def action_ask_record(self) -> None:
        self.push_screen(Dialog(record.ask(self)))

    def action_ask_delivery(self) -> None:
        self.begin(deliver.deed(self))

    def action_set_theme(self, name: str) -> None:
        self.theme = name

    def perform(self, action: str) -> None:
        """Do what a key would have done on the screen below."""
        self.call_later(self.run_action, action, self.screen)


def _tenant_choice(one: Tenant) -> Choice:
    return Choice(one.code, one.code, one.name)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


async def run(
    conninfo: str,
    *,
    read_only: bool,
    role: People = "admin",
    tenant: str | None = None,
    state: Path | None = None,
    hands: Hands | None = None,
    verify: Verify | None = None,
    isatty: bool = True,
) -> int:
    """Show the screens until the operator quits; returns the exit code.

    `state` is the folder whose disk the first line tells of; `verify` verifies the audit log. Without a terminal: one
    line on stderr, and 64.
    """
    if not isatty:
        sys.stderr.write(say("rosterhub tui needs a terminal; scripts use `rosterhub job list --json`.") + "\n")
        return NO_TERMINAL
    app = RosterHub(conninfo, read_only=read_only, role=role, tenant=tenant, state=state, hands=hands, verify=verify)
    # Without the mouse the terminal's own selection works.
    code = await app.run_async(mouse=False)
    if app._exception is not None:
        raise app._exception
    return app.return_code or 0 if code is None else code

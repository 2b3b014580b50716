"""The dialog of a deed: what it does, how it is undone, what must be typed for it. Enter alone never does it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from oneroster.refused import Refused
from sql import database
from tui import refusals, text, words
from tui.lines import Lines
from tui.rows import Line
from tui.source import Away
from tui.stage import Stage
from tui.typed import Typed
from tui.words import say, word

if TYPE_CHECKING:
    from tui.app import RosterHub

WIDTH = 76
"""Cells, the border's two and a blank on each side among them."""
LABEL = 38
"""Cells for what a field is called, at most: what is shorter leaves more to the field."""
ROOM = WIDTH - 4
KEYS = word("Enter Tab next  Up back  Esc cancel")


class Field(msgspec.Struct, frozen=True):
    """Something to be typed."""

    name: str
    label: str
    value: str = ""
    wanted: str = ""
    """What must be typed, and nothing else; empty for anything."""
    needed: bool = True
    suggester: Suggester | None = None
    """Completes what is typed; Right takes it."""


class Done(msgspec.Struct, frozen=True):
    """What came of a deed."""

    note: str
    """Shown on the screen below."""
    lines: tuple[str, ...] = ()
    """Shown in the dialog, once, until it is closed."""
    then: Callable[[], object] | None = None
    """Called once the dialog is closed."""


class Ask(msgspec.Struct, frozen=True):
    """A dialog. Its texts are in the operator's language already."""

    title: str
    effect: tuple[str, ...]
    """What will be, and how that is undone."""
    fields: tuple[Field, ...]
    button: str
    do: Callable[[Mapping[str, str]], Awaitable[Done]]
    """Does it with what was typed; what it raises is shown, and the dialog stays."""
    twin: str = ""
    """The command that does the same."""


class Button(Lines, can_focus=True):
    """`[ Cancel ]`; Enter on it presses it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "press", show=False)]

    class Pressed(Message):
        """It was pressed."""

        def __init__(self, button: "Button") -> None:
            super().__init__()
            self.button = button

    def __init__(self, title: str, *, id: str) -> None:
        super().__init__(1, id=id)
        self.title = title
        self.styles.width = text.width(self.title) + 6

    def on_mount(self) -> None:
        self.show(self.has_focus)

    def on_focus(self) -> None:
        self.show(True)

    def on_blur(self) -> None:
        self.show(False)

    def show(self, marked: bool) -> None:
        """`has_focus` changes only after the events that tell of it."""
        self.put([((f" [ {self.title} ]", "mark" if marked else ""),)])

    def action_press(self) -> None:
        self.post_message(self.Pressed(self))


class Dialog(Stage):
    """Asks, and does it when everything is typed as it must be."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background; }
    Dialog > #box { width: 76; height: auto; max-height: 100%; border: ascii $foreground; padding: 0 1;
                    background: $background; }
    Dialog .field { height: 1; width: 100%; }
    Dialog #said { margin-bottom: 1; }
    Dialog Input { height: 1; border: none; padding: 0; width: 1fr; background: $panel; }
    Dialog #buttons { height: 1; align-horizontal: right; }
    Dialog #keys { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("ctrl+c,ctrl+q", "app.quit", show=False, priority=True),
    ]

    app: "RosterHub"

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self.ask = ask
        self.busy = False
        self.ended = False

    def compose(self) -> ComposeResult:
        said = self._said()
        with Vertical(id="box") as box:
            box.border_title = f" {text.clean(self.ask.title)} "
            yield Lines(len(said), id="said")
            for field in self.ask.fields:
                with Horizontal(classes="field"):
                    label = Lines(1, id=f"label-{field.name}")
                    label.styles.width = self._label
                    yield label
                    given = Typed(
                        text.clean(field.value), id=f"field-{field.name}", compact=True, suggester=field.suggester
                    )
                    given.cursor_blink = False
                    yield given
            yield Lines(3, id="trouble")
            with Horizontal(id="buttons"):
                yield Lines(1, id="keys")
                yield Button(say("Cancel"), id="cancel")
                if self.ask.button:
                    yield Button(self.ask.button, id="do")

    @property
    def _label(self) -> int:
        return min(LABEL, max((text.width(one.label) for one in self.ask.fields), default=0) + 1)

    def _said(self) -> list[Line]:
        told = [line for one in self.ask.effect for line in text.wrap(one, ROOM, 6)]
        if self.ask.twin:
            told += text.wrap(say("Same as: {command}", command=self.ask.twin), ROOM, 3)
        return [((one, ""),) for one in told]

    def on_mount(self) -> None:
        self.query_one("#said", Lines).put(self._said())
        for field in self.ask.fields:
            self.query_one(f"#label-{field.name}", Lines).put([((text.fit(field.label, self._label), "head"),)])
        if self.ask.fields:
            self.query_one("#keys", Lines).put([((say(KEYS), "dim"),)])
        first = f"#field-{self.ask.fields[0].name}" if self.ask.fields else "#cancel"
        self.query_one(first).focus()

    def tell(self, said: str, style: str = "bad") -> None:
        """A sentence over the buttons."""
        if not self.there:  # the screens were ended meanwhile
            return
        lines = text.wrap(said, ROOM, 3) if said else []
        self.query_one("#trouble", Lines).put([((line, style),) for line in lines])

    def note(self, said: str) -> None:
        """What was begun before has ended meanwhile; a deed under way has the last word."""
        if not self.busy and not self.ended:
            self.tell(said, "")

    @property
    def typed(self) -> dict[str, str]:
        """What stands in the fields."""
        return {one.name: self._typed(one) for one in self.ask.fields}

    def _typed(self, field: Field) -> str:
        # What steers a terminal is shown as an escape; left as it stands, it stays what it was.
        found = self.query_one(f"#field-{field.name}", Input).value
        return (field.value if found == text.clean(field.value) else found).strip()

    @on(Input.Submitted)
    def go_on(self, event: Input.Submitted) -> None:
        """Enter in a field goes to the next, and behind the last to the deed once all is typed as it must be.

        Where nothing was typed it is Cancel: Enter alone never does anything.
        """
        if event.input.id != f"field-{self.ask.fields[-1].name}":
            self.focus_next()
        elif all(self._typed(one) == one.value.strip() for one in self.ask.fields):
            self.query_one("#cancel").focus()
        elif self._is_whole():
            self.query_one("#do").focus()

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "cancel":
            self.action_close()
        elif not self.busy and not self.ended:
            self._try()

    def _left(self) -> None:
        """Say on the screen below that nothing came of it, where something would have."""
        if self.ask.button and not self.ended and len(self.app.screen_stack) > 1:
            self.app.note(say("Nothing was done."))

    def _is_whole(self) -> bool:
        """Whether all is typed as it must be; what is not gets the cursor, and a sentence."""
        typed = self.typed
        for field in self.ask.fields:
            value = typed[field.name]
            if field.wanted and value.replace(",", "") != field.wanted:
                self.tell(say("{field} Type {wanted} to go on.", field=field.label, wanted=field.wanted))
            elif field.needed and not value:
                self.tell(say("{field} Something must stand here.", field=field.label))
            else:
                continue
            self.query_one(f"#field-{field.name}").focus()
            return False
        self.tell("")
        return True

    def _try(self) -> None:
        if not self._is_whole():
            return
        typed = self.typed
        self.busy = True
        self.tell(say("One moment, please"), "dim")
        self.app.run_worker(self._do(typed), group="deed")

    async def _do(self, typed: Mapping[str, str]) -> None:
        try:
            done = await self.ask.do(typed)
        except database.NotAllowed:
            role = say(words.ROLES[self.app.role])
            self.tell(say("The database does not allow this to the role {role}. Nothing was changed.", role=role))
        except Refused as error:
            self.tell(refusals.told(error))
        except (Away, *database.OUTAGE, TimeoutError):
            self.tell(say("The database did not answer. Look whether it was done before you try again."))
        except OSError as error:
            self.tell(say("It cannot be read: {why}.", why=error.strerror or str(error)))
        else:
            self.busy = False
            self._end(done)
        finally:
            self.busy = False

    def _end(self, done: Done) -> None:
        self.ended = True  # whatever was pressed meanwhile does nothing
        if not self.there:
            return
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        if not done.lines:
            self.action_close()
            if done.then is not None:
                self.app.call_later(done.then)
            elif below is not None:
                self.app.note(done.note)
            return
        told = [line for one in done.lines for line in text.wrap(one, ROOM, 6)]
        shown = self.query_one("#said", Lines)
        shown.styles.height = len(told)
        shown.put([((one, "head"),) for one in told])
        for one in self.query(".field"):
            one.display = False
        self.query_one("#do").display = False
        self.query_one("#keys").display = False
        self.tell("")
        self.query_one("#cancel", Button).title = say("Close")
        self.query_one("#cancel", Button).focus()

    def action_close(self) -> None:
        """Leave everything as it is."""
        if not self.busy and self.is_current:
            self.app.pop_screen()
            self._left()


def confirmed(code: str) -> Field:
    """The tenant's code, to be typed."""
    return Field("code", say("Type the tenant's code to go on:"), wanted=code)


def reason() -> Field:
    """A reason, to be typed."""
    return Field("reason", say("Reason (kept in the audit log):"))

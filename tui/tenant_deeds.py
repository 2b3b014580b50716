"""What can be done to a tenant: pause, resume, settings, the window of school years; and to one of its doors."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from sql import audit, inboxes, settings, tenants, wishes
from sql.database import Connection
from sql.inboxes import Inbox
from sql.tenants import Tenant
from tui import deliver, words
from tui.deeds import Deed
from tui.dialog import Ask, Done, Field, confirmed, reason
from tui.words import say

if TYPE_CHECKING:
    from tui.app import RosterHub

Turn = Callable[[Connection, str, str, audit.Actor], Awaitable[Tenant]]
WINDOW = ("window", "window_deleted", "window_updated")


def deeds(app: "RosterHub", code: str, state: str) -> list[Deed]:
    """All of a tenant's, those that its state does not allow with the reason."""
    active, paused = say("The tenant is not paused."), say("The tenant is paused already.")
    return [
        Deed(
            "pause",
            say("Pause the tenant"),
            "tenant.pause",
            lambda: _pause(app, code),
            refused=paused * (state == "paused"),
        ),
        Deed(
            "resume",
            say("Resume the tenant"),
            "tenant.resume",
            lambda: _resume(app, code),
            refused=active * (state != "paused"),
        ),
        deliver.deed(app, code),
        Deed("settings", say("Change its settings"), "tenant.set", lambda: _settings(app, code)),
        Deed("window", say("Set the school-year window"), "tenant.set", lambda: _window(app, code)),
    ]


def inbox_deeds(app: "RosterHub", inbox: Inbox) -> list[Deed]:
    """Those of a door."""
    title = say("Remove inbox {id}", id=inbox.id)
    return [Deed("remove", title, "inbox.remove", lambda: _remove(app, inbox))]


async def _read(app: "RosterHub", code: str) -> Tenant:
    async with app.source.reading() as conn:
        return await tenants.by_code(conn, code)


def _turned(app: "RosterHub", code: str, turn: Turn) -> Callable[[Mapping[str, str]], Awaitable[Done]]:
    async def do(typed: Mapping[str, str]) -> Done:
        async with app.source.acting() as conn:
            found = await turn(conn, code, typed["reason"], app.actor)
        return Done(say("{name}: {state}.", name=found.name, state=_named(found.state)))

    return do


def _named(state: str) -> str:
    return say("paused" if state == "paused" else "active")


async def _pause(app: "RosterHub", code: str) -> Ask:
    one = await _read(app, code)
    return Ask(
        say("Pause tenant {code}", code=code),
        (
            say("{name}: what arrives is kept and waits; a load under way ends. Clients read on.", name=one.name),
            say("Undo: resume it; then all that waits is loaded in order."),
        ),
        (confirmed(code), reason()),
        say("Pause"),
        _turned(app, code, tenants.pause),
        f'rosterhub tenant pause {code} --reason "..."',
    )


async def _resume(app: "RosterHub", code: str) -> Ask:
    one = await _read(app, code)
    return Ask(
        say("Resume tenant {code}", code=code),
        (
            say("{name}: all that waits is loaded, in the order in which it came.", name=one.name),
            say("Undo: pause it again; what was loaded can be rolled back."),
        ),
        (confirmed(code), reason()),
        say("Resume"),
        _turned(app, code, tenants.resume),
        f'rosterhub tenant resume {code} --reason "..."',
    )


def _saving(
    app: "RosterHub", read: Tenant, before: Mapping[str, str]
) -> Callable[[Mapping[str, str]], Awaitable[Done]]:
    """Saves what was typed otherwise than it was read, unless somebody was faster."""

    async def do(typed: Mapping[str, str]) -> Done:
        wished = {name: typed[name] for name in before if name in typed and typed[name] != before[name]}
        if not wished:
            return Done(say("Nothing was changed."))
        own = {name: wished.pop(name, None) for name in ("name", "profile")}
        async with app.source.acting() as conn:
            await tenants.change(
                conn, read, own["name"], own["profile"], lambda old: wishes.apply(old, wished), app.actor
            )
        return Done(say("Saved. It holds for bundles loaded from now on."))

    return do


async def _settings(app: "RosterHub", code: str) -> Ask:
    read = await _read(app, code)
    before = {"name": read.name, "profile": read.profile, **wishes.said(settings.read(read.settings))}
    return Ask(
        say("Settings of {code}, version {version}", code=code, version=read.version),
        (say("They hold for bundles loaded from now on. Undo: set them back; the audit log keeps both."),),
        (
            *(
                Field(name, say(words.SETTINGS[name]), value, needed=name not in WINDOW[1:])
                for name, value in before.items()
            ),
            confirmed(code),
        ),
        say("Save"),
        _saving(app, read, before),
        f"rosterhub tenant set {code} --due 02:00 --grace 2h --quota 2GB ...",
    )


async def _window(app: "RosterHub", code: str) -> Ask:
    read = await _read(app, code)
    said = wishes.said(settings.read(read.settings))
    before = {name: said[name] for name in WINDOW}
    return Ask(
        say("School-year window of {code}", code=code),
        (
            say("In these days classes and enrollments may turn over entirely, people and orgs as far as set here."),
            say("Undo: set it to none."),
        ),
        (
            *(Field(name, say(words.SETTINGS[name]), value, needed=name == "window") for name, value in before.items()),
            confirmed(code),
        ),
        say("Save"),
        _saving(app, read, before),
        f"rosterhub tenant set {code} --window 2026-03-25..2026-04-10",
    )


async def _remove(app: "RosterHub", inbox: Inbox) -> Ask:
    async def do(typed: Mapping[str, str]) -> Done:
        async with app.source.acting() as conn:
            await inboxes.remove(conn, await inboxes.by_number(conn, inbox.id), typed["reason"], app.actor)
        return Done(say("Inbox {id} is removed.", id=inbox.id))

    return Ask(
        say("Remove inbox {id}", id=inbox.id),
        (
            f"{say(words.VIAS[inbox.kind])} {inbox.place}",
            say("Nothing comes in there any more. What came through it stays."),
            say("Undo: add it again; an SFTP user needs its password or key again."),
        ),
        (confirmed(inbox.tenant), reason()),
        say("Remove"),
        do,
        f'rosterhub inbox remove {inbox.id} --reason "..."',
    )

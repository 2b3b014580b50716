"""Delivering a file by hand: rehearsed first, so that one sees what would become of it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual.suggester import Suggester, SuggestFromList

from sql import jobs, tenants
from sql.tenants import Tenant
from tui import findings, format, words
from tui.deeds import Deed
from tui.dialog import Ask, Dialog, Done, Field, confirmed
from tui.hands import Hands, Rehearsal
from tui.job import JobDetail
from tui.words import say

if TYPE_CHECKING:
    from tui.app import RosterHub

FIRST = 3
"""Problems that are told."""


class Paths(Suggester):
    """Completes the name of a zip or a folder."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(completed, value)


def completed(value: str) -> str | None:
    """The first name that what was typed begins, folders with a slash behind them; None where there is none."""
    folder, slash, begun = value.rpartition("/")
    if not begun:
        return None
    try:
        names = sorted(
            one.name + "/" * one.is_dir()
            for one in Path(folder + slash or ".").expanduser().iterdir()
            if one.name.startswith(begun) and (one.is_dir() or one.name.lower().endswith(".zip"))
        )
    except (OSError, RuntimeError):
        return None
    return folder + slash + names[0] if names else None


def deed(app: "RosterHub", code: str = "") -> Deed:
    """Delivering, to this tenant if one is meant."""
    hands = app.hands

    async def asked() -> Ask:
        assert hands is not None
        return await ask(app, hands, code)

    away = "" if hands else say("These screens have no access to the archive.")
    return Deed("deliver", say("Deliver a file"), "bundle.receive", asked, refused=away)


async def ask(app: "RosterHub", hands: Hands, code: str = "") -> Ask:
    """The dialog that wants a file and a tenant; nothing is delivered by it."""
    codes = [one.code for one in await app.tenants() or ()]

    async def do(typed: Mapping[str, str]) -> Done:
        path = Path(typed["file"]).expanduser()  # noqa: ASYNC240 - the name alone
        async with app.source.reading() as conn:
            owner = await tenants.by_code(conn, typed["tenant"])
        found = await hands.rehearse(owner.code, path)
        return Done("", then=lambda: app.push_screen(Dialog(_confirm(app, hands, owner, path, found))))

    return Ask(
        say("Deliver a file"),
        (
            say("It is rehearsed first: you see what would become of it, and nothing is changed by that."),
            say("Tenants: {codes}.", codes=format.first(codes)),
        ),
        (
            Field("file", say("A zip or a folder of CSV files:"), suggester=Paths()),
            Field("tenant", say("Tenant's code:"), code or app.tenant or "", suggester=SuggestFromList(codes)),
        ),
        say("Rehearse"),
        do,
        "rosterhub ingest TENANT BUNDLE --dry-run",
    )


def _confirm(app: "RosterHub", hands: Hands, owner: Tenant, path: Path, found: Rehearsal) -> Ask:
    code = owner.code

    async def do(typed: Mapping[str, str]) -> Done:
        number = await hands.deliver(code, path, app.actor)
        async with app.source.reading() as conn:
            one = await jobs.by_prefix(conn, str(number))
        return Done("", then=lambda: app.push_screen(JobDetail(one)))

    state = say(found.state.upper())
    effect = [say("{bundle} would be: {state}. {why}", bundle=path.name, state=state, why=_because(found)).rstrip()]
    exposed = [one for one in found.counts if one.entity not in findings.PARTS]
    moved = [
        f"{words.entity(one.entity)} +{one.inserted:,} ~{one.updated:,} -{one.deleted:,}"
        for one in exposed
        if one.inserted or one.updated or one.deleted
    ]
    if moved:
        effect.append(say("It would change: {counts}", counts=say(", ").join(moved)))
    for one in found.faults[:FIRST]:
        effect.append(say("{place}: {message}", place=findings.place(one), message=findings.message(one)))
    if owner.state == "paused":
        effect.append(say("The tenant is paused: delivered, the bundle waits until it is resumed."))
    effect.append(say("Delivered, it goes the way of every bundle. Undo: roll its job back."))
    return Ask(
        say("Deliver {bundle} to {code}", bundle=path.name, code=code),
        tuple(effect),
        (confirmed(code),),
        say("Deliver"),
        do,
        f"rosterhub ingest {code} {path} --wait",
    )


def _because(found: Rehearsal) -> str:
    return format.because(found.reason, found.reason_japanese)

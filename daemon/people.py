"""Who is at the terminal, and in which role: the owner of the state folder, a Unix user, or who logs in by a password.

It is our program that keeps to this. Who can read the files of the state folder, or the address of the database, needs
no program of ours: docs/operators.md says what that means.
"""

import asyncio
import grp
import os
import pwd
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from oneroster.refused import Refused
from sql import audit, database, operators
from sql.database import Pool
from sql.operators import Person

if TYPE_CHECKING:
    from daemon.passwords import Hasher

GROUP = "rosterhub"
"""Operators with a Unix user of their own are in it, where there is such a group."""


class Stranger(Refused):
    """You are not an operator of this hub."""

    hint = "An admin lets you in: `rosterhub operator add NAME --role viewer`, with the name of your Unix user."
    exit_code = 77


class WrongPassword(Refused):
    """Name and password do not go together."""

    hint = "An admin sets a new one: `rosterhub operator passwd NAME --password-stdin`."
    exit_code = 77


class Locked(Refused):
    """There were too many wrong passwords under this name."""

    hint = "Wait, or have an admin set a new password: `rosterhub operator passwd NAME --password-stdin`."
    exit_code = 77


class Login(msgspec.Struct, frozen=True):
    """A name and a password, as typed."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"Login(name={self.name!r})"


def origin() -> str:
    """Where the person sits: the address of his SSH session, else this machine."""
    return os.environ.get("SSH_CONNECTION", "").split(" ")[0] or socket.gethostname()


def unix_user() -> str:
    """The name of the user that the process runs as; variables of the environment say what anybody likes."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def owns(state: Path) -> bool:
    """Whether the state folder is ours, or will be: then its keys are, too."""
    try:
        return os.geteuid() in (0, state.stat().st_uid)
    except FileNotFoundError:
        return True
    except PermissionError:
        return False


async def enter(pool: Pool, state: Path, login: Login | None, hasher: Callable[[], "Hasher"]) -> Person:
    """The person. Raises Stranger, WrongPassword, Locked: all 77, each with an entry in the audit log."""
    if login is not None:
        return await _log_in(pool, login, hasher())
    name = unix_user()
    if owns(state):
        return Person(name, "admin", origin())
    async with database.hub(pool, "viewer") as conn:
        known = {one.name: one for one in await operators.every(conn)}.get(name)
        why = "" if known else f"There is no operator {name}."
        if known and known.disabled_at is not None:
            why = f"{name} is disabled."
        elif known and not _in_group():
            why = f"{name} is not in the group {GROUP}."
        if why:
            actor = audit.Actor(name, "operator", origin())
            await audit.write(conn, None, actor, "operator.login", name, ok=False, detail={"reason": why})
    if known is None or why:
        raise Stranger(why)
    return Person(name, known.role, origin())


async def _log_in(pool: Pool, login: Login, hasher: "Hasher") -> Person:
    refusal: Refused | None = None
    async with database.hub(pool, "ingest") as conn:
        found = await operators.find(conn, login.name)
        # What is nobody's name may be a password in the wrong place: it is not written down.
        name = found.name if found is not None else "?"
        if found is not None and found.locked > 0:
            refusal = Locked(f"For {-(-int(found.locked) // 60) or 1} minutes more.")
        else:
            kept = found.password_hash if found else None
            right = await asyncio.to_thread(hasher.verify, kept, login.password)
            if found is not None:
                await operators.note(conn, name, was_right=right)
            if not right:
                refusal = WrongPassword()
            elif found is not None and found.disabled:
                refusal = Stranger(f"{name} is disabled.")
        actor = audit.Actor(name, "operator", origin())
        detail = {} if refusal is None else {"reason": type(refusal).__name__}
        await audit.write(conn, None, actor, "operator.login", name, ok=refusal is None, detail=detail)
    if found is None or refusal is not None:
        raise refusal or WrongPassword()
    return Person(found.name, found.role, origin())


def _in_group() -> bool:
    """Whether we are in the group, or there is none."""
    try:
        return grp.getgrnam(GROUP).gr_gid in {os.getegid(), *os.getgroups()}
    except KeyError:
        return True

"""Operators: people who administer, and what each of the three roles may do.

A role is a role of the database too: what `NEEDS` says is refused here with a sentence, PostgreSQL refuses as well.
"""

import datetime
import re

import msgspec

from oneroster.refused import Refused
from sql import audit, database, statements
from sql.database import Connection, NotAllowed, People

STATEMENTS = statements.load("operators")
ROLES: tuple[People, ...] = ("viewer", "operator", "admin")
"""Each may what those before it may."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")

NEEDS: dict[str, People] = {
    "job.approve": "operator",
    "job.reject": "operator",
    "job.retry": "operator",
    "job.rollback": "operator",
    "bundle.receive": "operator",
    "bundle.rehearse": "operator",
    "bundle.export": "admin",
    "record.unmask": "operator",
    "tenant.add": "admin",
    "tenant.set": "admin",
    "tenant.pause": "admin",
    "tenant.resume": "admin",
    "inbox.add": "admin",
    "inbox.test": "admin",
    "inbox.remove": "admin",
    "client.add": "admin",
    "client.set": "admin",
    "client.rotate": "admin",
    "client.revoke": "admin",
    "operator.add": "admin",
    "operator.set": "admin",
    "operator.passwd": "admin",
    "operator.disable": "admin",
    "operator.enable": "admin",
}
"""Deed, as the audit log names it -> the least role that may do it. Whatever only looks is not here."""


class UnknownOperator(Refused):
    """There is no such operator."""

    hint = "See `rosterhub operator list`."
    exit_code = 66


class OperatorDiffers(Refused):
    """An operator of this name exists with another role."""

    hint = "Change it with `rosterhub operator set NAME --role ROLE`."
    exit_code = 73


class BadOperator(Refused):
    """That cannot be an operator."""

    hint = "A name is 1 to 32 of A-Z, a-z, 0-9, dot, hyphen and underscore; roles are viewer, operator and admin."
    exit_code = 64


class Operator(msgspec.Struct, frozen=True):
    """An operator as admins see him."""

    name: str
    role: People
    has_password: bool
    created_at: datetime.datetime
    disabled_at: datetime.datetime | None
    locked_until: datetime.datetime | None
    """After too many wrong passwords; None when he is listened to."""

    @property
    def state(self) -> str:
        """active, disabled or locked."""
        return "disabled" if self.disabled_at else "locked" if self.locked_until else "active"


class Login(msgspec.Struct, frozen=True):
    """An operator as log-in sees him."""

    name: str
    role: People
    password_hash: str | None
    disabled: bool
    locked: float
    """Seconds for which he is not listened to."""


class Person(msgspec.Struct, frozen=True):
    """Who is at the terminal."""

    name: str
    role: People
    origin: str = ""
    """An address, or the name of this machine."""

    @property
    def actor(self) -> audit.Actor:
        """As the audit log names him."""
        return audit.Actor(self.name, "operator", self.origin)

    def may(self, deed: str) -> bool:
        """Whether his role allows a deed of `NEEDS`."""
        return ROLES.index(self.role) >= ROLES.index(NEEDS[deed])

    def refusal(self, deed: str) -> str:
        """Why he may not: one sentence for a deed that he may not do."""
        return f"{deed} needs the role {NEEDS[deed]}; {self.name} is {self.role}."

    def require(self, deed: str) -> None:
        """Raises NotAllowed (77) unless his role allows the deed."""
        if not self.may(deed):
            raise NotAllowed(self.refusal(deed), deed)


async def add(conn: Connection, name: str, role: str, password_hash: str | None, actor: audit.Actor) -> Operator:
    """A new operator, or the one that is there already with that role.

    Raises BadOperator (64), and OperatorDiffers (73) when he has another role, or a password is given for one who is.
    """
    if not NAME.fullmatch(name):
        raise BadOperator(f"Name {name}.")
    _check_role(role)
    params = {"name": name, "role": role, "password_hash": password_hash}
    if await database.run(conn, STATEMENTS["add"], params):
        detail = {"role": role, "password": password_hash is not None}
        await audit.write(conn, None, actor, "operator.add", name, detail=detail)
        return await by_name(conn, name)
    there = await by_name(conn, name)
    if there.role != role:
        raise OperatorDiffers(f"{name} is {there.role}.")
    if password_hash is not None:
        raise OperatorDiffers(f"{name} exists; his password is set with `rosterhub operator passwd`.")
    return there


async def set_role(conn: Connection, name: str, role: str, actor: audit.Actor) -> Operator:
    """Let an operator do more, or less. Raises UnknownOperator (66), BadOperator (64)."""
    _check_role(role)
    before = await by_name(conn, name)
    await database.run(conn, STATEMENTS["set_role"], {"name": name, "role": role})
    detail = {"before": before.role, "after": role}
    await audit.write(conn, None, actor, "operator.set", name, detail=detail)
    return await by_name(conn, name)


async def set_password(conn: Connection, name: str, password_hash: str, actor: audit.Actor) -> Operator:
    """A new password; a ban after wrong ones ends. Raises UnknownOperator (66)."""
    await by_name(conn, name)
    await database.run(conn, STATEMENTS["set_password"], {"name": name, "password_hash": password_hash})
    await audit.write(conn, None, actor, "operator.passwd", name)
    return await by_name(conn, name)


async def disable(conn: Connection, name: str, actor: audit.Actor) -> Operator:
    """Let an operator in no more. Raises UnknownOperator (66)."""
    return await _set_disabled(conn, name, True, "operator.disable", actor)


async def enable(conn: Connection, name: str, actor: audit.Actor) -> Operator:
    """Let a disabled operator in again. Raises UnknownOperator (66)."""
    return await _set_disabled(conn, name, False, "operator.enable", actor)


async def _set_disabled(conn: Connection, name: str, disabled: bool, action: str, actor: audit.Actor) -> Operator:
    await by_name(conn, name)
    await database.run(conn, STATEMENTS["set_disabled"], {"name": name, "disabled": disabled})
    await audit.write(conn, None, actor, action, name)
    return await by_name(conn, name)


async def every(conn: Connection) -> list[Operator]:
    """All operators by name."""
    return await database.fetch_all(conn, STATEMENTS["all"], Operator, {"name": None})


async def by_name(conn: Connection, name: str) -> Operator:
    """The operator of that name; raises UnknownOperator (66)."""
    found = await database.fetch_one(conn, STATEMENTS["all"], Operator, {"name": name})
    if found is None:
        raise UnknownOperator(name)
    return found


async def find(conn: Connection, name: str) -> Login | None:
    """Who wants to log in. He is held until the transaction ends: guesses at one name take turns."""
    return await database.fetch_one(conn, STATEMENTS["find"], Login, {"name": name})


async def note(conn: Connection, name: str, *, was_right: bool) -> None:
    """Count a wrong password, or forgive those before."""
    await database.fetch_value(conn, STATEMENTS["note"], {"name": name, "was_right": was_right})


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise BadOperator(f"Role {role}.")

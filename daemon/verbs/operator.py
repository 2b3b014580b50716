"""rosterhub operator: people who administer."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from cyclopts import App

from daemon import printing
from daemon.here import Here
from daemon.verbs import Given
from oneroster.refused import Refused
from sql import audit, database, operators, shown
from sql.database import Connection, Pool
from sql.operators import Operator

app = App(
    name="operator", help="People who administer: viewer, operator or admin. The owner of the state folder is admin."
)


class NoPassword(Refused):
    """A password is needed."""

    hint = "Say --password-stdin, and give it on the first line of standard input."
    exit_code = 64


def _shown(one: Operator) -> dict[str, Any]:
    return {
        "name": one.name,
        "role": one.role,
        "state": one.state,
        "password": one.has_password,
        "created_at": shown.instant(one.created_at),
        "disabled_at": shown.instant(one.disabled_at),
        "locked_until": shown.instant(one.locked_until),
    }


def _print(one: Operator, json: bool) -> None:
    if json:
        printing.data(_shown(one))
    else:
        printing.line(
            f"Operator {one.name}: {one.role}, {one.state}" + (", with a password." if one.has_password else ".")
        )


def _password() -> str:
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise NoPassword
    return password


def _done(here: Here, what: str, do: Callable[[Connection, audit.Actor], Awaitable[Operator]], *, json: bool) -> None:
    async def work(pool: Pool) -> Operator:
        async with here.deed(pool, what) as conn:
            return await do(conn, here.actor)

    _print(here.run(work), json)


@app.command
def add(name: str, *, role: str, password_stdin: bool = False, json: bool = False, here: Given) -> None:
    """Let a person administer: who has a Unix user of that name needs no password.

    Example: rosterhub operator add sato --role operator

    Parameters
    ----------
    name
        The name of the person's Unix user, or the one he logs in by.
    role
        viewer, operator or admin.
    password_stdin
        Read a password from standard input, for --operator NAME.
    json
        Print JSON.
    """
    password_hash = here.hasher.hash(_password()) if password_stdin else None
    _done(here, "operator.add", lambda conn, actor: operators.add(conn, name, role, password_hash, actor), json=json)


@app.command(name="list")
def list_(*, json: bool = False, here: Given) -> None:
    """All operators.

    Example: rosterhub operator list

    Parameters
    ----------
    json
        Print JSON.
    """

    async def work(pool: Pool) -> list[Operator]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            return await operators.every(conn)

    found = here.run(work)
    if json:
        printing.data([_shown(one) for one in found])
    else:
        printing.table(
            ("NAME", "ROLE", "STATE", "PASSWORD"),
            [(one.name, one.role, one.state, "yes" if one.has_password else "no") for one in found],
        )


@app.command(name="set")
def set_(name: str, *, role: str, json: bool = False, here: Given) -> None:
    """Let an operator do more, or less. It holds from his next command on.

    Example: rosterhub operator set sato --role viewer

    Parameters
    ----------
    name
        The operator.
    role
        viewer, operator or admin.
    json
        Print JSON.
    """
    _done(here, "operator.set", lambda conn, actor: operators.set_role(conn, name, role, actor), json=json)


@app.command
def passwd(name: str, *, password_stdin: bool = False, json: bool = False, here: Given) -> None:
    """Set an operator's password. A ban after wrong ones ends.

    Example: rosterhub operator passwd sato --password-stdin

    Parameters
    ----------
    name
        The operator.
    password_stdin
        Read the password from standard input. It is taken from nowhere else.
    json
        Print JSON.
    """
    if not password_stdin:
        raise NoPassword
    password_hash = here.hasher.hash(_password())
    _done(
        here, "operator.passwd", lambda conn, actor: operators.set_password(conn, name, password_hash, actor), json=json
    )


@app.command
def disable(name: str, *, json: bool = False, here: Given) -> None:
    """Let an operator in no more.

    Example: rosterhub operator disable sato

    Parameters
    ----------
    name
        The operator.
    json
        Print JSON.
    """
    _done(here, "operator.disable", lambda conn, actor: operators.disable(conn, name, actor), json=json)


@app.command
def enable(name: str, *, json: bool = False, here: Given) -> None:
    """Let a disabled operator in again.

    Example: rosterhub operator enable sato

    Parameters
    ----------
    name
        The operator.
    json
        Print JSON.
    """
    _done(here, "operator.enable", lambda conn, actor: operators.enable(conn, name, actor), json=json)

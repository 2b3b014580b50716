"""rosterhub inbox: the doors of a tenant."""

import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cyclopts import App

from daemon import printing
from daemon.here import Here
from daemon.verbs import Given
from oneroster.refused import Refused
from sql import database, inboxes, tenants
from sql.database import Pool
from sql.inboxes import Door, Inbox

app = App(name="inbox", help="The doors of a tenant: an SFTP user, a watched folder, or a remote account to pull from.")

AWAY = 69
"""The exit code for a door through which nothing comes now."""


class BadDoor(Refused):
    """That cannot be an inbox."""

    hint = "See `rosterhub inbox add --help`."
    exit_code = 64


def shown(inbox: Inbox, here: Here) -> dict[str, Any]:
    key, value = {
        "sftp": ("user", inbox.user_name),
        "drop": ("path", inbox.path),
        "pull": ("url", inbox.url),
    }[inbox.kind]
    listen = here.sftp if inbox.kind == "sftp" else None
    return {"id": inbox.id, "tenant": inbox.tenant, "kind": inbox.kind, key: value, "listen": listen}


@app.command
def add(
    tenant: str,
    *,
    kind: str,
    user: str | None = None,
    password_stdin: bool = False,
    public_key: Path | None = None,
    path: Path | None = None,
    url: str | None = None,
    key: Path | None = None,
    host_key: str | None = None,
    every: str = "5m",
    json: bool = False,
    here: Given,
) -> None:
    """Make a door.

    Example: rosterhub inbox add sapporo --kind drop --path /srv/drop/sapporo

    Parameters
    ----------
    tenant
        The tenant whose bundles come in.
    kind
        sftp, drop or pull.
    user
        sftp: the log-in name, 2 to 32 of a-z, 0-9 and hyphen.
    password_stdin
        sftp: read the password from standard input.
    public_key
        sftp: a file with the public key of the sender.
    path
        drop: the folder to watch.
    url
        pull: sftp://user@host:port/folder.
    key
        pull: our private key file.
    host_key
        pull: the remote server's key, as in known_hosts: "ssh-ed25519 AAAA...".
    every
        pull: how often, such as 30s, 5m or 2h.
    json
        Print JSON.
    """
    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    door = _door(here, kind, user, password, public_key, path, url, key, host_key, every)

    async def work(pool: Pool) -> Inbox:
        async with here.deed(pool, "inbox.add") as conn:
            owner = await tenants.by_code(conn, tenant)
            number = await inboxes.add(conn, owner.id, door, here.actor)
            return next(one for one in await inboxes.in_use(conn, tenant) if one.id == number)

    made = here.run(work)
    if json:
        printing.data(shown(made, here))
    else:
        printing.line(f"Inbox {made.id} of {made.tenant}: {made.kind} {made.place}.")


@app.command(name="list")
def list_(tenant: str | None = None, *, json: bool = False, here: Given) -> None:
    """The doors of all tenants, or of one.

    Example: rosterhub inbox list

    Parameters
    ----------
    tenant
        Only this tenant's.
    json
        Print JSON.
    """

    async def work(pool: Pool) -> list[Inbox]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            return await inboxes.in_use(conn, tenant)

    found = here.run(work)
    if json:
        printing.data([shown(one, here) for one in found])
    else:
        printing.table(
            ("ID", "TENANT", "KIND", "WHERE", "TROUBLE"),
            [(one.id, one.tenant, one.kind, one.place, one.trouble) for one in found],
        )


@app.command
def remove(id: int, *, reason: str, here: Given) -> None:
    """Close a door for good. What came through it stays; its user name may be given to another.

    Example: rosterhub inbox remove 3 --reason "moved to the new export"

    Parameters
    ----------
    id
        Its number, as `inbox list` shows it.
    reason
        Why; kept in the audit log.
    """

    async def work(pool: Pool) -> Inbox:
        async with here.deed(pool, "inbox.remove") as conn:
            found = await inboxes.by_number(conn, id)
            await inboxes.remove(conn, found, reason, here.actor)
            return found

    gone = here.run(work)
    printing.line(f"Inbox {gone.id} of {gone.tenant} ({gone.kind} {gone.place}) is removed.")


@app.command
def test(id: int, *, json: bool = False, here: Given) -> int:
    """Try a door: the folder, the SFTP server or the remote account, as they are now. Nothing is delivered.

    Example: rosterhub inbox test 3

    Parameters
    ----------
    id
        Its number, as `inbox list` shows it.
    json
        Print JSON.
    """
    from daemon.doors import trying

    async def work(pool: Pool) -> Inbox:
        async with here.deed(pool, "inbox.test") as conn:
            return await inboxes.by_number(conn, id)

    found = here.run(work)
    trial = trying.try_out(found, here.sftp)
    if json:
        printing.data({**shown(found, here), "ok": trial.ok, "found": trial.found})
    else:
        printing.line(f"Inbox {found.id} of {found.tenant} ({found.kind} {found.place}): {trial.found}")
    return 0 if trial.ok else AWAY


def _door(
    here: Here,
    kind: str,
    user: str | None,
    password: str | None,
    public_key: Path | None,
    path: Path | None,
    url: str | None,
    key: Path | None,
    host_key: str | None,
    every: str,
) -> Door:
    if kind == "sftp":
        if not user or not re.fullmatch("[a-z0-9][a-z0-9-]{1,31}", user):
            raise BadDoor("--user takes 2 to 32 of a-z, 0-9 and hyphen.")
        if bool(password) == bool(public_key):
            raise BadDoor("An SFTP user has either --password-stdin or --public-key.")
        if public_key is not None:
            return Door(kind=kind, user_name=user, public_key=_public_key(public_key))
        return Door(kind=kind, user_name=user, password_hash=here.hasher.hash(str(password)))
    if kind == "drop":
        if path is None or not path.is_dir():
            raise BadDoor("--path names no folder.")
        return Door(kind=kind, path=str(path.resolve()))
    if kind == "pull":
        parts = urlsplit(url or "")
        if parts.scheme != "sftp" or not parts.username or not parts.hostname:
            raise BadDoor("--url is sftp://user@host:port/folder.")
        if key is None or not key.is_file():
            raise BadDoor("--key names no file.")
        if not host_key:
            raise BadDoor("--host-key is needed: the key of the remote server is pinned.")
        return Door(
            kind=kind, url=url, key_file=str(key.resolve()), host_key=host_key.strip(), every_seconds=_seconds(every)
        )
    raise BadDoor("--kind is sftp, drop or pull.")


def _public_key(file: Path) -> str:
    try:
        words = file.read_text(encoding="utf-8").split()
    except OSError as error:
        raise BadDoor(f"{file}: {error.strerror}.") from error
    if len(words) < 2 or not words[0].startswith(("ssh-", "ecdsa-", "sk-")):
        raise BadDoor(f"{file} holds no public key.")
    return " ".join(words[:2])


def _seconds(every: str) -> int:
    found = re.fullmatch(r"(\d+)([smh]?)", every)
    seconds = int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else 0
    if seconds < 1:
        raise BadDoor("--every is a time such as 30s, 5m or 2h.")
    return seconds

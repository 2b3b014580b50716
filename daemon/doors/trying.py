"""Trying a door out: whether a bundle could come through it now, and if not, why. Nothing is fetched or delivered."""

import os
import socket
from pathlib import Path

import msgspec

from daemon.doors import remote
from oneroster.refused import Refused
from sql.inboxes import Inbox

PATIENCE = 10.0
"""Seconds for our own server to greet."""


class Trial(msgspec.Struct, frozen=True):
    """What was found."""

    ok: bool
    found: str


def try_out(inbox: Inbox, sftp: str) -> Trial:
    """Whether the door is open; `sftp` is HOST:PORT of our own server, empty where there is none. Blocks."""
    try:
        if inbox.kind == "drop":
            return _drop(Path(inbox.path or ""))
        return _pull(inbox) if inbox.kind == "pull" else _sftp(sftp)
    except (*remote.TROUBLE, Refused) as error:
        return Trial(False, str(error) or type(error).__name__)


def _drop(folder: Path) -> Trial:
    if not folder.is_dir():
        return Trial(False, "There is no such folder.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Trial(False, "The folder cannot be written: what is delivered could not be removed.")
    return Trial(True, f"The folder is there and can be written; {_files(sum(1 for _ in folder.iterdir()))} in it.")


def _pull(inbox: Inbox) -> Trial:
    with remote.connected(inbox) as (client, folder):
        found = remote.listing(client, folder)
    return Trial(True, f"The account lets us in; {_files(len(found))} to look at.")


def _sftp(listen: str) -> Trial:
    host, _, port = listen.rpartition(":")
    if not port.isdigit():
        return Trial(False, "The SFTP server is turned off.")
    with socket.create_connection((host.strip("[]"), int(port)), PATIENCE) as sock:
        greeting = sock.recv(255)
    if not greeting.startswith(b"SSH-2.0-"):
        return Trial(False, f"What listens on {listen} is no SSH server.")
    return Trial(True, f"The SFTP server listens on {listen}; the user may log in.")


def _files(number: int) -> str:
    return f"{number:,} {'file' if number == 1 else 'files'}"

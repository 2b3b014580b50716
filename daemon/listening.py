"""The listening sockets of a process tree: opened once, or taken from systemd, and listed in STATE/run/listen.json."""

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from daemon import config
from oneroster import refused

BACKLOG = 1024
"""Connections that wait in the kernel while a child is replaced."""

PATIENCE = 10.0
"""Seconds to wait for an address that is in use: the children of a killed parent let go of theirs a moment later."""

FIRST = 3
"""The first descriptor that systemd passes: sd_listen_fds(3)."""


class NotOpened(refused.Refused):
    """An address to listen on cannot be opened."""

    hint = "See who uses it (ss -ltnp), or set another one; port 0 takes a free one."
    exit_code = 73


def wanted(settings: config.Settings, names: Sequence[str]) -> dict[str, str]:
    """Name -> HOST:PORT of the sockets among `names` (api, health, sftp) that the settings do not turn off."""
    listens = {"api": settings.api.listen, "health": settings.health.listen, "sftp": settings.sftp.listen}
    return {name: listens[name] for name in names if listens[name]}


def open_all(listens: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, socket.socket]:
    """Name -> a listening socket. One that systemd passes under its name wins over the address. Raises NotOpened."""
    passed = passed_by_systemd(environ)
    for name in passed.keys() - listens.keys():
        passed.pop(name).close()  # nobody here would answer
    return {name: passed.get(name) or _open(listen) for name, listen in listens.items()}


def passed_by_systemd(environ: Mapping[str, str]) -> dict[str, socket.socket]:
    """Name -> socket, by FileDescriptorName= of the socket units. Raises Misconfigured for a name we do not know."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    names = environ.get("LISTEN_FDNAMES", "").split(":")[: int(environ.get("LISTEN_FDS", "0"))]
    for name in names:
        if name not in ("api", "health", "sftp") or names.count(name) > 1:
            raise config.Misconfigured(
                f"A socket unit has FileDescriptorName={name}; we know api, health and sftp, once."
            )
    sockets = {name: socket.socket(fileno=FIRST + number) for number, name in enumerate(names)}
    for taken in sockets.values():
        taken.set_inheritable(False)
    return sockets


@contextlib.contextmanager
def announced(folder: Path, names: Sequence[str], sockets: Mapping[str, socket.socket], *, tls: bool) -> Iterator[None]:
    """Keep our addresses in `folder`/listen.json while we run; those of another tree of the same state stay.

    `names` are all that our roles could listen on: what a killed tree left under them goes, too.
    """
    _rewrite(folder, gone=names, come={name: _where(name, sock, tls=tls) for name, sock in sockets.items()})
    try:
        yield
    finally:
        _rewrite(folder, gone=names, come={})


def read(state: Path) -> dict[str, str]:
    """What runs on this state folder: {"api": "http://127.0.0.1:8080", "health": ..., "sftp": "127.0.0.1:2222"}.

    Empty when nothing runs. A killed tree leaves its lines behind until the next start.
    """
    try:
        return msgspec.json.decode((state / "run" / "listen.json").read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}


def _open(listen: str) -> socket.socket:
    host, port = config.address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    until = time.monotonic() + PATIENCE
    while True:
        try:
            # Python sets SO_REUSEADDR here, so that a restart does not wait for old connections.
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise NotOpened(f"{listen}: {error.strerror or error}.") from error
        time.sleep(0.1)


def _where(name: str, sock: socket.socket, *, tls: bool) -> str:
    """The address a client on this machine can use."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if name == "sftp":
        return place
    return f"{'https' if tls and name == 'api' else 'http'}://{place}"


def _rewrite(folder: Path, gone: Sequence[str], come: Mapping[str, str]) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two trees of one state folder may start at the same moment
        lines = {name: where for name, where in read(folder.parent).items() if name not in gone} | dict(come)
        path = folder / "listen.json"
        if lines:
            making = path.with_suffix(".new")
            making.write_bytes(msgspec.json.encode(lines) + b"\n")
            making.rename(path)
        else:
            path.unlink(missing_ok=True)
    finally:
        os.close(lock)

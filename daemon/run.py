"""`rosterhub run`: what the parent opens and holds (lock, sockets, database) around the tree of its children.

Sockets come first, so that clients wait instead of being refused while a migration runs; the database goes last.
"""

import asyncio
import contextlib
import difflib
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import structlog

from daemon import child, config, listening, logs, notify, tree
from oneroster import refused

LOOK = 2.0
"""Seconds between two looks whether the embedded server still lives."""

PATIENCE = 60.0
"""Seconds to wait at the start for a database that is away; then systemd tries again."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

Step = Callable[[str], None]
"""Something to do with the database, given its conninfo, before any child starts."""

log = structlog.get_logger("daemon.run")


class AlreadyRunning(refused.Refused):
    """Another rosterhub run has this state folder."""

    hint = "Stop it first, name another folder with --state, or run other roles with --only."
    exit_code = 73


class UnknownRole(refused.Refused):
    """There is no such role."""

    hint = f"--only takes {', '.join(child.ROLES)}, with commas between them."
    exit_code = 64


class DatabaseAway(refused.Refused):
    """The database does not answer."""

    hint = "See whether it runs, and whether [database] url and its password are right."
    exit_code = 75


class NoState(refused.Refused):
    """The state folder cannot be written."""

    hint = "Name another one with --state, or give it to the user who runs rosterhub."
    exit_code = 73


def run(
    settings: config.Settings, only: Sequence[str] = (), reread: Callable[[], config.Settings] | None = None
) -> int:
    """The daemon in the foreground until SIGTERM or SIGINT; the exit code. Roles outside of `only` are left out.

    `reread` loads the settings again for SIGHUP. Raises Refused, such as AlreadyRunning, before a child has started.
    """
    for name in only:
        if name not in child.ROLES:
            near = difflib.get_close_matches(name, child.ROLES, n=1)
            raise UnknownRole(f"{name!r}." + (f" Did you mean {near[0]}?" if near else ""))
    chosen = [role for role in roles(settings) if not only or role.name in only]
    return hold(settings, chosen, steps=(migrate,), reread=reread)


def roles(settings: config.Settings) -> list[tree.Role]:
    """All roles, as many of each as the settings say."""
    return [
        tree.Role("doors", child.ROLES["doors"], sockets=("sftp",)),
        # Loading must not slow down answering. What a worker is given can kill it, so that its successor waits.
        tree.Role("ingest", child.ROLES["ingest"], count=settings.ingest.workers, nice=5, uvloop=True, spare=True),
        # One process alone has the health address, so that its metrics do not jump between processes.
        tree.Role(
            "api", child.ROLES["api"], count=settings.api.workers, uvloop=True, sockets=("api",), first=("health",)
        ),
    ]


def migrate(conninfo: str) -> None:
    """Bring the schema up to date, waiting for a database that starts at the same moment. Raises DatabaseAway."""
    from sql import database
    from sql import migrate as migrations

    until = time.monotonic() + PATIENCE
    while True:
        try:
            applied = asyncio.run(migrations.migrate(conninfo))
        except database.OUTAGE as error:
            problem = str(error).partition("\n")[0]
            if time.monotonic() > until:
                raise DatabaseAway(problem) from error
            log.warning("waiting for the database", problem=problem)
            time.sleep(1.0)
        else:
            log.info("schema is up to date", applied=applied)
            return


def hold(
    settings: config.Settings,
    chosen: Sequence[tree.Role],
    steps: Sequence[Step],
    reread: Callable[[], config.Settings] | None = None,
    pace: tree.Pace = tree.Pace(),  # noqa: B008 - frozen
) -> int:
    """Open what the roles need, take the steps, keep the tree; the exit code."""
    logs.set_up(role="run")
    names = [name for role in chosen for name in (*role.sockets, *role.first)]
    with _signals(), contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as last:
        folder = last.enter_context(_sole(settings.state, chosen))
        sockets = listening.open_all(listening.wanted(settings, names), os.environ)
        with notify.extending():
            conninfo = last.enter_context(_database(settings))
            for step in steps:
                step(conninfo())
        with contextlib.ExitStack() as first:
            for sock in sockets.values():
                first.enter_context(sock)
            first.enter_context(listening.announced(folder, names, sockets, tls=bool(settings.api.tls_certificate)))
            code = tree.Tree(chosen, settings, conninfo, sockets, pace, reread or (lambda: settings)).keep()
        with notify.extending():
            last.close()
        return code
    return 0  # stopped before there was a tree


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Before and after the tree: the first request to stop interrupts a step, and nothing interrupts the way out."""
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGCHLD)}

    def stop(_number: int, _frame: object) -> None:
        for number in SIGNALS:
            signal.signal(number, tree.ignore)
        notify.tell("STOPPING=1")
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, tree.ignore)  # the settings were read a moment ago
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _sole(state: Path, chosen: Sequence[tree.Role]) -> Iterator[Path]:
    """STATE/run, held for our roles by a lock each, which the kernel takes back from the killed."""
    folder = state / "run"
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            for role in chosen:
                lock = os.open(folder / f"lock.{role.name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                stack.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(str(state)) from error
        except OSError as error:
            raise NoState(f"{state}: {error.strerror}.") from error
        yield folder


@contextlib.contextmanager
def _database(settings: config.Settings) -> Iterator[Callable[[], str]]:
    """The conninfo, now: that of the settings, or of the embedded server, which we start again when it dies."""
    if settings.database.url:
        yield lambda: settings.database.url
        return
    from sql import server

    home = settings.state / "pg"
    with server.using(home) as held:
        conninfo = [held.conninfo]
        over = threading.Event()

        def look() -> None:
            while not over.wait(LOOK):
                if server.running(home) is None:
                    log.error("the embedded database is down, starting it again")
                    try:
                        with server.using(home) as again:  # we hold it already, so leaving here does not stop it
                            conninfo[0] = again.conninfo
                    except refused.Refused as refusal:
                        log.error("not started", problem=str(refusal), hint=refusal.hint)

        # In a thread: recovery after a crash can take longer than the watchdog of systemd allows us to be silent.
        looking = threading.Thread(target=look, name="database", daemon=True)
        looking.start()
        try:
            yield lambda: conninfo[0]
        finally:
            over.set()
            looking.join()

"""What every role process does around its role: hand-over, logs, heartbeat, and the end that its parent asks for.

`python -m daemon.child ROLE` is started by the parent only. Standard input is the lifeline: its first line is the
`Handover`, its end means "finish what you do and leave". ROLE on the command line is for the reader of `ps`. A spare
child has `MODULE HEARTBEAT` there, too: it imports the module, says so, and waits for its handover.
"""

import asyncio
import concurrent.futures
import contextlib
import ctypes
import faulthandler
import importlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import msgspec
import structlog

from daemon import config, logs
from oneroster import refused

ROLES: dict[str, str] = {"doors": "daemon.doors.role", "ingest": "daemon.work", "api": "daemon.web"}
"""Role -> the module that defines `async def serve(settings, place)`."""

BEAT = 1.0
"""Seconds between two heartbeats."""

READY, ALIVE, WARM = b"R", b".", b"W"
"""What a heartbeat says: the role does its work; the event loop turns; a spare has imported what it may need."""

LAST = 19
"""The niceness of what nobody waits for."""

PR_SET_PDEATHSIG = 1


class Handover(msgspec.Struct, frozen=True):
    """What the parent tells a child; never on the command line, since it holds the database's password."""

    role: str
    name: str
    module: str
    conninfo: str
    settings: config.Settings
    sockets: dict[str, int]
    """Name -> inherited descriptor of a listening socket."""
    heartbeat: int
    """Inherited descriptor of a pipe's writing end."""
    nice: int
    silence: float
    """Seconds without a heartbeat after which the parent kills us."""
    grace: float
    """Seconds a role has to finish once it was told to."""
    uvloop: bool = False


class Place(msgspec.Struct, frozen=True):
    """What a role gets from its process."""

    role: str
    name: str
    """Role and number, such as ingest-0; never twice at the same time in one process tree."""
    conninfo: str
    """libpq's words for the database."""
    sockets: dict[str, socket.socket]
    """Listening sockets by name: `api` for each api process, `health` for api-0 only, `sftp` for doors unless off.

    They are shared with siblings and successors: close them, never shut them down.
    """
    stop: asyncio.Event
    """Set when the role is to finish what it does, take nothing new, and return."""
    ready: Callable[[], None]
    """To be called once the role does its work; the service counts as started when all roles have."""


class Role(Protocol):
    async def serve(self, settings: config.Settings, place: Place) -> None: ...


def main(ahead: Sequence[str] = ()) -> int:
    """Run the role that the lifeline names; the exit code: 0 when told to end, a Refused's own, else 1.

    `ahead`: the module to import and the heartbeat to say so on, before there is a handover.
    """
    lifeline = _lifeline()
    # A stopped process cannot read its lifeline: when the parent's end comes first, the kernel wakes it up to see it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGCONT)
    if ahead:
        _warm_up(*ahead)
    line = _first_line(lifeline)
    if not line:
        return 0  # the parent ended, or did so before it could say what we are for
    handover = config.decode(line, Handover)
    logs.set_up(role=handover.name)
    log = structlog.get_logger("daemon.child")
    faulthandler.enable()
    with contextlib.suppress(PermissionError):  # the sandbox of the unit leaves no process a choice
        os.nice(handover.nice)
    os.set_inheritable(handover.heartbeat, False)
    try:
        with asyncio.Runner(loop_factory=_fast if handover.uvloop else None) as runner:
            runner.run(_live(handover, lifeline))
    except refused.Refused as refusal:
        log.error("refused", problem=str(refusal), hint=refusal.hint)
        return refusal.exit_code
    except Exception:
        log.exception("role failed")
        return 1
    finally:
        faulthandler.cancel_dump_traceback_later()
    return 0


def _warm_up(module: str, heartbeat: str) -> None:
    """Import while others work: in a thread, since only a thread that ends can be nice and leave no trace of it."""
    with concurrent.futures.ThreadPoolExecutor(
        1, initializer=os.setpriority, initargs=(os.PRIO_PROCESS, 0, LAST)
    ) as one:
        one.submit(importlib.import_module, module).result()
    _say(int(heartbeat), WARM)


def _fast() -> asyncio.AbstractEventLoop:
    import uvloop  # doors do without

    return uvloop.new_event_loop()


async def _live(handover: Handover, lifeline: int) -> None:
    """Serve, with a heartbeat beside it, until the role returns."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def leave() -> None:
        stop.set()
        _end_hard(handover.grace)

    loop.add_signal_handler(signal.SIGTERM, leave)
    threading.Thread(target=_watch, args=(lifeline, loop, stop, handover.grace), name="lifeline", daemon=True).start()
    beating = asyncio.create_task(_beat(handover), name="heartbeat")
    place = Place(
        role=handover.role,
        name=handover.name,
        conninfo=handover.conninfo,
        sockets={name: _inherited(number) for name, number in handover.sockets.items()},
        stop=stop,
        ready=lambda: _say(handover.heartbeat, READY),
    )
    role = cast(Role, importlib.import_module(handover.module))
    try:
        await role.serve(handover.settings, place)
    finally:
        beating.cancel()


async def _beat(handover: Handover) -> None:
    """Say each second that the event loop turns. When it does not, show where it hangs before the parent kills us."""
    while True:
        _say(handover.heartbeat, ALIVE)
        faulthandler.dump_traceback_later(handover.silence * 2 / 3)
        await asyncio.sleep(min(BEAT, handover.silence / 5))


def _say(heartbeat: int, what: bytes) -> None:
    # A full pipe means that the parent is stopped, a broken one that it is gone; neither is ours to settle here.
    with contextlib.suppress(BlockingIOError, BrokenPipeError):
        os.write(heartbeat, what)


def _lifeline() -> int:
    """Standard input, moved away, so that nothing a role starts or reads can have it."""
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return lifeline


def _first_line(lifeline: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(lifeline, 65536)
        if not piece:
            return b""
        line += piece
    return line


def _watch(lifeline: int, loop: asyncio.AbstractEventLoop, stop: asyncio.Event, grace: float) -> None:
    """In a thread, since a blocked loop must end, too: wait for the lifeline's end, then have the role stop."""
    while os.read(lifeline, 4096):
        continue
    with contextlib.suppress(RuntimeError):  # the loop is closed: we are leaving already
        loop.call_soon_threadsafe(stop.set)
    _end_hard(grace)


def _end_hard(grace: float) -> None:
    def end() -> None:
        time.sleep(grace)
        structlog.get_logger("daemon.child").error("did not finish in time", seconds=grace)
        os._exit(1)

    threading.Thread(target=end, name="end", daemon=True).start()


def _inherited(number: int) -> socket.socket:
    inherited = socket.socket(fileno=number)
    inherited.set_inheritable(False)
    return inherited


if __name__ == "__main__":
    # By its own name, so that roles that import daemon.child meet the same Place.
    from daemon import child

    sys.exit(child.main(sys.argv[2:]))

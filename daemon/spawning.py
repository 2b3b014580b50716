"""Processes that become children of `rosterhub run`: started when needed, or kept as spares, their imports done."""

import functools
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterable

import structlog

from daemon import child, notify

PAUSE = 30.0
"""Seconds until the next spare after one that died, or could not be started."""

log = structlog.get_logger("daemon.tree")


class Spawned:
    """A process that waits for its `child.Handover`."""

    def __init__(self, process: subprocess.Popen[bytes], lifeline: int, heartbeat: int, theirs: int) -> None:
        self.process = process
        self.lifeline = lifeline
        """Ours to write."""
        self.heartbeat = heartbeat
        """Ours to read."""
        self.theirs = theirs
        """The number of the heartbeat's other end in the process."""


def spawn(role: str, sockets: Iterable[int] = (), ahead: str = "") -> Spawned:
    """Start `python -m daemon.child` for a role. `ahead`: the module that it imports at once. Raises OSError."""
    ends: list[int] = []
    try:
        ends += os.pipe()  # theirs to read: the lifeline
        ends += os.pipe()  # ours to read: the heartbeat
        for end in ends[2:]:
            os.set_blocking(end, False)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "daemon.child", role, *([ahead, str(ends[3])] if ahead else [])],
            stdin=ends[0],
            stdout=2,  # a role has no data to print; what a library prints is talk
            pass_fds=(ends[3], *sockets),
            env=_environment(),
            process_group=0,  # Ctrl-C at a terminal is for the parent to hear
        )
    except OSError:
        for end in ends:
            os.close(end)
        raise
    os.close(ends[0])
    os.close(ends[3])
    return Spawned(process, ends[1], ends[2], ends[3])


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL, for whatever it may have started, too."""
    os.killpg(process.pid, signal.SIGKILL)


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has; its number is ours until we wait for it."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def ignore(selector: selectors.BaseSelector, end: int) -> None:
    """Listen to it no longer, if we did."""
    if end in selector.get_map():
        selector.unregister(end)


class Spares:
    """One process for each role whose work can kill it, so that a successor need not import first.

    It imports when nobody else wants the processor, and is given away only once it is warm.
    """

    def __init__(self, modules: dict[str, str], selector: selectors.BaseSelector) -> None:
        self.modules = modules
        """By role."""
        self.selector = selector
        self.waiting: dict[str, Spawned] = {}
        self.warm: set[str] = set()
        self.generation = 0
        self.due = 0.0

    def take(self, role: str) -> Spawned | None:
        """The spare of a role, if it is warm."""
        if role not in self.warm:
            return None
        self.warm.discard(role)
        spare = self.waiting.pop(role)
        ignore(self.selector, spare.heartbeat)
        return spare

    def keep(self, now: float, generation: int, *, quiet: bool) -> None:
        """Bury the dead, let those of an earlier generation go, and start what is missing if all else is quiet."""
        if generation != self.generation:
            self.generation = generation
            self.drop()
        for role, spare in list(self.waiting.items()):
            if ended(spare.process):
                self.due = now + PAUSE
                log.warning("ended", child=f"{role}-spare", code=self._drop(role), again_in=PAUSE)
        if not quiet or now < self.due:
            return
        for role in self.modules.keys() - self.waiting.keys():
            try:
                spare = self.waiting[role] = spawn(role, ahead=self.modules[role])
            except OSError as error:
                self.due = now + PAUSE
                log.error("not started", child=f"{role}-spare", problem=error.strerror, again_in=PAUSE)
            else:
                self.selector.register(spare.heartbeat, selectors.EVENT_READ, functools.partial(self._listen, role))

    def drop(self) -> None:
        """End them all; they have nothing to lose."""
        for role in list(self.waiting):
            self._drop(role)

    def _drop(self, role: str) -> int:
        spare = self.waiting.pop(role)
        self.warm.discard(role)
        kill(spare.process)
        ignore(self.selector, spare.heartbeat)
        for end in (spare.lifeline, spare.heartbeat):
            os.close(end)
        return spare.process.wait()

    def _listen(self, role: str) -> None:
        spare = self.waiting.get(role)
        if spare is None:
            return  # dropped in the same round
        if os.read(spare.heartbeat, 64) == child.WARM:
            self.warm.add(role)
            log.info("warm", child=f"{role}-spare", pid=spare.process.pid)
        else:
            ignore(self.selector, spare.heartbeat)  # its end, which `keep` will see


def _environment() -> dict[str, str]:
    """Ours without what is said to us alone. Children import from where we do, not from the folder we stand in."""
    said = {name for name in os.environ if name in notify.VARIABLES or name.startswith("ROSTERHUB_")}
    kept = {name: value for name, value in os.environ.items() if name not in said}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

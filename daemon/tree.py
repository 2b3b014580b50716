"""The children of `rosterhub run`: started, listened to, replaced when silent or dead, ended together.

It has no event loop of a library, so that nothing a role does can block it: a selector over pipes and a signal pipe.
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from daemon import child, config, notify, spawning
from oneroster import refused

FINAL = (64, 77, 78)
"""Exit codes that no restart mends: before we are ready they end the whole tree, as they do in the unit file."""

SLEPT = 5.0
"""When one round takes longer, we were stopped or the machine slept, and the children's silence means nothing."""

READY_PAUSE = 0.5
"""Seconds at most until a child is replaced that had been ready: it can start, so it is no use to wait longer."""

STUCK = 5.0
"""Seconds after SIGKILL; a child that is still there then makes us fall silent towards the watchdog."""

log = structlog.get_logger("daemon.tree")


class Role(msgspec.Struct, frozen=True):
    """What the tree must know of a role."""

    name: str
    module: str
    count: int = 1
    nice: int = 0
    uvloop: bool = False
    sockets: tuple[str, ...] = ()
    """Listening sockets that each of its processes shares."""
    first: tuple[str, ...] = ()
    """Listening sockets of its first process only."""
    spare: bool = False
    """Whether a process waits, its imports done, for the place of one that dies. Not for roles with sockets."""


class Pace(msgspec.Struct, frozen=True):
    """How patient the tree is, in seconds."""

    start: float = 30.0
    """Until the first heartbeat: imports take their time on a busy machine."""
    silence: float = 15.0
    """Between two heartbeats; with a start after it, less than the 35 seconds in which a hung role must be back."""
    grace: float = 40.0
    """For a role to finish; TimeoutStopSec in the unit is a little longer."""
    young: float = 10.0
    """A child that dies before this age is replaced after a pause."""
    pauses: tuple[float, ...] = (0.2, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


class Post:
    """One place in the tree: a child now, its successor later, a pause between them when they die young."""

    def __init__(self, role: Role, number: int) -> None:
        self.role = role
        self.name = f"{role.name}-{number}"
        self.sockets = role.sockets + (role.first if number == 0 else ())
        self.process: subprocess.Popen[bytes] | None = None
        self.lifeline = self.heartbeat = self.generation = -1
        self.born = self.heard = self.due = 0.0
        self.beaten = self.ready = False
        self.deadline: float | None = None
        """When a child that was asked to leave is killed."""
        self.killed: float | None = None
        self.failures = 0


class Tree:
    """All children of one `rosterhub run`. Only in the main thread: signals end there."""

    def __init__(
        self,
        roles: Sequence[Role],
        settings: config.Settings,
        conninfo: Callable[[], str],
        sockets: Mapping[str, socket.socket],
        pace: Pace,
        reread: Callable[[], config.Settings],
    ) -> None:
        self.posts = [Post(role, number) for role in roles for number in range(role.count)]
        self.settings = settings
        self.conninfo = conninfo
        self.known = conninfo()
        self.sockets = sockets
        self.pace = pace
        self.reread = reread
        self.selector = selectors.DefaultSelector()
        modules = {role.name: role.module for role in roles if role.spare}
        self.spares = spawning.Spares(modules, self.selector)
        self.generation = 0
        """Goes up when children need to be replaced one by one: new settings, or another address of the database."""
        self.stopped: float | None = None
        self.started = False
        self.announced = False
        """Whether systemd knows that all are ready, with the present settings."""
        self.code = 0
        self.status = ""
        self.interval = notify.watchdog(os.environ)
        self.fed = self.last = time.monotonic()

    def keep(self) -> int:
        """Run until a signal says stop; the exit code: 0, 1 when a child did not end well, a child's own of FINAL."""
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, ignore)  # not SIG_IGN: only a signal with a handler comes out of the pipe
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self.selector.register(reader, selectors.EVENT_READ, lambda: self._hear(reader.recv(512)))
        try:
            while self.stopped is None or any(post.process for post in self.posts):
                self._round()
        finally:
            self.spares.drop()
            for post in self.posts:
                _close(post, self.selector)  # after a bug of ours, too, they must know that they are to leave
            signal.set_wakeup_fd(before)
            self.selector.close()
            reader.close()
            writer.close()
        return self.code

    def _round(self) -> None:
        pauses = [post.due - time.monotonic() for post in self.posts if post.process is None]
        ready = self.selector.select(max(0.0, min([0.5, self.interval or 0.5, *pauses])))
        now = time.monotonic()
        if now - self.last > SLEPT:
            for post in self.posts:
                post.heard = now
        self.last = now
        for key, _ in ready:
            key.data()
        for post in self.posts:
            self._reap(post, now)
            self._judge(post, now)
        if self.stopped is None:
            self._roll(now)
            quiet = self.started and all(post.ready for post in self.posts)
            self.spares.keep(now, self.generation, quiet=quiet)
            for post in self.posts:
                if post.process is None and post.due <= now:
                    self._start(post, now)
        self._report(now)

    # -- what comes in ------------------------------------------------------------------------------------------------

    def _hear(self, signals: bytes) -> None:
        for number in signals:
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stop()
            elif number == signal.SIGHUP and self.stopped is None:
                self._reload()

    def _listen(self, post: Post) -> None:
        said = os.read(post.heartbeat, 4096)
        if not said:
            self.selector.unregister(post.heartbeat)  # its end is SIGCHLD's to tell, or else its silence will
            return
        post.heard = time.monotonic()
        post.beaten = True
        if child.READY in said and not post.ready:
            post.ready = True
            log.info("ready", child=post.name, pid=post.process.pid if post.process else 0)

    def _reap(self, post: Post, now: float) -> None:
        process = post.process
        if process is None or not spawning.ended(process):
            return
        spawning.kill(process)  # what it may have started
        code = process.wait()
        _close(post, self.selector)
        asked, lived, was_ready = post.deadline is not None, now - post.born, post.ready
        post.process, post.ready, post.deadline, post.killed = None, False, None, None
        if self.stopped is not None:
            self.code = self.code or int(code != 0)
        elif asked:
            post.failures, post.due = 0, now
        elif code in FINAL and not self.started:
            self.code = code
            self._stop()
        else:
            self._pause(post, now, lived)
            if was_ready:  # what it was given killed it, and that is over; the others' work must not wait for long
                post.due = min(post.due, now + READY_PAUSE)
            log.warning("ended", child=post.name, code=code, lived=round(lived, 1), again_in=round(post.due - now, 1))

    def _pause(self, post: Post, now: float, lived: float) -> None:
        post.failures = post.failures + 1 if lived < self.pace.young else 0
        pauses = (0.0, *self.pace.pauses)
        post.due = now + pauses[min(post.failures, len(pauses) - 1)]

    def _judge(self, post: Post, now: float) -> None:
        if post.process is None or post.killed is not None:
            return
        if post.deadline is not None:
            overdue = now > post.deadline
        else:
            overdue = now - post.heard > (self.pace.silence if post.beaten else self.pace.start)
        if overdue:
            log.error("killed", child=post.name, because="not leaving" if post.deadline else "silent")
            post.killed = now
            spawning.kill(post.process)

    # -- what goes out ------------------------------------------------------------------------------------------------

    def _start(self, post: Post, now: float) -> None:
        sockets = {name: self.sockets[name].fileno() for name in post.sockets if name in self.sockets}
        try:
            new = self.spares.take(post.role.name) or spawning.spawn(post.role.name, sockets.values())
        except OSError as error:  # no process, no descriptor left: as good as one that died at once
            self._pause(post, now, 0.0)
            log.error("not started", child=post.name, problem=error.strerror, again_in=round(post.due - now, 1))
            return
        handover = child.Handover(
            role=post.role.name,
            name=post.name,
            module=post.role.module,
            conninfo=self.known,
            settings=self.settings,
            sockets=sockets,
            heartbeat=new.theirs,
            nice=post.role.nice,
            silence=self.pace.silence,
            grace=self.pace.grace,
            uvloop=post.role.uvloop,
        )
        with contextlib.suppress(BrokenPipeError):  # it is dead already, which SIGCHLD will tell
            os.write(new.lifeline, config.encode(handover) + b"\n")
        post.process, post.lifeline, post.heartbeat = new.process, new.lifeline, new.heartbeat
        post.generation = self.generation
        post.born = post.heard = time.monotonic()
        post.beaten = False
        self.selector.register(post.heartbeat, selectors.EVENT_READ, lambda: self._listen(post))

    def _ask(self, post: Post, now: float) -> None:
        """Have the child leave: its lifeline ends."""
        if post.process is not None and post.deadline is None:
            os.close(post.lifeline)
            post.lifeline = -1
            post.deadline = now + self.pace.grace

    def _stop(self) -> None:
        now = time.monotonic()
        if self.stopped is None:
            self.stopped = now
            notify.tell("STOPPING=1", "STATUS=stopping")
            log.info("stopping")
            self.spares.drop()
            for post in self.posts:
                self._ask(post, now)
        elif now - self.stopped > 1.0:  # a second, impatient Ctrl-C, and not the same one by another way
            for post in self.posts:
                post.deadline = now if post.process else None

    def _reload(self) -> None:
        notify.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self.settings = _as_opened(self.settings, self.reread())
        except refused.Refused as refusal:
            log.error("not reloaded", problem=str(refusal), hint=refusal.hint)
        else:
            self.generation += 1
        self.announced = False

    def _roll(self, now: float) -> None:
        """Replace the next child with old settings once the one before is ready; a bad reload stops at its first."""
        if self.conninfo() != self.known:
            self.known = self.conninfo()
            self.generation += 1
        new = [post for post in self.posts if post.generation == self.generation]
        if len(new) == len(self.posts) or not all(post.ready for post in new):
            return
        behind = next(post for post in self.posts if post.generation != self.generation)
        if behind.process is None:
            behind.due = now
        self._ask(behind, now)

    def _report(self, now: float) -> None:
        ready = [post for post in self.posts if post.ready]
        complete = len(ready) == len(self.posts) and all(post.generation == self.generation for post in ready)
        if complete and not self.announced and self.stopped is None:
            self.announced = self.started = True
            notify.tell("READY=1")
        missing = [f"{post.name} ({post.failures} failures)" for post in self.posts if not post.ready]
        status = f"{len(ready)} of {len(self.posts)} ready" + "".join(f", waiting for {name}" for name in missing)
        if status != self.status and self.stopped is None:
            self.status = status
            notify.tell(f"STATUS={status}")
        stuck = any(post.killed is not None and now - post.killed > STUCK for post in self.posts)
        if self.interval and now - self.fed >= self.interval and not stuck:
            self.fed = now
            notify.tell("WATCHDOG=1")


def ignore(_number: int, _frame: object) -> None:
    """A handler for what is read from the pipe."""


def _close(post: Post, selector: selectors.BaseSelector) -> None:
    if post.lifeline >= 0:
        os.close(post.lifeline)
    if post.heartbeat >= 0:
        spawning.ignore(selector, post.heartbeat)
        os.close(post.heartbeat)
    post.lifeline = post.heartbeat = -1


def _as_opened(old: config.Settings, new: config.Settings) -> config.Settings:
    """The new settings, except for what was opened once at the start."""
    api = msgspec.structs.replace(new.api, listen=old.api.listen, workers=old.api.workers)
    kept = msgspec.structs.replace(
        new, state=old.state, database=old.database, api=api, health=old.health, sftp=old.sftp, ingest=old.ingest
    )
    if kept != new:
        log.warning("partly reloaded", problem="state, database, listen and workers change by a restart only")
    return kept

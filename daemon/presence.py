"""How an API process is known in the database, so that its successor can tell what a kill may have lost.

It audits reads in batches. While it lives it says each second up to when all is written; at an orderly end, once the
last batch is, it takes its name away. A name that is left, without a process behind it, was killed: whoever starts next
beside it writes `audit.gap`.
"""

import datetime
import fcntl
import hashlib
import os
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import structlog

from sql import audit, database, processes, shown
from sql.database import Pool

ROLE: Literal["api"] = "api"
GAP = "audit.gap"

MARGIN = 0.1
"""Seconds that a sign of life may take to reach the database."""

log = structlog.get_logger("daemon.presence")


def home(state: Path) -> str:
    """What the names of the processes of a hub on a machine begin with."""
    return f"{socket.gethostname()}/{hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:8]}/"


class Presence:
    """One API process: a name of its own, and a lock on a file that the kernel takes back from the killed."""

    def __init__(self, pool: Pool, state: Path, place: str) -> None:
        self._pool, self._home, self._folder = pool, home(state), state / "run"
        self.name = f"{self._home}{place}/{uuid.uuid4().hex[:8]}"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(self._file(self.name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    async def beat(self, behind: Callable[[], float]) -> None:
        """Say that it lives, and since how many seconds not all of its deeds are written."""
        at, age = time.monotonic(), behind()
        async with database.hub(self._pool, ROLE) as conn:
            await processes.beat(conn, self.name, ROLE, behind=age + time.monotonic() - at + MARGIN)

    async def settle(self) -> None:
        """Enter a gap for each process that was killed."""
        async with database.hub(self._pool, ROLE) as conn:
            known = {one.name: one for one in await processes.below(conn, ROLE, self._home)}
            for name in known.keys() | self._left():
                if name == self.name or self._lives(name):
                    continue
                one, file = known.get(name), self._file(name)
                # Of two who start at the same time only one takes the name away.
                if one is not None and not await processes.leave(conn, name):
                    continue
                since = (one.audited_at or one.started_at) if one else _made(file)
                until = await database.fetch_value(conn, "SELECT clock_timestamp()", {})
                detail = {"from": shown.instant(since), "to": shown.instant(until)}
                await audit.write(conn, None, audit.SYSTEM, GAP, name, ok=False, detail=detail)
                log.warning("killed before", process=name, reads_may_be_missing_since=detail["from"])
                file.unlink(missing_ok=True)

    async def end(self) -> None:
        """Take the name away: all that was done is written."""
        async with database.hub(self._pool, ROLE) as conn:
            await processes.leave(conn, self.name)
        self._file(self.name).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._lock)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name.removeprefix(self._home).replace('/', '.')}.lock"

    def _left(self) -> set[str]:
        """The names of all whose file is there: one that was killed before its first sign of life has nothing else."""
        stems = [file.name.removesuffix(".lock") for file in self._folder.glob(f"{ROLE}-*.*.lock")]
        return {self._home + stem.replace(".", "/") for stem in stems}

    def _lives(self, name: str) -> bool:
        try:
            number = os.open(self._file(name), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(number)
        return False


def _made(file: Path) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromtimestamp(file.stat().st_mtime, datetime.UTC)
    except FileNotFoundError:
        return None

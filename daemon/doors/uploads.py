"""What has been uploaded to one SFTP inbox, and what becomes of it.

How far a file is, its mode says, so that a restart knows it as well: being written (or cut off), closed by the client,
delivered. Of a delivered file the bytes are given back to the disk; its name stays, with size and time, for clients
that look after they put, until its job has ended. Clients never see or set the modes.
"""

import asyncio
import contextlib
import datetime
import os
import stat
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import structlog

from daemon import delivery
from daemon.doors import names, scan, take
from daemon.doors.scan import Found, Holding
from daemon.doors.take import Hub
from oneroster.refused import Refused
from sql import audit, database, jobs

log = structlog.get_logger("daemon.doors")

OPEN, CLOSED, RELEASED, KEPT = 0o600, 0o644, 0o444, 0o440
"""Modes: being written or cut off; complete; delivered, its bytes gone; delivered although broken, to be resumed."""

LEFTOVER = 24 * 3600.0
"""Seconds after which what a lost session left behind is removed."""
LOOK_AFTER = 5.0
"""Seconds between two looks whether the jobs of delivered files have ended."""


def holding(found: os.stat_result) -> Holding:
    """How far an uploaded file is."""
    return {CLOSED: "closed", RELEASED: "done", KEPT: "done"}.get(stat.S_IMODE(found.st_mode), "open")  # type: ignore[return-value]


class Uploads:
    """The uploaded files of an inbox."""

    def __init__(self, hub: Hub, tenant_id: int, inbox_id: int, user: str) -> None:
        self.hub, self.tenant_id, self.inbox_id, self.user = hub, tenant_id, inbox_id, user
        home = hub.folder(inbox_id)
        self.root, self.reports, self._delivered = home / "upload", home / "reports", home / "delivered"
        for folder in (self.root, self.reports, self._delivered):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.hint = asyncio.Event()
        self._scan = scan.Scan(self.root, scan.Rules(settle=hub.settle, broken=hub.broken), holding)
        self._one_by_one = asyncio.Lock()
        self._lock = threading.Lock()
        self._writers: dict[int, list[tuple[str, ...]]] = {}
        self._looked = 0.0

    def begin(self, descriptor: int, path: tuple[str, ...]) -> None:
        """A client writes to a file."""
        with self._lock:
            os.fchmod(descriptor, OPEN)
            self._writers.setdefault(os.fstat(descriptor).st_ino, []).append(path)

    def end(self, descriptor: int, *, closed: bool) -> tuple[str, ...] | None:
        """A client has closed a file, or was cut off; its path when nobody else writes to it and it is complete."""
        inode = os.fstat(descriptor).st_ino
        with self._lock:
            paths = self._writers[inode]
            path = paths.pop()
            if paths:
                return None
            del self._writers[inode]
            if closed:
                os.fchmod(descriptor, CLOSED)
                return path
        return None

    def moved(self, inode: int, path: tuple[str, ...]) -> None:
        """A file that may still be written to has another name now."""
        with self._lock:
            if inode in self._writers:
                self._writers[inode] = [path] * len(self._writers[inode])

    def complete(self, path: tuple[str, ...]) -> Found | None:
        """The bundle that a closed file is by itself: a zip, whole or broken. Loose files are the scan's."""
        name = path[-1]
        if names.unfinished(name) or not name.lower().endswith(".zip") or any(map(names.unfinished, path[:-1])):
            return None
        with names.opened(self.root, *path) as stream:
            status = os.fstat(stream.fileno())
            if holding(status) != "closed" or status.st_size == 0 or not names.is_plain(status):
                return None
            return Found("zip", "".join(path[:-1]), {name: scan.mark(status)}, scan.whole(stream.fileno()))

    async def deliver(self, found: Found, actor: audit.Actor) -> uuid.UUID | None:
        """Deliver a bundle and release its bytes; None when it was delivered or changed meanwhile."""
        async with self._one_by_one:
            if not await asyncio.to_thread(scan.unchanged, self.root, found):
                return None
            try:
                job = await take.take(self.hub, self.tenant_id, self.inbox_id, "sftp", self.root, found, actor)
            except delivery.Changed:
                return None
            await asyncio.to_thread(self._release, found, job)
        log.info("delivered", inbox=self.inbox_id, job=str(job)[:8])
        return job

    async def sweep(self) -> float:
        """One look: deliver what is complete, tidy up. Seconds until the next one is due. Raises OSError, outages."""
        look = await asyncio.to_thread(self._scan.look, time.monotonic())
        for found in look.found:
            try:
                await self.deliver(found, audit.Actor(self.user, "inbox"))
            except (OSError, Refused) as error:  # one that cannot be read does not keep others waiting
                log.warning("not delivered", inbox=self.inbox_id, error=str(error))
        if time.monotonic() - self._looked > min(LOOK_AFTER, self.hub.listed + 0.1):
            self._looked = time.monotonic()
            await self._tidy()
        return min(self.hub.scan, look.soonest if look.soonest is not None else self.hub.scan)

    async def keep(self, stop: asyncio.Event) -> None:
        """Look again and again until told to stop."""
        while not stop.is_set():
            self.hint.clear()
            try:
                wait = await self.sweep()
            except (*database.OUTAGE, OSError, Refused) as error:
                log.warning("look failed", inbox=self.inbox_id, error=type(error).__name__)
                wait = self.hub.scan
            await take.wait(stop, max(0.05, wait), self.hint)

    def _release(self, found: Found, job: uuid.UUID) -> None:
        """Give back the bytes. A crash before this delivers again, which makes a duplicate."""
        with names.entered(self.root, *found.folder) as folder:
            for name, known in found.files.items():
                # Replaced or taken away by the client meanwhile; then it is no longer ours to touch.
                with contextlib.suppress(FileNotFoundError), _writable(name, folder) as number:
                    if os.fstat(number).st_ino != known.inode or holding(os.fstat(number)) != "closed":
                        continue
                    (self._delivered / str(known.inode)).write_text(str(job))
                    os.fchmod(number, RELEASED if found.whole else KEPT)
                    if found.whole:
                        os.ftruncate(number, 0)
                        os.ftruncate(number, known.size)
                        os.utime(number, ns=(known.modified, known.modified))

    async def _tidy(self) -> None:
        """Remove names whose job has ended a while ago, and what lost sessions left behind."""
        done, removable = await asyncio.to_thread(self._standing)
        for job, paths in done.items():
            if job is None or await self._ended(job):
                removable.extend(paths)
        if removable:
            await asyncio.to_thread(self._remove, removable)

    async def _ended(self, job: str) -> bool:
        try:
            async with database.hub(self.hub.pool, "ingest", read_only=True) as conn:
                found = await jobs.by_prefix(conn, job)
        except jobs.UnknownJob:
            return True
        limit = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=self.hub.listed)
        return found.state not in jobs.OPEN and found.finished_at is not None and found.finished_at < limit

    def _standing(self) -> tuple[dict[str | None, list[tuple[str, ...]]], list[tuple[str, ...]]]:
        """Delivered files by job, and what has been lying about for too long."""
        done: dict[str | None, list[tuple[str, ...]]] = {}
        old: list[tuple[str, ...]] = []
        inodes = set()
        for path, status in self._walk():
            inodes.add(str(status.st_ino))
            # ctime: clients set mtime as they like
            if stat.S_ISREG(status.st_mode) and holding(status) == "done":
                done.setdefault(self._job_of(status.st_ino), []).append(path)
            elif time.time() - status.st_ctime > LEFTOVER and status.st_ino not in self._writers:
                old.append(path)
        for sidecar in self._delivered.iterdir():
            if sidecar.name not in inodes:
                sidecar.unlink()
        return done, old

    def _job_of(self, inode: int) -> str | None:
        try:
            return (self._delivered / str(inode)).read_text()
        except FileNotFoundError:
            return None

    def _walk(self) -> Iterator[tuple[tuple[str, ...], os.stat_result]]:
        for entry in list(os.scandir(self.root)):
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    for below in list(os.scandir(entry.path)):
                        yield (entry.name, below.name), below.stat(follow_symlinks=False)
                yield (entry.name,), entry.stat(follow_symlinks=False)

    def _remove(self, paths: list[tuple[str, ...]]) -> None:
        for path in paths:
            # A folder that is not empty stays, and so does what has been replaced by an upload meanwhile.
            with contextlib.suppress(OSError), names.entered(self.root, *path[:-1]) as folder:
                status = os.stat(path[-1], dir_fd=folder, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    os.rmdir(path[-1], dir_fd=folder)
                elif status.st_ino not in self._writers:
                    os.unlink(path[-1], dir_fd=folder)
        for folder_name in {path[0] for path in paths if len(path) > 1}:
            with contextlib.suppress(OSError):
                Path(self.root, folder_name).rmdir()


@contextlib.contextmanager
def _writable(name: str, folder: int) -> Iterator[int]:
    number = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield number
    finally:
        os.close(number)

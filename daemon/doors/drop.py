"""The drop door: a local folder that something else fills, such as a Samba share, an SSH chroot or rsync.

Notifications of the system only hasten the next look, since they may be lost; the look finds everything.
"""

import asyncio
import logging
import os
import time
from pathlib import Path

import structlog
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from daemon import delivery
from daemon.doors import names, scan, take
from daemon.doors.scan import Found
from daemon.doors.take import Hub
from oneroster.refused import Refused
from sql import audit, database
from sql.inboxes import Inbox

log = structlog.get_logger("daemon.doors")

logging.getLogger("watchdog").setLevel(logging.CRITICAL)  # it calls the end of its own thread an error

LEAST = 0.2
"""Seconds between two looks, however many notifications come."""


class Drop:
    """A watched folder."""

    def __init__(self, hub: Hub, inbox: Inbox) -> None:
        self._hub, self._inbox = hub, inbox
        self._root = Path(inbox.path or "")
        self._scan = scan.Scan(self._root, scan.Rules(settle=hub.settle, broken=hub.broken))
        self._trouble: str | None = inbox.trouble
        self._kept: list[Found] = []
        """What was delivered and cannot be removed."""

    async def keep(self, stop: asyncio.Event) -> None:
        """Look again and again until told to stop."""
        hint = asyncio.Event()
        observer: BaseObserver | None = None
        try:
            while not stop.is_set():
                if observer is None:
                    observer = await asyncio.to_thread(_watch, self._root, asyncio.get_running_loop(), hint)
                hint.clear()
                wait, trouble = await self._look()
                if trouble is not None and observer is not None:  # the folder may be another one when it comes back
                    await asyncio.to_thread(_unwatch, observer)
                    observer = None
                if trouble != self._trouble:
                    await take.note(self._hub, self._inbox, trouble)
                    self._trouble = trouble
                await take.wait(stop, LEAST)
                await take.wait(stop, max(0.0, wait - LEAST), hint)
        finally:
            if observer is not None:
                await asyncio.to_thread(_unwatch, observer)

    async def _look(self) -> tuple[float, str | None]:
        """Take what is complete; seconds until the next look is due, and what is wrong with the folder."""
        try:
            return await self.sweep(), None
        except database.OUTAGE as error:
            log.warning("look failed", inbox=self._inbox.id, error=type(error).__name__)
            return self._hub.scan, self._trouble
        except (OSError, Refused) as error:
            log.warning("look failed", inbox=self._inbox.id, error=str(error))
            return self._hub.scan, str(error)

    async def sweep(self) -> float:
        """One look: deliver and remove what is complete. Raises OSError, outages."""
        look = await asyncio.to_thread(self._scan.look, time.monotonic())
        self._kept = [found for found in self._kept if found in look.found]
        troubles: list[Exception] = []
        for found in look.found:
            if found not in self._kept:
                try:
                    await self._take(found)
                except (OSError, Refused) as error:  # one that cannot be read does not keep others waiting
                    troubles.append(error)
        if troubles:
            raise troubles[0]
        if self._kept:
            raise PermissionError(f"{self._kept[0].bundle} was delivered and cannot be removed")
        return min(self._hub.scan, self._hub.scan if look.soonest is None else look.soonest)

    async def _take(self, found: Found) -> None:
        # What cannot be removed would be delivered again and again.
        await asyncio.to_thread(_may_remove, self._root, found)
        actor = audit.Actor(f"inbox-{self._inbox.id}", "inbox", str(self._root))
        try:
            job = await take.take(self._hub, self._inbox.tenant_id, self._inbox.id, "drop", self._root, found, actor)
        except delivery.Changed:
            return
        log.info("delivered", inbox=self._inbox.id, job=str(job)[:8])
        try:
            await asyncio.to_thread(take.remove, self._root, found)
        except OSError:
            self._kept.append(found)
            raise


class _Hint(FileSystemEventHandler):
    def __init__(self, loop: asyncio.AbstractEventLoop, hint: asyncio.Event) -> None:
        self._loop, self._hint = loop, hint

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "moved", "closed", "modified") and not self._hint.is_set():
            self._loop.call_soon_threadsafe(self._hint.set)


def _watch(root: Path, loop: asyncio.AbstractEventLoop, hint: asyncio.Event) -> BaseObserver | None:
    """An observer of the folder, or None where the system grants none: then the looks must do."""
    observer = Observer()
    try:
        observer.schedule(_Hint(loop, hint), str(root), recursive=True)
        observer.start()
    except OSError as error:
        log.info("folder not watched, only looked at", folder=str(root), error=error.strerror)
        return None
    return observer


def _unwatch(observer: BaseObserver) -> None:
    observer.stop()
    observer.join(5)


def _may_remove(root: Path, found: Found) -> None:
    with names.entered(root, *found.folder) as folder:
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder):
            raise PermissionError(
                f"{Path(root, *found.folder)} cannot be written: what is delivered could not be removed"
            )

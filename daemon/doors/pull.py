"""The pull door: a remote SFTP account, visited on a schedule; it remembers what it has fetched.

The remote server is a stranger: its host key is pinned, its names are checked, its listing and its patience bounded.
What is fetched lies in STATE/doors/<inbox>/pull, where the same scan as everywhere finds it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from daemon import delivery, quota
from daemon.doors import names, remote, scan, take
from daemon.doors.take import Hub
from daemon.quota import OverQuota
from oneroster.refused import Refused
from sql import audit, database, inboxes, tenants
from sql.inboxes import Fetched, Inbox

log = structlog.get_logger("daemon.doors")

P = TypeVar("P")
T = TypeVar("T")


class Pull:
    """A remote account that is visited."""

    def __init__(self, hub: Hub, inbox: Inbox) -> None:
        self._hub, self._inbox = hub, inbox
        self._every = float(inbox.every_seconds or 300)
        home = hub.folder(inbox.id)
        self._root, self._reports, self._sent = home / "pull", home / "reports", home / "sent.json"
        for folder in (self._root, self._reports):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # What was fetched half-written is to be replaced by the next visit before anybody calls it broken.
        self._scan = scan.Scan(self._root, scan.Rules(settle=0.0, broken=max(hub.broken, self._every + 30)))
        self._next = 0.0

    async def keep(self, stop: asyncio.Event) -> None:
        """Visit again and again until told to stop; a new report hastens the next visit."""
        while not stop.is_set():
            reports = await asyncio.to_thread(self._unsent)
            if time.monotonic() >= self._next:
                self._next = time.monotonic() + self._every
                await take.note(self._hub, self._inbox, await self._visit(reports))
            elif reports:
                await self._answer(reports)
            try:
                await self.sweep()
            except (*database.OUTAGE, OSError, Refused) as error:
                log.warning("look failed", inbox=self._inbox.id, error=str(error))
            await take.wait(stop, min(2.0, max(0.05, self._next - time.monotonic())))

    async def sweep(self) -> None:
        """Deliver what has been fetched and is complete. Raises OSError, outages."""
        look = await asyncio.to_thread(self._scan.look, time.monotonic())
        actor = audit.Actor(f"inbox-{self._inbox.id}", "inbox", self._inbox.url or "")
        for found in look.found:
            try:
                job = await take.take(
                    self._hub, self._inbox.tenant_id, self._inbox.id, "pull", self._root, found, actor
                )
            except delivery.Changed:
                continue
            except OverQuota as error:  # it stays fetched, and is taken once there is room
                log.warning("not delivered", inbox=self._inbox.id, error=str(error))
                continue
            await asyncio.to_thread(take.remove, self._root, found)
            log.info("delivered", inbox=self._inbox.id, job=str(job)[:8])

    async def _visit(self, reports: list[Path]) -> str | None:
        """Fetch what is new, bring answers; what went wrong, or None."""
        try:
            async with database.hub(self._hub.pool, "ingest", read_only=True) as conn:
                known = {one.name: one for one in await inboxes.fetched(conn, self._inbox)}
                owner = await tenants.by_id(conn, self._inbox.tenant_id)
            free = await quota.free(self._hub.pool, self._hub.state, owner)
            if free is not None and free <= 0:
                raise OverQuota("Nothing is fetched until there is room again.")
            for one in await self._away(self._fetch, known):
                async with database.hub(self._hub.pool, "ingest") as conn:
                    await inboxes.remember(conn, self._inbox, one)
        except remote.HostKeyChanged as error:
            await self._audit_host_key()
            return str(error)
        except (*database.OUTAGE, *remote.TROUBLE, Refused) as error:
            log.warning("visit failed", inbox=self._inbox.id, error=str(error) or type(error).__name__)
            return str(error) or type(error).__name__
        if reports:
            await self._answer(reports)
        return None

    async def _away(self, doing: Callable[[P], T], what: P) -> T:
        """Have a visitor do something that may take long."""
        return await asyncio.get_running_loop().run_in_executor(self._hub.visitors, doing, what)

    def _fetch(self, known: dict[str, Fetched]) -> list[Fetched]:
        """In a thread: bring what is new into our folder; what was brought."""
        with remote.connected(self._inbox) as (client, folder):
            listed = remote.listing(client, folder)
            wanted = [one for one in listed if one.name.lower().endswith(".zip") and known.get(one.name) != one]
            loose = [one for one in listed if one.name.lower().endswith(".csv")]
            if any(known.get(one.name) != one for one in loose):
                wanted += loose  # a bundle is all of its files, also those that have not changed
            return [one for one in wanted if remote.fetch(client, f"{folder}/{one.name}", one, self._root / one.name)]

    async def _answer(self, reports: list[Path]) -> None:
        """Bring reports to the remote account, once, if it has or allows a folder for them."""
        try:
            await self._away(self._send, reports)
        except (*remote.TROUBLE, Refused) as error:
            log.warning("report not brought", inbox=self._inbox.id, error=str(error) or type(error).__name__)

    def _send(self, reports: list[Path]) -> None:
        sent = self._read_sent() | {path.name: path.stat().st_mtime_ns for path in reports}
        # Best effort: where it fails once, it is not tried each time again.
        making = self._sent.with_suffix(".new")
        making.write_bytes(msgspec.json.encode(sent))
        making.rename(self._sent)
        with remote.connected(self._inbox) as (client, folder):
            remote.bring(client, f"{folder}/{names.REPORTS}", reports)

    def _unsent(self) -> list[Path]:
        sent = self._read_sent()
        return [
            path
            for path in sorted(self._reports.iterdir())
            if not path.name.startswith(".") and sent.get(path.name) != path.stat().st_mtime_ns
        ]

    def _read_sent(self) -> dict[str, int]:
        try:
            return msgspec.json.decode(self._sent.read_bytes(), type=dict[str, int])
        except FileNotFoundError:
            return {}

    async def _audit_host_key(self) -> None:
        log.error("host key changed", inbox=self._inbox.id)
        actor = audit.Actor(f"inbox-{self._inbox.id}", "inbox", self._inbox.url or "")
        with contextlib.suppress(*database.OUTAGE):
            async with database.hub(self._hub.pool, "ingest") as conn:
                target = str(self._inbox.id)
                await audit.write(conn, self._inbox.tenant_id, actor, "pull.host-key", target, ok=False)

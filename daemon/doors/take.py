"""Taking a bundle that a scan found: open what was seen, deliver it, and let go of it afterwards."""

import asyncio
import contextlib
import os
import uuid
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import msgspec

from daemon import config, delivery
from daemon.doors import names, scan
from daemon.doors.scan import Found
from daemon.quota import OverQuota
from sql import audit, database, inboxes
from sql.database import Pool
from sql.inboxes import Inbox


class Hub(msgspec.Struct, frozen=True):
    """What every door needs of the hub."""

    pool: Pool
    master: bytes
    state: Path
    settle: float = 2.0
    scan: float = 5.0
    broken: float = 60.0
    """Seconds, as in scan.Rules."""
    listed: float = 60.0
    """Seconds that a delivered file stays listed after its job has ended."""
    passwords: config.Passwords = config.Passwords()
    visitors: Executor | None = None
    """Threads for visits to remote accounts, which may take long, so that they keep nobody else waiting."""
    refused: dict[int, list[Found]] = {}
    """By inbox, the last bundles that found no room: each is told of in the log once."""

    def folder(self, inbox_id: int) -> Path:
        """What an inbox has of its own in the state folder."""
        return self.state / "doors" / str(inbox_id)


async def take(
    hub: Hub, tenant_id: int, inbox_id: int, via: str, root: Path, found: Found, actor: audit.Actor
) -> uuid.UUID:
    """Deliver a bundle found below `root`; its job.

    Raises delivery.Changed when the files are no longer as found, OverQuota where the tenant has no room for it.
    """
    still = partial(scan.unchanged, root, found)
    with contextlib.ExitStack() as stack:
        source: delivery.Source
        if found.kind == "zip":
            (name,) = found.files
            source = stack.enter_context(await asyncio.to_thread(names.opened, root, *found.folder, name))
        else:
            source = {names.shown(name): partial(names.opened, root, *found.folder, name) for name in found.files}
        if not await asyncio.to_thread(still):
            raise delivery.Changed(found.bundle)
        try:
            return await delivery.deliver(
                hub.pool,
                hub.master,
                hub.state,
                tenant_id,
                inbox=inbox_id,
                via=via,
                bundle=found.bundle,
                source=source,
                actor=actor,
                still=still,
            )
        except OverQuota as error:
            known = hub.refused.get(inbox_id, [])
            if found not in known:
                await delivery.refuse(hub.pool, tenant_id, actor, via, found.bundle, error)
                hub.refused[inbox_id] = [*known[-99:], found]
            raise


def remove(root: Path, found: Found) -> None:
    """Remove what was delivered unless it has been replaced meanwhile; also its folder when empty. Raises OSError."""
    with names.entered(root, *found.folder) as folder:
        for name, known in found.files.items():
            with contextlib.suppress(FileNotFoundError):
                if scan.mark(os.stat(name, dir_fd=folder, follow_symlinks=False)) == known:
                    os.unlink(name, dir_fd=folder)
    if found.below:
        with contextlib.suppress(OSError), names.entered(root) as top:
            os.rmdir(found.below, dir_fd=top)


async def note(hub: Hub, inbox: Inbox, trouble: str | None) -> None:
    """Keep what the last look at a door found, for screens; nothing can be noted while the database is away."""
    with contextlib.suppress(*database.OUTAGE):
        async with database.hub(hub.pool, "ingest") as conn:
            await inboxes.looked(conn, inbox, trouble)


async def wait(stop: asyncio.Event, seconds: float, hint: asyncio.Event | None = None) -> None:
    """Until told to stop, hinted at, or so many seconds have passed."""
    events = [asyncio.ensure_future(event.wait()) for event in (stop, hint) if event is not None]
    try:
        await asyncio.wait(events, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for event in events:
            event.cancel()

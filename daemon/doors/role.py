"""The doors role: the SFTP server, the watched folders and the remote accounts of all inboxes in the database.

It lives longest and has the least to do, so that it seals the audit log besides.
"""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from daemon import archive, keys, sealing
from daemon.child import Place
from daemon.config import Settings
from daemon.doors import host_keys, sftp, take
from daemon.doors.drop import Drop
from daemon.doors.pull import Pull
from daemon.doors.take import Hub
from sql import database, inboxes, processes
from sql.inboxes import Inbox

log = structlog.get_logger("daemon.doors")

REFRESH = 2.0
"""Seconds between two looks at the inboxes: a new one works without a restart, a removed one ends."""
BEAT = 3.0
THREADS, VISITORS = 32, 16
"""Bundles that are read, and remote accounts that are visited, at the same time."""
AGAIN = 5.0
"""Seconds until a door that fell over is opened again."""


class Door(msgspec.Struct, frozen=True):
    """An open door."""

    inbox: Inbox
    stop: asyncio.Event
    task: asyncio.Task[None]


async def serve(settings: Settings, place: Place) -> None:
    """Keep all doors open until told to stop."""
    master = keys.master(settings.state)
    await asyncio.to_thread(archive.sweep, settings.state / "archive")
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "door"))
    visitors = ThreadPoolExecutor(VISITORS, "visitor")
    async with database.open_pool(place.conninfo, size=6) as pool, asyncio.TaskGroup() as tasks:
        rules = settings.doors
        hub = Hub(
            pool,
            master,
            settings.state,
            settle=rules.settle,
            scan=rules.scan,
            passwords=settings.passwords,
            visitors=visitors,
        )
        server = await _server(settings, place, hub)
        if server is not None:
            tasks.create_task(server.serve(place.stop))
        tasks.create_task(sealing.keep(pool, master, settings.state, place.stop))
        doors = Doors(hub, server)
        beating = tasks.create_task(_beat(hub, place, f"sftp {server.address}" if server else ""))
        await doors.refresh()
        place.ready()
        while not place.stop.is_set():
            await take.wait(place.stop, REFRESH)
            await doors.refresh()
        await doors.close()
        await beating
        with contextlib.suppress(*database.OUTAGE):
            async with database.hub(pool, "ingest") as conn:
                await processes.leave(conn, place.name)


class Doors:
    """Those that are open."""

    def __init__(self, hub: Hub, server: sftp.Server | None) -> None:
        self._hub, self._server = hub, server
        self._open: dict[int, Door] = {}

    async def refresh(self) -> None:
        """Open and close doors until they are those of the database; while that is away, they stay as they are."""
        try:
            async with database.hub(self._hub.pool, "ingest", read_only=True) as conn:
                wanted = {one.id: one for one in await inboxes.in_use(conn)}
        except database.OUTAGE as error:
            log.warning("inboxes not read", error=type(error).__name__)
            return
        for number, door in list(self._open.items()):
            if number not in wanted or _terms(wanted[number]) != _terms(door.inbox):
                await self._close(self._open.pop(number))
        for number, inbox in wanted.items():
            if number not in self._open:
                stop = asyncio.Event()
                task = asyncio.create_task(self._keep(inbox, stop), name=f"inbox-{number}")
                self._open[number] = Door(inbox, stop, task)

    async def close(self) -> None:
        """Close all doors."""
        doors, self._open = list(self._open.values()), {}
        await asyncio.gather(*map(self._close, doors))

    async def _close(self, door: Door) -> None:
        door.stop.set()
        await asyncio.gather(door.task, return_exceptions=True)

    async def _keep(self, inbox: Inbox, stop: asyncio.Event) -> None:
        """Keep one door open; one that falls over harms no other and is opened again."""
        while not stop.is_set():
            try:
                await self._enter(inbox, stop)
            except Exception as error:  # whatever it is, it is this door's alone
                log.exception("door failed", inbox=inbox.id)
                await take.note(self._hub, inbox, f"{type(error).__name__}: see the log")
                await take.wait(stop, AGAIN)

    async def _enter(self, inbox: Inbox, stop: asyncio.Event) -> None:
        if inbox.kind == "drop":
            await Drop(self._hub, inbox).keep(stop)
        elif inbox.kind == "pull":
            await Pull(self._hub, inbox).keep(stop)
        elif self._server is not None:
            await self._server.open(inbox, stop)
        else:
            await stop.wait()


async def _server(settings: Settings, place: Place, hub: Hub) -> sftp.Server | None:
    keys = await asyncio.to_thread(host_keys.host_keys, settings.state / "keys")
    listener = place.sockets.get("sftp")
    return None if listener is None else sftp.Server(hub, listener, keys)


async def _beat(hub: Hub, place: Place, detail: str) -> None:
    # It ends by itself: a statement that is cancelled may fail as in an outage, which is nothing to end for.
    while not place.stop.is_set():
        with contextlib.suppress(*database.OUTAGE):
            async with database.hub(hub.pool, "ingest") as conn:
                await processes.beat(conn, place.name, "doors", detail)
        await take.wait(place.stop, BEAT)


def _terms(inbox: Inbox) -> tuple[object, ...]:
    """What a door is opened by: not what is noted about it while it is open, nor passwords, which each log-in reads."""
    return (inbox.kind, inbox.user_name, inbox.path, inbox.url, inbox.key_file, inbox.host_key, inbox.every_seconds)

"""Where a verb works: the settings, the master key, and the database, started and brought up to date on need."""

import asyncio
import contextlib
import getpass
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from daemon import keys, listening
from daemon.config import Settings
from oneroster.refused import Refused
from sql import audit, database, migrate, server
from sql.database import Pool

T = TypeVar("T")


class Behind(Refused):
    """The database is older than this version."""

    hint = "Run `rosterhub db migrate`."
    exit_code = 78


class NoDatabase(Refused):
    """The database does not answer."""

    hint = "Check ROSTERHUB_DATABASE_URL and that the server runs; then try again."
    exit_code = 75


class Here(msgspec.Struct, frozen=True):
    """What every verb is given."""

    settings: Settings
    config: Path | None = None
    """The file they came from, where one was named."""

    @property
    def actor(self) -> audit.Actor:
        """The person at the terminal, as the log names him."""
        origin = os.environ.get("SSH_CONNECTION", "").split(" ")[0] or socket.gethostname()
        return audit.Actor(getpass.getuser(), "operator", origin)

    @property
    def master(self) -> bytes:
        """The hub's master key."""
        return keys.master(self.settings.state)

    @property
    def api(self) -> str:
        """The address of the API: as clients see it, else as the daemon says, else as it would be."""
        said = listening.read(self.settings.state).get("api")
        return (self.settings.api.public_url or said or f"http://{self.settings.api.listen}").rstrip("/")

    @property
    def sftp(self) -> str:
        """HOST:PORT of the SFTP server."""
        return listening.read(self.settings.state).get("sftp") or self.settings.sftp.listen

    @contextlib.contextmanager
    def conninfo(self) -> Iterator[str]:
        """The database for as long as it is needed: that of the settings, else the embedded one, started on need."""
        if self.settings.database.url:
            yield self.settings.database.url
            return
        with server.using(self.settings.state / "pg") as running:
            yield running.conninfo

    def run(self, work: Callable[[Pool], Awaitable[T]]) -> T:
        """Do `work` with a pool, on a database that is up to date. Raises Behind, NoDatabase."""
        with self.conninfo() as conninfo:
            return asyncio.run(self._run(conninfo, work))

    def prepare(self, conninfo: str) -> None:
        """See to it that the database is up to date. Raises Behind, NoDatabase."""
        asyncio.run(self._prepare(conninfo))

    async def _run(self, conninfo: str, work: Callable[[Pool], Awaitable[T]]) -> T:
        await self._prepare(conninfo)
        async with database.open_pool(conninfo, size=2) as pool:
            return await work(pool)

    async def _prepare(self, conninfo: str) -> None:
        try:
            if await migrate.pending(conninfo):
                if self.settings.database.url:
                    raise Behind
                await migrate.migrate(conninfo)
        except database.OUTAGE as error:
            raise NoDatabase(str(error).strip().splitlines()[0] if str(error) else "") from error

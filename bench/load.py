"""The loads of a tenant's life, each beside its target, in multiples of floor A."""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import psycopg

from bench import bundles
from bench.floors import Floors
from bench.hub import Hub, Load
from sql import server

SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
    "work_mem",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
)

TARGETS = {
    "first load": 0.85,
    "the identical files": 0.02,
    "another order": 0.30,
    "1 % changed": 0.35,
}
"""At most so much of floor A."""
TENTH = 0.15
"""A first load of a tenth of the rows takes at most so much of the whole one."""
MEMORY = 300
"""MB."""


def measure(users: int, rounds: int, programs: Path | None) -> None:
    """Print settings, each round, and a table of medians."""
    folder = Path(tempfile.mkdtemp(prefix="rosterhub-bench-"))
    folder.chmod(0o711)
    try:
        started = time.monotonic()
        written = bundles.write(folder, users)
        size = written.full.stat().st_size / 1e6
        print(f"samples: {users:,} users, {size:.0f} MB zip, {time.monotonic() - started:.0f} s", flush=True)
        with server.using(folder / "pg", binaries=programs) as running:
            show_settings(running.conninfo)
            found = [turn(folder, running, written, number) for number in range(1, rounds + 1)]
        show(found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show_settings(conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        for name in SETTINGS:
            row = conn.execute("SELECT current_setting(%s)", (name,)).fetchone()
            print(f"  {name} = {row[0] if row else '?'}")


Figures = dict[str, float]


def turn(folder: Path, running: server.Server, written: bundles.Bundles, number: int) -> Figures:
    """Every load and floor once. The floors come between the loads."""
    print(f"round {number}", flush=True)
    figures: Figures = {"memory": 0.0}

    def take(name: str, hub: Hub, bundle: Path) -> None:
        load = hub.load(bundle)
        figures[name] = load.seconds
        figures["memory"] = max(figures["memory"], load.memory)
        show_load(name, load)

    take("a tenth of the rows", Hub(folder, running), written.tenth)
    hub = Hub(folder, running)
    take("first load", hub, written.full)
    floors = Floors(folder, running.conninfo)
    figures["floor A"] = floors.indexed()
    print(f"  floor A: {figures['floor A']:.1f} s, {floors.rows:,} rows", flush=True)
    take("the identical files", hub, written.again)
    take("packed otherwise", hub, written.repacked)
    figures["floor B"] = floors.bare()
    print(f"  floor B: {figures['floor B']:.1f} s", flush=True)
    take("1 % changed", hub, written.changed)
    take("1 % changed back", hub, written.full)
    take("another order", hub, written.shuffled)
    take("order and 1 %", hub, written.changed)
    return figures


def show_load(name: str, load: Load) -> None:
    job = load.job
    print(
        f"  {name}: {load.seconds:.2f} s; processor: Python {load.python:.1f} s, server {load.server:.1f} s;"
        f" at most {load.memory} MB; {job.inserted:,} new, {job.updated:,} changed, {job.deleted:,} gone"
    )
    print("    " + ", ".join(f"{phase} {seconds:.2f}" for phase, seconds in load.phases), flush=True)


def show(found: list[Figures]) -> None:
    """The medians; ratios are taken within a round."""

    def median(name: str) -> float:
        return statistics.median(figures[name] for figures in found)

    def ratio(name: str, to: str) -> float:
        return statistics.median(figures[name] / figures[to] for figures in found)

    print(f"\n{'medians of ' + str(len(found)):22}{'seconds':>9}{'of A':>8}{'of B':>8}{'target':>9}")
    for name in ("floor A", "floor B", *TARGETS, "packed otherwise", "order and 1 %"):
        target = f"{TARGETS[name]:9.2f}" if name in TARGETS else ""
        print(f"{name:22}{median(name):9.2f}{ratio(name, 'floor A'):8.3f}{ratio(name, 'floor B'):8.3f}{target}")
    name = "a tenth of the rows"
    print(f"{name:22}{median(name):9.2f}  {ratio(name, 'first load'):.3f} of the first load; target {TENTH:.2f}")
    print(f"{'memory':22}{median('memory'):9.0f} MB; target {MEMORY}")

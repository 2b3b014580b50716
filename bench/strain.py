"""The API under strain: while a large bundle loads, and before a thousand clients.

The load comes from another process; each client of the thousand has a token and a connection of its own.
"""

import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from bench import bundles, hub, load, service, wire
from bench.hub import Hub
from bench.service import BASE
from bench.wire import Task
from oneroster import sample
from sql import server

READERS, PACE = 4, 20.0
"""Connections of the steady readers, and their requests a second."""
IDLE, LOADED = 20.0, 1_800.0
"""Seconds of reading before the load begins, and at most during it."""
LIMIT = 150.0
"""Milliseconds that the slowest of a hundred may take in any case."""
CLIENTS, SECONDS = 1_000, 60.0


def measure(users: int, programs: Path | None) -> None:
    """Print both."""
    folder = Path(tempfile.mkdtemp(prefix="rosterhub-strain-"))
    folder.chmod(0o711)
    try:
        large, small = (folder / kind / sample.bundle_name(users, day=bundles.DAY) for kind in ("large", "small"))
        for path, count in ((large, users), (small, 10_000)):
            path.parent.mkdir()
            sample.write_sample(path, count, profile=bundles.PROFILE)
        with server.using(folder / "pg", binaries=programs) as running:
            load.show_settings(running.conninfo)
            made = Hub(folder, running)
            made.load(small)
            clients = [service.client(running.conninfo, folder) for _ in range(CLIENTS)]
            with service.running(folder, running.conninfo, 64) as api:
                tokens = [service.token(api.port, *one) for one in clients]
                _while_loading(made, large, api.port, tokens[:READERS])
                _before_many(api, tokens)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _while_loading(made: Hub, bundle: Path, port: int, tokens: list[str]) -> None:
    """Pages that were not read before are read at a steady pace, idle and during the load of another tenant."""
    paths = [f"{BASE}/users?limit=100&offset={at}&n={number}" for number in range(20) for at in range(0, 9_900, 100)]
    requests = [service.request(port, path, tokens[place % len(tokens)]) for place, path in enumerate(paths)]

    task = Task("127.0.0.1", port, requests, READERS, IDLE, PACE)
    idle = wire.run(task)
    task = msgspec.structs.replace(task, seconds=LOADED)
    found, loaded = wire.during(task, lambda: made.load(bundle, tenant="large"))
    print(
        f"while {sum(loaded.job.rows.values()):,} rows load: {sum(found.statuses.values()):,} pages at {PACE:.0f}/s,"
        f" {found.statuses}; p99 idle {idle.p99:.1f} ms, during the load {found.p99:.1f} ms"
        f" (at most {max(2 * idle.p99, LIMIT):.0f}), the slowest {found.worst:.1f} ms",
        flush=True,
    )


def _before_many(api: service.Running, tokens: list[str]) -> None:
    """A thousand clients, each with a connection, as fast as they are answered."""
    paths = [f"{BASE}/users?limit=100&offset={100 * (number % 99)}&n={number}" for number in range(len(tokens))]
    requests = [service.request(api.port, path, token) for path, token in zip(paths, tokens, strict=True)]
    wire.run(Task("127.0.0.1", api.port, requests, 100, 5.0))  # memory of what is kept is not what grows by clients
    before = hub.resident(api.process)
    began = time.perf_counter()
    found = wire.run(Task("127.0.0.1", api.port, requests, len(tokens), SECONDS))
    total = sum(found.statuses.values())
    good = found.statuses.get("200", 0) / max(total, 1)
    after = hub.resident(api.process)
    print(
        f"{len(tokens):,} clients for {time.perf_counter() - began:.0f} s: {found.rate:,.0f} answers/s, {good:.3%} are"
        f" 200 (at least 99.9 %), {found.statuses}; p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms; memory {before} MB,"
        f" then {after} MB = {after / before - 1:+.0%} (at most +10 %)",
        flush=True,
    )

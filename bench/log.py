"""The audit log at ten million entries: what a page takes by each condition, and what the indexes cost its writers.

Entries are spread over the months before and the present one, a rare value of each kind among them, the rarest being
the oldest: so that whoever does not find them by an index has to read everything.
"""

import asyncio
import contextlib
import datetime
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from sql import audit, database, migrate, search, server
from sql.search import Asked

MONTHS = 8
WITHIN = 300.0
"""Milliseconds that a page may take."""

FILL = """
INSERT INTO audit (at, tenant_id, who, who_kind, origin, action, target, ok, detail)
SELECT now() - (%(months)s * interval '30 days') * (n::float8 / %(count)s),
       CASE WHEN n > %(count)s - 20 THEN 2 ELSE 1 END,
       CASE WHEN n > %(count)s - 20 THEN 'rare-client' WHEN n %% 50000 = 0 THEN 'sato' ELSE 'lms-' || n %% 40 END,
       'client', '203.0.113.' || n %% 200,
       CASE WHEN n > %(count)s - 20 THEN 'rare.deed' WHEN n %% 50000 = 0 THEN 'client.rotate'
            ELSE (ARRAY['api.read users', 'api.read enrollments', 'api.read classes', 'api.token'])[1 + n %% 4] END,
       CASE WHEN n > %(count)s - 20 THEN 'rare-target' ELSE (n %% 1000) * 1000 || '+1000' END,
       n <= %(count)s - 20, jsonb_build_object('rows', n %% 1000)
  FROM generate_series(%(first)s, %(last)s) AS n
"""


def measure(count: int, binaries: Path | None) -> None:
    """Print a line for each condition."""
    with _standing(binaries) as conninfo:
        asyncio.run(migrate.migrate(conninfo))
        with psycopg.connect(conninfo, autocommit=True) as conn:
            version = conn.info.server_version // 10_000
            print(f"audit log of {count:,} entries in {MONTHS} months, PostgreSQL {version}")
            asyncio.run(_writers(conninfo, conn))
            _fill(conn, count)
        asyncio.run(_pages(conninfo))


@contextlib.contextmanager
def _standing(binaries: Path | None) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="rosterhub-log-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        try:
            with server.using(folder / "pg", binaries=binaries, durable=False) as running:
                yield running.conninfo
        finally:
            server.discard(folder / "pg")


def _fill(conn: psycopg.Connection, count: int) -> None:
    """Entries as they would lie there; their indexes are built afterwards, which is faster."""
    conn.execute("SET ROLE rosterhub_owner")
    for back in range(1, MONTHS + 1):
        month = "date_trunc('month', now() AT TIME ZONE 'UTC') - {} * interval '1 month'"
        row = conn.execute(f"SELECT {month.format(back)}, {month.format(back - 1)}").fetchone()
        assert row is not None
        conn.execute(
            f"CREATE TABLE audit_{row[0]:%Y%m} PARTITION OF audit FOR VALUES FROM ('{row[0]}Z') TO ('{row[1]}Z')"
        )
    indexes = conn.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = 'audit'::regclass AND NOT indisprimary"
    ).fetchall()
    for index, _ in indexes:
        conn.execute(f"DROP INDEX {index}")
    began = time.monotonic()
    step = min(count, 1_000_000)
    for first in range(1, count + 1, step):
        last = min(count, first + step - 1)
        conn.execute(FILL, {"months": MONTHS, "count": count, "first": first, "last": last})
    for _, definition in indexes:
        conn.execute(definition.replace(" ON ONLY ", " ON "))
    conn.execute("RESET ROLE")
    conn.execute("VACUUM ANALYZE audit")
    size = conn.execute(
        "SELECT (sum(pg_total_relation_size(relid)) / 1048576)::int FROM pg_partition_tree('audit')"
    ).fetchone()
    print(f"  made in {time.monotonic() - began:.0f} s, {size[0] if size else 0:,} MB with all indexes")


async def _pages(conninfo: str) -> None:
    now = datetime.datetime.now(datetime.UTC)

    def ago(days: float) -> datetime.datetime:
        return now - datetime.timedelta(days=days)

    asked = {
        "newest": Asked(),
        "in the midst": Asked(until=ago(100)),
        "a day, half a year ago": Asked(since=ago(181), until=ago(180)),
        "who, common": Asked(who=("lms-7",)),
        "who, one in 50,000": Asked(who=("sato",)),
        "who, 20 at the very end": Asked(who=("rare-client",)),
        "who, nobody": Asked(who=("nobody",)),
        "who, lms-*": Asked(who=("lms-*",)),
        "action, common": Asked(action=("api.read users",)),
        "action, one in 50,000": Asked(action=("client.rotate",)),
        "action, 20 at the very end": Asked(action=("rare.deed",)),
        "action, client.*": Asked(action=("client.*",)),
        "target, common": Asked(target=("0+1000",)),
        "target, 20 at the very end": Asked(target=("rare-target",)),
        "result no, 20 at the very end": Asked(ok=False),
        "result ok": Asked(ok=True),
        "tenant, common": Asked(tenant="common"),
        "tenant, 20 at the very end": Asked(tenant="rare"),
        "who common, action rare": Asked(who=("lms-0", "sato"), action=("client.rotate",)),
        "who and action that never meet": Asked(who=("lms-1",), action=("api.read users",)),
        "free text, common": Asked(words=("enrollments",)),
        "free text, nowhere": Asked(words=("nowhere",)),
        "free text, by one in 50,000": Asked(who=("sato",), words=("nowhere",)),
    }
    async with database.open_pool(conninfo, size=1) as pool:
        async with pool.connection() as conn:
            await conn.execute(
                "INSERT INTO tenants (id, code, name, profile, wrapped_key) OVERRIDING SYSTEM VALUE"
                " VALUES (1, 'common', 'Common', 'auto', ''), (2, 'rare', 'Rare', 'auto', '')"
            )
        slow = 0
        for name, one in asked.items():
            slow += await _page(pool, name, one, now)
    print(f"  {slow} over {WITHIN:.0f} ms")


async def _page(pool: database.Pool, name: str, asked: Asked, now: datetime.datetime) -> bool:
    """Print what the first page and two after it take, and what was said in the end; whether one took too long."""
    taken, before, found = [], search.START, search.Found([])
    for _ in range(3):
        began = time.perf_counter()
        async with database.hub(pool, "viewer", read_only=True) as conn:
            found = await search.page(conn, asked, before=before)
        taken.append(1000 * (time.perf_counter() - began))
        last = found.entries[-1] if found.entries else None
        if found.searched is None and (last is None or len(found.entries) < 100):
            break
        before = found.searched or ((last.at, last.id) if last else search.START)
    back = f", searched back {(now - found.searched[0]).days} days" if found.searched else ""
    print(f"  {name:32} {', '.join(f'{one:6.1f}' for one in taken)} ms{back}")
    return max(taken) > WITHIN


async def _writers(conninfo: str, conn: psycopg.Connection) -> None:
    """What a batch of the API takes with the indexes and without those that only finding needs."""
    deeds = [
        audit.Deed(f"lms-{n % 5}", "203.0.113.9", "api.read users", f"{n}000+1000", True, 0.5, n) for n in range(300)
    ]
    async with database.open_pool(conninfo, size=1) as pool:
        full = await _batches(pool, deeds)
        found = conn.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid ="
            " 'audit'::regclass AND pg_get_indexdef(indexrelid) ~ '[(](who|action|target)|WHERE'"
        ).fetchall()
        for index, _ in found:
            conn.execute(f"DROP INDEX {index}")
        bare = await _batches(pool, deeds)
        for _, definition in found:
            conn.execute(definition.replace(" ON ONLY ", " ON "))
    each = 1000 * (full - bare) / len(deeds)
    print(f"  a batch of {len(deeds)} reads is written in {full:.1f} ms, without {len(found)} indexes {bare:.1f} ms:"
          f" {each:.1f} us more for each read")  # fmt: skip
    conn.execute("TRUNCATE audit")


async def _batches(pool: database.Pool, deeds: Sequence[audit.Deed]) -> float:
    """Milliseconds of a batch, the median of many."""
    taken = []
    for _ in range(60):
        began = time.perf_counter()
        async with database.hub(pool, "api") as conn:
            await audit.write_all(conn, None, deeds)
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)

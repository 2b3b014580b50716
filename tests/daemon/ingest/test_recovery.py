"""What the next worker makes of what a killed one left."""

import datetime
from pathlib import Path
from typing import Any

from daemon import delivery, work
from sql import audit, claims, database, jobs, search, tenants
from tests.daemon.ingest import conftest


async def deliver(hub: Any, tenant: tenants.Tenant, bundle: Path) -> None:
    await delivery.deliver(
        hub.pool, hub.worker.master, hub.settings.state, tenant,
        inbox=None, via="hand", bundle="b.zip", source=bundle, actor=audit.SYSTEM,
    )  # fmt: skip


async def test_what_was_found_out_is_kept_with_the_load(hub: Any, roster: Any) -> None:
    await deliver(hub, hub.tenant, conftest.zipped(hub.folder / "b.zip", roster))
    async with database.hub(hub.pool, "ingest") as conn:
        claimed = await claims.claim(conn, "test")
    async with database.connect(hub.conninfo) as conn:
        assert (await hub.worker._examine(conn, claimed)).state == "applied"  # and here it is killed
    successor = work.Worker(hub.settings, hub.pool, "test")
    await successor.begin()
    assert await successor.turn(hub.conninfo)
    await successor.end()
    async with database.hub(hub.pool, "viewer", read_only=True) as conn:
        (job,) = await jobs.page(conn)
    assert (job.state, job.revision, job.attempts) == ("applied", 1, 2)
    assert await hub.revisions() == 1
    assert job.inserted == sum(one.inserted for name, one in (await hub.counts(job)).items() if name in roster)
    assert len(await hub.problems(job)) == job.warnings + job.errors


async def test_a_load_that_made_no_first_revision_is_no_duplicate_of_itself(hub: Any, roster: Any) -> None:
    await deliver(hub, hub.tenant, conftest.zipped(hub.folder / "b.zip", {stem: [] for stem in roster}))
    async with database.hub(hub.pool, "ingest") as conn:
        claimed = await claims.claim(conn, "test")
    async with database.connect(hub.conninfo) as conn:
        assert (await hub.worker._examine(conn, claimed)).state == "applied"  # and here it is killed
    successor = work.Worker(hub.settings, hub.pool, "test")
    await successor.begin()
    assert await successor.turn(hub.conninfo)
    await successor.end()
    async with database.hub(hub.pool, "viewer", read_only=True) as conn:
        (job,) = await jobs.page(conn)
    assert (job.state, job.revision) == ("applied", None)


async def test_a_lost_job_is_freed_although_others_wait(hub: Any, roster: Any) -> None:
    async with database.hub(hub.pool, "admin") as conn:
        other = await tenants.add(conn, "other", "Other", "auto", hub.worker.master, audit.SYSTEM)
    async with database.hub(hub.pool, "ingest") as conn:
        day = datetime.date(2026, 4, 1)
        lost = await jobs.receive(
            conn, other.id, inbox=None, via="hand", bundle="b.zip", sha256="0" * 64, size=1, day=day
        )
        claimed = await claims.claim(conn, "gone")
        assert claimed is not None and claimed.id == lost
        await conn.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE id = %s", [lost])
    await deliver(hub, hub.tenant, conftest.zipped(hub.folder / "b.zip", roster))
    assert await hub.worker.turn(hub.conninfo)
    async with database.hub(hub.pool, "viewer", read_only=True) as conn:
        assert (await jobs.by_prefix(conn, str(lost))).state == "received"


async def test_a_bundle_that_kills_three_workers_has_failed(hub: Any, roster: Any) -> None:
    await deliver(hub, hub.tenant, conftest.zipped(hub.folder / "b.zip", roster))
    for attempt in (1, 2, 3):
        successor = work.Worker(hub.settings, hub.pool, "test")
        await successor.begin()
        async with database.hub(hub.pool, "ingest") as conn:
            if attempt == 3:
                assert await claims.claim(conn, "test") is None, "others go first now"
                await conn.execute("UPDATE jobs SET not_before = NULL")
            claimed = await claims.claim(conn, "test")  # and here it is killed
        assert claimed is not None and claimed.attempts == attempt
        await successor.end()
    await hub.worker.begin()
    assert not await hub.worker.turn(hub.conninfo), "it is not tried again"
    await hub.worker.end()
    async with database.hub(hub.pool, "viewer", read_only=True) as conn:
        (job,) = await jobs.page(conn)
        assert await jobs.unreported(conn) == [], "its sender is answered"
        entries = (await search.page(conn, search.Asked(tenant="board"))).entries
    assert (job.state, job.reason, job.revision) == ("failed", work.DIED, None)
    assert [one.ok for one in entries if (one.action, one.target) == ("job.failed", str(job.id))] == [False]


async def test_a_committed_load_is_published_however_many_workers_died_over_it(hub: Any, roster: Any) -> None:
    await deliver(hub, hub.tenant, conftest.zipped(hub.folder / "b.zip", roster))
    async with database.hub(hub.pool, "ingest") as conn:
        await conn.execute("UPDATE jobs SET attempts = 2")
        claimed = await claims.claim(conn, "test")
    async with database.connect(hub.conninfo) as conn:
        assert (await hub.worker._examine(conn, claimed)).state == "applied"  # and here it is killed
    successor = work.Worker(hub.settings, hub.pool, "test")
    await successor.begin()
    assert await successor.turn(hub.conninfo)
    await successor.end()
    async with database.hub(hub.pool, "viewer", read_only=True) as conn:
        (job,) = await jobs.page(conn)
    assert (job.state, job.revision, job.attempts) == ("applied", 1, 4)

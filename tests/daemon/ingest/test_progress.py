"""How far a load is stands on its job: phase, rows, rows a second, the time to go."""

import asyncio
import re
from typing import Any

from daemon import delivery
from sql import audit, claims, database, jobs, shown
from tests.daemon.ingest import conftest


async def test_a_loading_job_says_how_far_it_is_and_how_long_it_will_take(hub: Any, roster: Any) -> None:
    bundle = conftest.zipped(hub.folder / "b.zip", roster)
    number = await delivery.deliver(
        hub.pool, hub.worker.master, hub.settings.state, hub.tenant,
        inbox=None, via="hand", bundle=bundle.name, source=bundle, actor=audit.SYSTEM,
    )  # fmt: skip

    async def told(phase: str, rows: int | None, of: int | None) -> jobs.Job:
        async with database.hub(hub.pool, "ingest") as conn:
            assert await claims.renew(conn, claimed, phase, rows, of)
        async with database.hub(hub.pool, "viewer", read_only=True) as conn:
            return await jobs.by_prefix(conn, str(number))

    async with database.hub(hub.pool, "ingest") as conn:
        claimed = await claims.claim(conn, "test")
        assert claimed is not None
    begun = await told("stage", 0, None)
    assert (begun.phase, begun.speed, begun.eta) == ("stage", None, None)
    await asyncio.sleep(0.2)
    half = await told("stage", 500, 1000)
    assert (half.phase_rows, half.phase_of) == (500, 1000)
    assert half.speed is not None
    assert half.eta is not None
    assert half.eta * half.speed > 499
    assert re.fullmatch(r"500 of 1,000 rows, [\d,]+ rows/s, 0:0\d to go", shown.progress(half))
    checked = await told("check", None, None)
    assert (checked.phase, checked.phase_rows, checked.phase_of, checked.eta) == ("check", None, None, None)


async def test_an_ended_job_says_nothing_of_it(hub: Any, roster: Any) -> None:
    job = await hub.roster(roster)
    assert (job.phase, job.phase_rows, job.phase_of, shown.progress(job)) == (None, None, None, "")

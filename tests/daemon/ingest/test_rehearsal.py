"""A rehearsed delivery says what a real one does, and leaves nothing."""

import copy
from typing import Any

from daemon import rehearsal
from daemon.ingest import Outcome
from sql import database, jobs
from tests.daemon.ingest import conftest

NEXT = "RO_20260402_239930.zip"


async def rehearse(hub: Any) -> Outcome:
    path = (hub.folder / "b.zip").rename(hub.folder / NEXT)
    return await rehearsal.rehearse(hub.pool, hub.worker.master, hub.tenant, path)


async def all_jobs(hub: Any) -> list[jobs.Job]:
    async with database.hub(hub.pool, "viewer", read_only=True) as conn:
        return await jobs.page(conn)


async def test_it_counts_what_a_real_load_counts_and_changes_nothing(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    changed = copy.deepcopy(roster)
    changed["users"][0]["grades"] = "P2"
    del changed["enrollments"][0]
    conftest.zipped(hub.folder / "b.zip", changed)
    before, known = await hub.moved(), await all_jobs(hub)
    found = await rehearse(hub)
    assert found.state == "applied"
    assert {one.sourced_id for one in found.samples} == {"u-1", "e-u-1"}
    assert (await hub.moved(), await all_jobs(hub)) == (before, known)
    real = await hub.roster(changed, name=NEXT)
    assert await hub.counts(real) == {one.entity: one for one in found.counts}


async def test_a_dangerous_bundle_would_be_held_and_a_wrong_one_rejected(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    few = copy.deepcopy(roster)
    few["enrollments"] = few["enrollments"][:3]
    conftest.zipped(hub.folder / "b.zip", few)
    held = await rehearse(hub)
    assert held.state == "held"
    assert held.reason is not None
    assert "enrollments" in held.reason.english
    few["users"][0]["enabledUser"] = "perhaps"
    conftest.zipped(hub.folder / "b.zip", few)
    rejected = await rehearse(hub)
    assert rejected.state == "rejected"
    assert [(one.code, one.line) for one in rehearsal.problems(rejected)] == [("E-BOOL", 2)]


async def test_first_rows_leave_no_table_behind(hub: Any, roster: Any) -> None:
    conftest.zipped(hub.folder / "b.zip", roster)
    assert (await rehearse(hub)).state == "applied"
    async with database.hub(hub.pool, "owner") as conn:
        found = await database.fetch_value(conn, "SELECT to_regclass('public.enrollments_t1') IS NULL", {})
    assert found

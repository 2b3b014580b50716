"""What a person decides: a held bundle approved, rejected, superseded; an applied one rolled back."""

import copy
import zipfile
from typing import Any

import pytest

from oneroster.refused import Refused
from sql import audit, database, decisions, jobs, samples

ACTOR = audit.Actor("sato", "operator", "test")
NEXT = "RO_20260402_239930.zip"


async def decide(hub: Any, job: jobs.Job, confirm: int | None = None, reason: str = "meant") -> jobs.Job:
    """Approve, and see what becomes of it."""
    async with database.hub(hub.pool, "operator") as conn:
        await decisions.approve(conn, await jobs.by_prefix(conn, str(job.id)), confirm, reason, ACTOR)
    return await after(hub, job.id)


async def undo(hub: Any, job: jobs.Job, *, cascade: bool = False) -> jobs.Job:
    """Roll back; the rollback's own job as it ended."""
    async with database.hub(hub.pool, "operator") as conn:
        found = await jobs.by_prefix(conn, str(job.id))
        number = await decisions.roll_back(conn, found, "wrong", ACTOR, cascade=cascade)
    return await after(hub, number)


async def after(hub: Any, number: Any) -> jobs.Job:
    while await hub.worker.turn(hub.conninfo):
        pass
    async with database.hub(hub.pool, "viewer", read_only=True) as conn:
        return await jobs.by_prefix(conn, str(number))


async def state(hub: Any, job: jobs.Job) -> str:
    return (await after(hub, job.id)).state


def without(roster: Any, count: int) -> Any:
    """Without so many pupils and all that is theirs."""
    gone = {f"u-{number}" for number in range(1, count + 1)}
    left = copy.deepcopy(roster)
    left["users"] = [row for row in left["users"] if row["sourcedId"] not in gone]
    for row in left["users"]:
        row["agentSourcedIds"] = ""
    for file, column in (("roles", "userSourcedId"), ("enrollments", "userSourcedId"), ("demographics", "sourcedId")):
        left[file] = [row for row in left[file] if row[column] not in gone]
    return left


async def test_a_held_bundle_is_applied_when_its_removals_are_confirmed(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    held = await hub.roster(without(roster, 6), name=NEXT)
    assert held.state == "held"
    assert held.deleted == 18  # users, enrollments, demographics
    with pytest.raises(Refused, match="18"):
        await decide(hub, held)
    with pytest.raises(Refused, match="not 17"):
        await decide(hub, held, 17)
    applied = await decide(hub, held, 18)
    assert (applied.state, applied.deleted) == ("applied", 18)
    assert (await hub.moved())["users"]["u-1"][0] == "tobedeleted"


async def test_an_approved_bundle_whose_removals_have_changed_is_held_again(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    held = await hub.roster(without(roster, 6), name=NEXT)
    # While it waits for its worker another bundle removes one of the six.
    async with database.hub(hub.pool, "operator") as conn:
        await decisions.approve(conn, await jobs.by_prefix(conn, str(held.id)), 18, "meant", ACTOR)
    async with database.hub(hub.pool, "owner") as conn:
        await conn.execute("UPDATE jobs SET not_before = now() + interval '1 hour'")
    one = [
        {"sourcedId": "u-1", "status": "tobedeleted", "dateLastModified": "2026-04-01T00:00:00.000Z"}
        | {name: value for name, value in roster["users"][0].items() if name != "sourcedId"}
    ]
    assert (await hub.roster({"users": one}, {"users": "delta"}, name=NEXT)).deleted == 1
    async with database.hub(hub.pool, "owner") as conn:
        await conn.execute("UPDATE jobs SET not_before = NULL")
    before = await hub.moved()
    again = await after(hub, held.id)
    assert (again.state, again.deleted) == ("held", 17)
    assert again.reason == "Approved with 18 removals, but now 17 records would go."
    assert await hub.moved() == before
    assert (await decide(hub, again, 17)).state == "applied"


async def test_a_rejected_bundle_is_discarded_and_its_reason_kept(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    held = await hub.roster(without(roster, 6), name=NEXT)
    before = await hub.moved()
    async with database.hub(hub.pool, "operator") as conn:
        await decisions.reject(conn, held, "the export was cut off", ACTOR)
    found = await after(hub, held.id)
    assert (found.state, found.reason) == ("discarded", "the export was cut off")
    assert await hub.moved() == before
    with pytest.raises(Refused, match="discarded"):
        await decide(hub, found, 18)


async def test_a_newer_bulk_bundle_supersedes_a_held_one(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    first = await hub.roster(without(roster, 6), name=NEXT)
    second = await hub.roster(without(roster, 7), name=NEXT)
    assert (await state(hub, first), second.state) == ("superseded", "held")
    roster["orgs"][1]["name"] = "Far North"
    assert (await hub.roster(roster, name=NEXT)).state == "applied"
    assert await state(hub, second) == "superseded"


async def test_samples_show_what_would_go_with_persons_masked(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    changed = without(roster, 6)
    changed["users"][0]["grades"] = "P2"
    held = await hub.roster(changed, name=NEXT)
    async with database.hub(hub.pool, "viewer", read_only=True) as conn:
        found = await samples.of_job(conn, held.tenant_id, held.id)
    users = {one.sourced_id: one for one in found if one.entity == "users"}
    assert users["u-1"].change == "deleted"
    assert users["u-1"].fields["familyName"] == ["山**", None]
    assert users["u-7"].fields == {"grades": [["P1"], ["P2"]]}
    assert "太郎" not in str(found)


async def test_rolling_back_restores_every_record_and_is_itself_undone(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    before = await contents(hub)
    changed = copy.deepcopy(roster)
    changed["users"][0]["givenName"] = "次郎"
    changed["roles"][1]["role"] = "teacher"
    changed["orgs"][1]["name"] = "Far North"
    changed["orgs"].append({"sourcedId": "s-3", "name": "East", "type": "school", "parentSourcedId": "d-1"})
    del changed["enrollments"][3], changed["demographics"][2]
    second = await hub.roster(changed, name=NEXT)
    assert second.state == "applied"
    middle = await contents(hub)

    rollback = await undo(hub, second)
    assert (rollback.state, rollback.kind) == ("applied", "rollback")
    assert (rollback.inserted, rollback.updated, rollback.deleted) == (0, 6, 1)
    assert await state(hub, second) == "rolled_back"
    restored = await contents(hub)
    assert restored.pop("orgs/s-3")["status"] == "tobedeleted"
    assert restored == before

    again = await undo(hub, rollback)
    assert again.state == "applied"
    assert again.bundle == f"rollback of {str(rollback.id)[:8]}"
    assert await contents(hub) == middle


async def test_a_rollback_moves_only_what_it_changes(hub: Any, roster: Any, changes: Any) -> None:
    await hub.roster(roster)
    roster["users"][0]["givenName"] = "次郎"
    second = await hub.roster(roster, name=NEXT)
    before = await hub.moved()
    await undo(hub, second)
    assert changes(before, await hub.moved()) == {"users/u-1"}


async def test_with_later_revisions_a_rollback_is_refused_unless_it_cascades(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    before = await contents(hub)
    roster["users"][0]["givenName"] = "次郎"
    second = await hub.roster(roster, name=NEXT)
    roster["users"][1]["givenName"] = "三郎"
    third = await hub.roster(roster, name="RO_20260403_239930.zip")
    with pytest.raises(Refused, match=str(third.id)[:8]):
        await undo(hub, second)
    assert (await undo(hub, second, cascade=True)).state == "applied"
    assert [await state(hub, one) for one in (second, third)] == ["rolled_back", "rolled_back"]
    assert await contents(hub) == before


async def test_rolled_back_bytes_that_come_again_are_held_until_approved(hub: Any, roster: Any) -> None:
    first = await hub.roster(roster)
    roster["users"][0]["givenName"] = "次郎"
    second = await hub.roster(roster, name=NEXT)
    await undo(hub, second)
    again = await hub.deliver(hub.folder / "b.zip", NEXT)
    assert (again.state, again.reason) == ("held", "rolled-back")
    assert (await hub.counts(again))["users"].updated == 1
    assert (await decide(hub, again)).state == "applied"
    assert (await hub.deliver(hub.folder / "b.zip", NEXT)).state == "duplicate"
    assert await state(hub, first) == "applied"


async def test_the_same_files_packed_anew_after_a_rollback_are_held_too(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["users"][0]["givenName"] = "次郎"
    await undo(hub, await hub.roster(roster, name=NEXT))
    with zipfile.ZipFile(hub.folder / "b.zip") as old, zipfile.ZipFile(hub.folder / "c.zip", "w") as new:
        for name in reversed(old.namelist()):
            new.writestr(name, old.read(name))
    again = await hub.deliver(hub.folder / "c.zip", NEXT)
    assert (again.state, again.reason) == ("held", "rolled-back")
    roster["users"][0]["givenName"] = "三郎"
    assert (await hub.roster(roster, name=NEXT)).state == "applied"


async def test_after_a_rollback_the_bundle_before_it_is_current(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    first = (hub.folder / "b.zip").rename(hub.folder / "first.zip")
    changed = copy.deepcopy(roster)
    changed["users"][0]["givenName"] = "次郎"
    await undo(hub, await hub.roster(changed, name="RO_20260405_239930.zip"))
    assert (await hub.deliver(first)).state == "duplicate"
    changed["users"][1]["givenName"] = "三郎"
    # A day before the one that was rolled back is not late any more.
    assert (await hub.roster(changed, name=NEXT)).state == "applied"


async def test_the_very_first_bundle_can_be_rolled_back(hub: Any, roster: Any) -> None:
    first = await hub.roster(roster)
    rollback = await undo(hub, first)
    assert rollback.state == "applied"
    assert {one["status"] for one in (await contents(hub)).values()} == {"tobedeleted"}
    again = await hub.deliver(hub.folder / "b.zip")
    assert (again.state, again.reason) == ("held", "rolled-back")


async def test_a_job_that_only_confirmed_cannot_be_rolled_back_but_goes_with_what_it_confirmed(
    hub: Any, roster: Any
) -> None:
    first = await hub.roster(roster)
    confirmed = await hub.roster(roster, backwards=True)
    assert (confirmed.state, confirmed.revision) == ("applied", 1)
    with pytest.raises(Refused, match="confirmed"):
        await undo(hub, confirmed)
    await undo(hub, first)
    assert await state(hub, confirmed) == "rolled_back"


async def contents(hub: Any) -> dict[str, Any]:
    """Every record as it is stored, by entity and id: its document, or its columns; sealed ones by their hashes."""
    found: dict[str, Any] = {}
    async with database.tenant(hub.pool, hub.tenant.id) as conn:
        for table in ("orgs", "academic_sessions", "courses", "classes", "users", "demographics", "enrollments"):
            cursor = await conn.execute(
                f"SELECT sourced_id, to_jsonb(t) - '{{changed,line,source_modified,sealed,tenant_id}}'::text[]"
                f" FROM {table} t WHERE tenant_id = {hub.tenant.id}"
            )
            found |= {f"{table}/{row[0]}": row[1] for row in await cursor.fetchall()}
    return found


async def test_a_role_given_to_a_removed_user_goes_when_that_is_rolled_back(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    await hub.roster(without(roster, 1), name=NEXT)
    before = await contents(hub)
    late = {"status": "active", "dateLastModified": "2026-04-02T00:00:00.000Z"}
    role = {"sourcedId": "r-x", "userSourcedId": "u-1", "roleType": "secondary", "role": "teacher",
            "orgSourcedId": "s-2"}  # fmt: skip
    given = await hub.roster({"roles": [role | late]}, {"roles": "delta"}, name=NEXT)
    assert given.updated == 1
    await undo(hub, given)
    assert await contents(hub) == before


async def test_what_is_undone_is_marked_so_though_undoing_it_changes_nothing(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    changed = copy.deepcopy(roster)
    changed["users"][0]["givenName"] = "次郎"
    there = await hub.roster(changed, name=NEXT)
    and_back = await hub.roster(roster, backwards=True, name=NEXT)
    rollback = await undo(hub, there, cascade=True)
    assert (rollback.state, rollback.inserted, rollback.updated, rollback.deleted) == ("applied", 0, 0, 0)
    assert [await state(hub, one) for one in (there, and_back)] == ["rolled_back", "rolled_back"]

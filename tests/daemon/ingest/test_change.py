"""What moves and what does not: the unit of change is the record as the API shows it."""

import copy
from collections.abc import Callable
from typing import Any

from sql import database

Changes = Callable[..., set[str]]


async def test_a_first_bundle_is_applied_and_every_row_is_stored(hub: Any, roster: Any) -> None:
    job = await hub.roster(roster)
    assert (job.state, job.revision, job.errors, job.profile) == ("applied", 1, 0, "base-1.2")
    assert job.rows == {stem: len(rows) for stem, rows in roster.items()}
    stored = await hub.moved()
    assert {entity: set(found) for entity, found in stored.items()} == {
        entity: {row["sourcedId"] for row in roster[entity]} for entity in stored
    }
    assert (job.inserted, job.updated, job.deleted) == (sum(map(len, stored.values())), 0, 0)


async def test_the_very_bytes_again_are_a_duplicate(hub: Any, roster: Any) -> None:
    first = await hub.roster(roster)
    before = await hub.moved()
    again = await hub.deliver(hub.folder / "b.zip")
    assert (again.state, again.revision) == ("duplicate", None)
    assert str(first.id)[:8] in again.reason
    assert await hub.moved() == before


async def test_the_same_rows_in_another_order_and_zip_move_nothing(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    before = await hub.moved()
    job = await hub.roster(roster, backwards=True)
    assert (job.state, job.revision, job.inserted, job.updated, job.deleted) == ("applied", 1, 0, 0, 0)
    assert await hub.moved() == before
    assert await hub.revisions() == 1


async def test_one_changed_name_moves_exactly_that_record(hub: Any, roster: Any, changes: Changes) -> None:
    await hub.roster(roster)
    before = await hub.moved()
    roster["users"][3]["givenName"] = "三郎"
    job = await hub.roster(roster)
    assert (job.revision, job.inserted, job.updated, job.deleted) == (2, 0, 1, 0)
    assert changes(before, await hub.moved()) == {"users/u-4"}


async def test_a_changed_sealed_value_moves_its_record_even_if_only_the_case_changed(
    hub: Any, roster: Any, changes: Changes
) -> None:
    await hub.roster(roster)
    before = await hub.moved()
    roster["users"][0]["email"] = "U-1@example.jp"
    roster["demographics"][1]["birthDate"] = "2019-05-07"
    await hub.roster(roster)
    assert changes(before, await hub.moved()) == {"users/u-1", "demographics/u-2"}


async def test_a_password_is_neither_kept_nor_a_change(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["users"][12]["password"] = "another"
    roster["userProfiles"][0]["password"] = "another"
    job = await hub.roster(roster)
    assert (job.inserted, job.updated, job.deleted, job.revision) == (0, 0, 0, 1)
    assert "never kept" not in str(await hub.document("users", "te-1"))


async def test_a_pupil_who_goes_is_soft_deleted_once_and_revived_when_he_returns(
    hub: Any, roster: Any, changes: Changes
) -> None:
    await hub.roster(roster)
    before = await hub.moved()
    full = copy.deepcopy(roster)
    for stem, key in (("users", "sourcedId"), ("roles", "userSourcedId"), ("demographics", "sourcedId"),
                      ("enrollments", "userSourcedId")):  # fmt: skip
        roster[stem] = [row for row in roster[stem] if row[key] != "u-12"]
    job = await hub.roster(roster)
    gone = await hub.moved()
    assert (job.revision, job.deleted) == (2, 3)
    assert changes(before, gone) == {"users/u-12", "demographics/u-12", "enrollments/e-u-12"}
    assert gone["users"]["u-12"] == ("tobedeleted", 2)
    shown = await hub.document("users", "u-12")
    assert shown["status"] == "tobedeleted"
    assert [role["role"] for role in shown["roles"]] == ["student"], "he stays among the students, as tobedeleted"

    roster["orgs"][1]["name"] = "Northern"
    await hub.roster(roster)
    assert changes(gone, await hub.moved()) == {"orgs/s-1"}, "a record deleted before is not deleted again"

    back = await hub.roster(full)
    now = await hub.moved()
    assert now["users"]["u-12"] == ("active", back.revision)
    assert (await hub.document("users", "u-12"))["status"] == "active"


async def test_a_changed_role_and_a_changed_profile_move_their_user(hub: Any, roster: Any, changes: Changes) -> None:
    await hub.roster(roster)
    before = await hub.moved()
    roster["roles"][0]["orgSourcedId"] = "s-2"
    roster["userProfiles"][0]["description"] = "for teachers"
    job = await hub.roster(roster)
    assert changes(before, await hub.moved()) == {"users/u-1", "users/te-1"}
    assert (job.inserted, job.updated) == (0, 2), "a changed role counts as one updated user"
    assert (await hub.document("users", "te-1"))["userProfiles"][0]["description"] == "for teachers"


async def test_a_new_role_and_a_lost_role_move_their_user_and_the_collections(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["roles"].append({"sourcedId": "r-x", "userSourcedId": "u-2", "roleType": "secondary", "role": "teacher",
                            "orgSourcedId": "s-1"})  # fmt: skip
    job = await hub.roster(roster)
    counts = await hub.counts(job)
    assert (counts["teachers"].before, counts["teachers"].after, counts["teachers"].inserted) == (1, 2, 1)
    assert (counts["users"].inserted, counts["users"].updated) == (0, 1)
    assert [one["role"] for one in (await hub.document("users", "u-2"))["roles"]] == ["student", "teacher"]
    roster["roles"].pop()
    job = await hub.roster(roster)
    assert job.updated == 1
    assert [one["role"] for one in (await hub.document("users", "u-2"))["roles"]] == ["student"]


async def test_a_role_under_another_id_with_the_same_content_moves_nothing(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["roles"][0]["sourcedId"] = "r-new"
    job = await hub.roster(roster)
    assert (job.inserted, job.updated, job.deleted) == (0, 0, 0)


async def test_a_new_child_moves_its_parent(hub: Any, roster: Any, changes: Changes) -> None:
    await hub.roster(roster)
    before = await hub.moved()
    roster["orgs"].append({"sourcedId": "s-3", "name": "East", "type": "school", "parentSourcedId": "d-1"})
    roster["academicSessions"][1]["parentSourcedId"] = ""
    await hub.roster(roster)
    after = await hub.moved()
    assert changes(before, after) == {"orgs/s-3", "orgs/d-1", "academicSessions/y-1", "academicSessions/t-1"}
    children = (await hub.document("orgs", "d-1"))["children"]
    assert [child["sourcedId"] for child in children] == ["s-1", "s-2", "s-3"]
    assert "children" not in await hub.document("academicSessions", "y-1")


async def test_a_delta_keeps_rows_it_does_not_mention(hub: Any, roster: Any, changes: Changes) -> None:
    await hub.roster(roster)
    before = await hub.moved()
    late = {"status": "active", "dateLastModified": "2026-04-02T00:00:00.000Z"}
    delta = {
        "users": [roster["users"][1] | late | {"familyName": "田中"}, roster["users"][2] | late],
        "enrollments": [roster["enrollments"][5] | late | {"status": "tobedeleted"}],
    }
    job = await hub.roster(delta, {"users": "delta", "enrollments": "delta"})
    assert (job.state, job.inserted, job.updated, job.deleted) == ("applied", 0, 1, 1)
    assert changes(before, await hub.moved()) == {"users/u-2", "enrollments/e-u-6"}
    older = {"users": [roster["users"][1] | late | {"familyName": "鈴木", "dateLastModified": "2026-04-01T00:00:00Z"}]}
    job = await hub.roster(older, {"users": "delta"})
    assert (job.inserted, job.updated, job.deleted) == (0, 0, 0), "an older row never wins over a newer one"
    assert (await hub.document("users", "u-2"))["familyName"] == "田中"


async def test_a_bulk_file_that_is_absent_keeps_what_is_stored(hub: Any, roster: Any, changes: Changes) -> None:
    await hub.roster(roster)
    before = await hub.moved()
    part = {"users": roster["users"], "roles": roster["roles"]}
    part["users"][0] = part["users"][0] | {"middleName": "M"}
    job = await hub.roster(part)
    assert job.state == "applied"
    assert changes(before, await hub.moved()) == {"users/u-1"}


async def test_an_older_bulk_bundle_is_superseded(hub: Any, roster: Any) -> None:
    await hub.roster(roster, name="RO_20260405_239930.zip")
    roster["users"][0]["givenName"] = "三郎"
    job = await hub.roster(roster, name="RO_20260404_239930.zip")
    assert job.state == "superseded"
    assert (await hub.document("users", "u-1"))["givenName"] == "太郎"


async def test_a_whole_record_reads_as_the_standard_has_it(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    assert await hub.document("users", "te-1") == {
        "sourcedId": "te-1",
        "status": "active",
        "enabledUser": "true",
        "username": "teacher",
        "userIds": [{"type": "LDAP", "identifier": "abc"}, {"type": "LTI", "identifier": "x1"}],
        "givenName": "花子",
        "familyName": "佐藤",
        "roles": [
            {
                "roleType": "primary",
                "role": "teacher",
                "beginDate": "2026-04-01",
                "org": {"href": "base/orgs/s-1", "sourcedId": "s-1", "type": "org"},
                "userProfile": "urn:rosterhub:userProfile:p-1",
            }
        ],
        "userProfiles": [
            {
                "profileId": "urn:rosterhub:userProfile:p-1",
                "profileType": "LMS",
                "vendorId": "v",
                "applicationId": "a",
                "credentials": [{"type": "plain", "username": "teacher"}],
            }
        ],
    }
    assert await hub.document("classes", "c-1") == {
        "sourcedId": "c-1",
        "status": "active",
        "title": "1-1",
        "course": {"href": "base/courses/co-1", "sourcedId": "co-1", "type": "course"},
        "classType": "homeroom",
        "location": "Room 1",
        "school": {"href": "base/orgs/s-1", "sourcedId": "s-1", "type": "org"},
        "terms": [
            {"href": "base/academicSessions/t-1", "sourcedId": "t-1", "type": "academicSession"},
            {"href": "base/academicSessions/y-1", "sourcedId": "y-1", "type": "academicSession"},
        ],
        "periods": ["1", "2"],
    }
    assert (await hub.document("orgs", "d-1"))["identifier"] == "", "required by the binding, blank in the CSV"


async def test_history_holds_what_was(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    for name in ("一", "二"):
        roster["users"][0]["givenName"] = name
        await hub.roster(roster)
    async with database.tenant(hub.pool, hub.tenant.id) as conn:
        cursor = await conn.execute(
            "SELECT given_name, changed, until FROM users_history WHERE tenant_id = %s ORDER BY changed",
            (hub.tenant.id,),
        )
        assert await cursor.fetchall() == [("太郎", 1, 2), ("一", 2, 3)]


async def test_totals_are_those_of_the_rows(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["users"].pop()  # the guardian
    roster["users"][0]["agentSourcedIds"] = ""
    roster["roles"].pop()
    await hub.roster(roster)
    async with database.tenant(hub.pool, hub.tenant.id) as conn:
        cursor = await conn.execute(
            "SELECT collection, records, active FROM totals WHERE tenant_id = %s AND revision = 2", (hub.tenant.id,)
        )
        totals = {row[0]: row[1:] for row in await cursor.fetchall()}
    assert totals["users"] == (14, 13)
    assert totals["students"] == (12, 12)
    assert totals["teachers"] == (1, 1)
    assert totals["schools"] == (2, 2)
    assert totals["terms"] == (1, 1)
    assert totals["gradingPeriods"] == (0, 0)
    assert totals["enrollments"] == (13, 13)


async def test_first_rows_with_a_status_of_their_own_are_stored_but_for_the_deleted_ones(hub: Any, roster: Any) -> None:
    late = {"status": "active", "dateLastModified": "2026-04-02T00:00:00.000Z"}
    for stem in ("demographics", "enrollments", "roles", "userProfiles"):
        roster[stem] = [row | late for row in roster[stem]]
    roster["enrollments"][5]["status"] = "tobedeleted"
    modes = dict.fromkeys(roster, "bulk") | dict.fromkeys(("demographics", "enrollments", "roles"), "delta")
    job = await hub.roster(roster, modes)
    assert job.state == "applied"
    stored = await hub.moved()
    assert stored["enrollments"] == {
        row["sourcedId"]: ("active", 1) for row in roster["enrollments"] if row["status"] == "active"
    }
    assert set(stored["demographics"].values()) == {("active", 1)}
    assert [role["role"] for role in (await hub.document("users", "u-1"))["roles"]] == ["student"]


async def test_a_first_delta_counts_no_row_that_removes_what_nobody_knows(hub: Any, roster: Any) -> None:
    late = {"dateLastModified": "2026-04-02T00:00:00.000Z"}
    delta = {
        stem: [row | late | {"status": "tobedeleted" if row["sourcedId"] in ("u-1", "r-u-1") else "active"}
               for row in rows if "u-1" not in row.values() or stem in ("users", "roles")]
        for stem, rows in roster.items()
    }  # fmt: skip
    job = await hub.roster(delta, dict.fromkeys(delta, "delta"))
    counts = await hub.counts(job)
    assert (counts["users"].inserted, counts["users"].after, counts["students"].inserted) == (13, 13, 11)
    assert len((await hub.moved())["users"]) == 13


async def test_a_late_row_loses_to_a_delta_that_confirmed_a_bulk_row(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    row = roster["users"][1] | {"status": "active", "dateLastModified": "2026-04-03T00:00:00.000Z"}
    assert (await hub.roster({"users": [row]}, {"users": "delta"})).updated == 0
    older = row | {"familyName": "田中", "dateLastModified": "2026-04-02T00:00:00.000Z"}
    assert (await hub.roster({"users": [older]}, {"users": "delta"})).updated == 0
    assert (await hub.document("users", "u-2"))["familyName"] == "山田"


async def test_a_parent_that_only_gets_a_child_keeps_the_date_of_its_row(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    row = roster["orgs"][0] | {"status": "active", "dateLastModified": "2026-04-03T00:00:00.000Z"}
    await hub.roster({"orgs": [row]}, {"orgs": "delta"})
    roster["orgs"].append({"sourcedId": "s-3", "name": "East", "type": "school", "parentSourcedId": "d-1"})
    assert (await hub.roster(roster)).updated == 1
    older = row | {"name": "Late", "dateLastModified": "2026-04-02T00:00:00.000Z"}
    assert (await hub.roster({"orgs": [older]}, {"orgs": "delta"})).updated == 0


async def test_what_the_manifest_calls_bulk_is_no_late_bulk_file_when_its_rows_are_delta(hub: Any, roster: Any) -> None:
    await hub.roster(roster, name="RO_20260405_239930.zip")
    row = roster["users"][1] | {"status": "active", "dateLastModified": "2026-04-03T00:00:00.000Z", "middleName": "M"}
    assert (await hub.roster({"users": [row]}, {"users": "bulk"}, name="RO_20260404_239930.zip")).updated == 1


async def test_an_older_bulk_bundle_is_superseded_though_its_manifest_calls_it_delta(hub: Any, roster: Any) -> None:
    await hub.roster(roster, name="RO_20260405_239930.zip")
    roster["users"][0]["givenName"] = "三郎"
    job = await hub.roster(roster, dict.fromkeys(roster, "delta"), name="RO_20260404_239930.zip")
    assert job.state == "superseded"

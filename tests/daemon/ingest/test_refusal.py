"""What is not applied: rejected with every fault named, or held; the roster untouched either way."""

import json
from pathlib import Path
from typing import Any

import pytest

from sql import database

CASES = sorted((Path(__file__).parent / "cases").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_case_folder_ends_as_expected(hub: Any, roster: Any, case: Path) -> None:
    await hub.roster(roster)
    before = await hub.moved()
    expected = json.loads((case / "expected.json").read_text())
    await hub.set(expected.get("profile", "auto"), expected.get("settings", {}))
    job = await hub.deliver(case, name=expected.get("bundle", case.name))
    found = [(one.code, one.file, one.line, one.column, one.value) for one in await hub.problems(job)]
    assert sorted(found) == sorted(tuple(one) for one in expected["problems"])
    assert job.state == expected["state"]
    assert (job.errors, job.warnings) == (
        sum(one[0][0] == "E" for one in found),
        sum(one[0][0] == "W" for one in found),
    )
    if expected["state"] != "applied":
        assert await hub.moved() == before
    for place, members in expected.get("documents", {}).items():
        document = await hub.document(*place.split("/"))
        assert {name: document[name] for name in members} == members


async def test_eleven_percent_of_the_pupils_gone_are_held(hub: Any, roster: Any) -> None:
    more = [f"v-{number}" for number in range(88)]
    roster["users"] += [roster["users"][1] | {"sourcedId": one} for one in more]
    roster["roles"] += [roster["roles"][1] | {"sourcedId": f"r-{one}", "userSourcedId": one} for one in more]
    await hub.roster(roster)
    before = await hub.moved()
    gone = set(more[:11])
    roster["users"] = [row for row in roster["users"] if row["sourcedId"] not in gone]
    roster["roles"] = [row for row in roster["roles"] if row["userSourcedId"] not in gone]
    job = await hub.roster(roster)
    assert job.state == "held"
    assert job.reason == "11 of 100 active students would go (11.0%)."
    counts = await hub.counts(job)
    assert (counts["students"].guard, counts["students"].deleted) == ("hold:deleted", 11)
    assert await hub.moved() == before
    assert await hub.revisions() == 1


async def test_a_header_only_bulk_file_is_held(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["demographics"] = []
    job = await hub.roster(roster)
    assert job.state == "held"
    assert (await hub.counts(job))["demographics"].guard == "hold:empty"


async def test_values_of_sealed_fields_are_masked_in_problems(hub: Any, roster: Any) -> None:
    roster["demographics"][0]["birthDate"] = "2019-02-30"
    job = await hub.roster(roster)
    (fault,) = await hub.problems(job)
    assert (fault.code, fault.file, fault.line, fault.column, fault.value) == (
        "E-DATE", "demographics.csv", 2, "birthDate", "***",
    )  # fmt: skip
    async with database.hub(hub.pool, "viewer", read_only=True) as conn:
        sealed = await database.fetch_value(conn, "SELECT sealed FROM problems", {})
    assert b"2019-02-30" not in sealed
    assert hub.tenant.sealer(hub.worker.master).open(f"problems/{job.id}/1", sealed) == b"2019-02-30"


async def test_what_is_not_a_zip_is_rejected(hub: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 half a file")
    job = await hub.deliver(tmp_path / "broken.zip")
    assert job.state == "rejected"
    assert [one.code for one in await hub.problems(job)] == ["E-ZIP"]

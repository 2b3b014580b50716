"""What is exported comes back as it was: in every profile, with whatever the cells hold, in bulk and as a delta."""

import asyncio
import contextlib
import copy
import csv
import io
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon import export
from oneroster import entities, profiles, sample, write
from oneroster.profiles import BY_NAME, Profile
from sql import audit, database, exports, reading, revisions, rosters, search, shown, tenants
from sql.jobs import Job
from sql.rosters import Selection
from tests.daemon.conftest import until

every_profile = pytest.mark.parametrize("profile", profiles.ALL, ids=lambda profile: profile.name)
ODD = ['松本, 𠮷兵衛 "よし"', "葛󠄀城", "a\\.b\tc", "it's; 〜"]
RESOURCE = "7f0ed03c-52c8-4b3c-9c1f-9a4a4d9f5e10"
DATE = "2026-04-02T00:00:00.000Z"

Records = dict[str, dict[str, Any]]


@pytest.fixture
async def other(hub: Any) -> AsyncIterator[Any]:
    """A second board of the same hub, with nothing in it."""
    async with database.hub(hub.pool, "admin") as conn:
        second = copy.copy(hub)
        second.tenant = await tenants.add(conn, "other", "Other", "auto", hub.worker.master, audit.SYSTEM)
    yield second


async def exported(hub: Any, name: str, profile: Profile | None = None, since: int | None = None) -> export.Written:
    sealer = hub.tenant.sealer(hub.worker.master)
    actor = audit.Actor("hanako")
    return await export.export(
        hub.pool, hub.tenant, sealer, hub.folder / name, profile=profile, since=since, actor=actor
    )


async def records(hub: Any) -> Records:
    """Every record as the API shows it but for its date, by `entity/id`."""
    async with database.tenant(hub.pool, hub.tenant.id) as conn:
        snapshot = await revisions.snapshot(conn, hub.tenant.id)
    sealer = hub.tenant.sealer(hub.worker.master)
    at = rosters.Shown(snapshot.published, snapshot.committed > snapshot.published, sealer)
    queries = [rosters.page(at, Selection(entity), {}, limit=100_000, skip=0) for entity in entities.EXPOSED]
    pages = [rosters.picked(answer) for answer in await reading.ask(hub.pool, hub.tenant.id, queries)]
    seen = {revision for page in pages for revision in page.changed}
    (stamps,) = await reading.ask(hub.pool, hub.tenant.id, [rosters.stamps(seen)])
    found = {}
    for entity, rows in zip(entities.EXPOSED, pages, strict=True):
        for text in rosters.records(rows, entity, sealer, dict(stamps)):
            record = json.loads(text.replace(b"\x01", b"base").replace(b"\x02", b"resources"))
            del record["dateLastModified"]
            found[f"{entity.name}/{record['sourcedId']}"] = record
    return found


async def codes(hub: Any, job: Job) -> Counter[str]:
    return Counter(one.code for one in await hub.problems(job))


async def set_profile(hub: Any, profile: Profile) -> None:
    async with database.hub(hub.pool, "admin") as conn:
        await conn.execute("UPDATE tenants SET profile = %s WHERE id = %s", (profile.name, hub.tenant.id))


def active(found: Records) -> Records:
    return {key: record for key, record in found.items() if record["status"] == "active"}


def read(bundle: Path) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(bundle) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    return {
        name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(text, newline=""))) for name, text in texts.items()
    }


def full(target: Path, profile: Profile) -> Path:
    """A sample with odd texts, ids at other systems, guardians and metadata that no profile knows."""
    files: dict[str, list[tuple[str, ...]]] = {}
    extra = dict.fromkeys(entities.BY_NAME, ('metadata.z,"q"', "metadata.vendor.a.b", "metadata.vendor.c"))
    for name, rows in sample.sample(150, profile=profile).items():
        header = profile.header(entities.BY_NAME[name])
        changed = []
        first = ""
        for number, row in enumerate(rows):
            cells = dict(zip(header, row, strict=True))
            odd = ODD[number % len(ODD)]
            for column in ("givenName", "description", "cityOfBirth"):
                if cells.get(column):
                    cells[column] = odd
            if name == "users" and number < 20:
                cells |= {
                    "userIds": "{LDAP:a b},{MS:x1}",
                    "agentSourcedIds": first,
                    "middleName": odd,
                }
                cells |= {"identifier": "NULL", "pronouns": "p", "password": "secret"}
                if profile.name in ("base-1.2", "jp-1.2"):
                    cells["resourceSourcedIds"] = f"{RESOURCE},{RESOURCE[:-1]}1"
            first = first or cells["sourcedId"]
            more = (odd, "x" if number % 2 else "", odd) if number % 3 == 0 else ("", "", "")
            changed.append((*cells.values(), *more))
        files[name] = changed
    write.write(target, profile, files, extra=extra)
    return target


@every_profile
async def test_what_is_exported_changes_nothing_when_it_comes_back(hub: Any, other: Any, profile: Profile) -> None:
    job = await hub.deliver(full(hub.folder / "a.zip", profile))
    assert (job.state, job.profile) == ("applied", profile.name), await hub.problems(job)
    written = await exported(hub, "out.zip")
    assert (written.profile, written.revision, written.since, written.left_out) == (profile.name, 1, None, [])
    assert written.rows == job.rows
    again = await hub.deliver(hub.folder / "out.zip")
    assert (again.state, again.inserted, again.updated, again.deleted, again.revision) == ("applied", 0, 0, 0, 1)
    assert await codes(hub, again) == await codes(hub, job)
    fresh = await other.deliver(hub.folder / "out.zip")
    assert fresh.state == "applied", await hub.problems(fresh)
    assert await records(other) == await records(hub)
    assert b"secret" not in b"".join(
        zipfile.ZipFile(hub.folder / "out.zip").read(name) for name in ("users.csv", "userProfiles.csv")
    )


@every_profile
async def test_a_japanese_roster_is_the_same_in_every_profile(hub: Any, other: Any, profile: Profile) -> None:
    await hub.deliver(full(hub.folder / "a.zip", BY_NAME["jp-k12-1.0"]))
    written = await exported(hub, "out.zip", profile)
    assert written.left_out == []
    header = read(hub.folder / "out.zip")["enrollments"][0]
    spelled = "ShussekiNo" if profile.name in ("jp-1.2", "jp-1.2.1") else "shussekiNo"
    assert f"metadata.jp.{spelled}" in header
    await set_profile(other, profile)
    fresh = await other.deliver(hub.folder / "out.zip")
    assert fresh.state == "applied", await hub.problems(fresh)
    assert await records(other) == await records(hub)


async def test_rows_come_in_the_order_of_their_ids_and_bulk_rows_bear_neither_status_nor_date(hub: Any) -> None:
    await hub.deliver(full(hub.folder / "a.zip", BY_NAME["jp-k12-1.0"]))
    await exported(hub, "out.zip")
    for name, rows in read(hub.folder / "out.zip").items():
        if name != "manifest":
            ids = [row["sourcedId"] for row in rows]
            assert ids == sorted(ids), name
            assert {row["status"] + row["dateLastModified"] for row in rows} == {""}


async def test_a_japanese_file_says_NULL_where_the_sheet_says_so(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    await exported(hub, "out.zip", BY_NAME["jp-1.2.1"])
    found = read(hub.folder / "out.zip")
    assert [row["parentSourcedId"] for row in found["orgs"]] == ["NULL", "d-1", "d-1"]
    assert [row["parentSourcedId"] for row in found["academicSessions"]] == ["y-1", "NULL"]
    await exported(hub, "base.zip", BY_NAME["base-1.2"])
    assert [row["parentSourcedId"] for row in read(hub.folder / "base.zip")["orgs"]] == ["", "d-1", "d-1"]


async def test_what_a_profile_has_no_place_for_is_left_out_and_told(hub: Any, roster: Any) -> None:
    for row in roster["users"][:3]:
        row["resourceSourcedIds"] = "res-1"
    roster["demographics"][0]["sex"] = "ext:third"
    await hub.roster(roster)
    written = await exported(hub, "out.zip", BY_NAME["jp-1.2.1"])
    assert written.left_out == [
        "academicSessions.csv type: 1 written although jp-1.2.1 has no such word; its readers may refuse them.",
        "users.csv resourceSourcedIds: 3 left out, because jp-1.2.1 has no such column.",
        "demographics.csv sex: 1 left out, because jp-1.2.1 has no such word.",
    ]
    assert read(hub.folder / "out.zip")["demographics"][0]["sex"] == ""
    assert (await exported(hub, "base.zip", BY_NAME["base-1.2"])).left_out == []


async def test_a_removed_user_and_all_that_is_his_stay_out_and_nothing_refers_to_him(hub: Any, roster: Any) -> None:
    """His roles are kept in the tables; a guardian still names him as agent."""
    for name in ("u-1", "u-2"):
        roster["users"][0]["agentSourcedIds"] = "g-1,u-2"
        roster["userProfiles"].append(roster["userProfiles"][0] | {"sourcedId": f"p-{name}", "userSourcedId": name})
    await hub.roster(roster)
    gone = {"status": "tobedeleted", "dateLastModified": DATE}
    users = [row | gone for row in roster["users"] if row["sourcedId"] == "u-2"]
    orgs = [row | gone for row in roster["orgs"] if row["sourcedId"] == "s-2"]
    classes = [row | gone for row in roster["classes"] if row["sourcedId"] == "c-2"]
    await hub.roster(
        {"users": users, "orgs": orgs, "classes": classes}, dict.fromkeys(("users", "orgs", "classes"), "delta")
    )
    written = await exported(hub, "out.zip")
    assert written.left_out == [
        "users.csv agentSourcedIds: 1 left out, because the record referred to is removed.",
        "userProfiles.csv: 1 left out, because the record referred to is removed.",
        "roles.csv: 1 left out, because the record referred to is removed.",
        "demographics.csv: 1 left out, because the record referred to is removed.",
        "enrollments.csv: 1 left out, because the record referred to is removed.",
    ]
    text = b"".join(zipfile.ZipFile(hub.folder / "out.zip").read(f"{name}.csv") for name in written.rows).decode()
    assert not [one for one in ("u-2,", "s-2", "c-2") if one in text.replace("\r\n", ",")]
    back = await hub.deliver(hub.folder / "out.zip")
    assert (back.state, back.errors) == ("applied", 0), await hub.problems(back)


async def test_what_hangs_on_a_removed_record_goes_with_it_down_to_the_last(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    gone = [roster["academicSessions"][0] | {"status": "tobedeleted", "dateLastModified": DATE}]
    course = [roster["courses"][0] | {"status": "tobedeleted", "dateLastModified": DATE}]
    await hub.roster({"academicSessions": gone, "courses": course}, {"academicSessions": "delta", "courses": "delta"})
    written = await exported(hub, "out.zip")
    assert set(written.rows) == {"orgs", "academicSessions", "users", "userProfiles", "roles", "demographics"}
    assert written.left_out == [
        "academicSessions.csv parentSourcedId: 1 left out, because the record referred to is removed.",
        "classes.csv: 2 left out, because the record referred to is removed.",
        "enrollments.csv: 13 left out, because the record referred to is removed.",
    ]


async def test_a_delta_brings_a_tenant_that_stands_where_it_began_to_where_it_ends(
    hub: Any, other: Any, roster: Any
) -> None:
    await hub.roster(roster)
    await other.deliver(hub.folder / "b.zip")
    assert await records(other) == await records(hub)
    roster["users"][0] |= {"givenName": "三郎", "email": "new@example.jp"}
    roster["roles"][1]["orgSourcedId"] = "s-2"
    roster["userProfiles"][0]["description"] = "for teachers"
    roster["demographics"][2]["birthDate"] = "2019-01-02"
    roster["orgs"].append({"sourcedId": "s-3", "name": "East", "type": "school", "parentSourcedId": "d-1"})
    await hub.roster(roster)
    for stem in ("users", "roles", "demographics", "enrollments"):
        roster[stem] = [row for row in roster[stem] if "u-12" not in row.values()]
    await hub.roster(roster)
    written = await exported(hub, "out.zip", since=1)
    assert (written.revision, written.since) == (3, 1)
    assert written.rows == {
        "orgs": 2, "users": 4, "userProfiles": 1, "roles": 1, "demographics": 2, "enrollments": 1
    }  # fmt: skip
    found = read(hub.folder / "out.zip")
    assert {row["sourcedId"]: row["status"] for row in found["users"]} == {
        "te-1": "active", "u-1": "active", "u-12": "tobedeleted", "u-2": "active"
    }  # fmt: skip
    async with database.tenant(hub.pool, hub.tenant.id) as conn:
        cursor = await conn.execute(
            "SELECT published_at FROM revisions WHERE tenant_id = %s AND revision > 1", (hub.tenant.id,)
        )
        dates = {shown.instant(row[0]) for row in await cursor.fetchall()}
    assert {row["dateLastModified"] for name in written.rows for row in found[name]} == dates
    assert {row["value"] for row in found["manifest"] if row["propertyName"] in ("file.users", "file.orgs")} == {
        "delta"
    }
    job = await other.deliver(hub.folder / "out.zip")
    assert job.state == "applied", await hub.problems(job)
    assert await records(other) == await records(hub)
    again = await hub.deliver(hub.folder / "out.zip")
    assert (again.inserted, again.updated, again.deleted) == (0, 0, 0)


async def test_a_delta_without_changes_is_a_manifest_alone(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    written = await exported(hub, "out.zip", since=1)
    assert written.rows == {}
    assert set(read(hub.folder / "out.zip")) == {"manifest"}
    job = await hub.deliver(hub.folder / "out.zip")
    assert (job.state, job.errors, job.revision) == ("applied", 0, 1)


async def test_a_revision_that_is_not_published_yet_is_not_exported(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    before = active(await records(hub))
    roster["users"][0]["givenName"] = "三郎"
    for stem in ("users", "roles", "demographics", "enrollments"):
        roster[stem] = [row for row in roster[stem] if "u-12" not in row.values()]
    assert (await hub.roster(roster)).revision == 2
    async with database.tenant(hub.pool, hub.tenant.id, "ingest", read_only=False) as conn:
        await conn.execute(
            "UPDATE revisions SET published_at = NULL WHERE tenant_id = %s AND revision = 2", (hub.tenant.id,)
        )
    written = await exported(hub, "out.zip")
    assert written.revision == 1
    names = {row["sourcedId"]: row["givenName"] for row in read(hub.folder / "out.zip")["users"]}
    assert names == {
        record["sourcedId"]: record["givenName"] for key, record in before.items() if key.startswith("users/")
    }


async def test_an_export_is_audited_once(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    await exported(hub, "out.zip")
    async with database.hub(hub.pool, "viewer") as conn:
        entries = [one for one in (await search.page(conn)).entries if one.action == "bundle.export"]
    assert [(one.who, one.tenant, one.target, one.ok) for one in entries] == [("hanako", "board", "board", True)]
    assert entries[0].detail == {"profile": "base-1.2", "revision": 1, "since": None}


async def test_an_export_is_for_its_owner_alone_and_named_after_the_board_in_a_folder(hub: Any, roster: Any) -> None:
    roster["orgs"][0]["identifier"] = "011002"
    await hub.roster(roster)
    (hub.folder / "exports").mkdir()
    zipped = Path((await exported(hub, "exports")).bundle)
    assert re.fullmatch(r"RO_\d{8}_011002\.zip", zipped.name)
    assert stat.S_IMODE(zipped.stat().st_mode) == 0o600
    folder = Path((await exported(hub, "loose")).bundle)
    assert {one.name for one in folder.iterdir()} == set(zipfile.ZipFile(zipped).namelist())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not [one for one in hub.folder.iterdir() if one.suffix == ".part"]
    assert (await hub.deliver(folder)).state == "applied"


async def test_what_cannot_be_exported_is_refused_and_not_audited(hub: Any, roster: Any) -> None:
    with pytest.raises(export.NoRoster):
        await exported(hub, "out.zip")
    await hub.roster(roster)
    for since in (-1, 2):
        with pytest.raises(export.NoRevision):
            await exported(hub, "out.zip", since=since)
    (hub.folder / "file").touch()
    for name in ("no/such/folder.zip", "file"):
        with pytest.raises(export.NotWritten):
            await exported(hub, name)
    async with database.hub(hub.pool, "viewer") as conn:
        assert not [one for one in (await search.page(conn)).entries if one.action == "bundle.export"]


async def test_a_full_disk_leaves_no_half_of_a_bundle(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    with contextlib.suppress(FileExistsError):
        (hub.folder / "out.zip.part").symlink_to("/dev/full")
    with pytest.raises(export.NotWritten, match="No space left"):
        await exported(hub, "out.zip")
    assert not (hub.folder / "out.zip").exists()


async def test_an_export_that_is_broken_off_leaves_nothing(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await hub.deliver(full(hub.folder / "a.zip", BY_NAME["jp-1.2"]))
    monkeypatch.setattr(exports, "BATCH", 5)
    task = asyncio.create_task(exported(hub, "out.zip"))

    async def begun() -> bool:
        return (hub.folder / "out.zip.part").exists()

    await until(begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [one for one in hub.folder.iterdir() if one.name.startswith("out")]
    assert (await exported(hub, "out.zip")).rows["users"] == 150


async def test_the_usual_profile_is_the_tenants_else_that_of_its_last_bundle(hub: Any, roster: Any) -> None:
    await hub.deliver(full(hub.folder / "a.zip", BY_NAME["jp-1.2"]))
    assert (await exported(hub, "out.zip")).profile == "jp-1.2"
    hub.tenant = msgspec.structs.replace(hub.tenant, profile="base-1.2")
    assert (await exported(hub, "out.zip")).profile == "base-1.2"


async def test_the_verb_prints_what_it_wrote_and_tells_on_stderr_what_it_left_out(hub: Any, roster: Any) -> None:
    roster["users"][0]["resourceSourcedIds"] = "res-1"
    await hub.roster(roster)
    environ = os.environ | {"ROSTERHUB_DATABASE_URL": hub.conninfo, "ROSTERHUB_STATE": str(hub.folder / "state")}

    async def call(*words: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "daemon.cli", "export", *words]
        done = await asyncio.to_thread(
            subprocess.run, command, env=environ, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    target = str(hub.folder / "out.zip")
    code, out, err = await call("board", target, "--profile", "jp-k12-1.0")
    assert (code, err) == (
        0,
        "rosterhub: academicSessions.csv type: 1 written although jp-k12-1.0 has no such word; its readers may refuse"
        " them.\nrosterhub: users.csv resourceSourcedIds: 1 left out, because jp-k12-1.0 has no such column.\n",
    )
    assert out.startswith(f"{target}: revision 1 in jp-k12-1.0: orgs 3, academicSessions 2, ")
    code, out, err = await call("board", target, "--json", "--since", "0")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == ["bundle", "tenant", "profile", "revision", "since", "rows", "left_out"]
    assert (found["bundle"], found["since"], found["rows"]["users"]) == (target, 0, 14)
    for code, words in [
        (66, ["nobody", target]),
        (64, ["board", target, "--profile", "jp-9"]),
        (73, ["board", "/no/such/folder/out.zip"]),
    ]:
        done, out, err = await call(*words)
        assert (done, out) == (code, ""), words
        assert err.startswith("rosterhub: ")

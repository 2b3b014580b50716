"""The answer to the sender: JSON for machines, CSV for spreadsheets, a text for people."""

import csv
import io
import json
import stat
from pathlib import Path

import pytest

from daemon import delivery, report
from oneroster.problems import Problem
from sql import audit, database, jobs, shown
from sql.inboxes import Door, Inbox
from sql.jobs import Count, Job
from tests.daemon.conftest import MASTER, Site, zipped

FOUND = [
    Problem("E-DATE", "users.csv", 12, "birthDate", "2026/04/01"),
    Problem("E-REF", "enrollments.csv", 7, "userSourcedId", '=HYPERLINK("http://x")'),
    Problem("E-TEXT", "users.csv", 3, "givenName", "花\u202e子\x1b[31m"),
    Problem("E-GUID", "users.csv", 4, "email", "hanako@example.jp"),
]


@pytest.fixture
async def inbox(site: Site, tmp_path: Path) -> Inbox:
    (tmp_path / "share").mkdir(mode=0o770)
    (tmp_path / "share").chmod(0o770)
    return await site.inbox(Door(kind="drop", path=str(tmp_path / "share")))


async def delivered(site: Site, inbox: Inbox | None, tmp_path: Path, name: str = "名簿.zip") -> Job:
    (tmp_path / "source.zip").write_bytes(zipped())
    await delivery.deliver(
        site.pool,
        MASTER,
        site.state,
        site.tenant,
        inbox=inbox.id if inbox else None,
        via="drop" if inbox else "hand",
        bundle=name,
        source=tmp_path / "source.zip",
        actor=audit.SYSTEM,
    )
    return (await site.jobs())[-1]


async def test_a_report_names_file_line_column_and_value_in_three_forms(
    site: Site, inbox: Inbox, tmp_path: Path
) -> None:
    job = await delivered(site, inbox, tmp_path)
    await site.end(job, found=FOUND)
    folder = tmp_path / "share" / "reports"
    stem = f"名簿.zip.{job.sha256[:8]}"
    for end in ("json", "csv", "txt"):
        assert (folder / f"{stem}.{end}").read_bytes() == (folder / f"latest.{end}").read_bytes()
    assert len(list(folder.iterdir())) == 6
    told = json.loads((folder / f"{stem}.json").read_text("utf-8"))
    (ended,) = await site.jobs()
    assert {name: told[name] for name in shown.job(ended)} == shown.job(ended)
    assert [one["line"] for one in told["problems"]] == [12, 7, 3, 4]
    text = (folder / f"{stem}.txt").read_text("utf-8")
    for words in (
        "受け付けませんでした",
        "rejected",
        "users.csv  12行目 / line 12",
        "列 / column birthDate",
        "「2026/04/01」",
    ):
        assert words in text
    assert "\x1b" not in text
    assert "\u202e" not in text


async def test_no_cell_becomes_a_formula_and_sealed_values_stay_masked(
    site: Site, inbox: Inbox, tmp_path: Path
) -> None:
    await site.end(await delivered(site, inbox, tmp_path), found=FOUND)
    raw = (tmp_path / "share" / "reports" / "latest.csv").read_bytes()
    assert raw.startswith(b'"file","line","column","code","severity","value","message"\r\n')
    lines = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    assert lines[1]["value"] == '\'=HYPERLINK("http://x")'
    for path in (tmp_path / "share" / "reports").iterdir():
        assert b"hanako@example.jp" not in path.read_bytes()
    assert lines[3]["value"] == jobs.MASK


async def test_a_held_bundle_is_told_what_would_change(site: Site, inbox: Inbox, tmp_path: Path) -> None:
    job = await delivered(site, inbox, tmp_path)
    count = Count("users", before=1000, after=800, inserted=0, updated=5, deleted=200, guard="hold:deleted")
    await site.end(job, "held", reason="20.0 % of users would go (limit 10 %).", counts=[count])
    text = (tmp_path / "share" / "reports" / "latest.txt").read_text("utf-8")
    assert "users: 1,000 -> 800 (+0 ~5 -200)  <-- hold:deleted" in text
    assert "理由: 20.0 % of users would go (limit 10 %).（和）\n" in text
    assert "Reason: 20.0 % of users would go (limit 10 %).\n" in text
    assert "ask your school board" in text


async def test_who_may_use_the_folder_may_read_the_answers(site: Site, inbox: Inbox, tmp_path: Path) -> None:
    await site.end(await delivered(site, inbox, tmp_path))
    share = tmp_path / "share"
    assert stat.S_IMODE((share / "reports").stat().st_mode) == 0o770
    answer = (share / "reports" / "latest.txt").stat()
    assert stat.S_IMODE(answer.st_mode) == 0o660
    assert (answer.st_uid, answer.st_gid) == (share.stat().st_uid, share.stat().st_gid)


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x", "あ" * 300, "\x1b[2J.zip", "...", "a\\b"])
async def test_a_name_leads_nowhere_else(site: Site, inbox: Inbox, tmp_path: Path, name: str) -> None:
    job = await delivered(site, inbox, tmp_path, name)
    await site.end(job)
    files = list((tmp_path / "share" / "reports").iterdir())
    assert len(files) == 6
    assert all(path.name.isprintable() and not path.name.startswith(".") for path in files)
    assert len(json.loads((tmp_path / "share" / "reports" / "latest.json").read_text("utf-8"))["bundle"]) == len(name)


async def test_a_link_for_a_reports_folder_is_not_followed_and_the_job_waits(
    site: Site, inbox: Inbox, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "share" / "reports").symlink_to(tmp_path / "elsewhere")
    job = await delivered(site, inbox, tmp_path)
    await site.end(job)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert "report" in ((await site.look_up(inbox.id)).trouble or "")
    async with database.hub(site.pool, "ingest") as conn:
        assert [one.id for one in await jobs.unreported(conn)] == [job.id]
    (tmp_path / "share" / "reports").unlink()
    await report.answer(site.pool, site.state, job.tenant_id, job.id)
    async with database.hub(site.pool, "ingest") as conn:
        assert await jobs.unreported(conn) == []


async def test_a_delivery_by_hand_needs_no_report(site: Site, tmp_path: Path) -> None:
    job = await delivered(site, None, tmp_path)
    await site.end(job)
    async with database.hub(site.pool, "ingest") as conn:
        assert await jobs.unreported(conn) == []
    assert not (site.state / "doors").exists()

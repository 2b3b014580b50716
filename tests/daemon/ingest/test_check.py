"""A bundle is judged without a hub: by the same rules, with a verdict for machines and for people, leaving nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon import check, cli
from oneroster import profiles, sample
from sql import shown
from tests.daemon.ingest.conftest import Roster, zipped

JAPANESE = profiles.BY_NAME["jp-1.2.1"]


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the temporary folders of this test lie, and its state would; pytest has made its own before."""
    with tempfile.TemporaryDirectory(prefix="check-tests-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        monkeypatch.setattr(tempfile, "tempdir", name)
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setenv("ROSTERHUB_STATE", f"{name}/state")
        monkeypatch.setenv("ROSTERHUB_DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")
        yield Path(name)
        assert list(Path(name).iterdir()) == [], "it leaves nothing behind, and no state"


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.call(["check", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_good_bundle_is_ok(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tmp_path / "RO_20260401_011002.zip"
    sample.write_sample(bundle, 60, profile=JAPANESE)
    code, out, err = printed(capsys, str(bundle), "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == ["verdict", "profile", "problems", "rows"]
    assert (found["verdict"], found["profile"], found["problems"]) == ("ok", "jp-1.2.1", [])
    assert found["rows"]["users"] == 60
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path / "loose")
    code, out, err = printed(capsys, str(tmp_path / "loose"))
    assert (code, err) == (0, "")
    assert out.startswith("ok: errors 0, warnings 0\nprofile jp-1.2.1, ")
    assert ["users.csv", "60"] in [line.split() for line in out.splitlines()]


def wrong(roster: Roster) -> Roster:
    """A dangling reference, a word that is none, a date that is sealed, a user without a role."""
    roster["classes"][1]["courseSourcedId"] = "co-9"
    roster["orgs"][2]["type"] = "cas\u200btle"
    roster["demographics"][3]["birthDate"] = "2019-02-30"
    roster["roles"].pop(4)
    return roster


async def test_it_says_what_a_hub_says(hub: Any, roster: Roster) -> None:
    job = await hub.roster(wrong(roster))
    found = await asyncio.to_thread(check.check, hub.folder / "b.zip")
    assert [shown.problem(one) for one in found.problems] == [shown.problem(one) for one in await hub.problems(job)]
    assert (found.verdict, found.profile, found.rows) == (job.state, job.profile, job.rows)
    assert (found.errors, found.warnings) == (job.errors, job.warnings) == (3, 1)
    assert [one.value for one in found.problems if one.column == "birthDate"] == ["***"]


def test_people_read_file_line_column_code_value_and_message(
    tmp_path: Path, roster: Roster, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = printed(capsys, str(zipped(tmp_path / "b.zip", wrong(roster))), "--profile", "base-1.2")
    assert (code, err) == (65, "")
    lines = out.splitlines()
    assert lines[:3] == ["rejected: errors 3, warnings 1", "profile base-1.2, The tenant's setting.", ""]
    assert lines[3].split() == ["FILE", "LINE", "COLUMN", "CODE", "VALUE", "MESSAGE"]
    assert [line.split()[:4] for line in lines[4:8]] == [
        ["orgs.csv", "4", "type", "E-ENUM"],
        ["classes.csv", "3", "courseSourcedId", "E-REF"],
        ["users.csv", "6", "sourcedId", "W-NO-ROLE"],
        ["demographics.csv", "5", "birthDate", "E-DATE"],
    ]
    assert "cas\\u200btle" in lines[4], "no value talks to the terminal"


def test_what_cannot_be_read_at_all_is_rejected_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.zip").write_bytes(b"PK but no zip")
    code, out, _ = printed(capsys, str(tmp_path / "b.zip"), "--json")
    found = json.loads(out)
    assert (code, found["verdict"], found["profile"], found["rows"]) == (65, "rejected", None, {})
    assert [one["code"] for one in found["problems"]] == ["E-ZIP"]


def test_a_delta_alone_may_refer_to_what_a_hub_has_and_a_bulk_bundle_may_not(tmp_path: Path, roster: Roster) -> None:
    late = {"status": "active", "dateLastModified": "2026-04-02T00:00:00.000Z"}
    delta = {"enrollments": [row | late for row in roster["enrollments"]]}
    assert check.check(zipped(tmp_path / "d.zip", delta, {"enrollments": "delta"})).verdict == "ok"
    found = check.check(zipped(tmp_path / "b.zip", {"enrollments": roster["enrollments"]}))
    assert (found.verdict, {one.code for one in found.problems}) == ("rejected", {"E-REF"})


@pytest.mark.parametrize(
    "code, words", [(66, ["/no/such.zip"]), (64, [__file__, "--profile", "jp-9"]), (64, [__file__, "--encoding", "x"])]
)
def test_exit_codes(capsys: pytest.CaptureFixture[str], code: int, words: list[str]) -> None:
    done, out, err = printed(capsys, *words)
    assert (done, out) == (code, "")
    assert err.startswith("rosterhub: ")


def started(desk: Path, bundle: Path) -> subprocess.Popen[bytes]:
    """A check in a process of its own, whose server runs."""
    process = subprocess.Popen([sys.executable, "-m", "daemon.cli", "check", str(bundle)], stdout=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not list(desk.glob("*/pg/data/postmaster.pid")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    return process


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_nothing_when_it_is_told_to_stop(desk: Path, tmp_path: Path, number: signal.Signals) -> None:
    sample.write_sample(tmp_path / "b.zip", 3_000, profile=JAPANESE)
    process = started(desk, tmp_path / "b.zip")
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert list(desk.iterdir()) == []


def test_what_a_killed_one_left_is_cleared_by_the_next(desk: Path, tmp_path: Path, roster: Roster) -> None:
    sample.write_sample(tmp_path / "b.zip", 3_000, profile=JAPANESE)
    process = started(desk, tmp_path / "b.zip")
    process.kill()
    process.wait(60)
    (left,) = desk.iterdir()
    assert check.check(zipped(tmp_path / "c.zip", roster)).verdict == "ok"
    assert list(desk.iterdir()) == [left], "it might live"
    os.utime(left, (0, 0))
    assert check.check(zipped(tmp_path / "c.zip", roster)).verdict == "ok"
    assert list(desk.iterdir()) == []

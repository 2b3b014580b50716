"""A bundle that is wrong, or too different, changes nothing, and its sender is told exactly why."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.story.bundles import Files, having, read, without, write
from tests.story.hub import Board, Hub, Sender
from tests.story.lms import Lms

pytestmark = pytest.mark.xdist_group("story")

Place = tuple[Board, Sender, Lms, Files]


@pytest.fixture(scope="module")
def place(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A tenant with 200 users, its sender and its reader."""
    board = hub.tenant("reports")
    sender = board.open_sftp()
    bundle = hub.sample(tmp_path_factory.mktemp("reports"), 200)
    lms = hub.client(board.code)
    sender.put(bundle)
    assert json.loads(sender.report(bundle)["json"])["state"] == "applied"
    return board, sender, lms, read(bundle)


def test_each_fault_is_named_by_file_line_column_and_value(hub: Hub, place: Place, tmp_path: Path) -> None:
    _, sender, lms, files = place
    before, tag = lms.everything(), lms.get("/users", limit=1).headers["ETag"]
    wrong = {name: [dict(row) for row in rows] for name, rows in files.items()}
    nobody = "00000000-0000-4000-a000-000000000000"
    faults = [
        ("enrollments", 41, "userSourcedId", nobody, "E-REF"),
        ("enrollments", 7, "beginDate", "2026-02-30", "E-DATE"),
        ("roles", 3, "role", "janitor", "E-ENUM"),
        ("users", 12, "metadata.jp.homeClass", "no-such-class", "E-UUID"),
        ("classes", 2, "termSourcedIds", f"{files['academicSessions'][0]['sourcedId']},{nobody}", "E-REF"),
    ]
    for name, line, column, value, _ in faults:
        wrong[name][line - 2][column] = value  # the header is line 1
    bundle = write(tmp_path / "RO_20990401_011002.zip", wrong)
    sender.put(bundle)
    report = sender.report(bundle)

    told = json.loads(report["json"])
    assert told["state"] == "rejected"
    assert told["errors"] == len(faults)
    shown = hub.shown("job", "problems", told["id"][:8])
    assert shown == told["problems"]
    assert {name: value for name, value in told.items() if name != "problems"} == hub.shown("job", "show", told["id"])
    named = {
        (one["file"], one["line"], one["column"], one["value"], one["code"])
        for one in shown
        if one["severity"] == "error"
    }
    expected = {(f"{name}.csv", line, column, value, code) for name, line, column, value, code in faults[:4]}
    (listed,) = named - expected
    assert expected < named
    assert listed[:3] == ("classes.csv", 2, "termSourcedIds")
    assert nobody in listed[3]

    table = list(csv.DictReader(io.StringIO(report["csv"])))
    assert {(one["file"], int(one["line"]), one["column"], one["value"], one["code"]) for one in table} == named
    for one in named:
        assert all(str(part) in report["txt"] for part in one)
    assert "受け付けませんでした" in report["txt"] and "rejected: nothing was changed" in report["txt"]
    with sender.connected() as client:
        names = client.listdir("/reports")
        with client.open("/reports/latest.json") as latest:
            assert json.loads(latest.read())["id"] == told["id"]
    assert {f"latest.{suffix}" for suffix in report} < set(names)

    assert lms.everything() == before
    assert lms.get("/users", limit=1).headers["ETag"] == tag


def test_a_bundle_that_lacks_more_than_a_tenth_of_the_pupils_is_held(hub: Hub, place: Place, tmp_path: Path) -> None:
    _, sender, lms, files = place
    before = lms.everything()
    pupils = having(files, "student")
    gone = set(pupils[:: len(pupils) // (len(pupils) * 11 // 100 + 1)][: len(pupils) * 11 // 100 + 1])
    assert len(gone) > len(pupils) * 0.1
    assert len(gone) < len(files["users"]) * 0.1, "of all users it is less than a tenth"
    bundle = write(tmp_path / "RO_20990402_011002.zip", without(files, gone))
    sender.put(bundle)
    report = sender.report(bundle)
    told = json.loads(report["json"])
    assert (told["state"], told["revision"], told["errors"]) == ("held", None, 0)
    guards = {one["entity"]: one for one in hub.shown("job", "diff", told["id"])}
    assert guards["students"]["guard"] == "hold:deleted"
    assert guards["users"]["guard"] == guards["teachers"]["guard"] == "ok"
    assert (guards["students"]["before"], guards["students"]["deleted"]) == (len(pupils), len(gone))
    assert "保留中" in report["txt"] and "held" in report["txt"]
    assert lms.everything() == before


def test_what_is_wrong_with_the_zip_itself_is_told_as_well(place: Place, tmp_path: Path) -> None:
    _, sender, lms, files = place
    before = lms.walk("/users")
    bundle = write(tmp_path / "RO_20990403_011002.zip", {name: rows for name, rows in files.items() if name != "users"})
    bundle.write_bytes(bundle.read_bytes()[:-200])
    sender.put(bundle)
    told = json.loads(sender.report(bundle)["json"])
    assert told["state"] == "rejected"
    assert [one["code"] for one in told["problems"]] == ["E-ZIP"]
    assert lms.walk("/users") == before

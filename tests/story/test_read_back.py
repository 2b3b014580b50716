"""What was put in comes out: every record of a bundle through every door, read through the API."""

import datetime
import json
import re
from pathlib import Path

import paramiko
import pytest

from daemon.doors import host_keys
from tests.daemon.doors.test_pull import School
from tests.story import oracle
from tests.story.bundles import Files, read, some
from tests.story.hub import Board, Hub, has_openssh, until
from tests.story.lms import Lms, Record

pytestmark = pytest.mark.xdist_group("story")

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SINGLE = 5
"""So many of each collection are read one by one."""

CASES = [
    pytest.param("jp-1.2.1", 1000, "openssh", id="1000 users of jp-1.2.1 by the sftp of OpenSSH"),
    pytest.param("base-1.2", 1000, "password", id="1000 users of base-1.2 by paramiko with a password"),
    pytest.param("jp-1.2", 60, "key", id="60 users of jp-1.2 by paramiko with a key"),
    pytest.param("jp-k12-1.0", 60, "openssh", id="60 users of jp-k12-1.0 by the sftp of OpenSSH"),
]


@pytest.mark.parametrize("profile, users, by", CASES)
def test_every_record_read_back_is_its_row(hub: Hub, tmp_path: Path, profile: str, users: int, by: str) -> None:
    if by == "openssh" and not has_openssh():
        pytest.skip("there is no sftp on this machine")
    board = hub.tenant(f"back-{profile.replace('.', '-')}")
    sender = board.open_sftp("a long password, said once" if by == "password" else "")
    bundle = hub.sample(tmp_path, users, "--profile", profile)
    lms = hub.client(board.code)
    last = sender.put_by_openssh(bundle, tmp_path) if by == "openssh" else sender.put(bundle)
    job = json.loads(sender.report(bundle)["json"])
    assert (job["state"], job["profile"], job["errors"], job["problems"]) == ("applied", profile, 0, [])
    files = read(bundle)
    assert job["rows"] == {name: len(rows) for name, rows in files.items()}
    print(f"{sum(job['rows'].values()):,} rows applied {_instant(job['finished_at']) - last:.2f} s after the last byte")
    assert_read_back(lms, files)


def test_a_drop_folder_and_a_pulled_account_give_the_same_contents(hub: Hub, tmp_path: Path) -> None:
    bundle = hub.sample(tmp_path, 1000)
    files = read(bundle)
    dropped, pulled = hub.tenant("back-drop"), hub.tenant("back-pull")
    school = _school(tmp_path, hub.key)
    try:
        _open_pull(hub, pulled, school)
        folder = tmp_path / "drop"
        folder.mkdir()
        assert hub.shown("inbox", "add", dropped.code, "--kind", "drop", "--path", str(folder))["path"] == str(folder)
        for target in (folder, school.folder / "out"):
            (target / "making.part").write_bytes(bundle.read_bytes())
            (target / "making.part").rename(target / bundle.name)
        for board, place in ((dropped, folder), (pulled, school.folder / "out")):
            lms = hub.client(board.code)
            report = place / "reports" / "latest.json"
            until(report.exists, f"{report} to be written")
            job = json.loads(report.read_text())
            assert (job["tenant"], job["state"], job["bundle"]) == (board.code, "applied", bundle.name)
            assert_read_back(lms, files)
    finally:
        school.close()


def assert_read_back(lms: Lms, files: Files) -> None:
    """All that the API shows is what the rows say, in every collection and one by one."""
    known = oracle.expected(files, lms.base)
    shown: dict[str, dict[str, Record]] = {}
    for name, wanted in known.items():
        shown[name] = lms.walk(f"/{name}")
        assert shown[name].keys() == wanted.keys(), name
        for sourced_id, record in shown[name].items():
            assert oracle.comparable(record) == oracle.comparable(wanted[sourced_id])
        for sourced_id in some(sorted(wanted), SINGLE):
            answer = lms.get(f"/{name}/{sourced_id}")
            assert answer.status == 200
            (record,) = answer.json.values()
            assert record == shown[name][sourced_id]
    dates = {record["dateLastModified"] for records in shown.values() for record in records.values()}
    assert len(dates) == 1, "one revision has one date"
    assert INSTANT.fullmatch(dates.pop())
    _assert_references_resolve(lms, shown)


def _assert_references_resolve(lms: Lms, shown: dict[str, dict[str, Record]]) -> None:
    names = {kind: name for name, kind in oracle.REFERRED.items()}
    found = set().union(*(oracle.references(list(records.values())) for records in shown.values()))
    assert {kind for _, _, kind in found} == set(names)
    for _, sourced_id, kind in found:
        assert sourced_id in shown[names[kind]]
    for kind in names:
        for href, sourced_id, _ in some(sorted(one for one in found if one[2] == kind), 3):
            assert href.startswith("http://")
            assert lms.get(href).json[kind]["sourcedId"] == sourced_id


def _school(folder: Path, key: Path) -> School:
    (folder / "school" / "out").mkdir(parents=True)
    host_keys.host_keys(folder / "keys")
    host_key = paramiko.Ed25519Key(filename=str(folder / "keys" / "ssh_host_ed25519_key"))
    return School(folder / "school", host_key, key)


def _open_pull(hub: Hub, board: Board, school: School) -> None:
    url = f"sftp://rosterhub@127.0.0.1:{school.port}/out"
    line = host_keys.line(school.host_key)
    words = ("--kind", "pull", "--url", url, "--key", str(hub.key), "--host-key", line, "--every", "1s")
    assert hub.shown("inbox", "add", board.code, *words)["url"] == url


def _instant(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()

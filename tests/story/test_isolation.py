"""Nobody sees what is not theirs: no tenant another's records, no thief of disks or reader of logs a person."""

import base64
import json
import os
import secrets
import time
from pathlib import Path

import pytest

from tests.conftest import HOME
from tests.story import oracle
from tests.story.bundles import Files, read, some, without, write
from tests.story.hub import Hub
from tests.story.lms import Lms, Record

pytestmark = pytest.mark.xdist_group("story")

OPERATIONS = json.loads((oracle.FACTS / "operations.json").read_text())
OWNERS = {
    "class": "classes",
    "course": "courses",
    "school": "schools",
    "student": "students",
    "teacher": "teachers",
    "term": "terms",
    "user": "users",
}
"""Where the ids of a path parameter such as classSourcedId come from."""


@pytest.fixture(scope="module")
def boards(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lms, Lms, Files, Files]:
    """Two tenants with rosters that share most ids but not what stands under them, and some ids each of its own."""
    folder = tmp_path_factory.mktemp("isolation")
    bundles = [hub.sample(folder / change, 120, "--profile", "base-1.2", "--change", change) for change in ("0", "80")]
    bundles[1] = write(folder / "b.zip", _with_more(read(bundles[1])))
    clients = []
    for code, bundle in zip(("iso-a", "iso-b"), bundles, strict=True):
        hub.tenant(code)
        assert hub.shown("ingest", code, str(bundle), "--wait")["state"] == "applied"
        clients.append(hub.client(code))
    return clients[0], clients[1], read(bundles[0]), read(bundles[1])


def _with_more(files: Files) -> Files:
    """One more of each kind that a change of the sample leaves as it is."""
    terms = [row for row in files["academicSessions"] if row["type"] == "term"]
    periods = [row for row in files["academicSessions"] if row["type"] == "gradingPeriod"]
    return files | {
        "orgs": [*files["orgs"], dict(files["orgs"][1], sourcedId="b-school")],
        "courses": [*files["courses"], dict(files["courses"][0], sourcedId="b-course", orgSourcedId="b-school")],
        "academicSessions": [
            *files["academicSessions"],
            dict(terms[0], sourcedId="b-term"),
            dict(periods[0], sourcedId="b-period", parentSourcedId="b-term"),
        ],
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=[one["operationId"] for one in OPERATIONS])
def test_a_token_never_sees_another_tenant(boards: tuple[Lms, Lms, Files, Files], operation: dict[str, str]) -> None:
    a, _, files_a, files_b = boards
    ours, theirs = oracle.expected(files_a, a.base), oracle.expected(files_b, a.base)
    path = operation["path"]
    owners = [_owner(path, part) for part in path.split("/") if part.startswith("{")]
    if not owners:
        _assert_ours(a.walk(path), ours[path[1:]])
        assert len(ours[path[1:]]) == int(a.get(path).headers["X-Total-Count"])
        for sourced_id in some(sorted(theirs[path[1:]].keys() - ours[path[1:]].keys()), 3):
            assert a.walk(path, filter=f"sourcedId='{sourced_id}'") == {}
    # All parameters but one are ids of our own, so that only the foreign one can be the reason.
    for number, owner in enumerate(owners):
        assert theirs[owner].keys() - ours[owner].keys()
        for foreign in some(sorted(theirs[owner].keys() - ours[owner].keys()), 5):
            ids = [foreign if at == number else min(ours[other]) for at, other in enumerate(owners)]
            answer = a.get(_address(path, ids))
            assert answer.status == 404
            minor = answer.json["imsx_CodeMinor"]["imsx_codeMinorField"][0]
            assert minor["imsx_codeMinorFieldValue"] == "unknownobject"
    for shared in some(sorted(theirs[owners[0]].keys() & ours[owners[0]].keys()), 3) if owners else []:
        answer = a.get(_address(path, [shared, *(min(ours[other]) for other in owners[1:])]), limit=1000)
        assert answer.status == 200
        (found,) = answer.json.values()
        records = found if isinstance(found, list) else [found]
        _assert_ours(
            {one["sourcedId"]: one for one in records}, ours[operation["key"]] if found is records else ours[owners[0]]
        )


def _owner(path: str, part: str) -> str:
    """The collection that the ids of a path parameter come from."""
    return OWNERS.get(part[1:-1].removesuffix("SourcedId")) or path.split("/")[1]


def _address(path: str, ids: list[str]) -> str:
    given = iter(ids)
    return "/".join(next(given) if part.startswith("{") else part for part in path.split("/"))


def _assert_ours(shown: dict[str, Record], ours: dict[str, Record]) -> None:
    """What is shown is what we sent, also where the other tenant has records of the same ids."""
    assert {key: oracle.comparable(one) for key, one in shown.items()} == {
        key: oracle.comparable(ours[key]) for key in shown
    }


class Canaries:
    """Values that occur nowhere else in the world, in the places that must be sealed or dropped, and their bundle."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.since = time.time() - 1
        self.mark = f"zq{secrets.token_hex(6)}"
        """Begins every e-mail address, password and place of birth."""
        self.digits = f"0{secrets.randbelow(10**11):011d}"
        """Begins every phone number."""
        self.open = f"kq{secrets.token_hex(6)}"
        """A name: names do not rest sealed, so this must be found, or the search is blind."""
        self.files = read(hub.sample(folder, 60, "--profile", "base-1.2"))
        for number, row in enumerate(self.files["users"]):
            row["email"], row["password"] = f"{self.mark}{number}@leak.example", f"{self.mark}pw{number}"
            row["phone"], row["sms"] = f"{self.digits}{number:03d}", f"{self.digits}{number + 500:03d}"
            row["pronouns"] = self.open
        for number, row in enumerate(self.files["demographics"]):
            row["cityOfBirth"] = f"{self.mark}city{number}"
        for number, row in enumerate(self.files["userProfiles"]):
            row["password"] = f"{self.mark}pp{number}"
        self.bundle = write(folder / "canaries.zip", self.files)
        # The same once more with faults beside and in the sealed values.
        for row in self.files["users"][:10]:
            row["email"] += "\x07"
            row["enabledUser"] = "perhaps"
        self.wrong = write(folder / "canaries-with-faults.zip", self.files)

    def needles(self) -> dict[str, bytes]:
        """What to look for, by name of the encoding."""
        found = {}
        for name, text in (("mark", self.mark), ("digits", self.digits)):
            plain = text.encode()
            found[name] = plain
            found[f"{name} in UTF-16"] = text.encode("utf-16-le")
            found[f"{name} in UTF-16 BE"] = text.encode("utf-16-be")
            found[f"{name} in hex"] = plain.hex().encode()
            found[f"{name} in HEX"] = plain.hex().upper().encode()
            for shift in range(3):
                # Of the first and the last characters the neighbours have a part.
                coded = base64.b64encode(b"\0" * shift + plain)
                found[f"{name} in base64 at {shift}"] = coded[(0, 2, 3)[shift] : len(coded) // 4 * 4 - 4]
        return found


@pytest.fixture(scope="module")
def canaries(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Canaries:
    """Delivered over SFTP, applied and rejected, and read through the API."""
    made = Canaries(hub, tmp_path_factory.mktemp("canaries"))
    board = hub.tenant("iso-canary")
    sender = board.open_sftp("another password, said once")
    lms = hub.client(board.code)
    sender.put(made.bundle)
    assert json.loads(sender.report(made.bundle)["json"])["state"] == "applied"
    sender.put(made.wrong)
    report = sender.report(made.wrong)
    assert json.loads(report["json"])["state"] == "rejected"
    assert len([one for one in json.loads(report["json"])["problems"] if one["column"] == "email"]) == 10
    assert not [text for text in report.values() if made.mark in text]
    shown = lms.walk("/users", filter=f"pronouns='{made.open}'")
    assert len(shown) == 60
    assert {one["email"].partition("@")[2] for one in shown.values()} == {"leak.example"}
    assert {one["phone"][:12] for one in shown.values()} == {made.digits}
    assert lms.walk("/users", filter=f"phone='{made.digits}007'").keys() == {made.files["users"][7]["sourcedId"]}
    return made


def test_what_rests_tells_no_address_no_number_and_no_password(hub: Hub, canaries: Canaries) -> None:
    server = Path(os.environ[HOME]) / "pg"
    assert list(server.rglob("pg_wal"))
    needles, found, seen, size = canaries.needles(), [], 0, 0
    assert needles["mark in base64 at 1"] in base64.b64encode(b"x" + canaries.mark.encode() + b"7@leak.example")
    for folder in (hub.state, server):
        for path in folder.rglob("*"):
            content = _content(path, canaries.since)
            if content:
                size += len(content)
                seen += content.count(canaries.open.encode())
                found += [f"{name} in {path}" for name, needle in needles.items() if needle in content]
    print(f"{size / 1e6:,.0f} MB searched for {len(needles)} needles")
    assert found == []
    assert seen >= 60, "the search would not find anything"


def _content(path: Path, since: float) -> bytes:
    """What a file holds, unless it has not been written since: other tests leave much on the same server."""
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_mtime >= since else b""
    except FileNotFoundError:
        return b""  # a segment that the server has just recycled


def test_the_log_names_no_person_and_no_secret(
    hub: Hub, canaries: Canaries, boards: tuple[Lms, Lms, Files, Files]
) -> None:
    log = hub.log.read_text()
    assert "phase" in log, "this is not the log"
    told = {canaries.mark, canaries.digits, canaries.open, *hub.secrets}
    told.add((hub.state / "keys" / "master.key").read_bytes().hex())
    for files in (canaries.files, boards[2], boards[3]):
        for row in files["users"]:
            told |= {
                row[name] for name in ("familyName", "givenName", "email", "phone", "username", "userMasterIdentifier")
            }
    assert [text for text in told - {""} if text in log] == []


def test_a_person_who_left_is_still_only_their_tenants(
    hub: Hub, boards: tuple[Lms, Lms, Files, Files], tmp_path: Path
) -> None:
    a, b, _, files = boards
    gone = files["demographics"][0]["sourcedId"]
    before = a.everything()
    bundle = write(tmp_path / "left.zip", without(files, {gone}))
    assert hub.shown("ingest", "iso-b", str(bundle), "--wait")["state"] == "applied"
    assert b.get(f"/users/{gone}").json["user"]["status"] == "tobedeleted"
    assert a.everything() == before

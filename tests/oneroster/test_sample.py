"""Samples are valid bundles: checked by a reader of its own that knows only zip, CSV and the facts of the standard."""

import csv
import datetime
import hashlib
import io
import json
import re
import unicodedata
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from oneroster import profiles, sample

STANDARD = Path(__file__).parents[1] / "standard"
CSV = json.loads((STANDARD / "csv.json").read_text())
VOCABULARIES = json.loads((STANDARD / "vocabularies.json").read_text())
JAPAN = json.loads((STANDARD / "japan.json").read_text())
MANIFEST = json.loads((STANDARD / "manifest.json").read_text())

Rows = list[dict[str, str]]
PROFILES = ("base-1.2", "jp-1.2", "jp-1.2.1", "jp-k12-1.0")
every_profile = pytest.mark.parametrize("profile", PROFILES)

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
FORMS = {
    "guid": UUID,
    "guids": rf"{UUID}(,{UUID})*",
    "text": r".*",
    "texts": r"[^,]+(,[^,]+)*",
    "word": r"[a-zA-Z]+",
    "boolean": r"true|false",
    "date": r"\d{4}-\d{2}-\d{2}",
    "year": r"\d{4}",
    "userIds": r"\{\w+:[^{}:]+\}(,\{\w+:[^{}:]+\})*",
}
KANA = r"[ァ-ヴー・ ]+"
"""What readings may hold: full-width katakana, prolonged sound mark, middle dot, blank."""


class Bundle:
    """A bundle read back, by file stem."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert archive.namelist()[0] == "manifest.csv"
            self.bytes = {name.removesuffix(".csv"): archive.read(name) for name in archive.namelist()}
        self.headers: dict[str, list[str]] = {}
        self.rows: dict[str, Rows] = {}
        for stem, content in self.bytes.items():
            header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
            self.headers[stem] = header
            self.rows[stem] = [dict(zip(header, row, strict=True)) for row in rows]

    def by_id(self, stem: str) -> dict[str, dict[str, str]]:
        return {row["sourcedId"]: row for row in self.rows.get(stem, [])}


def make(folder: Path, profile: str, users: int, *, seed: int = 1, change: float = 0.0) -> Bundle:
    target = folder / f"{profile}-{users}-{seed}-{change}.zip"
    sample.write_sample(target, users, profile=profiles.BY_NAME[profile], seed=seed, change=change)
    return Bundle(target)


def columns(profile: str, stem: str) -> dict[str, dict[str, str | bool]]:
    """The columns of a file in a profile, as facts."""
    fact = JAPAN.get(profile, {"left_out": {}, "added": {}})
    found = {name: of for name, of in CSV[stem].items() if name not in fact["left_out"].get(stem, [])}
    kinds = {"homeClass": "guid", "specialNeeds": "boolean", "publicFlg": "boolean", "PublicFlg": "boolean"}
    for name in fact["added"].get(stem, []):
        found[name] = {"kind": kinds.get(name.rsplit(".", 1)[1], "text"), "required": False}
        if name.endswith("homeClass"):
            found[name]["refers"] = "classes"
    return found


def check(bundle: Bundle, profile: str) -> None:
    """Every rule of the CSV binding (sections 2 to 5), and of the Japan profile where it is one."""
    check_manifest(bundle, profile)
    for stem in bundle.rows:
        if stem != "manifest":
            check_file(bundle, profile, stem)
    check_people(bundle)
    check_teaching(bundle)
    if profile == "base-1.2":
        check_base(bundle)
    else:
        check_japan(bundle)


def check_manifest(bundle: Bundle, profile: str) -> None:
    said = {row["propertyName"]: row["value"] for row in bundle.rows["manifest"]}
    modes = {name.removeprefix("file."): mode for name, mode in said.items() if name.startswith("file.")}
    assert set(modes) == set(MANIFEST["files"])
    assert {stem for stem, mode in modes.items() if mode == "bulk"} == set(bundle.rows) - {"manifest"}
    assert set(modes.values()) <= {"bulk", "absent"}
    assert set(MANIFEST["bulk_needs"]) <= set(bundle.rows)
    assert said["manifest.version"] == "1.0"
    assert said["oneroster.version"] == (JAPAN[profile]["oneroster.version"][0] if profile in JAPAN else "1.2")


def check_file(bundle: Bundle, profile: str, stem: str) -> None:
    facts = columns(profile, stem)
    assert bundle.headers[stem] == list(facts)
    assert bundle.rows[stem], "a file of no rows is not permitted"
    lines = bundle.bytes[stem].split(b"\r\n")
    assert lines[-1] == b""
    assert not bundle.bytes[stem].startswith(b"\xef\xbb\xbf")
    assert not any(b"\n" in line for line in lines)
    if profile in JAPAN:
        quoted = re.compile(rb'"(?:[^"]|"")*"(?:,"(?:[^"]|"")*")*')
        assert b'"' not in lines[0]
        assert all(quoted.fullmatch(line) for line in lines[1:-1])
    ids = [row["sourcedId"] for row in bundle.rows[stem]]
    assert len(set(ids)) == len(ids)
    assert not any(row["status"] or row["dateLastModified"] for row in bundle.rows[stem])
    for column, fact in facts.items():
        check_column(bundle, profile, stem, column, fact)


def check_column(bundle: Bundle, profile: str, stem: str, column: str, fact: dict[str, str | bool]) -> None:
    values = {row[column] for row in bundle.rows[stem]}
    if fact["required"]:
        assert "" not in values, (stem, column)
    values -= {"", "NULL"} if column == "parentSourcedId" else {""}
    vocabularies = VOCABULARIES["base"] | (VOCABULARIES["japan"] if profile in JAPAN else {})
    for value in values:
        assert re.fullmatch(FORMS[str(fact["kind"])], value), (stem, column, value)
        assert value == value.strip(), (stem, column, value)
        assert len(value) < 256
        if fact["kind"] == "word":
            assert value in vocabularies[f"{stem}.{column}"]["words"], (stem, column, value)
        if fact["kind"] == "date":
            datetime.date.fromisoformat(value)
        assert unicodedata.normalize("NFC", value) == value
        assert not re.search("[\uff65-\uff9f\x00-\x1f]", value)
        value.encode("euc_jis_2004")  # the repertoire of JIS X 0213
    if fact.get("refers") in CSV:
        known = bundle.by_id(str(fact["refers"]))
        assert {one for value in values for one in value.split(",")} <= set(known), (stem, column)


def check_people(bundle: Bundle) -> None:
    users, orgs, roles = bundle.by_id("users"), bundle.by_id("orgs"), bundle.rows["roles"]
    for column in ("username", "userMasterIdentifier", "email"):
        values = [user[column] for user in users.values() if user[column]]
        assert len(values) == len(set(values)), column
    assert all(re.fullmatch(UUID, user["userMasterIdentifier"]) for user in users.values())
    assert all(re.search(r"@(\w+\.)*example\.(jp|com)$", user["email"]) for user in users.values())
    primary = Counter((role["userSourcedId"], role["orgSourcedId"]) for role in roles if role["roleType"] == "primary")
    held = {(role["userSourcedId"], role["orgSourcedId"]) for role in roles}
    assert set(primary) == held
    assert set(primary.values()) == {1}
    assert {user for user, _ in held} == set(users)
    for role in roles:
        if role["role"] in ("principal", "siteAdministrator", "districtAdministrator"):
            assert role["roleType"] == "secondary"
        if role["role"] in ("principal", "student"):
            assert orgs[role["orgSourcedId"]]["type"] == "school"
    of_user = {role["userSourcedId"]: role["role"] for role in roles if role["roleType"] == "primary"}
    profiles_, described = bundle.by_id("userProfiles"), bundle.by_id("demographics")
    for role in roles:
        if role["userProfileSourcedId"]:
            assert profiles_[role["userProfileSourcedId"]]["userSourcedId"] == role["userSourcedId"]
    for id_, user in users.items():
        for agent in filter(None, user["agentSourcedIds"].split(",")):
            assert id_ in users[agent]["agentSourcedIds"].split(",")
            assert {of_user[id_], of_user[agent]} & {"guardian", "parent", "relative"}
            assert "teacher" not in (of_user[id_], of_user[agent])
        assert bool(user["grades"]) == (of_user[id_] == "student")
        assert (of_user[id_] == "student") == (id_ in described)


def check_teaching(bundle: Bundle) -> None:
    users, orgs, classes = bundle.by_id("users"), bundle.by_id("orgs"), bundle.by_id("classes")
    courses, sessions = bundle.by_id("courses"), bundle.by_id("academicSessions")
    for row in (*courses.values(), *classes.values()):
        if row["subjects"] and row["subjectCodes"]:
            assert row["subjects"].count(",") == row["subjectCodes"].count(",")
    assert all(sessions[course["schoolYearSourcedId"]]["type"] == "schoolYear" for course in courses.values())
    for one in classes.values():
        assert orgs[one["schoolSourcedId"]]["type"] == "school"
        assert courses[one["courseSourcedId"]]["orgSourcedId"] == one["schoolSourcedId"]
        assert courses[one["courseSourcedId"]]["grades"] == one["grades"]
    lead: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for row in bundle.rows["enrollments"]:
        one = classes[row["classSourcedId"]]
        assert row["schoolSourcedId"] == one["schoolSourcedId"]
        pair = (row["classSourcedId"], row["userSourcedId"])
        assert pair not in seen
        seen.add(pair)
        lead[row["classSourcedId"]] += row["primary"] == "true"
        if row["role"] == "student":
            assert row["primary"] == "false"
            assert users[row["userSourcedId"]]["grades"] == one["grades"]
        spans = [sessions[term] for term in one["termSourcedIds"].split(",")]
        assert min(span["startDate"] for span in spans) <= row["beginDate"] < row["endDate"]
        assert row["endDate"] <= max(span["endDate"] for span in spans)
    assert set(lead.values()) <= {0, 1}


def school_code_holds(code: str) -> bool:
    if not re.fullmatch(r"[A-H]\d(0[1-9]|[1-3]\d|4[0-7])[123]\d{8}", code):
        return False
    total = 0
    for place, digit in enumerate(f"0{'ABCDEFGH'.index(code[0]) + 1}{code[1:12]}"):
        product = int(digit) * (2 if place % 2 else 1)
        total += product // 10 + product % 10
    return (10 - total % 10) % 10 == int(code[12])


def check_japan(bundle: Bundle) -> None:
    (year,) = bundle.rows["academicSessions"]
    assert (year["title"], year["type"], year["schoolYear"]) == ("2026年度", "schoolYear", "2026")
    assert (year["startDate"], year["endDate"], year["parentSourcedId"]) == ("2026-04-01", "2027-03-31", "NULL")
    for org in bundle.rows["orgs"]:
        if org["type"] == "district":
            assert re.fullmatch(r"(0[1-9]|[1-3]\d|4[0-7])\d{4}", org["identifier"])
            assert org["parentSourcedId"] in ("", "NULL")
        else:
            assert org["type"] == "school"
            assert school_code_holds(org["identifier"])
    for course in bundle.rows["courses"]:
        assert course["title"].startswith("2026年度")
        assert not course["courseCode"]
    for row in (*bundle.rows["courses"], *bundle.rows["classes"], *bundle.rows["users"]):
        assert re.fullmatch(r"(P[1-6]|J[1-3]|H[1-3])?", row["grades"])
        assert re.fullmatch(r"(P(0[1-9]|10)0|J0[1-9]0)?", row.get("subjectCodes", ""))
    for one in bundle.rows["classes"]:
        assert one["termSourcedIds"] == year["sourcedId"]
    for user in bundle.rows["users"]:
        assert user["enabledUser"] == "true"
        assert user["preferredGivenName"] and user["preferredFamilyName"]
        assert user["metadata.jp.kanaGivenName"] and user["metadata.jp.kanaFamilyName"]
        readings = [value for name, value in user.items() if name.startswith("metadata.jp.kana") and value]
        assert all(re.fullmatch(KANA, reading) for reading in readings)
        assert not user["grades"] or user["metadata.jp.homeClass"]
    homerooms = {row["sourcedId"] for row in bundle.rows["classes"] if row["classType"] == "homeroom"}
    assert {user["metadata.jp.homeClass"] for user in bundle.rows["users"]} <= homerooms | {""}
    assert not {role["role"] for role in bundle.rows["roles"]} & {"parent", "relative", "aide", "counselor"}
    races = bundle.headers["demographics"][5:]
    assert not any(row[name] for row in bundle.rows["demographics"] for name in races)
    number = next(name for name in bundle.headers["enrollments"] if name.lower().endswith("shussekino"))
    at: set[tuple[str, str]] = set()
    for row in bundle.rows["enrollments"]:
        assert bool(row[number]) == (row["role"] == "student")
        if row[number]:
            assert 1 <= int(row[number]) <= 255
            assert (row["classSourcedId"], row[number]) not in at
            at.add((row["classSourcedId"], row[number]))


def check_base(bundle: Bundle) -> None:
    sessions = bundle.by_id("academicSessions")
    parents = {"term": "schoolYear", "semester": "schoolYear", "gradingPeriod": "term"}
    assert {session["type"] for session in sessions.values()} == {"schoolYear", *parents}
    for session in sessions.values():
        assert session["schoolYear"] == "2027"
        if session["type"] == "schoolYear":
            assert (session["startDate"], session["endDate"]) == ("2026-04-01", "2027-04-01")
            assert session["parentSourcedId"] == ""
        else:
            parent = sessions[session["parentSourcedId"]]
            assert parent["type"] == parents[session["type"]]
            assert parent["startDate"] <= session["startDate"] < session["endDate"] <= parent["endDate"]
    for kind in ("term", "semester"):
        spans = sorted((one["startDate"], one["endDate"]) for one in sessions.values() if one["type"] == kind)
        assert all(first[1] == second[0] for first, second in pairwise(spans))


@every_profile
@pytest.mark.parametrize("users", [1, 2, 3, 5, 19, 20, 99, 500])
def test_a_sample_of_any_size_is_a_valid_bundle_of_so_many_users(profile: str, users: int, tmp_path: Path) -> None:
    bundle = make(tmp_path, profile, users)
    check(bundle, profile)
    assert len(bundle.rows["users"]) == users


@every_profile
@pytest.mark.parametrize("change", [1, 20, 100])
def test_a_changed_sample_is_valid_too(profile: str, change: int, tmp_path: Path) -> None:
    check(make(tmp_path, profile, 400, change=change), profile)


@pytest.mark.parametrize("users", [1, 2, 20])
def test_a_small_sample_that_changes_wholly_is_still_valid(users: int, tmp_path: Path) -> None:
    for seed in range(10):
        check(make(tmp_path, "jp-k12-1.0", users, seed=seed, change=100), "jp-k12-1.0")


@every_profile
def test_every_column_is_filled_somewhere(profile: str, tmp_path: Path) -> None:
    bundle = make(tmp_path, profile, 1500)
    blank = {
        f"{stem}.{column}"
        for stem in CSV
        for column in bundle.headers[stem]
        if column not in ("status", "dateLastModified") and not any(row[column] for row in bundle.rows[stem])
    }
    races = {f"demographics.{name}" for name in list(CSV["demographics"])[5:]}
    # Bundles have no resources.csv to refer to; Japan forbids course codes, and its exporters send no passwords.
    expected = {"courses.courseCode", "users.password", "userProfiles.password"} | races if profile in JAPAN else set()
    if "resourceSourcedIds" in bundle.headers["users"]:
        expected |= {"users.resourceSourcedIds"}
    assert blank == expected


def test_a_sample_has_what_a_district_has(tmp_path: Path) -> None:
    bundle = make(tmp_path, "jp-k12-1.0", 3000)
    users = len(bundle.rows["users"])
    assert 9 * users < len(bundle.rows["enrollments"]) < 11 * users
    kinds = Counter(org["identifier"][:2] for org in bundle.rows["orgs"] if org["type"] == "school")
    assert set(kinds) == {"B1", "C1", "D1"}
    assert {row["grades"] for row in bundle.rows["users"]} >= {"P1", "P6", "J1", "J3", "H1", "H3"}
    roles = Counter(row["role"] for row in bundle.rows["roles"])
    assert roles["principal"] == kinds.total()
    assert roles["districtAdministrator"] == 1
    assert roles["guardian"] > roles["teacher"] > 0
    assert any("," in user["agentSourcedIds"] for user in bundle.rows["users"])
    assert {one["metadata.jp.specialNeeds"] for one in bundle.rows["classes"]} == {"true", "false", ""}
    homerooms = Counter(row["classSourcedId"] for row in bundle.rows["enrollments"] if row["role"] == "student")
    assert max(homerooms.values()) <= 35
    names = {org["name"] for org in bundle.rows["orgs"]}
    assert len(names) == len(bundle.rows["orgs"])


def test_pupils_of_a_homeroom_are_numbered_by_their_reading(tmp_path: Path) -> None:
    bundle = make(tmp_path, "jp-k12-1.0", 300)
    users, homerooms = bundle.by_id("users"), bundle.by_id("classes")
    registers: dict[str, list[tuple[int, str]]] = {}
    for row in bundle.rows["enrollments"]:
        if row["role"] == "student" and homerooms[row["classSourcedId"]]["classType"] == "homeroom":
            user = users[row["userSourcedId"]]
            place = (int(row["metadata.jp.shussekiNo"]), user["metadata.jp.kanaFamilyName"])
            registers.setdefault(row["classSourcedId"], []).append(place)
    for register in registers.values():
        register.sort()
        assert [number for number, _ in register] == list(range(1, len(register) + 1))
        assert [name for _, name in register] == sorted(name for _, name in register)


@every_profile
def test_the_same_arguments_make_the_same_bytes_and_another_seed_other_people(profile: str, tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a.zip", 7), ("b.zip", 7), ("c.zip", 8)):
        sample.write_sample(tmp_path / name, 120, profile=profiles.BY_NAME[profile], seed=seed, change=5)
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]
    ids = [set(Bundle(tmp_path / name).by_id("users")) for name in ("b.zip", "c.zip")]
    assert not ids[0] & ids[1]


@every_profile
def test_a_sample_is_one_roster_whatever_the_profile(profile: str, tmp_path: Path) -> None:
    mine, other = (make(tmp_path, name, 150) for name in (profile, "jp-k12-1.0"))
    for stem in ("orgs", "courses", "classes", "users", "roles", "enrollments", "demographics"):
        assert mine.by_id(stem).keys() == other.by_id(stem).keys()


@pytest.mark.parametrize("percent", [8, 30])
def test_about_so_many_percent_change_half_in_place_a_quarter_gone_a_quarter_new(percent: int, tmp_path: Path) -> None:
    before = make(tmp_path, "jp-k12-1.0", 3000)
    after = make(tmp_path, "jp-k12-1.0", 3000, change=percent)
    for stem in ("users", "classes", "enrollments"):
        old, new = before.by_id(stem), after.by_id(stem)
        gone, come = len(old.keys() - new.keys()), len(new.keys() - old.keys())
        changed = sum(old[id_] != new[id_] for id_ in old.keys() & new.keys())
        for found, share in ((gone, 4), (come, 4), (changed, 2)):
            expected = len(old) * percent / 100 / share
            # "About": a tenth off by design (homerooms are not replaced), and what chance does to a count;
            # enrollments go with users and classes, so in lots of a dozen or two.
            lot = 20 if stem == "enrollments" else 1
            assert found == pytest.approx(expected, abs=0.1 * expected + 3 * (lot * expected) ** 0.5), stem
    for stem in ("orgs", "academicSessions", "courses"):
        assert before.by_id(stem) == after.by_id(stem)


@pytest.mark.parametrize(("users", "code"), [(1, r"B1\d{11}"), (500, r"\d{6}")])
def test_a_bundle_is_named_for_its_day_and_its_board_or_only_school(users: int, code: str, tmp_path: Path) -> None:
    name = sample.bundle_name(users, day=datetime.date(2026, 4, 8), seed=3)
    assert re.fullmatch(rf"RO_20260408_{code}\.zip", name)
    identifiers = {org["identifier"] for org in make(tmp_path, "jp-1.2.1", users, seed=3).rows["orgs"]}
    assert name[12:-4] in identifiers


@pytest.mark.parametrize(("users", "change"), [(0, 0), (-1, 0), (5, -1), (5, 101)])
def test_a_sample_of_nobody_or_of_no_percentage_is_refused(users: int, change: float) -> None:
    with pytest.raises(ValueError):
        sample.sample(users, profile=profiles.BY_NAME["base-1.2"], change=change)


@pytest.mark.parametrize("code", ["B127210000018"])
def test_the_checker_of_school_codes_knows_a_real_one(code: str) -> None:
    assert school_code_holds(code)
    assert not school_code_holds(code[:-1] + "9")

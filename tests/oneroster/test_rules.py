"""Rules on the values of a row: what each forbids is found at its line and column, and what it allows is left alone."""

import io
import time
import zipfile
from pathlib import Path

import pytest

from oneroster import entities, profiles, rows, rules, sample
from oneroster.entities import Entity
from oneroster.problems import Problem
from oneroster.profiles import Profile

BASE = profiles.BY_NAME["base-1.2"]
JAPAN = profiles.BY_NAME["jp-1.2.1"]
ONE = "dda362e9-32d9-4940-a11d-65f06ac5c84a"
TWO = "0124197d-16a4-497a-a228-e176e90caac1"

GOOD = {
    "orgs": {"sourcedId": ONE, "name": "緑ヶ原市立桜丘小学校", "type": "school", "identifier": "B127210000018"},
    "academicSessions": {
        "sourcedId": ONE,
        "title": "2026年度",
        "type": "schoolYear",
        "startDate": "2026-04-01",
        "endDate": "2027-03-31",
        "schoolYear": "2026",
    },
    "courses": {"sourcedId": ONE, "title": "2026年度国語", "orgSourcedId": TWO},
    "classes": {
        "sourcedId": ONE,
        "title": "1年1組",
        "courseSourcedId": ONE,
        "classType": "homeroom",
        "schoolSourcedId": TWO,
        "termSourcedIds": ONE,
    },
    "users": {"sourcedId": ONE, "enabledUser": "true", "username": "t1", "givenName": "怜", "familyName": "宮本"},
    "roles": {"sourcedId": ONE, "userSourcedId": ONE, "roleType": "primary", "role": "student", "orgSourcedId": TWO},
    "enrollments": {
        "sourcedId": ONE,
        "classSourcedId": ONE,
        "schoolSourcedId": TWO,
        "userSourcedId": ONE,
        "role": "student",
    },
    "userProfiles": {
        "sourcedId": ONE,
        "userSourcedId": ONE,
        "profileType": "LMS",
        "vendorId": "v",
        "credentialType": "plain",
        "username": "u",
    },
}


def read(entity: Entity, given: list[dict[str, str]], profile: Profile) -> tuple[list[dict[str, str]], list[Problem]]:
    header = profile.header(entity)
    lines = [",".join(f'"{row.get(name, "")}"' for name in header) for row in given]
    data = "\n".join([",".join(header), *lines]).encode()
    reader = rows.Rows(io.BytesIO(data), entity.file, entity, profile)
    batches = list(reader.batches())
    names = [column.header for column in reader.columns]
    found = [dict(zip(names, cells, strict=True)) for batch in batches for cells in zip(*batch.columns, strict=True)]
    return found, [one for batch in batches for one in batch.problems if one.code not in ("W-EOL", "W-UNQUOTED")]


def told(file: str, changed: dict[str, str], profile: Profile = JAPAN) -> list[tuple[str, str, str]]:
    """What is said of one row that differs from a good one."""
    _, problems = read(entities.BY_NAME[file], [GOOD[file], GOOD[file] | changed], profile)
    assert {one.line for one in problems} <= {3}
    return [(one.code, one.column, one.value) for one in problems]


@pytest.mark.parametrize("profile", profiles.ALL, ids=lambda one: one.name)
def test_a_sample_is_free_of_faults(profile: Profile, tmp_path: Path) -> None:
    path = tmp_path / "sample.zip"
    sample.write_sample(path, 300, profile=profile)
    with zipfile.ZipFile(path) as archive:
        for entity in entities.ALL:
            if entity.file in archive.namelist():
                reader = rows.Rows(io.BytesIO(archive.read(entity.file)), entity.file, entity, profile)
                assert [one for batch in reader.batches() for one in batch.problems] == []


@pytest.mark.parametrize(
    ("file", "changed", "expected"),
    [
        ("users", {"sourcedId": "u-1"}, [("E-UUID", "sourcedId", "u-1")]),
        ("users", {"sourcedId": ONE.replace("-", "")}, [("E-UUID", "sourcedId", ONE.replace("-", ""))]),
        ("users", {"sourcedId": ONE[:-1] + "g"}, [("E-UUID", "sourcedId", ONE[:-1] + "g")]),
        ("users", {"sourcedId": "00000000-0000-1000-8000-000000000000"}, []),
        ("users", {"agentSourcedIds": f"{TWO}, x"}, [("E-UUID", "agentSourcedIds", "x")]),
        ("users", {"agentSourcedIds": f"{TWO} , {ONE}"}, []),
        ("users", {"metadata.jp.homeClass": "1-1"}, [("E-UUID", "metadata.jp.homeClass", "1-1")]),
        (
            "classes",
            {"termSourcedIds": f"{ONE},y-1,y-2"},
            [("E-UUID", "termSourcedIds", one) for one in ("y-1", "y-2")],
        ),
        ("orgs", {"sourcedId": ONE.upper()}, [("W-UUID-CASE", "sourcedId", ONE.upper())]),
        ("users", {"userMasterIdentifier": "12345"}, [("W-MASTER-ID", "userMasterIdentifier", "12345")]),
        *(
            ("users", {"userMasterIdentifier": one}, [("W-MASTER-ID", "userMasterIdentifier", one)])
            for one in ("0c6f2f4e-5f2a-11f0-9c3d-0242ac120002", "dda362e9-32d9-4940-c11d-65f06ac5c84a")
        ),
        ("users", {"userMasterIdentifier": ONE.upper()}, []),
        ("users", {"userMasterIdentifier": ""}, []),
        ("users", {"userMasterIdentifier": f"{ONE},{TWO}"}, [("W-MASTER-ID", "userMasterIdentifier", f"{ONE},{TWO}")]),
        ("users", {"userMasterIdentifier": ONE.upper()}, []),
        ("users", {"grades": "P1,J3"}, []),
        ("users", {"grades": "P7, J1"}, [("W-GRADE", "grades", "P7")]),
        ("courses", {"grades": "p1"}, [("W-GRADE", "grades", "p1")]),
        ("classes", {"grades": "Ｐ１"}, [("W-GRADE", "grades", "Ｐ１")]),
        ("classes", {"subjectCodes": "P010,P015"}, [("W-SUBJECT-CODE", "subjectCodes", "P015")]),
        ("classes", {"subjectCodes": "P100,J090,T13,T50"}, []),
        ("courses", {"subjectCodes": "T14"}, [("W-SUBJECT-CODE", "subjectCodes", "T14")]),
        (
            "courses",
            {"subjects": "国語", "subjectCodes": "P010,P020"},
            [("W-SUBJECTS", "subjectCodes", "P010,P020")],
        ),
        ("orgs", {"identifier": "B127210000019"}, [("W-SCHOOL-CODE", "identifier", "B127210000019")]),
        ("orgs", {"identifier": "012345"}, [("W-SCHOOL-CODE", "identifier", "012345")]),
        ("orgs", {"identifier": "012345", "type": "district"}, []),
        ("orgs", {"identifier": "482345", "type": "district"}, [("W-SCHOOL-CODE", "identifier", "482345")]),
        ("orgs", {"identifier": "", "type": "district", "parentSourcedId": "NULL"}, []),
        (
            "orgs",
            {"identifier": "", "type": "district", "parentSourcedId": TWO},
            [("E-PARENT", "parentSourcedId", TWO)],
        ),
        ("orgs", {"identifier": "", "type": "local"}, [("W-ORG-TYPE", "type", "local")]),
        ("orgs", {"name": "ｻｸﾗ小学校"}, [("W-KANA", "name", "ｻｸﾗ小学校")]),
        ("orgs", {"name": "桜小学校　"}, [("W-BLANKS", "name", "桜小学校　")]),
        ("users", {"familyName": " 宮本"}, [("W-BLANKS", "familyName", " 宮本")]),
        ("users", {"metadata.jp.kanaGivenName": "れい"}, [("W-KANA", "metadata.jp.kanaGivenName", "れい")]),
        ("users", {"metadata.jp.kanaGivenName": "ﾚｲ"}, [("W-KANA", "metadata.jp.kanaGivenName", "ﾚｲ")]),
        ("users", {"metadata.jp.kanaGivenName": "マリー・アン　ヴァン"}, []),
        ("users", {"enabledUser": "false"}, [("W-ENABLED", "enabledUser", "false")]),
        ("userProfiles", {"description": "ﾒﾓ"}, [("W-KANA", "description", "ﾒﾓ")]),
        ("academicSessions", {"title": "令和8年度"}, [("W-TITLE", "title", "令和8年度")]),
        ("academicSessions", {"title": "２０２６年度"}, [("W-TITLE", "title", "２０２６年度")]),
        ("academicSessions", {"title": "2026年度前期"}, [("W-TITLE", "title", "2026年度前期")]),
        ("academicSessions", {"title": "2025年度"}, [("W-SCHOOL-YEAR", "title", "2025年度")]),
        ("academicSessions", {"endDate": "2027-04-01"}, [("W-SCHOOL-YEAR", "endDate", "2027-04-01")]),
        ("academicSessions", {"startDate": "2026-04-02"}, [("W-SCHOOL-YEAR", "startDate", "2026-04-02")]),
        ("academicSessions", {"schoolYear": "2027"}, [("W-SCHOOL-YEAR", "schoolYear", "2027")]),
        ("academicSessions", {"parentSourcedId": TWO}, [("W-PARENT", "parentSourcedId", TWO)]),
        ("academicSessions", {"type": "term"}, [("E-ENUM", "type", "term")]),
        ("courses", {"title": "国語"}, [("W-TITLE", "title", "国語")]),
        ("courses", {"title": "2026年度"}, []),
        ("courses", {"courseCode": "JP1"}, [("W-COURSE-CODE", "courseCode", "JP1")]),
        *(("roles", {"role": one}, [("W-ROLE", "role", one)]) for one in ("parent", "relative", "aide", "counselor")),
        *(
            ("roles", {"role": one, "roleType": kind}, [("W-ROLE", "role", one)] if kind == "primary" else [])
            for one in ("principal", "districtAdministrator", "siteAdministrator")
            for kind in ("primary", "secondary")
        ),
        ("roles", {"role": "guardian"}, []),
        ("enrollments", {"primary": "true"}, [("E-PRIMARY", "primary", "true")]),
        ("enrollments", {"primary": "true", "role": "teacher"}, []),
    ],
)
def test_japan(file: str, changed: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    assert told(file, changed) == expected


@pytest.mark.parametrize(
    ("file", "changed", "expected"),
    [
        ("users", {"sourcedId": "u-1", "grades": "13", "enabledUser": "false", "familyName": " ﾐﾔﾓﾄ"}, []),
        ("courses", {"title": "Maths", "courseCode": "M1", "subjectCodes": "1,2"}, []),
        (
            "courses",
            {"subjects": "a,b", "subjectCodes": "1,2,3"},
            [("E-SUBJECTS", "subjectCodes", "1,2,3")],
        ),
        ("classes", {"subjects": "a", "subjectCodes": "1,2"}, [("E-SUBJECTS", "subjectCodes", "1,2")]),
        ("enrollments", {"primary": "true"}, [("W-PRIMARY", "primary", "true")]),
        (
            "enrollments",
            {"beginDate": "2026-04-02", "endDate": "2026-04-01"},
            [("E-DATE-ORDER", "endDate", "2026-04-01")],
        ),
        ("enrollments", {"beginDate": "2026-04-02", "endDate": "2026-04-02"}, []),
        ("enrollments", {"endDate": "2026-04-01"}, []),
        ("roles", {"beginDate": "9999-12-31", "endDate": "0001-01-01"}, [("E-DATE-ORDER", "endDate", "0001-01-01")]),
        ("academicSessions", {"endDate": "2026-03-31"}, [("E-DATE-ORDER", "endDate", "2026-03-31")]),
        ("orgs", {"type": "local", "parentSourcedId": "x", "identifier": "?"}, []),
    ],
)
def test_base(file: str, changed: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    assert told(file, changed, BASE) == expected


def test_every_rule_names_columns_that_its_file_has() -> None:
    for profile in profiles.ALL:
        for entity in entities.ALL:
            for rule in rules.of(entity, profile):
                if not any("Preferred" in name for name in rule.columns):
                    assert set(rule.columns) <= set(profile.header(entity))


def test_uuids_come_out_in_lower_case_and_references_that_are_none_blank() -> None:
    row = GOOD["classes"] | {
        "sourcedId": "C-1",
        "courseSourcedId": TWO.upper(),
        "termSourcedIds": f"t,{ONE.upper()},{TWO}",
    }
    found, _ = read(entities.CLASSES, [row, GOOD["classes"] | {"schoolSourcedId": "s-1"}], JAPAN)
    assert [one["sourcedId"] for one in found] == ["C-1", ONE]
    assert found[0]["courseSourcedId"] == TWO
    assert found[0]["termSourcedIds"] == f"{ONE},{TWO}"
    assert found[1]["schoolSourcedId"] == ""


def test_a_row_that_is_to_be_deleted_says_nothing_but_its_ids() -> None:
    gone = {"status": "tobedeleted", "dateLastModified": "2026-04-01T00:00:00Z"}
    row = GOOD["users"] | gone | {"sourcedId": ONE.upper(), "enabledUser": "false", "grades": "13"}
    living = GOOD["users"] | {"grades": "13"}
    _, problems = read(entities.USERS, [row, living, row], JAPAN)
    assert [(one.code, one.line) for one in problems] == [("W-UUID-CASE", 2), ("W-GRADE", 3), ("W-UUID-CASE", 4)]


def test_faults_of_all_batches_are_found_in_line_order() -> None:
    given = [GOOD["users"] | {"grades": "P1"} for _ in range(5_000)]
    for at in (0, 1_999, 2_000, 4_999):
        given[at] = given[at] | {"grades": "13", "familyName": "宮本 "}
    _, problems = read(entities.USERS, given, JAPAN)
    assert [one.line for one in problems] == [2, 2, 2_001, 2_001, 2_002, 2_002, 5_001, 5_001]


@pytest.mark.parametrize(
    "cells",
    [
        [ONE[:-1], ONE + "a"],
        [ONE.replace("-", "a", 1).replace("d", "-", 1), ONE],
        [ONE[:35] + ",", ONE],
        [ONE + ",", TWO[:-1]],
        [ONE[:-2], "x", ONE],
        ["x"],
        [f"{ONE}, {TWO}"],
        [ONE.upper()],
    ],
)
def test_what_is_no_uuid_never_looks_like_one(cells: list[str]) -> None:
    assert not rules.are_uuids(cells)
    assert rules.are_uuids([ONE, "", TWO, f"{ONE},{TWO}"])
    assert not rules.each_is_uuid(cells)
    assert rules.are_uuids([])


def test_a_list_of_uuids_is_none() -> None:
    for several in (f"{ONE},{TWO}", f"{ONE}\n{TWO}"):
        assert not rules.each_is_uuid([several])
        assert not rules.each_is_uuid(["", ONE, several])
    assert rules.each_is_uuid([])
    assert rules.each_is_uuid(["", ONE, TWO])


def test_a_file_of_faults_takes_seconds_not_minutes() -> None:
    given = [GOOD["users"] | {"sourcedId": ONE.upper(), "familyName": f" {at}"} for at in range(20_000)]
    start = time.monotonic()
    _, problems = read(entities.USERS, given, JAPAN)
    assert len(problems) == 40_000
    assert time.monotonic() - start < 20

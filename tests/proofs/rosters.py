"""Rosters of exact sizes in base-1.2, which a proof can count in its head, and ways to change them."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from tests.story.bundles import Files

COLUMNS = json.loads((Path(__file__).parent.parent / "standard" / "csv.json").read_text())
OF_PEOPLE = {
    "users": "sourcedId",
    "demographics": "sourcedId",
    "roles": "userSourcedId",
    "enrollments": "userSourcedId",
}
"""The column that says whose a row is."""


def roster(students: int = 100, teachers: int = 10, guardians: int = 0, classes: int = 10) -> Files:
    """A district with two schools. Each student and teacher is enrolled in one class, each student has demographics."""
    schools = ("s-1", "s-2")
    roles = {
        **{f"st-{number:05d}": "student" for number in range(students)},
        **{f"te-{number:05d}": "teacher" for number in range(teachers)},
        **{f"gu-{number:05d}": "guardian" for number in range(guardians)},
    }
    enrolled = [person for person, role in roles.items() if role != "guardian"]
    made: dict[str, list[dict[str, str]]] = {
        "orgs": [
            {"sourcedId": "d-1", "name": "緑ヶ原市教育委員会", "type": "district"},
            {"sourcedId": "s-1", "name": "第一小学校", "type": "school", "parentSourcedId": "d-1"},
            {"sourcedId": "s-2", "name": "第二小学校", "type": "school", "parentSourcedId": "d-1"},
        ],
        "academicSessions": [
            {"sourcedId": "y-1", "title": "2026年度", "type": "schoolYear", "startDate": "2026-04-01",
             "endDate": "2027-04-01", "schoolYear": "2027"},
        ],
        "courses": [{"sourcedId": "co-1", "title": "国語", "orgSourcedId": "d-1", "schoolYearSourcedId": "y-1"}],
        "classes": [
            {"sourcedId": f"c-{number:03d}", "title": f"{number}組", "courseSourcedId": "co-1", "classType": "homeroom",
             "schoolSourcedId": schools[number % 2], "termSourcedIds": "y-1"}
            for number in range(classes)
        ],
        "users": [
            {"sourcedId": person, "enabledUser": "true", "username": person, "givenName": "太郎", "familyName": "山田",
             "email": f"{person}@example.jp"}
            for person in roles
        ],
        "roles": [
            {"sourcedId": f"r-{person}", "userSourcedId": person, "roleType": "primary", "role": role,
             "orgSourcedId": schools[number % 2]}
            for number, (person, role) in enumerate(roles.items())
        ],
        "enrollments": [
            {"sourcedId": f"e-{person}", "classSourcedId": f"c-{number % classes:03d}",
             "schoolSourcedId": schools[number % classes % 2], "userSourcedId": person, "role": roles[person]}
            for number, person in enumerate(enrolled)
        ],
        "demographics": [
            {"sourcedId": person, "birthDate": "2019-05-06", "sex": "female"}
            for person, role in roles.items() if role == "student"
        ],
    }  # fmt: skip
    return {name: [dict.fromkeys(COLUMNS[name], "") | row for row in rows] for name, rows in made.items()}


def people(files: Files, kind: str) -> list[str]:
    """Ids of persons by the beginning of their id: st, te, gu."""
    return [row["sourcedId"] for row in files["users"] if row["sourcedId"].startswith(f"{kind}-")]


def without(files: Files, gone: Collection[str]) -> Files:
    """The roster without some people and what is theirs."""
    kept = set(gone)
    return {
        name: [row for row in rows if row.get(OF_PEOPLE.get(name, ""), "") not in kept] for name, rows in files.items()
    }


def changed(files: Files, name: str, ids: Iterable[str], cells: Mapping[str, str]) -> Files:
    """The roster with these cells in some rows of a file."""
    struck = set(ids)
    rows = [row | cells if row["sourcedId"] in struck else row for row in files[name]]
    return {**files, name: rows}


def renamed(files: Files, ids: Iterable[str], mark: str) -> Files:
    """The roster with other family names for some people."""
    return changed(files, "users", ids, {"familyName": f"山田{mark}"})

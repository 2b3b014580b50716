"""A roster in base-1.2 that fills what generated ones leave blank: a case of every member, word and odd text."""

import itertools

from tests.proofs import rosters
from tests.story.bundles import Files

KINDS = ("department", "district", "local", "national", "state", "ext:ward")
ROLES = (
    "student", "teacher", "aide", "counselor", "districtAdministrator", "guardian", "parent", "principal", "proctor",
    "relative", "siteAdministrator", "systemAdministrator", "ext:club.coach-1_a",
)  # fmt: skip
ODD = (
    "O'Brien",
    'He said "hi"',
    "back\\slash",
    "髙﨑\U0001f34e",
    "e\u0301\u200d\u202e",
    "<b>&amp;</b>",
    "%2F{}$1",
    "日本 AND 語",
)
"""Texts that writers of JSON and of addresses stumble over."""
FLAGS = (
    "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican", "nativeHawaiianOrOtherPacificIslander", "white",
    "demographicRaceTwoOrMoreRaces", "hispanicOrLatinoEthnicity",
)  # fmt: skip


def roster(pupils: int = 60) -> Files:
    """Three schools, two of whose ids need care in addresses, and people in every role."""
    made = {
        "orgs": [
            {"sourcedId": f"o-{kind.replace(':', '-')}", "name": name, "type": kind, "identifier": f"ID {name}"}
            for kind, name in zip(KINDS, ODD, strict=False)
        ],
        "academicSessions": [
            _session("y-1", "schoolYear"),
            _session("se-1", "semester", "y-1"),
            _session("t/1", "term", "y-1"),
            _session("t-2", "term", "y-1"),
            _session("g-1", "gradingPeriod", "t/1"),
            _session("g@2", "gradingPeriod", "t-2"),
            _session("g-3", "gradingPeriod", "se-1"),
            _session("x-1", "ext:half_week", "y-1"),
        ],
        "courses": [
            {"sourcedId": "co/1", "title": ODD[1], "courseCode": "CH-1", "orgSourcedId": "s/1", "grades": "09,10",
             "schoolYearSourcedId": "y-1", "subjects": "Chemistry,化学", "subjectCodes": "031,032"},
            {"sourcedId": "co-2", "title": ODD[3], "orgSourcedId": "o-district"},
        ],
    }  # fmt: skip
    schools = ("s/1", "s@2", "s-3")
    made["orgs"] += [
        {"sourcedId": one, "name": f"{one}小学校", "type": "school", "parentSourcedId": "o-district"} for one in schools
    ]
    made["classes"] = [
        {"sourcedId": f"c/{number}", "title": text, "classCode": f"C{number}", "courseSourcedId": "co/1",
         "classType": ("homeroom", "scheduled", "ext:club")[number % 3], "location": f"{number}階", "grades": "09,10",
         "schoolSourcedId": schools[number % 2], "termSourcedIds": ("t/1", "t-2,t/1", "y-1", "se-1")[number % 4],
         "subjects": "Chemistry,化学", "subjectCodes": "031,032", "periods": "1,2,放課後"}
        for number, text in enumerate(ODD)
    ]  # fmt: skip
    made["classes"].append(
        {"sourcedId": "c-bare", "title": "nobody's", "courseSourcedId": "co-2", "classType": "homeroom",
         "schoolSourcedId": "s-3", "termSourcedIds": "y-1"}
    )  # fmt: skip
    for number, role in enumerate(itertools.chain(ROLES, itertools.repeat("student", pupils))):
        _add_person(made, number, role, schools[number % 2])
    for row in made["users"][:2]:  # a pupil and, the other way round, his guardian
        row["agentSourcedIds"] = ""
    made["users"][0]["agentSourcedIds"], made["users"][5]["agentSourcedIds"] = "u/005,u/006", "u/000"
    made["roles"].append(  # who learns in the evening and teaches by day
        {"sourcedId": "r-both", "userSourcedId": "u/001", "roleType": "secondary", "role": "student",
         "orgSourcedId": "s/1", "beginDate": "2026-04-01", "endDate": "2027-04-01"}
    )  # fmt: skip
    return {name: [dict.fromkeys(rosters.COLUMNS[name], "") | row for row in rows] for name, rows in made.items()}


def _session(name: str, kind: str, parent: str = "") -> dict[str, str]:
    return {
        "sourcedId": name, "title": f"{name} の期", "type": kind, "startDate": "2026-04-01", "endDate": "2027-04-01",
        "parentSourcedId": parent, "schoolYear": "2027",
    }  # fmt: skip


def _add_person(made: dict[str, list[dict[str, str]]], number: int, role: str, school: str) -> None:
    """A person, every other one with all that a person can have."""
    full, who, odd = number % 2 == 0, f"u/{number:03d}", ODD[number % len(ODD)]
    user = {"sourcedId": who, "enabledUser": "true" if number % 3 else "false", "username": f"user{number}",
            "givenName": odd, "familyName": f"{odd} {number}"}  # fmt: skip
    profiles = ("6f2c1d9e-0b7a-4c55-9a53-6c1d2f3e4a5b", "p/1@a")
    if full:
        user |= {
            "userIds": "{LDAP:a-1},{LTI:日本}", "middleName": "von und", "identifier": f"N{number}",
            "email": f"u{number}@example.jp", "sms": "090-0000-0000", "phone": '03 "1"', "grades": "09,10",
            "password": "not to be shown", "userMasterIdentifier": f"urn:m:{number}", "resourceSourcedIds": "re/1,re-2",
            "preferredGivenName": "太郎", "preferredMiddleName": "M.", "preferredFamilyName": "山田",
            "primaryOrgSourcedId": school, "pronouns": "she/her",
        }  # fmt: skip
    made.setdefault("users", []).append(user)
    given = {"sourcedId": f"r-{number}", "userSourcedId": who, "roleType": "primary", "role": role}
    given |= {"orgSourcedId": school}
    if number < len(profiles):
        made.setdefault("userProfiles", []).append(
            {"sourcedId": profiles[number], "userSourcedId": who, "profileType": "LMS", "vendorId": "v.example",
             "applicationId": "default", "description": odd, "credentialType": "basic", "username": "lms-user",
             "password": "not to be shown"}
        )  # fmt: skip
        given |= {"userProfileSourcedId": profiles[number], "beginDate": "2026-04-01", "endDate": "2027-04-01"}
    made.setdefault("roles", []).append(given)
    place = number % len(ODD)
    seat = {"sourcedId": f"e/{number}", "classSourcedId": f"c/{place}", "userSourcedId": who}
    seat |= {"schoolSourcedId": ("s/1", "s@2")[place % 2]}
    seat["role"] = role if role in ("student", "teacher", "proctor") else ("administrator", "ext:guest")[number % 2]
    if full:
        seat |= {"primary": "true" if role == "teacher" else "false"}
        seat |= {"beginDate": "2026-04-01", "endDate": "2027-03-31"}
    made.setdefault("enrollments", []).append(seat)
    about = {"sourcedId": who, "birthDate": "2012-02-29"}
    about["sex"] = ("male", "female", "unspecified", "other", "ext:not-asked")[number % 5]
    if full:
        about |= {flag: ("true", "false")[(number + at) % 2] for at, flag in enumerate(FLAGS)}
        about |= {"countryOfBirthCode": "JP", "stateOfBirthAbbreviation": "HK", "cityOfBirth": "札幌"}
        about |= {"publicSchoolResidenceStatus": "01652"}
    made.setdefault("demographics", []).append(about)

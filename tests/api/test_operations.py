"""Each of the 41 operations answers, with the records it is about and nothing else."""

import json
from pathlib import Path

import pytest

from api import operations
from oneroster import scopes

FACTS = json.loads((Path(__file__).parents[1] / "standard" / "operations.json").read_text())

IDS = {
    "getAllAcademicSessions": ["g-1", "t-1", "t-2", "y-1"],
    "getAllClasses": ["c-2", "c-3", "c/1"],
    "getAllCourses": ["co-1", "co-2"],
    "getAllDemographics": ["u-1"],
    "getAllEnrollments": ["e-1", "e-2", "e-3"],
    "getAllGradingPeriods": ["g-1"],
    "getAllOrgs": ["d-1", "s-1", "s-2"],
    "getAllSchools": ["s-1", "s-2"],
    "getAllStudents": ["u-1", "u-3"],
    "getAllTeachers": ["u-2", "u-3"],
    "getAllTerms": ["t-1", "t-2"],
    "getAllUsers": ["u-1", "u-2", "u-3", "u@4"],
    "getStudentsForClass c%2F1": ["u-1"],
    "getTeachersForClass c%2F1": ["u-2"],
    "getTeachersForClass c-3": [],
    "getClassesForCourse co-2": ["c-2", "c-3"],
    "getClassesForSchool s-1": ["c-3", "c/1"],
    "getEnrollmentsForClassInSchool s-1 c%2F1": ["e-1", "e-2"],
    "getEnrollmentsForClassInSchool s-2 c%2F1": [],
    "getStudentsForClassInSchool s-1 c%2F1": ["u-1"],
    "getTeachersForClassInSchool s-1 c%2F1": ["u-2"],
    "getCoursesForSchool s-1": ["co-1", "co-2"],
    "getCoursesForSchool s-2": ["co-2"],
    "getEnrollmentsForSchool s-2": ["e-3"],
    "getStudentsForSchool s-2": ["u-3"],
    "getTeachersForSchool s-1": ["u-2"],
    "getTermsForSchool s-1": ["t-1"],
    "getTermsForSchool s-2": [],
    "getClassesForStudent u-1": ["c/1"],
    "getClassesForTeacher u-2": ["c/1"],
    "getClassesForTerm t-1": ["c-3", "c/1"],
    "getClassesForTerm y-1": ["c-2"],
    "getGradingPeriodsForTerm t-1": ["g-1"],
    "getGradingPeriodsForTerm y-1": [],
    "getClassesForUser u-3": ["c-2"],
}
"""What each collection holds in the roster of the tests."""

ONES = {
    "getAcademicSession": "y-1",
    "getClass": "c%2F1",
    "getCourse": "co-1",
    "getDemographics": "u-1",
    "getEnrollment": "e-1",
    "getGradingPeriod": "g-1",
    "getOrg": "d-1",
    "getSchool": "s-1",
    "getStudent": "u-3",
    "getTeacher": "u-3",
    "getTerm": "t-1",
    "getUser": "u@4",
}


def address(name: str, *ids: str) -> str:
    path = operations.BY_NAME[name].path
    for one in ids:
        start, _, rest = path.partition("{")
        path = start + one + rest.partition("}")[2]
    return path


def test_the_operations_are_those_of_the_standard():
    ours = [
        {
            "operationId": one.name,
            "path": one.path,
            "key": one.key,
            "many": one.many,
            "scopes": sorted(one.scopes),
        }
        for one in operations.OPERATIONS
    ]
    theirs = [
        {name: sorted(value) if name == "scopes" else value for name, value in fact.items() if name != "element"}
        for fact in FACTS
    ]
    key = str
    assert sorted(ours, key=key) == sorted(theirs, key=key)
    assert {name.partition(" ")[0] for name in (*IDS, *ONES)} == set(operations.BY_NAME)


async def test_every_collection_holds_what_it_is_about(caller):
    for name, ids in IDS.items():
        operation, *parents = name.split(" ")
        status, body, headers = await caller.get(address(operation, *parents))
        assert status == 200, (name, body)
        assert list(body) == [operations.BY_NAME[operation].key]
        assert [record["sourcedId"] for record in body[operations.BY_NAME[operation].key]] == ids, name
        assert headers["X-Total-Count"] == str(len(ids)), name


async def test_every_single_record_is_found(caller):
    for name, sourced_id in ONES.items():
        status, body, _ = await caller.get(address(name, sourced_id))
        assert status == 200, (name, body)
        assert body[operations.BY_NAME[name].key]["sourcedId"] == sourced_id.replace("%2F", "/")


async def test_a_record_of_another_kind_is_unknown(caller):
    for name, sourced_id in {
        "getSchool": "d-1",
        "getTerm": "g-1",
        "getGradingPeriod": "t-1",
        "getStudent": "u-2",
        "getTeacher": "u-1",
        "getUser": "nobody",
        "getOrg": "%7BsourcedId%7D",
        "getCourse": "%00",
        "getClass": "%FF",
    }.items():
        status, body, _ = await caller.get(address(name, sourced_id))
        assert status == 404, (name, sourced_id, body)
        assert "Unknown Object" in body["imsx_description"]
        assert body["imsx_CodeMinor"]["imsx_codeMinorField"][0]["imsx_codeMinorFieldValue"] == "unknownobject"


async def test_an_unknown_parent_is_reported(caller):
    for name, *parents in [
        ("getStudentsForClass", "nothing"),
        ("getStudentsForClassInSchool", "s-1", "nothing"),
        ("getStudentsForClassInSchool", "d-1", "c%2F1"),
        ("getClassesForTerm", "g-1"),
        ("getClassesForStudent", "u-2"),
        ("getClassesForTeacher", "u-1"),
        ("getClassesForUser", "%00"),
    ]:
        status, body, _ = await caller.get(address(name, *parents))
        assert status == 404, (name, parents, body)


@pytest.mark.parametrize("scope", scopes.ALL)
async def test_a_scope_opens_what_it_says_and_nothing_else(north, stranger, scope):
    caller = await stranger().sign_in(north, scope)
    for fact in FACTS:
        status, body, headers = await caller.get(fact["path"].replace("{", "").replace("}", ""))
        if scope in fact["scopes"]:
            assert status in (200, 404), (fact["operationId"], body)
        else:
            assert status == 403, fact["operationId"]
            assert body["imsx_CodeMinor"]["imsx_codeMinorField"][0]["imsx_codeMinorFieldValue"] == "forbidden"
            assert 'error="insufficient_scope"' in headers["WWW-Authenticate"]

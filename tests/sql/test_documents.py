"""Documents: what the database renders is JSON, and says of every value what the bundle said."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from oneroster import entities, profiles, rows
from oneroster.entities import Entity
from sql import database, documents

AWKWARD = [
    "plain", 'quote " quote', "back\\slash", "\\u0001", "tab\there", "ﾃｽﾄ 𠮷 葛\U000e0100", "</script>&amp;",
    "x\u2028\u2029", "{braces}", "%s %% {}", "'; DROP TABLE orgs; --", "\ufffe\uffff", "\u202egnp.exe",
]  # fmt: skip
ID = "a/b@c.d-e_F/"
UUID = "0F1E2D3C-0000-4000-8000-00000000abcd"

FILES: dict[str, list[dict[str, str]]] = {
    "orgs": [
        {"sourcedId": ID, "name": "District", "type": "district"},
        *(
            {"sourcedId": f"{ID}{number}", "name": name, "type": "school", "identifier": name, "parentSourcedId": ID,
             "metadata.a": name, 'metadata."\\': name}
            for number, name in enumerate(AWKWARD)
        ),
    ],
    "academicSessions": [
        {"sourcedId": "t/1", "title": "T", "type": "ext:x", "startDate": "0001-01-01", "endDate": "9999-12-31",
         "schoolYear": "0000"}
    ],
    "courses": [{"sourcedId": "co", "title": "C", "orgSourcedId": ID, "subjects": '"a", \\b , 国語', "grades": " "}],
    "classes": [
        {"sourcedId": "c/1", "title": "C", "courseSourcedId": "co", "classType": "homeroom", "schoolSourcedId": ID,
         "termSourcedIds": "t/1 , t/1"}
    ],
    "users": [
        {"sourcedId": "u/1", "enabledUser": "true", "username": 'u"\\', "givenName": "𠮷", "familyName": "\\",
         "userIds": '{LD"AP:a\\b},{x: y:z }', "agentSourcedIds": "u/1", "resourceSourcedIds": "r/1",
         "email": 'a"\\@b', "primaryOrgSourcedId": ID}
    ],
    "userProfiles": [
        {"sourcedId": one, "userSourcedId": "u/1", "profileType": '"', "vendorId": "\\", "credentialType": '"',
         "username": 'u"\\'}
        for one in ("p/1", UUID)
    ],
    "roles": [
        {"sourcedId": "r", "userSourcedId": "u/1", "roleType": "primary", "role": "student", "orgSourcedId": ID,
         "userProfileSourcedId": UUID}
    ],
    "enrollments": [
        {"sourcedId": "e/1", "classSourcedId": "c/1", "schoolSourcedId": ID, "userSourcedId": "u/1", "role": "ext:a.b",
         "primary": "false", "metadata.a.b": '"\\'}
    ],
}  # fmt: skip


def reference(collection: str, kind: str, identifier: str) -> dict[str, str]:
    href = f"\x01/{collection}/" + identifier.replace("/", "%2F")
    return {"href": href, "sourcedId": identifier, "type": kind}


def decoded(text: str) -> Any:
    """Strictly JSON but for the two characters that stand for an address."""
    shut = text.replace(documents.BASE, "<base>").replace(documents.RESOURCES, "<resources>")
    assert not any(ord(character) < 32 for character in shut)
    return json.loads(text.replace(documents.BASE, "\\u0001").replace(documents.RESOURCES, "\\u0002"))


@pytest.fixture
async def loaded(board: Any) -> Any:
    one = await board("board")
    await one.load(FILES)
    return one


async def stored(one: Any, entity: Entity) -> dict[str, Any]:
    """Every document of an entity by sourcedId, stored or rendered as on the way out."""
    expression = documents.document(entity, "t") if entity is entities.ENROLLMENTS else SQL("t.document")
    statement = SQL("SELECT t.sourced_id, {} FROM {} t WHERE tenant_id = %s").format(
        expression, Identifier(entity.table)
    )
    async with database.tenant(one.pool, one.tenant.id) as conn:
        cursor = await conn.execute(statement, (one.tenant.id,))
        return {row[0]: decoded(row[1]) for row in await cursor.fetchall()}


async def test_names_and_metadata_come_out_as_they_came_in(loaded: Any) -> None:
    found = await stored(loaded, entities.ORGS)
    assert len(found) == len(AWKWARD) + 1
    for row in FILES["orgs"][1:]:
        name = row["name"]
        assert found[row["sourcedId"]] == {
            "sourcedId": row["sourcedId"],
            "status": "active",
            "name": name,
            "type": "school",
            "identifier": name,
            "parent": reference("orgs", "org", ID),
            "metadata": {"a": name, '"\\': name},
        } | ({"children": []} if "children" in found[row["sourcedId"]] else {})
    children = found[ID]["children"]
    assert {one["sourcedId"] for one in children} == {row["sourcedId"] for row in FILES["orgs"][1:]}
    assert found[ID]["identifier"] == ""


async def test_lists_of_texts_of_references_and_of_user_ids_are_lists(loaded: Any) -> None:
    course = (await stored(loaded, entities.COURSES))["co"]
    assert course["subjects"] == ['"a"', "\\b", "国語"]
    assert "grades" not in course
    assert course["courseCode"] == ""
    klass = (await stored(loaded, entities.CLASSES))["c/1"]
    assert klass["terms"] == [reference("academicSessions", "academicSession", "t/1")] * 2
    session = (await stored(loaded, entities.ACADEMIC_SESSIONS))["t/1"]
    assert (session["startDate"], session["endDate"], session["schoolYear"]) == ("0001-01-01", "9999-12-31", "0000")


async def test_a_user_has_its_roles_and_profiles_and_nothing_sealed(loaded: Any) -> None:
    user = (await stored(loaded, entities.USERS))["u/1"]
    assert (user["username"], user["familyName"], user["enabledUser"]) == ('u"\\', "\\", "true")
    assert user["userIds"] == [{"type": 'LD"AP', "identifier": "a\\b"}, {"type": "x", "identifier": "y:z"}]
    assert user["agents"] == [reference("users", "user", "u/1")]
    assert user["resources"][0]["href"] == "\x02/resources/r%2F1"
    assert user["roles"][0]["org"] == reference("orgs", "org", ID)
    assert user["roles"][0]["userProfile"] == f"urn:uuid:{UUID}"
    assert {one["profileId"] for one in user["userProfiles"]} == {f"urn:uuid:{UUID}", documents.PROFILE_ID + "p/1"}
    assert user["userProfiles"][0]["credentials"] == [{"type": '"', "username": 'u"\\'}]
    assert "email" not in user


async def test_an_enrollment_is_rendered_on_the_way_out(loaded: Any) -> None:
    assert await stored(loaded, entities.ENROLLMENTS) == {
        "e/1": {
            "sourcedId": "e/1",
            "status": "active",
            "class": reference("classes", "class", "c/1"),
            "school": reference("orgs", "org", ID),
            "user": reference("users", "user", "u/1"),
            "role": "ext:a.b",
            "primary": "false",
            "metadata": {"a": {"b": '"\\'}},
        }
    }


@pytest.mark.parametrize("profile", profiles.ALL, ids=lambda profile: profile.name)
@given(before=st.text(max_size=4), after=st.text(max_size=4), mark=st.sampled_from("\x01\x02"))
def test_the_marks_of_an_address_never_come_in_through_data(
    profile: profiles.Profile, before: str, after: str, mark: str
) -> None:
    for entity in entities.ALL:
        header = ",".join(profile.header(entity))
        for column in rows.Rows(io.BytesIO(header.encode()), entity.file, entity, profile).columns:
            for value in (before + mark + after, mark, f"{{a:{mark}}}", f"ext:{mark}"):
                assert column.fits(value) is not None, (column.header, value)
    reader = rows.Rows(
        io.BytesIO(f"{header},metadata.{mark}".encode()), entities.ENROLLMENTS.file, entities.ENROLLMENTS, profile
    )
    assert not reader.usable

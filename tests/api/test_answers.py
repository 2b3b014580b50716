"""What an answer looks like: records, sealed members, references, headers, pages, conditional requests."""

import datetime
import email.utils
import json
from pathlib import Path

import pytest

from api import packing
from oneroster import entities, members
from sql import database, revisions

from .conftest import ROSTER, changed


async def test_a_user_is_shown_whole_with_what_rests_sealed(caller):
    _, body, _ = await caller.get("/users/u-1")
    shown = body["user"]
    base = f"{caller.origin}/ims/oneroster/rostering/v1p2"
    stamp = shown.pop("dateLastModified")
    assert datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ") and len(stamp) == 24
    assert shown == {
        "sourcedId": "u-1",
        "status": "active",
        "enabledUser": "true",
        "username": "u-1",
        "userIds": [{"type": "LDAP", "identifier": "han1"}],
        "givenName": "花子",
        "familyName": "O'Brien",
        "email": "Hanako@example.org",
        "phone": '03-"1"',
        "agents": [{"href": f"{base}/users/u@4", "sourcedId": "u@4", "type": "user"}],
        "grades": ["09"],
        "pronouns": "she/her",
        "resources": [
            {
                "href": f"{caller.origin}/ims/oneroster/resources/v1p2/resources/r-1",
                "sourcedId": "r-1",
                "type": "resource",
            }
        ],
        "roles": [
            {
                "roleType": "primary",
                "role": "student",
                "org": {"href": f"{base}/orgs/s-1", "sourcedId": "s-1", "type": "org"},
            }
        ],
        "userProfiles": [
            {
                "profileId": "urn:rosterhub:userProfile:p-1",
                "profileType": "LMS",
                "vendorId": "v",
                "credentials": [{"type": "oauth", "username": "han"}],
            }
        ],
    }


async def test_demographics_are_opened_for_whoever_may_see_them(caller):
    _, body, _ = await caller.get("/demographics/u-1")
    del body["demographics"]["dateLastModified"]
    assert body["demographics"] == {
        "sourcedId": "u-1",
        "status": "active",
        "birthDate": "2012-02-29",
        "sex": "female",
        "asian": "true",
    }


async def test_a_reference_leads_to_its_record_even_through_a_slash(caller):
    _, body, _ = await caller.get("/enrollments/e-1")
    reference = body["enrollment"]["class"]
    assert reference["href"].endswith("/classes/c%2F1")
    status, body, _ = await caller.get(reference["href"])
    assert (status, body["class"]["sourcedId"]) == (200, "c/1")


async def test_members_are_those_of_the_standard():
    facts = json.loads((Path(__file__).parents[1] / "standard" / "members.json").read_text())
    for entity in entities.EXPOSED:
        name = entity.singular[0].upper() + entity.singular[1:]
        assert members.of(entity) == set(facts[name]), name


async def test_next_leads_through_everything_once(caller):
    seen = []
    address = "/users?limit=2&sort=nothing&filter=status%3D'active'"
    while address:
        status, body, headers = await caller.get(address)
        assert (status, headers["X-Total-Count"]) == (200, "4")
        seen += [record["sourcedId"] for record in body["users"]]
        relations = links(headers)
        assert all("sort=nothing" in link and "filter=status" in link for link in relations.values())
        address = relations.get("next")
    assert seen == ["u-1", "u-2", "u-3", "u@4"]


def links(headers):
    found = {}
    for part in headers["Link"].split(", "):
        address, _, relation = part.partition("; ")
        found[relation.removeprefix('rel="').rstrip('"')] = address.strip("<>")
    return found


async def test_links_can_be_followed_whatever_a_client_sends_unencoded(caller):
    for sent in ("familyName>'A'", "familyName<'~'", "givenName!='\"{|}^`\\'", "familyName>'A' OR givenName!='<b>'"):
        _, body, headers = await caller.get(f"/users?limit=1&filter={sent.replace(' ', '%20')}")
        assert body["users"][0]["sourcedId"] == "u-1", sent
        assert headers["Link"].isascii()
        assert headers["Link"].count(">") == len(links(headers)) == 3
        _, body, _ = await caller.get(links(headers)["next"])
        assert body["users"][0]["sourcedId"] == "u-2", sent


async def test_links_keep_the_step(caller):
    _, _, headers = await caller.get("/users?limit=3&offset=1")
    offsets = {
        relation: address.rpartition("offset=")[2].partition("&")[0] for relation, address in links(headers).items()
    }
    assert offsets == {"first": "0", "last": "1", "prev": "0"}
    _, body, headers = await caller.get("/users?limit=3&offset=100")
    assert body == {"users": []}
    assert headers["X-Total-Count"] == "4"
    assert set(links(headers)) == {"first", "last", "prev"}
    _, _, headers = await caller.get("/classes/c%2F1/students?limit=1")
    _, body, _ = await caller.get(links(headers)["last"])
    assert [user["sourcedId"] for user in body["users"]] == ["u-1"]


async def test_fields_select_members_in_lists_and_single_records(caller):
    _, body, _ = await caller.get("/users?fields=givenName,%20email&fields=sourcedId&limit=1")
    assert body == {"users": [{"email": "Hanako@example.org", "sourcedId": "u-1", "givenName": "花子"}]}
    _, body, _ = await caller.get("/orgs/s-1?fields=parent")
    assert body["org"]["parent"]["href"].startswith("http://127.0.0.1")
    assert list(body["org"]) == ["parent"]
    _, body, _ = await caller.get("/orgs/s-1?fields=name,nothing")
    assert {"name", "identifier", "sourcedId"} <= set(body["org"])
    _, body, _ = await caller.get("/users/u-2?fields=password")
    assert body == {"user": {}}


async def test_an_etag_saves_the_answer_until_the_roster_changes(caller, north):
    for path in ("/users", "/users/u-1", "/classes/c%2F1/students"):
        status, _, headers = await caller.get(path)
        assert headers["Vary"] == "Accept-Encoding, Authorization"
        assert headers["Cache-Control"] == "private, no-cache"
        status, body, again = await caller.get(path, headers={"If-None-Match": f'"x", {headers["ETag"]}'})
        assert (status, body, again["ETag"]) == (304, None, headers["ETag"])
        assert "Date" in again
    status, _, _ = await caller.get("/users/nobody", headers={"If-None-Match": headers["ETag"]})
    assert status == 404
    await north.load(changed(ROSTER, "orgs", "s-1", name="Northern"))
    status, _, after = await caller.get("/users", headers={"If-None-Match": headers["ETag"]})
    assert (status, after["ETag"] != headers["ETag"]) == (200, True)


async def test_a_board_without_a_roster_answers_with_nothing(board, stranger):
    caller = await stranger().sign_in(await board("empty"))
    status, body, headers = await caller.get("/users")
    assert (status, body, headers["X-Total-Count"]) == (200, {"users": []}, "0")
    assert (await caller.get("/users/u-1"))[0] == 404
    assert (await caller.get("/schools/s-1/classes"))[0] == 404


async def test_what_is_deleted_stays_and_says_so(caller, north):
    await north.load({"enrollments": ROSTER["enrollments"][1:]})
    _, body, headers = await caller.get("/enrollments")
    assert [one["status"] for one in body["enrollments"]] == ["tobedeleted", "active", "active"]
    assert headers["X-Total-Count"] == "3"
    assert (await caller.get("/enrollments/e-1"))[1]["enrollment"]["status"] == "tobedeleted"
    assert (await caller.get("/classes/c%2F1/students"))[1] == {"users": []}


async def test_only_what_is_published_is_shown(caller, north):
    """While a revision is committed but not published, answers come from history."""
    before = {path: await caller.get(path) for path in PLACES}
    files = {
        **changed(ROSTER, "users", "u-1", familyName="Changed", email="new@example.org"),
        "userProfiles": ROSTER["userProfiles"],
        "roles": ROSTER["roles"][:-1],
        "enrollments": [*ROSTER["enrollments"][1:], {**ROSTER["enrollments"][0], "sourcedId": "e-0"}],
        "demographics": [{**ROSTER["demographics"][0], "sex": "other"}],
    }
    await north.load(files, publish=False)
    for path in PLACES:
        status, body, headers = await caller.get(path)
        assert (status, body) == before[path][:2], path
        assert headers.get("X-Total-Count") == before[path][2].get("X-Total-Count"), path
        assert headers["ETag"] == before[path][2]["ETag"]
    await north.publish()
    assert (await caller.get("/users/u-1"))[1]["user"]["familyName"] == "Changed"
    assert (await caller.get("/users/u-1"))[1]["user"]["email"] == "new@example.org"
    assert (await caller.get("/demographics/u-1"))[1]["demographics"]["sex"] == "other"
    _, body, _ = await caller.get("/enrollments")
    assert [one["sourcedId"] for one in body["enrollments"]] == ["e-0", "e-1", "e-2", "e-3"]


PLACES = (
    "/users",
    "/users?sort=familyName&orderBy=desc",
    "/users?limit=2&offset=1",
    "/users?filter=familyName%3D'O''Brien'",
    "/users?filter=email%3D'hanako@EXAMPLE.org'",
    "/users?limit=1&filter=status%3D'active'",
    "/users?sort=dateLastModified&orderBy=desc",
    "/students",
    "/users/u-1",
    "/users/u@4",
    "/demographics",
    "/enrollments",
    "/enrollments?limit=1&offset=2",
    "/enrollments/e-1",
    "/classes/c%2F1/students",
    "/schools/s-1/enrollments",
    "/students/u-1/classes",
)


async def test_nothing_published_later_is_older_than_an_answers_date(caller, north, pool):
    for number in range(3):
        async with database.hub(pool, "owner") as conn:
            # A clock that was ahead: another process raised it, or the machine's clock stepped back.
            await conn.execute("UPDATE clock SET high = greatest(high, clock_timestamp() + interval '3 seconds')")
        _, _, headers = await caller.get("/orgs")
        dated = email.utils.parsedate_to_datetime(headers["Date"])
        async with database.tenant(pool, north.tenant.id) as conn:
            snapshot = await revisions.snapshot(conn, north.tenant.id)
        assert abs(snapshot.dated - dated) < datetime.timedelta(seconds=10)
        await north.load(changed(ROSTER, "orgs", "s-1", name=f"Name {number}"))
        _, body, _ = await caller.get("/orgs/s-1")
        assert datetime.datetime.fromisoformat(body["org"]["dateLastModified"]) > max(dated, snapshot.dated)


async def test_a_poller_misses_nothing_and_gets_nothing_twice(caller, north):
    cursor, known = "2000-01-01T00:00:00.000Z", {}
    names = iter(["A", "B", "C", None])
    while True:
        address, page = f"/orgs?limit=1&filter=dateLastModified%3E'{cursor}'", []
        while address:
            _, body, headers = await caller.get(address)
            page += body["orgs"]
            address = links(headers).get("next")
        for record in page:
            assert known.get(record["sourcedId"]) != record
            known[record["sourcedId"]] = record
        cursor = max([cursor, *(record["dateLastModified"] for record in page)])
        name = next(names)
        if name is None:
            break
        await north.load(changed(ROSTER, "orgs", "s-2", name=name))
    _, body, _ = await caller.get("/orgs")
    assert body["orgs"] == list(known.values())
    _, body, _ = await caller.get(f"/orgs?filter=dateLastModified%3E'{cursor}'")
    assert body == {"orgs": []}


async def test_addresses_are_those_the_client_used(caller):
    _, body, _ = await caller.get("/orgs/s-1", headers={"Host": "other.example.jp:99"})
    assert body["org"]["parent"]["href"].startswith("http://other.example.jp:99/ims/")
    _, _, headers = await caller.get("/orgs?limit=1", headers={"Host": "other.example.jp"})
    assert headers["Link"].startswith("<http://other.example.jp/ims/")
    status, _, _ = await caller.get("/orgs", headers={"Host": 'x"y'})
    assert status == 400


@pytest.mark.parametrize("public_url", ["https://roster.example.jp/"])
async def test_behind_a_proxy_addresses_are_those_of_the_settings(caller):
    _, body, headers = await caller.get("/orgs?limit=1&offset=1")
    assert body["orgs"][0]["parent"]["href"] == "https://roster.example.jp/ims/oneroster/rostering/v1p2/orgs/d-1"
    assert headers["Link"].startswith("<https://roster.example.jp/ims/oneroster/rostering/v1p2/orgs?")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, zstd;q=0.9", "gzip"),
        ("GZIP ; Q=0.5, zstd;q=0.50", "zstd"),
        ("zstd;q=0, gzip;q=0.001", "gzip"),
        ("*", "zstd"),
        ("*;q=0.1, gzip;q=0.2", "gzip"),
        ("zstd;q=0, *", "gzip"),
        ("*;q=0", ""),
        ("gzip;q=0, zstd;q=0.000", ""),
        ("gzip;q=x", ""),
        ("br, deflate", ""),
    ],
)
def test_the_coding_is_the_one_that_a_client_likes_best(accepted, coding):
    assert packing.coding(accepted) == coding


async def test_a_large_answer_is_compressed_for_those_who_like_it(caller):
    _, plain, headers = await caller.get("/users", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in headers
    _, packed, headers = await caller.get("/users", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert (packed, headers["Content-Encoding"]) == (plain, "gzip")
    _, _, headers = await caller.get("/users", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in headers

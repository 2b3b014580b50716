"""The view below /v1p2: the same records, with where a page stands in its body and `modifiedSince`."""

import pytest

from .conftest import ROSTER, changed
from .test_answers import links


@pytest.fixture
def view(caller, origin):
    """Asks for a path of the view."""

    async def get(path, **params):
        return await caller.get(f"{origin}/v1p2{path}", **params)

    return get


async def test_a_page_says_in_its_body_where_it_stands(view):
    _, body, headers = await view("/users?limit=2&offset=1")
    assert [one["sourcedId"] for one in body["users"]] == ["u-2", "u-3"]
    assert body["pagination"] == {"total": 4, "limit": 2, "offset": 1, "hasMore": True}
    assert headers["X-Total-Count"] == "4"
    _, last, _ = await view(links(headers)["next"].partition("/v1p2")[2])
    assert last["pagination"] == {"total": 4, "limit": 2, "offset": 3, "hasMore": False}
    _, none, _ = await view("/users?filter=username='nobody'")
    assert none == {"users": [], "pagination": {"total": 0, "limit": 100, "offset": 0, "hasMore": False}}


async def test_the_records_are_those_of_the_standard(view, caller):
    for path in ("/users", "/classes", "/orgs/s-1", "/schools/s-1/classes", "/terms/t-1/gradingPeriods"):
        status, body, _ = await view(path)
        _, standard, _ = await caller.get(path)
        body.pop("pagination", None)
        assert status == 200
        assert body == standard


async def test_a_class_has_enrollments_here_and_not_in_the_standard(view, caller):
    _, body, _ = await view("/classes/c%2F1/enrollments")
    assert [one["sourcedId"] for one in body["enrollments"]] == ["e-1", "e-2"]
    assert (await view("/classes/nobody/enrollments"))[0] == 404
    assert (await caller.get("/classes/c%2F1/enrollments"))[0] == 404


async def test_modified_since_has_its_own_moment_in_it(view, north):
    await north.load({**ROSTER, **changed(ROSTER, "orgs", "s-2", name="South, renamed")})
    _, body, _ = await view("/orgs")
    (moved,) = [one["dateLastModified"] for one in body["orgs"] if one["sourcedId"] == "s-2"]

    async def since(moment, **more):
        _, found, _ = await view("/orgs", modifiedSince=moment, **more)
        return [one["sourcedId"] for one in found["orgs"]]

    assert await since(moved) == ["s-2"]
    assert await since("2000-01-01") == ["d-1", "s-1", "s-2"]
    assert await since("2999-01-01") == []
    # It holds beside a filter, whatever joins the clauses of that.
    assert await since(moved, filter="name='North' OR type='school'") == ["s-2"]
    assert await since(moved, filter="name='North'") == []


@pytest.mark.parametrize("moment", ["yesterday", "", "2026-02-30", "2026-04-01&modifiedSince=2026-04-01"])
async def test_what_is_no_moment_is_refused(view, moment):
    status, body, _ = await view(f"/orgs?modifiedSince={moment}")
    assert status == 400
    assert "modifiedSince" in body["imsx_description"]


async def test_the_standard_takes_no_notice_of_modified_since(caller):
    status, body, _ = await caller.get("/orgs?modifiedSince=yesterday")
    assert status == 200
    assert "pagination" not in body


async def test_the_view_wants_the_scopes_of_the_standard(north, stranger, origin):
    core = await stranger().sign_in(north, "roster-core.readonly")
    assert (await core.get(f"{origin}/v1p2/users"))[0] == 200
    assert (await core.get(f"{origin}/v1p2/demographics"))[0] == 403
    assert (await core.get(f"{origin}/v1p2/classes/c%2F1/enrollments"))[0] == 403
    assert (await stranger().get(f"{origin}/v1p2/users"))[0] == 401

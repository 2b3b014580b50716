"""Whatever goes wrong under the roster paths is told as imsx_StatusInfo, and a tenant's records stay its own."""

from api import places, tokens
from sql import audit, clients, database, search

from .conftest import ROSTER


def minor(body):
    assert set(body) == {"imsx_codeMajor", "imsx_severity", "imsx_description", "imsx_CodeMinor"}
    assert (body["imsx_codeMajor"], body["imsx_severity"]) == ("failure", "error")
    (field,) = body["imsx_CodeMinor"]["imsx_codeMinorField"]
    assert field["imsx_codeMinorFieldName"] == "TargetEndSystem"
    return field["imsx_codeMinorFieldValue"]


BAD_QUERIES = [
    ("limit=0", "invaliddata"),
    ("limit=-1", "invaliddata"),
    ("limit=%2B1", "invaliddata"),
    ("limit=", "invaliddata"),
    ("limit=1.0", "invaliddata"),
    ("limit=%D9%A3", "invaliddata"),
    ("limit=2147483648", "invaliddata"),
    ("limit=1&limit=1", "invaliddata"),
    ("offset=-1", "invaliddata"),
    ("offset=9223372036854775808", "invaliddata"),
    ("sort=givenName&orderBy=up", "invaliddata"),
    ("fields=", "invalid_selection_field"),
    ("fields=a,,b", "invalid_selection_field"),
    ("filter=", "invalid_filter_field"),
    ("filter=nothing%3D'x'", "invalid_filter_field"),
    ("filter=status%3D'a'&filter=status%3D'a'", "invalid_filter_field"),
    ("filter=dateLastModified%3E'yesterday'", "invalid_filter_field"),
    ("filter=dateLastModified~'2026'", "invalid_filter_field"),
    ("filter=givenName%3D'%00'", "invalid_filter_field"),
]


async def test_a_query_that_cannot_be_used_is_named(caller):
    for query, code in BAD_QUERIES:
        status, body, _ = await caller.get(f"/users?{query}")
        assert (status, minor(body)) == (400, code), query


async def test_more_than_the_most_is_cut_down(caller):
    status, _, headers = await caller.get("/users?limit=2000000000&offset=1")
    assert status == 200
    assert "limit=10000&" in headers["Link"]


async def test_other_methods_are_refused(caller):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        status, body, headers = await caller.get("/users/u-1", method=method)
        assert (status, headers["Allow"]) == (405, "GET")
        assert (body["imsx_codeMajor"], body["imsx_severity"]) == ("unsupported", "error")
        assert "imsx_CodeMinor" not in body
    status, _, headers = await caller.get("/users", method="HEAD")
    assert (status, headers["Allow"]) == (405, "GET")


async def test_an_unknown_path_is_an_unknown_object(caller):
    for path in ("/nothing", "/Users", "/users/", "/users/a/b/c", "/classes/c-2/enrollments"):
        status, body, _ = await caller.get(path)
        assert (status, minor(body)) == (404, "unknownobject"), path
    status, body, _ = await caller.get(f"{caller.origin}/")
    assert (status, minor(body)) == (404, "unknownobject")


async def test_without_a_good_token_there_is_nothing(stranger, north):
    for header, challenge in {
        "": 'Bearer realm="rosterhub"',
        "Basic eDp5": 'Bearer realm="rosterhub"',
        "Bearer": 'Bearer realm="rosterhub"',
        "Bearer nonsense": 'Bearer realm="rosterhub", error="invalid_token"',
        "Bearer a.b.c.d.e": 'Bearer realm="rosterhub", error="invalid_token"',
    }.items():
        status, body, headers = await stranger().get("/users", headers={"Authorization": header} if header else {})
        assert (status, minor(body), headers["WWW-Authenticate"]) == (401, "unauthorisedrequest", challenge)
    for path in ("/users/%7BsourcedId%7D", "/schools/%7B/classes", "/classes/a%2F%7D/students"):
        status, body, _ = await stranger().get(path)  # not even that there is no such id
        assert (status, minor(body)) == (401, "unauthorisedrequest"), path


async def test_a_tenant_never_sees_another(caller, board, stranger):
    south = await board("south")
    await south.load({"orgs": [{"sourcedId": "x-1", "name": "Other", "type": "school"}]})
    other = await stranger().sign_in(south)
    assert [org["sourcedId"] for org in (await other.get("/orgs"))[1]["orgs"]] == ["x-1"]
    assert (await caller.get("/orgs/x-1"))[0] == 404
    assert (await caller.get("/schools/x-1/classes"))[0] == 404
    for path in ("/users", "/enrollments", "/demographics", "/classes", "/terms"):
        assert list((await other.get(path))[1].values()) == [[]]
    for name, rows in ROSTER.items():
        if name in ("roles", "userProfiles"):
            continue
        for row in rows:
            status, _, _ = await other.get(f"/{name}/{row['sourcedId'].replace('/', '%2F')}")
            assert status == 404


async def test_every_read_is_audited_once(app, caller, north, pool):
    await app[places.LOG].flush()
    async with database.hub(pool, "viewer") as conn:
        before = {entry.id for entry in (await search.page(conn)).entries}
    await caller.get("/users?limit=7&offset=1")
    await caller.get("/users/u-1")
    await caller.get("/users/nobody")
    students = len((await caller.get("/classes/c%2F1/students"))[1]["users"])
    await caller.get("/users?limit=x")
    await caller.get("/nothing")
    caller.token = "wrong"
    await caller.get("/users")
    await app[places.LOG].flush()
    async with database.hub(pool, "viewer") as conn:
        entries = [entry for entry in (await search.page(conn)).entries if entry.id not in before]
    told = [(one.tenant, one.who != "-", one.action, one.target, one.ok, one.origin, one.detail) for one in entries]
    here, users = "127.0.0.1", len(ROSTER["users"])
    expected = [
        ("north", True, "api.read users", "1+7", True, here, {"rows": min(7, users - 1)}),
        ("north", True, "api.read users", "u-1", True, here, {"rows": 1}),
        ("north", True, "api.read users", "nobody", False, here, {}),
        ("north", True, "api.read classes/students", "c/1 0+100", True, here, {"rows": students}),
        ("north", True, "api.read users", "", False, here, {}),
        (None, False, "api.read users", "", False, here, {}),
    ]
    assert sorted(told, key=str) == sorted(expected, key=str)


async def test_an_entry_that_waited_long_bears_the_time_of_its_writing(pool, north):
    deeds = [audit.Deed("c", "", "api.read users", str(age), True, age, 5) for age in (1.5, 299.0, 301.0, 90_000.0)]
    async with database.hub(pool, "api") as conn:
        await audit.write_all(conn, None, deeds)
    async with database.hub(pool, "viewer") as conn:
        found = {one.target: one for one in (await search.page(conn)).entries if one.who == "c"}
    newest = max(one.at for one in found.values())
    told = {target: (round((newest - one.at).total_seconds()), one.detail) for target, one in found.items()}
    assert told == {
        "1.5": (2, {"rows": 5}),
        "299.0": (299, {"rows": 5}),
        "301.0": (0, {"rows": 5, "waited": 301}),
        "90000.0": (0, {"rows": 5, "waited": 90_000}),
    }


async def test_what_waits_in_the_audit_is_written_at_the_end(app, pool, north):
    log = app[places.LOG]
    async with log.running():
        log.add(north.tenant.id, "c", "", "api.read users", "0+1", True)
    async with database.hub(pool, "viewer") as conn:
        assert (await search.page(conn, limit=1)).entries[0].who == "c"


async def test_a_revoked_client_is_refused(caller, north, pool, monkeypatch):
    monkeypatch.setattr(tokens, "FRESH", 0.0)
    assert (await caller.get("/users"))[0] == 200
    async with database.hub(pool, "admin") as conn:
        (client,) = await clients.every(conn)
        await clients.revoke(conn, client, "lost", audit.SYSTEM)
    status, body, _ = await caller.get("/users")
    assert (status, minor(body)) == (401, "unauthorisedrequest")


async def test_an_absent_database_is_said_to_be_busy(caller, pool):
    await pool.close()
    status, body, headers = await caller.get("/users")
    assert (status, minor(body), headers["Retry-After"]) == (503, "server_busy", "5")
    status, _, headers = await caller.ask_token("a", "b")
    assert (status, headers["Retry-After"]) == (503, "5")
    status, _, _ = await caller.get(f"{caller.origin}/readyz")
    assert status == 503


async def test_our_own_fault_is_told_without_its_inside(caller, app):
    app[places.STANDINGS]._sealers[1] = None
    status, body, _ = await caller.get("/users")
    assert (status, minor(body)) == (500, "internal_server_error")
    assert "None" not in body["imsx_description"]


async def test_health_needs_no_token(stranger):
    for path in ("/healthz", "/readyz"):
        status, body, _ = await stranger().get(stranger().origin + path)
        assert (status, body) == (200, {"status": "ok"})

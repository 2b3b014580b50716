"""The discovery document and the page for people say what the service does."""

import json
import re
from pathlib import Path

import pytest

FACTS = Path(__file__).parents[1] / "standard"
MEMBERS = json.loads((FACTS / "members.json").read_text())
OPERATIONS = json.loads((FACTS / "operations.json").read_text())
SCOPE = "https://purl.imsglobal.org/spec/or/v1p2/scope/"
NAMES = ("onerosterv1p2rostersservice_openapi3_v1p0.json", "imsorv1p2_rostering_openapi3_v1p0.json")


@pytest.fixture
async def document(stranger):
    status, body, headers = await stranger().get(f"/discovery/{NAMES[0]}")
    assert status == 200
    assert headers["Content-Type"].startswith("application/json")
    return body


async def test_both_names_lead_to_it_without_a_token(stranger, document):
    assert (await stranger().get(f"/discovery/{NAMES[1]}"))[1] == document
    assert (await stranger().get("/discovery/other.json"))[0] == 404


async def test_it_names_this_host_and_where_tokens_come_from(document, origin):
    assert document["servers"] == [{"url": f"{origin}/ims/oneroster/rostering/v1p2"}]
    flows = document["components"]["securitySchemes"]["OAuth2CC"]["flows"]
    assert flows["clientCredentials"]["tokenUrl"] == f"{origin}/token"
    assert set(flows["clientCredentials"]["scopes"]) == {
        SCOPE + name for name in ("roster.readonly", "roster-core.readonly", "roster-demographics.readonly")
    }


@pytest.mark.parametrize("public_url", ["https://roster.example.jp"])
async def test_behind_a_proxy_it_names_the_public_address(document, public_url):
    assert document["servers"][0]["url"].startswith(public_url)


async def test_it_has_the_41_operations(document):
    assert set(document["paths"]) == {one["path"] for one in OPERATIONS}
    for one in OPERATIONS:
        said = document["paths"][one["path"]]["get"]
        assert said["operationId"] == one["operationId"]
        assert said["security"] == [{"OAuth2CC": [SCOPE + name]} for name in one["scopes"]]
        inside = [part["name"] for part in said["parameters"] if part["in"] == "path"]
        assert inside == re.findall(r"\{(\w+)\}", one["path"])
        asked = {part["name"] for part in said["parameters"] if part["in"] == "query"}
        paging = {"limit", "offset", "sort", "orderBy", "filter", "fields"}
        assert asked == (paging if one["many"] else {"fields"})
        container = followed(document, said["responses"]["200"]["content"]["application/json"]["schema"])
        assert list(container["properties"]) == [one["key"]]
        (content,) = container["properties"].values()
        record = followed(document, content["items"] if one["many"] else content)
        assert set(record["properties"]) == set(MEMBERS[one["element"]]) - {"password"}


async def test_models_ask_for_what_the_standard_requires(document):
    models = document["components"]["schemas"]
    for name in ("User", "Org", "AcademicSession", "Course", "Class", "Enrollment", "Demographics", "Role"):
        required = {member for member, fact in MEMBERS[name].items() if fact["required"]}
        assert required <= set(models[name]["required"]), name
        for member, fact in MEMBERS[name].items():
            if "words" in fact and not fact.get("extensible"):
                assert set(models[name]["properties"][member]["enum"]) == set(fact["words"])
            if fact.get("extensible"):
                words, extended = models[name]["properties"][member]["anyOf"]
                assert set(words["enum"]) == set(fact["words"])
                assert re.fullmatch(extended["pattern"], "ext:own.word")
            if "format" in fact:
                assert models[name]["properties"][member]["format"] == fact["format"]


async def test_every_reference_within_it_leads_somewhere(document):
    text = json.dumps(document)
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', text)):
        assert followed(document, {"$ref": reference})


async def test_answers_have_the_members_that_it_tells_of(document, caller):
    for path in ("/users", "/classes", "/orgs", "/courses", "/academicSessions", "/enrollments", "/demographics"):
        said = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        _, body, _ = await caller.get(path)
        assert body[path[1:]]
        assert faults(document, said, body, path) == []


async def test_the_page_for_people_needs_nothing_from_elsewhere(stranger, origin):
    async with stranger().session.get(f"{origin}/docs") as response:
        assert response.status == 200
        assert response.content_type == "text/html"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        page = await response.text()
    assert "$" not in re.sub(r"\$(CLIENT_ID|CLIENT_SECRET|TOKEN)", "", page)
    addresses = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert all(one.startswith(("#", origin)) for one in addresses)
    assert f"{origin}/token" in page
    for one in OPERATIONS:
        assert f"<code>{one['path']}</code>" in page
    for anchor in re.findall(r'href="#(\w+)"', page):
        assert f'id="{anchor}"' in page


def followed(document, schema):
    """What a reference leads to."""
    while "$ref" in schema:
        found = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def faults(document, schema, value, where):
    """Where a value is not what the schema says; as much of it as our document uses."""
    schema = followed(document, schema)
    if "anyOf" in schema:
        return [] if any(not faults(document, one, value, where) for one in schema["anyOf"]) else [where]
    kind = {dict: "object", list: "array", str: "string", int: "integer"}[type(value)]
    if kind != schema["type"]:
        return [where]
    if kind == "array":
        return [one for item in value for one in faults(document, schema["items"], item, f"{where}[]")]
    if kind == "object":
        known = schema.get("properties", {})
        found = [f"{where}.{name}" for name in schema.get("required", []) if name not in value]
        if not schema["additionalProperties"]:
            found += [f"{where}.{name}" for name in value if name not in known]
        return found + [
            one
            for name, inner in value.items()
            if name in known
            for one in faults(document, known[name], inner, f"{where}.{name}")
        ]
    if "enum" in schema and value not in schema["enum"]:
        return [where]
    return [] if re.fullmatch(schema.get("pattern", r"(?s).*"), value) else [where]

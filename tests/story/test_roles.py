"""What people of each role see and do beside a running hub, and what the audit log then says of them."""

import json
from pathlib import Path

import pytest

from tests.story.bundles import read, without, write
from tests.story.hub import Done, Hub

pytestmark = pytest.mark.xdist_group("story")


class School:
    """A school board with a roster, a held bundle and a rejected one; and three people."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub = hub
        hub.tenant("roles")
        files = read(hub.sample(folder, 60))
        self.user = files["users"][0]
        few = without(files, {row["sourcedId"] for row in files["users"][10:30]})
        hub.shown("ingest", "roles", str(write(folder / "good.zip", files)), "--wait")
        self.held = hub.shown("ingest", "roles", str(write(folder / "few.zip", few)), "--wait", code=10)
        wrong = [dict(row) for row in files["users"]]
        wrong[0]["givenName"] = "花子\x07"
        wrong[0]["enabledUser"] = "perhaps"
        bundle = write(folder / "wrong.zip", files | {"users": wrong})
        self.rejected = hub.shown("ingest", "roles", str(bundle), "--wait", code=65)["id"]
        for role in ("viewer", "operator", "admin"):
            done = hub.call("operator", "add", f"r-{role}", "--role", role, "--password-stdin", stdin="word\n")
            assert done.code == 0, done.err

    def as_(self, role: str, *words: str) -> Done:
        return self.hub.call("--operator", f"r-{role}", *words, stdin="word\n")

    def entries(self, action: str) -> list[tuple[str, str, bool, object]]:
        listed = self.hub.shown("audit", "list", "--search", action, "--limit", "50")
        return [
            (one["who"], one["target"], one["ok"], one["detail"].get("reason"))
            for one in listed
            if one["action"] == action and one["who"].startswith("r-")  # others use this hub, too
        ]


@pytest.fixture(scope="module")
def school(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(hub, tmp_path_factory.mktemp("roles"))


def test_names_are_masked_until_somebody_who_may_says_why(school: School) -> None:
    show = ("record", "show", "roles", "users", school.user["sourcedId"], "--json")
    name, masked = school.user["familyName"], f"{school.user['familyName'][0]}**"
    for role in ("viewer", "operator", "admin"):
        done = school.as_(role, *show)
        assert done.code == 0, done.err
        assert json.loads(done.out)["versions"][-1]["fields"]["familyName"][1] == masked
        assert school.user["username"] not in done.out
    assert school.as_("operator", *show, "--unmask").code == 64, "no reason"
    refused = school.as_("viewer", *show, "--unmask", "--reason", "I am curious")
    assert (refused.code, refused.out) == (77, "")
    assert "record.unmask needs the role operator; r-viewer is viewer." in refused.err
    for role in ("operator", "admin"):
        done = school.as_(role, *show, "--unmask", "--reason", f"asked by his parents, {role}")
        assert json.loads(done.out)["versions"][-1]["fields"]["familyName"][1] == name
    target = f"users/{school.user['sourcedId']}"
    assert school.entries("record.unmask") == [
        ("r-admin", target, True, "asked by his parents, admin"),
        ("r-operator", target, True, "asked by his parents, operator"),
        ("r-viewer", "", False, "record.unmask needs the role operator; r-viewer is viewer."),
    ]


def test_values_of_problems_are_masked_but_for_admins(school: School) -> None:
    words = ("job", "problems", school.rejected, "--json")

    def value(done: Done) -> str:
        assert done.code == 0, done.err
        (found,) = [one["value"] for one in json.loads(done.out) if one["column"] == "givenName"]
        return found

    assert value(school.as_("viewer", *words)) == "花**"
    assert value(school.as_("operator", *words)) == "花**"
    assert value(school.as_("admin", *words)) == value(school.hub.call(*words)) == "花子\x07"
    assert value(school.as_("operator", *words, "--unmask", "--reason", "to mend it")) == "花子\x07"
    assert school.as_("viewer", *words, "--unmask", "--reason", "to see").code == 77
    assert ("r-operator", f"job/{school.rejected}", True, "to mend it") in school.entries("record.unmask")


def test_a_viewer_decides_nothing_and_an_operator_does(school: School, tmp_path: Path) -> None:
    held, removed = school.held["id"], str(school.held["deleted"])
    approve = ("job", "approve", held, "--confirm", removed, "--reason", "seen")
    refused = school.as_("viewer", *approve)
    assert refused.code == 77
    assert "job.approve needs the role operator" in refused.err
    assert school.hub.shown("job", "show", held)["state"] == "held"
    for words, need in (
        (("ingest", "roles", str(tmp_path), "--wait"), "operator"),
        (("ingest", "roles", str(tmp_path), "--dry-run"), "operator"),
        (("export", "roles", str(tmp_path / "out.zip")), "admin"),
        (("client", "add", "roles", "--name", "x"), "admin"),
        (("tenant", "set", "roles", "--name", "x"), "admin"),
    ):
        done = school.as_("viewer", *words)
        assert done.code == 77, done.out + done.err
        assert f"needs the role {need}" in done.err
    assert not (tmp_path / "out.zip").exists()
    done = school.as_("operator", *approve)
    assert done.code == 0, done.out + done.err
    assert school.hub.shown("job", "show", held)["state"] == "applied"
    assert school.as_("operator", "client", "add", "roles", "--name", "x").code == 77
    assert [(who, ok) for who, _, ok, _ in school.entries("job.approve")][:2] == [
        ("r-operator", True),
        ("r-viewer", False),
    ]
    for role in ("viewer", "operator", "admin"):
        for words in (("job", "list"), ("tenant", "list"), ("audit", "list"), ("client", "list"), ("doctor",)):
            assert school.as_(role, *words).code == 0

"""The audit log by the command line, beside a running hub: found by its fields, exported, verified."""

import base64
import csv
import io
import json
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest

from tests.story.hub import Hub, until

pytestmark = pytest.mark.xdist_group("story")

ENTRY = ["id", "at", "tenant", "who", "name", "kind", "from", "action", "target", "ok", "detail"]


@pytest.fixture
def client(hub: Hub) -> str:
    """A client with a history."""
    made = hub.shown("tenant", "add", "audited", "--name", "Audited")
    assert made["code"] == "audited"
    client = hub.shown("client", "add", "audited", "--name", "lms")
    hub.secrets.append(client["client_secret"])
    rotated = hub.shown("client", "rotate", client["client_id"])
    hub.secrets.append(rotated["client_secret"])
    assert hub.call("client", "revoke", client["client_id"], "--reason", "=cmd()\u202e ticket 118").code == 0
    return str(client["client_id"])


def actions(found: list[dict]) -> list[str]:
    return [one["action"] for one in found]


def test_entries_are_found_by_their_fields(hub: Hub, client: str) -> None:
    found = hub.shown("audit", "list", "--target", client)
    assert actions(found) == ["client.revoke", "client.rotate", "client.add"]
    assert list(found[0]) == ENTRY
    listed = hub.shown("audit", "list", "--target", client, "--action", "client.re*")
    assert listed == found[:1]
    two = hub.shown("audit", "list", "--target", client, "--action", "client.add", "--action", "client.rotate")
    assert two == found[1:]
    assert hub.shown("audit", "list", "--search", "TICKET 118", "--target", client, "--result", "ok") == found[:1]
    assert hub.shown("audit", "list", "--target", client, "--without", "TICKET 118") == found[1:]
    assert hub.shown("audit", "list", "--target", client, "--without", "rotate", "--without", "ticket") == found[2:]
    assert hub.shown("audit", "list", "--target", client, "--result", "no") == []
    assert hub.shown("audit", "list", "--target", client, "--who", found[0]["who"], "--tenant", "audited") == found
    assert hub.shown("audit", "list", "--target", client, "--since", "1h") == found
    assert hub.shown("audit", "list", "--target", client, "--until", "1h") == []
    empty = hub.call("audit", "list", "--target", client, "--until", "2020-01-01T09:00+09:00")
    assert "no entry fits until 2020-01-01T00:00:00.000Z." in empty.err
    assert hub.shown("audit", "list", "--target", client, "--since", found[1]["at"], "--until", found[0]["at"]) in (
        found[1:2],
        found[:2],  # within the same millisecond
    )
    pages = hub.shown("audit", "list", "--target", client, "--limit", "2")
    pages += hub.shown("audit", "list", "--target", client, "--before", str(pages[-1]["id"]))
    assert pages == found
    done = hub.call("audit", "list", "--target", client, "--limit", "2")
    assert f"--before {found[1]['id']}" in done.err
    assert hub.call("audit", "list", "--since", "yesterday").code == 64
    assert hub.call("audit", "list", "--before", "999999999999").code == 66


def test_a_client_is_named_beside_its_id(hub: Hub, client: str) -> None:
    asked = urllib.request.Request(f"{hub.places['api']}/token", b"grant_type=client_credentials", method="POST")
    asked.add_header("Authorization", "Basic " + base64.b64encode(f"{client}:wrong".encode()).decode())
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(asked, timeout=20)
    wanted = ("audit", "list", "--action", "api.token", "--who", client)
    until(lambda: hub.shown(*wanted), "the entry")
    found = hub.shown(*wanted)
    assert [(one["who"], one["name"], one["ok"]) for one in found] == [(client, "lms", False)]
    done = hub.call("audit", "export", "--action", "api.token", "--who", client)
    assert [row[3:5] for row in csv.reader(io.StringIO(done.out, newline=""))] == [["who", "name"], [client, "lms"]]


def test_an_export_holds_the_whole_range_and_harms_no_spreadsheet(hub: Hub, client: str, tmp_path: Path) -> None:
    shown = hub.shown("audit", "list", "--target", client)
    done = hub.call("audit", "export", "--target", client)
    assert done.code == 0
    header, *rows = csv.reader(io.StringIO(done.out, newline=""))
    assert header == ENTRY
    assert [row[7] for row in rows] == actions(shown)[::-1]
    assert json.loads(rows[-1][10])["reason"] == "=cmd()\u202e ticket 118"
    assert "\u202e" not in done.out
    file = tmp_path / "audit.jsonl"
    assert hub.call("audit", "export", str(file), "--format", "jsonl", "--target", client).code == 0
    text = file.read_text()
    assert [json.loads(line) for line in text.splitlines()] == shown[::-1]
    assert "\u202e" not in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert hub.shown("audit", "list", "--action", "audit.export", "--limit", "1")[0]["detail"]["format"] == "jsonl"
    assert hub.call("audit", "export", "/no/such/folder/x.csv").code == 73
    listed = len(hub.shown("audit", "list", "--limit", "100000"))
    assert listed > len(shown)
    assert hub.call("audit", "export").out.count("\r\n") - 1 >= listed


def test_cells_of_strangers_are_made_harmless(hub: Hub) -> None:
    with psycopg.connect(hub.environ["ROSTERHUB_DATABASE_URL"]) as conn:
        for target in ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "\x1b[31m", "＝1", "a\nb", "\u200fx", "plain"):
            conn.execute(
                "INSERT INTO audit (who, who_kind, action, target) VALUES ('eve', 'client', 'api.token', %s)", (target,)
            )
    done = hub.call("audit", "export", "--who", "eve")
    _, *rows = csv.reader(io.StringIO(done.out, newline=""))
    assert [row[8] for row in rows] == [
        "'=1+1", "'+1", "'-1", "'@x", "'^Ix", "'^Mx", "'^[[31m", "'＝1",
        "a^Jb", "'\\u200fx", "plain",
    ]  # fmt: skip
    assert "\x1b" not in hub.call("audit", "list", "--who", "eve").out


def test_the_log_is_verified_and_a_change_by_hand_is_named(hub: Hub, client: str) -> None:
    url = hub.environ["ROSTERHUB_DATABASE_URL"]
    (newest,) = hub.shown("audit", "list", "--target", client, "--limit", "1")

    def sealed() -> bool:
        with psycopg.connect(url) as conn:
            return conn.execute("SELECT 1 FROM audit_chain WHERE audit_id = %s", (newest["id"],)).fetchone() is not None

    until(sealed, "the entry to be sealed", within=10)
    good = hub.shown("audit", "verify")
    assert good.keys() == {"ok", "first", "last", "entries", "anchors", "waiting", "anchor", "count", "faults"}
    assert (good["ok"], good["first"], good["entries"], good["faults"]) == (True, 1, good["last"], [])
    assert hub.call("audit", "verify", "--anchor", good["anchor"]).code == 0
    try:
        with psycopg.connect(url) as conn:
            conn.execute("UPDATE audit SET who = 'eve' WHERE id = %s", (newest["id"],))
        bad = hub.shown("audit", "verify", code=1)
        (fault,) = bad["faults"]
        assert (fault["kind"], fault["id"], fault["at"]) == ("changed", newest["id"], newest["at"])
        said = hub.call("audit", "verify")
        assert said.code == 1
        assert f"entry {newest['id']} (eve client.revoke {client}) is not as it was sealed" in said.out
        assert hub.call("audit", "verify", "--since-seq", str(fault["seq"] + 1)).code == 0
    finally:
        with psycopg.connect(url) as conn:
            conn.execute("UPDATE audit SET who = %s WHERE id = %s", (newest["who"], newest["id"]))
    assert hub.call("audit", "verify").code == 0
    seq, _, _ = good["anchor"].partition(":")
    assert hub.call("audit", "verify", "--anchor", f"{seq}:{'00' * 32}").code == 1
    assert hub.call("audit", "verify", "--anchor", "nonsense").code == 64

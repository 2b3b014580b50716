"""The command line as scripts see it: exit codes, JSON and helps, beside a running hub."""

import re
import uuid
import zipfile
from pathlib import Path

import pytest

from tests.story.bundles import Files, read, without, write
from tests.story.hub import Hub, until

pytestmark = pytest.mark.xdist_group("story")

JOB = [
    *("id", "tenant", "inbox", "state", "reason", "bundle", "sha256", "profile", "revision", "received_at"),
    *("finished_at", "rows", "inserted", "updated", "deleted", "errors", "warnings"),
]
PROBLEM = ["code", "severity", "file", "line", "column", "value", "message"]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SCOPE = "https://purl.imsglobal.org/spec/or/v1p2/scope/"


def test_a_tenant_is_made_once(hub: Hub) -> None:
    words = ("tenant", "add", "cli-twice", "--name", "一度だけ", "--profile", "jp-1.2.1")
    made = hub.shown(*words)
    assert made.keys() == {"id", "code", "name", "profile", "state"}
    assert (made["code"], made["name"], made["profile"]) == ("cli-twice", "一度だけ", "jp-1.2.1")
    assert hub.shown(*words) == made
    refused = hub.call("tenant", "add", "cli-twice", "--name", "another")
    assert (refused.code, refused.out) == (73, "")
    assert refused.err


def test_an_inbox_and_a_client_print_what_others_need(hub: Hub, tmp_path: Path) -> None:
    hub.tenant("cli-doors")
    inbox = hub.shown(
        "inbox",
        "add",
        "cli-doors",
        "--kind",
        "sftp",
        "--user",
        "cli-doors-sis",
        "--password-stdin",
        stdin="secret word\n",
    )
    assert inbox.keys() == {"id", "tenant", "kind", "user", "listen"}
    assert (inbox["tenant"], inbox["user"], inbox["listen"]) == ("cli-doors", "cli-doors-sis", hub.places["sftp"])
    inbox = hub.shown("inbox", "add", "cli-doors", "--kind", "drop", "--path", str(tmp_path))
    assert inbox.keys() == {"id", "tenant", "kind", "path", "listen"}
    client = hub.shown("client", "add", "cli-doors", "--name", "lms")
    assert client.keys() == {"client_id", "client_secret", "scopes", "token_url", "base_url"}
    assert client["scopes"] == [f"{SCOPE}roster.readonly", f"{SCOPE}roster-core.readonly"]
    assert client["base_url"] == hub.places["api"] + "/ims/oneroster/rostering/v1p2"
    assert re.fullmatch(r"[A-Za-z0-9_-]{16,}", client["client_secret"])
    short = hub.shown("client", "add", "cli-doors", "--name", "b", "--scope", f"{SCOPE}roster-core.readonly")
    assert short["scopes"] == [f"{SCOPE}roster-core.readonly"]
    rotated = hub.shown("client", "rotate", client["client_id"])
    assert rotated["client_id"] == client["client_id"]
    assert rotated["client_secret"] != client["client_secret"]


@pytest.fixture(scope="module")
def loaded(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Path]:
    folder = tmp_path_factory.mktemp("cli")
    hub.tenant("cli-jobs")
    return read(hub.sample(folder, 60)), folder


def test_ingest_tells_how_the_job_ended(hub: Hub, loaded: tuple[Files, Path]) -> None:
    files, folder = loaded
    good = write(folder / "good.zip", files)
    wrong = write(folder / "wrong.zip", files | {"orgs": [dict(row, type="castle") for row in files["orgs"]]})
    few = write(folder / "few.zip", without(files, {row["sourcedId"] for row in files["users"][10:30]}))

    applied = hub.shown("ingest", "cli-jobs", str(good), "--wait")
    assert list(applied) == JOB
    assert (applied["state"], applied["revision"], applied["tenant"]) == ("applied", 1, "cli-jobs")
    assert (applied["reason"], applied["errors"], applied["bundle"]) == (None, 0, "good.zip")
    assert applied["rows"] == {name: len(rows) for name, rows in files.items()}
    assert (applied["updated"], applied["deleted"]) == (0, 0)
    seven = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments", "demographics")
    assert applied["inserted"] == sum(len(files[name]) for name in seven)
    assert INSTANT.fullmatch(applied["received_at"]) and INSTANT.fullmatch(applied["finished_at"])
    assert str(uuid.UUID(applied["id"])) == applied["id"]

    assert hub.shown("ingest", "cli-jobs", str(good), "--wait")["state"] == "duplicate"
    again = hub.shown("ingest", "cli-jobs", str(write(folder / "again.zip", dict(reversed(files.items())))), "--wait")
    assert (again["state"], again["inserted"], again["updated"], again["deleted"]) == ("applied", 0, 0, 0)
    assert again["revision"] == 1, "it names the revision it confirmed"
    old = hub.shown(
        "ingest", "cli-jobs", str(write(folder / "RO_20010401_011002.zip", without(files, set()))), "--wait"
    )
    assert old["state"] in ("superseded", "duplicate")
    held = hub.shown("ingest", "cli-jobs", str(few), "--wait", code=10)
    assert (held["state"], held["revision"]) == ("held", None)
    assert held["reason"]
    rejected = hub.shown("ingest", "cli-jobs", str(wrong), "--wait", code=65)
    assert (rejected["state"], rejected["errors"]) == ("rejected", len(files["orgs"]))

    (first, *problems) = hub.shown("job", "problems", rejected["id"])
    assert list(first) == PROBLEM
    assert (first["severity"], first["code"], first["value"]) == ("warning", "W-ZIP-NAME", wrong.name)
    assert [(one["severity"], one["file"], one["line"], one["column"], one["value"]) for one in problems] == [
        ("error", "orgs.csv", line, "type", "castle") for line in range(2, len(files["orgs"]) + 2)
    ]
    guards = hub.shown("job", "diff", held["id"])
    assert set(guards[0]) == {"entity", "before", "after", "inserted", "updated", "deleted", "guard"}
    assert {*seven, "students", "teachers"} == {one["entity"] for one in guards}

    listed = hub.shown("job", "list", "--tenant", "cli-jobs")
    assert [job["id"] for job in listed][:2] == [rejected["id"], held["id"]]
    assert listed[-1] == applied == hub.shown("job", "show", applied["id"][:8])
    assert [job["id"] for job in hub.shown("job", "list", "--tenant", "cli-jobs", "--state", "held")] == [held["id"]]
    assert len(hub.shown("job", "list", "--limit", "2")) == 2

    folder_of_files = folder / "loose"
    folder_of_files.mkdir()
    for name, text in _unzipped(good).items():
        (folder_of_files / name).write_bytes(text)
    loose = hub.shown("ingest", "cli-jobs", str(folder_of_files), "--wait")
    assert (loose["state"], loose["inserted"], loose["updated"], loose["deleted"]) == ("applied", 0, 0, 0)


def test_what_was_not_applied_names_the_commands_that_go_on(hub: Hub, tmp_path: Path) -> None:
    code = "cli-onward"
    hub.tenant(code)
    files = read(hub.sample(tmp_path, 60))
    good = write(tmp_path / "RO_20260401_011002.zip", files)
    wrong = write(tmp_path / "wrong.zip", files | {"orgs": [dict(row, type="castle") for row in files["orgs"]]})
    few = write(
        tmp_path / "RO_20260402_011002.zip", without(files, {row["sourcedId"] for row in files["users"][10:30]})
    )

    applied = hub.call("ingest", code, str(good), "--wait")
    assert (applied.code, applied.err) == (0, "")
    rejected = hub.call("ingest", code, str(wrong), "--wait")
    job = rejected.out.split()[1].rstrip(":")
    assert f"rosterhub job problems {job}" in rejected.err
    assert f"rosterhub job problems {job}" in hub.call("job", "show", job).err
    held = hub.call("ingest", code, str(few), "--wait")
    job = held.out.split()[1].rstrip(":")
    removals = hub.shown("job", "show", job)["deleted"]
    assert f"rosterhub job diff {job}" in held.err
    assert f"rosterhub job approve {job} --confirm {removals} --reason" in held.err
    assert f"rosterhub job show {job}" in hub.call("job", "problems", job).err
    assert hub.call("job", "approve", job, "--confirm", str(removals), "--reason", "test").err == ""
    undone = hub.call("job", "rollback", job, "--reason", "test")
    assert f"rosterhub job rollback {undone.out.split()[1].rstrip(':')} --reason" in undone.err

    paused = hub.call("tenant", "pause", code, "--reason", "test")
    assert f"rosterhub tenant resume {code} --reason" in paused.err
    assert re.fullmatch(r"2\d{3}-\S+Z by \S+: test", hub.shown("tenant", "show", code)["paused"])
    waits = hub.call("ingest", code, str(wrong))
    assert "received" in waits.out
    assert f"rosterhub tenant resume {code} --reason" in waits.err
    assert hub.call("tenant", "resume", code, "--reason", "test").err == ""
    assert hub.shown("tenant", "show", code)["paused"] == ""


def test_a_new_client_is_told_how_to_ask(hub: Hub) -> None:
    hub.tenant("cli-curl")
    made = hub.call("client", "add", "cli-curl", "--name", "lms")
    (secret,) = re.findall(r"client_secret +(\S+)", made.out)
    assert "curl -u" in made.err
    assert secret not in made.err


def test_the_log_knows_a_client_by_its_name(hub: Hub) -> None:
    hub.tenant("cli-named")
    assert hub.client("cli-named").get("/users").status == 200
    (client,) = hub.shown("client", "list", "cli-named")

    def read() -> list[tuple[str, str]]:
        found = hub.shown("audit", "list", "--who", "lms-cli-named", "--action", "api.read*")
        return [(one["who"], one["action"]) for one in found]

    until(lambda: bool(read()), "the entry of the read")
    assert read() == [(client["client_id"], "api.read users")]
    assert client["client_id"] in hub.call("audit", "export", "--who", "lms-cli-named").out
    nobody = hub.call("audit", "list", "--who", "nobody")
    assert "no entry fits" in nobody.err


def _unzipped(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.mark.parametrize(
    "code, words",
    [
        (66, "job show 00000000-0000-4000-a000-000000000000"),
        (66, "ingest cli-jobs /no/such/bundle.zip --wait"),
        (64, "no-such-noun"),
        (64, "tui"),
    ],
)
def test_what_fails_says_so_in_its_code_and_on_stderr(
    hub: Hub, loaded: tuple[Files, Path], code: int, words: str
) -> None:
    done = hub.cli(*words.split())
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.startswith("rosterhub")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "code, words",
    [
        (66, "job problems 0000000000"),
        (66, "tenant show no-such-tenant"),
        (64, "job list --state sleeping"),
        (64, "job no-such-verb"),
        (64, "tenant add"),
        (64, "tenant list --no-such-flag"),
        (64, "tenant add cli-bad --name x --profile jp-9"),
        (64, "tenant add Not/A/Code --name x"),
        (78, "--config /no/such/file.toml tenant list"),
        (0, "tenant list"),
        (0, "--version"),
        (0, "--help"),
    ],
)
def test_exit_codes(hub: Hub, code: int, words: str) -> None:
    done = hub.call(*words.split())
    assert done.code == code
    assert (done.out == "") == (code != 0)
    assert done.err.startswith("rosterhub: ") == (code != 0)


def test_the_first_help_says_what_each_command_is_for(hub: Hub) -> None:
    said = hub.call("--help").out
    assert re.search(r"^\W* tenant  +School boards", said, re.MULTILINE)
    listed = re.findall(r"^\W* ([a-z]+)( .*)$", said.partition("--help (-h)")[0], re.MULTILINE)
    assert {"job", "ingest", "check"} <= {name for name, _ in listed}
    assert [name for name, rest in listed if not rest.strip(" │")] == []
    assert "School boards" in hub.call().out


def test_what_is_typed_wrong_is_answered_with_an_example_and_its_help(hub: Hub) -> None:
    done = hub.call("tenant", "resume", "x")
    assert done.err.splitlines()[1:] == [
        '  Example: rosterhub tenant resume sapporo --reason "the export is whole again"',
        "  Help: rosterhub tenant resume --help",
    ]
    assert hub.call("job", "no-such-verb").err.splitlines()[-1] == "  Help: rosterhub job --help"
    assert hub.call("no-such-noun").err.splitlines()[-1] == "  Help: rosterhub --help"


def test_an_unknown_variable_is_refused_with_a_suggestion(hub: Hub) -> None:
    done = hub.cli("tenant", "list", environ={"ROSTERHUB_API_LISTENS": "127.0.0.1:1"})
    assert done.code == 78
    assert "ROSTERHUB_API_LISTEN?" in done.err


def test_every_verb_has_a_help_with_an_example(hub: Hub) -> None:
    def help_of(*words: str) -> str:
        done = hub.call(*words, "--help")
        assert done.code == 0
        return done.out

    def listed(*words: str) -> list[tuple[str, ...]]:
        return [(*words, name) for name in re.findall(r"^\W* ([a-z]+)  ", help_of(*words), re.MULTILINE)]

    top = listed()
    assert {("run",), ("tui",), ("job",), ("tenant",), ("ingest",)} <= set(top)
    verbs = [verb for noun in top for verb in listed(*noun) or [noun]]
    assert len(verbs) > 20
    for verb in verbs:
        assert f"Example: rosterhub {' '.join(verb)}" in help_of(*verb), verb

"""Every command has an example in its help. All are run beside a hub, and what is JSON is as its schema says."""

import contextlib
import inspect
import itertools
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from daemon import cli, shapes
from tests.story.bundles import read, without, write
from tests.story.hub import Done, Hub, until

pytestmark = pytest.mark.xdist_group("story")

JOB, OTHER, APPLIED = "7f3a90aa", "7f3a91c2", "7f3a8d10"
CLIENT = "dGhlIGNsaWVudA"
USER = "3f2b9c1e-0d57-4c0e-9a6e-2f6c7d1a8b90"
SECRET = {"operator passwd": "a new one\n"}
"""What is given on standard input."""
LOOK = {
    "job approve": r"applied",
    "job reject": r"discarded",
    "job rollback": r"applied",
    "job retry": r"waits to be tried again",
    "job list": r"held",
    "ingest": r"applied",
    "check": r"^ok: errors 0",
    "explain": r"E-REF",
    "operator disable": r"disabled",
    "client revoke": r"is revoked",
    "record show": r"made",
    "doctor": r"ok    key",
    "schema": r"urn:rosterhub:job.list:1",
    "completion": r"complete .*rosterhub",
    "db status": r"up to date",
}
"""What must be seen in the output; else that there is any."""
OF_THEIR_OWN = ("run", "tui", "demo")
"""What goes on until it is ended has a test of its own; `demo --once` is run by test_demo.py."""
numbers = itertools.count()


def verbs() -> Iterator[tuple[str, object]]:
    """Every command with its function: `job approve`, `check`."""
    for name in cli.app:
        if name.startswith("-"):
            continue
        found = cli.app[name]
        inner = [one for one in found if not one.startswith("-")]
        if not inner:
            yield name, found
        for one in inner:
            yield f"{name} {one}", found[one]


VERBS = dict(verbs())


def example(verb: str) -> str:
    found = re.findall(r"^\s*Example: rosterhub (.+)$", VERBS[verb].help or "", re.MULTILINE)
    assert len(found) == 1, f"{verb} has {len(found)} examples"
    assert found[0].startswith(verb), f"{verb} shows how {found[0]}"
    return found[0]


def prints_json(verb: str) -> bool:
    return "json" in inspect.signature(VERBS[verb].default_command).parameters


def test_every_command_is_found() -> None:
    assert {"run", "tui", "check", "ingest", "job approve", "operator passwd", "doctor", "completion"} <= VERBS.keys()
    assert len(VERBS) >= 40


def test_every_verb_that_prints_json_has_a_schema_and_no_other() -> None:
    assert {verb.replace(" ", ".") for verb in VERBS if prints_json(verb)} <= shapes.SHAPES.keys()
    known = {verb.replace(" ", ".") for verb in VERBS}
    assert shapes.SHAPES.keys() - known <= {"inbox.test", "tenant.pause", "tenant.resume", "audit.verify"}


class World:
    """A school board made for one example, with what the example speaks of."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.code = hub, f"ex-{next(numbers)}"
        self.folder = folder
        self._files = None
        hub.tenant(self.code)

    @property
    def files(self):
        if self._files is None:
            self._files = read(self.hub.sample(self.folder, 60))
        return self._files

    def bundle(self) -> Path:
        return write(self.folder / "RO_20260401_011002.zip", self.files)

    def applied(self) -> str:
        return self.hub.shown("ingest", self.code, str(self.bundle()), "--wait")["id"]

    def held(self) -> tuple[str, str]:
        self.applied()
        few = without(self.files, {row["sourcedId"] for row in self.files["users"][10:30]})
        job = self.hub.shown(
            "ingest", self.code, str(write(self.folder / "RO_20260402_011002.zip", few)), "--wait", code=10
        )
        return job["id"], str(job["deleted"])

    def rejected(self) -> str:
        wrong = self.files | {"orgs": [dict(row, type="castle") for row in self.files["orgs"]]}
        bundle = write(self.folder / "RO_20260403_011002.zip", wrong)
        return self.hub.shown("ingest", self.code, str(bundle), "--wait", code=65)["id"]

    def client(self) -> str:
        return self.hub.shown("client", "add", self.code, "--name", "lms")["client_id"]

    def inbox(self) -> str:
        place = self.folder / f"door-{self.code}"
        place.mkdir(exist_ok=True)
        return str(self.hub.shown("inbox", "add", self.code, "--kind", "drop", "--path", str(place))["id"])


def words(world: World, verb: str) -> list[str]:
    """The example, about this world."""
    text = example(verb)
    put: dict[str, str | Callable[[], str]] = {
        CLIENT: world.client,
        USER: lambda: (world.applied(), world.files["users"][0]["sourcedId"])[1],
        APPLIED: world.applied,
        OTHER: world.rejected,
        "RO_20260401_011002.zip": lambda: str(world.bundle()),
    }
    if verb in ("job approve", "job reject"):
        job, deleted = world.held()
        put = {JOB: job, "10403": deleted}
    if verb == "job list":
        world.held()
    if verb.startswith("operator ") and verb not in ("operator add", "operator list"):
        assert world.hub.call("operator", "add", world.code, "--role", "viewer").code == 0
    if verb == "export":
        world.applied()
        put = {"RO_20260401_011002.zip": f"out-{world.code}.zip"}
    if verb == "tenant resume":
        world.hub.call("tenant", "pause", world.code, "--reason", "to be resumed")
    found = [re.sub(r"^/tmp/", f"{world.folder}/", word) for word in shlex.split(text)]
    found = [re.sub(r"^/srv/drop/sapporo$", str(world.folder), word) for word in found]
    if verb in ("inbox test", "inbox remove"):
        found = [world.inbox() if word == "3" else word for word in found]
    if verb == "audit export":
        found = [str(world.folder / word) if word == "audit.csv" else word for word in found]
    if verb == "tenant add":
        found = [{"sapporo": f"{world.code}-new", "札幌市教育委員会": "Sapporo"}.get(word, word) for word in found]
    found = [{"sapporo": world.code, "sato": world.code}.get(word, word) for word in found]
    made = []
    for word in found:
        for there, value in put.items():
            if there in word:
                word = word.replace(there, value if isinstance(value, str) else value())
        made.append(word)
    return made


def run(hub: Hub, verb: str, given: list[str]) -> Done:
    done = hub.call(*given, stdin=SECRET.get(verb, ""))
    assert done.code == 0, f"{shlex.join(given)}: exit {done.code}\n{done.out}{done.err}"
    return done


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in OF_THEIR_OWN])
def test_an_example_does_what_it_says(hub: Hub, tmp_path: Path, verb: str) -> None:
    done = run(hub, verb, words(World(hub, tmp_path), verb))
    assert re.search(LOOK.get(verb, r"\S"), done.out + done.err, re.MULTILINE), done.out + done.err


@pytest.mark.parametrize("verb", [verb for verb in VERBS if prints_json(verb)])
def test_what_an_example_prints_as_json_is_as_its_schema_says(hub: Hub, tmp_path: Path, verb: str) -> None:
    given = words(World(hub, tmp_path), verb)
    done = run(hub, verb, given if "--json" in given else [*given, "--json"])
    schema = json.loads(hub.call("schema", verb.replace(" ", ".")).out)
    assert schema["$id"] == f"urn:rosterhub:{verb.replace(' ', '.')}:1"
    assert schema["version"] == 1
    jsonschema.Draft202012Validator(schema).validate(json.loads(done.out))
    assert not _loose(schema), "a schema that lets anything pass"


def _loose(schema: dict[str, object]) -> list[str]:
    return [name for name, one in schema["$defs"].items() if one.get("additionalProperties") is not False]


@pytest.mark.parametrize("samples", [[], ["--samples"]])
def test_variants_of_what_is_printed_are_in_the_schema_too(hub: Hub, tmp_path: Path, samples: list[str]) -> None:
    world = World(hub, tmp_path)
    job, _ = world.held()
    for words, verb in (
        (["job", "diff", job, *samples], "job.diff"),
        (["ingest", world.code, str(world.bundle()), "--dry-run"], "ingest"),
        (["job", "show", job], "job.show"),
    ):
        done = hub.call(*words, "--json")
        schema = json.loads(hub.call("schema", verb).out)
        jsonschema.Draft202012Validator(schema).validate(json.loads(done.out))


def test_a_schema_of_what_prints_none_is_refused(hub: Hub) -> None:
    assert hub.call("schema", "job.retry").code == 64
    assert hub.call("schema").out.split() == list(shapes.SHAPES)


def test_the_example_of_run_runs(tmp_path: Path, desk: Path, url: str) -> None:
    state = desk / "example-state"
    state.mkdir(mode=0o711)
    other = Hub(state, url, tmp_path / "no-key")
    with other.log.open("wb") as log:
        process = subprocess.Popen(
            other._command(*shlex.split(example("run"))),
            env=other.environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    until(lambda: other.log.read_text().count('"ready"') >= 2, "doors and ingest to be ready")
    assert "sftp" in other.places and "api" not in other.places
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, other.log.read_text()[-2000:]


def test_the_example_of_the_screens_shows_them(hub: Hub) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        hub._command(*shlex.split(example("tui"))),
        env={**hub.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LINES": "24", "COLUMNS": "80"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen, end, asked = b"", time.monotonic() + 60, False
    with contextlib.suppress(OSError):
        while time.monotonic() < end and (some := os.read(ours, 65536)):
            seen += some
            if not asked and b"Overview" in seen:
                asked = True
                os.write(ours, b"q")
    os.close(ours)
    assert process.wait(30) == 0
    assert b"Overview" in seen


def test_the_example_of_demo_is_run_elsewhere() -> None:
    assert example("demo") == "demo --once"
    assert '"demo", "--once"' in Path(__file__).with_name("test_demo.py").read_text()


NAMES = ("tenant", "job", "operator", "doctor")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_scripts_of_their_shell(hub: Hub, tmp_path: Path, shell: str) -> None:
    done = hub.call("completion", shell)
    assert done.code == 0
    for name in NAMES:
        assert name in done.out
    assert "rollback" in done.out
    assert ("-l cascade" if shell == "fish" else "--cascade") in done.out
    file = tmp_path / f"rosterhub.{shell}"
    file.write_text(done.out)
    program = shutil.which(shell)
    if program is None:
        _balanced(done.out, shell)
        return
    checked = subprocess.run([program, "-n", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def _balanced(text: str, shell: str) -> None:
    """Without the shell: what is opened is closed."""
    if shell == "fish":
        code = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|#.*", "''", text)
        opened = len(re.findall(r"^\s*(?:function|if|for|while|switch|begin)\b|; *and begin\b", code, re.MULTILINE))
        assert opened == len(re.findall(r"^\s*end\b", code, re.MULTILINE))
        assert re.search(r"^complete -c rosterhub", text, re.MULTILINE)
    else:
        assert text.startswith("#compdef rosterhub")
        for opening, closing in ((r"case \S+ in$", "esac"), (r"if .*; then$", "fi"), (r"\S+\(\) \{$", r"\}")):
            opened = re.findall(rf"^\s*{opening}", text, re.MULTILINE)
            assert len(opened) == len(re.findall(rf"^\s*{closing}$", text, re.MULTILINE)), opening


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    "typed, wanted",
    [
        ("rosterhub op", {"operator"}),
        ("rosterhub job ro", {"rollback"}),
        ("rosterhub operator ", {"add", "list", "set", "passwd", "disable", "enable"}),
        ("rosterhub job approve --rea", {"--reason"}),
        ("rosterhub completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes_what_is_typed(hub: Hub, tmp_path: Path, typed: str, wanted: set[str]) -> None:
    file = tmp_path / "rosterhub.bash"
    file.write_text(hub.call("completion", "bash").out)
    split = typed.split(" ")
    array = " ".join(shlex.quote(word) for word in split)
    script = (
        f"source {shlex.quote(str(file))}; COMP_WORDS=({array}); COMP_CWORD={len(split) - 1};"
        f" COMP_LINE={shlex.quote(typed)}; COMP_POINT={len(typed)};"
        ' name=$(complete -p rosterhub | sed "s/.*-F \\([^ ]*\\).*/\\1/");'
        ' $name rosterhub "${COMP_WORDS[COMP_CWORD]}" "";'
        ' printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    )
    assert {word.strip() for word in done.stdout.split("\n")} - {""} == wanted, done.stderr

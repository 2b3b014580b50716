"""Who is at the terminal: the owner, a Unix user of his own, or who logs in; and what is refused to whom."""

import contextlib
import grp
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import psycopg
import pytest

from daemon import cli, config, here, people
from daemon.config import Passwords
from daemon.passwords import Hasher
from sql import audit, database, operators
from tests.story.hub import Done

SOMEBODY = 54321
"""The number of a user who owns nothing here, and has no name."""


class Desk:
    """The command line on a database of the test's own."""

    def __init__(self, state: Path, url: str) -> None:
        self.state, self.url = state, url

    def call(self, *words: str, stdin: str = "", operator: str = "") -> Done:
        environ = {
            "ROSTERHUB_DATABASE_URL": self.url,
            "PATH": os.environ["PATH"],
            "LOGNAME": "mallory",
            "USER": "mallory",
        }
        if operator:
            environ["ROSTERHUB_OPERATOR"] = operator
        with (
            mock.patch.dict(os.environ, environ, clear=True),
            mock.patch.object(sys, "stdin", io.StringIO(stdin)),
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as err,
        ):
            code = cli.call(["--state", str(self.state), *words])
        return Done(code, out.getvalue(), err.getvalue())

    def entries(self) -> list[tuple[str, str, str, bool]]:
        with psycopg.connect(self.url) as conn:
            return conn.execute("SELECT who, action, target, ok FROM audit ORDER BY id").fetchall()


@pytest.fixture
def desk(tmp_path: Path, conninfo: str) -> Desk:
    state = tmp_path / "state"
    state.mkdir()
    return Desk(state, conninfo)


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> str:
    """From now on the process is said to run as another Unix user; his name."""
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
    return str(SOMEBODY)


def test_the_owner_is_admin_and_is_named_by_his_user_and_not_by_a_variable(desk: Desk) -> None:
    assert desk.call("tenant", "add", "minato", "--name", "Minato").code == 0
    assert desk.entries() == [(people.unix_user(), "tenant.add", "minato", True)]


def test_an_operator_is_made_listed_changed_and_disabled(desk: Desk) -> None:
    made = desk.call("operator", "add", "sato", "--role", "viewer", "--json")
    assert made.code == 0
    shown = json.loads(made.out)
    assert list(shown) == ["name", "role", "state", "password", "created_at", "disabled_at", "locked_until"]
    assert (shown["name"], shown["role"], shown["state"], shown["password"]) == ("sato", "viewer", "active", False)
    assert desk.call("operator", "add", "sato", "--role", "viewer").code == 0
    assert desk.call("operator", "add", "sato", "--role", "admin").code == 73
    assert desk.call("operator", "add", "Sato Hanako", "--role", "admin").code == 64
    assert desk.call("operator", "add", "ito", "--role", "root").code == 64
    assert desk.call("operator", "set", "nobody", "--role", "viewer").code == 66
    assert desk.call("operator", "passwd", "sato").code == 64
    assert desk.call("operator", "passwd", "sato", "--password-stdin", stdin="long enough\n").code == 0
    assert json.loads(desk.call("operator", "set", "sato", "--role", "operator", "--json").out)["role"] == "operator"
    assert json.loads(desk.call("operator", "disable", "sato", "--json").out)["state"] == "disabled"
    (listed,) = json.loads(desk.call("operator", "list", "--json").out)
    assert (listed["state"], listed["password"]) == ("disabled", True)
    assert desk.call("operator", "enable", "sato").code == 0
    me = people.unix_user()
    assert desk.entries() == [
        (me, f"operator.{deed}", "sato", True) for deed in ("add", "passwd", "set", "disable", "enable")
    ]
    with psycopg.connect(desk.url) as conn:
        (kept,) = conn.execute("SELECT password_hash FROM operators").fetchone()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_another_unix_user_is_an_operator_or_nobody(desk: Desk, somebody: str) -> None:
    refused = desk.call("tenant", "list")
    assert (refused.code, refused.out) == (77, "")
    assert f"There is no operator {somebody}." in refused.err
    with mock.patch.object(os, "geteuid", lambda: 0):
        assert desk.call("operator", "add", somebody, "--role", "viewer").code == 0
    assert desk.call("tenant", "list").code == 0
    refused = desk.call("tenant", "add", "minato", "--name", "Minato")
    assert (refused.code, refused.out) == (77, "")
    assert f"tenant.add needs the role admin; {somebody} is viewer." in refused.err
    with mock.patch.object(os, "geteuid", lambda: 0):
        desk.call("operator", "set", somebody, "--role", "admin")
    assert desk.call("tenant", "add", "minato", "--name", "Minato").code == 0
    with mock.patch.object(os, "geteuid", lambda: 0):
        desk.call("operator", "disable", somebody)
    assert desk.call("tenant", "list").code == 77
    assert [entry for entry in desk.entries() if entry[0] == somebody] == [
        (somebody, "operator.login", somebody, False),
        (somebody, "tenant.add", "", False),
        (somebody, "tenant.add", "minato", True),
        (somebody, "operator.login", somebody, False),
    ]


def test_where_there_is_a_group_he_must_be_in_it(desk: Desk, somebody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with mock.patch.object(os, "geteuid", lambda: 0):
        desk.call("operator", "add", somebody, "--role", "viewer")
    mine = {os.getegid(), *os.getgroups()}
    monkeypatch.setattr(people, "GROUP", next(one.gr_name for one in grp.getgrall() if one.gr_gid not in mine))
    refused = desk.call("tenant", "list")
    assert refused.code == 77
    assert "not in the group" in refused.err
    monkeypatch.setattr(people, "GROUP", grp.getgrgid(os.getegid()).gr_name)
    assert desk.call("tenant", "list").code == 0


def test_who_logs_in_has_his_own_role_and_name(desk: Desk) -> None:
    desk.call("operator", "add", "sato", "--role", "viewer", "--password-stdin", stdin="correct horse\n")
    assert desk.call("tenant", "list", operator="sato", stdin="correct horse\n").code == 0
    refused = desk.call("--operator", "sato", "tenant", "add", "minato", "--name", "Minato", stdin="correct horse\n")
    assert refused.code == 77
    assert "needs the role admin; sato is viewer" in refused.err
    wrong = desk.call("tenant", "list", operator="sato", stdin="battery staple\n")
    unknown = desk.call("tenant", "list", operator="ito", stdin="battery staple\n")
    assert wrong.code == unknown.code == 77
    assert wrong.err == unknown.err
    desk.call("operator", "disable", "sato")
    assert desk.call("tenant", "list", operator="sato", stdin="correct horse\n").code == 77
    assert [entry for entry in desk.entries() if entry[0] != people.unix_user()] == [
        ("sato", "operator.login", "sato", True),
        ("sato", "operator.login", "sato", True),
        ("sato", "tenant.add", "", False),
        ("sato", "operator.login", "sato", False),
        ("?", "operator.login", "?", False),
        ("sato", "operator.login", "sato", False),
    ]


def test_guesses_are_stopped_and_bans_double(desk: Desk) -> None:
    desk.call("operator", "add", "sato", "--role", "admin", "--password-stdin", stdin="right\n")

    def banned() -> float:
        with psycopg.connect(desk.url) as conn:
            return conn.execute("SELECT extract(epoch FROM locked_until - now())::float8 FROM operators").fetchone()[0]

    def forget() -> None:
        with psycopg.connect(desk.url) as conn:
            conn.execute("UPDATE operators SET locked_until = now()")

    for _ in range(4):
        assert "do not go together" in desk.call("tenant", "list", operator="sato", stdin="wrong\n").err
        assert banned() is None
    assert "do not go together" in desk.call("tenant", "list", operator="sato", stdin="wrong\n").err
    for minutes in (15, 30, 60, 120):
        assert minutes * 60 - 30 < banned() <= minutes * 60
        right = desk.call("tenant", "list", operator="sato", stdin="right\n")
        assert right.code == 77, "not even the right one is listened to"
        assert f"For {minutes} minutes more" in right.err or f"For {minutes - 1} minutes more" in right.err
        forget()
        desk.call("tenant", "list", operator="sato", stdin="wrong\n")
    with psycopg.connect(desk.url) as conn:
        conn.execute("UPDATE operators SET wrong = 40")
    forget()
    desk.call("tenant", "list", operator="sato", stdin="wrong\n")
    assert 86_000 < banned() <= 86_400
    assert json.loads(desk.call("operator", "list", "--json").out)[0]["state"] == "locked"
    desk.call("operator", "passwd", "sato", "--password-stdin", stdin="new\n")
    assert desk.call("tenant", "list", operator="sato", stdin="new\n").code == 0
    with psycopg.connect(desk.url) as conn:
        assert conn.execute("SELECT wrong, locked_until FROM operators").fetchone() == (0, None)


async def test_many_guesses_at_once_are_not_more_than_one_after_the_other(pool) -> None:
    import asyncio

    hasher = Hasher(Passwords(memory=19, passes=2, lanes=1))
    async with database.hub(pool, "admin") as conn:
        await operators.add(conn, "sato", "admin", hasher.hash("right"), audit.SYSTEM)

    async def guess(number: int) -> str:
        try:
            await people.enter(pool, Path("/"), people.Login("sato", f"wrong {number}"), lambda: hasher)
        except (people.WrongPassword, people.Locked) as error:
            return type(error).__name__
        return "in"

    found = sorted(await asyncio.gather(*(guess(number) for number in range(20))))
    assert found == ["Locked"] * 15 + ["WrongPassword"] * 5


def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    hasher = Hasher(Passwords())
    kept = hasher.hash("right")

    def seconds(known: str | None) -> float:
        begun = time.perf_counter()
        assert not hasher.verify(known, "wrong")
        return time.perf_counter() - begun

    seconds(None)
    wrong, unknown = (min(seconds(one) for _ in range(5)) for one in (kept, None))
    assert 0.6 < unknown / wrong < 1.6


def test_a_password_of_the_floor_is_set_and_less_is_refused(desk: Desk, tmp_path: Path) -> None:
    config = tmp_path / "rosterhub.toml"
    for text, code in (("memory = 19\npasses = 2\nlanes = 1", 0), ("memory = 18", 78), ("passes = 1", 78)):
        config.write_text(f"[passwords]\n{text}\n")
        words = ("--config", str(config), "operator", "add", "sato", "--role", "viewer", "--password-stdin")
        assert desk.call(*words, stdin="word\n").code == code
    with psycopg.connect(desk.url) as conn:
        (kept,) = conn.execute("SELECT password_hash FROM operators").fetchone()
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert desk.call("tenant", "list", operator="sato", stdin="word\n").code == 0, "other values go on to hold"


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can become somebody else")
def test_keys_are_for_the_owner_and_the_refusal_says_what_to_do(tmp_path: Path) -> None:
    state = tmp_path / "state"
    there = here.Here(config.load(None, state, {}))
    key = there.master
    assert there.master == key
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            os.setuid(SOMEBODY)
            assert there.master
        except Exception as error:  # noqa: BLE001 - it is the answer
            os.write(writing, f"{type(error).__name__}: {getattr(error, 'hint', '')}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as said:
        assert said.read().startswith("NoKey: Run it as the owner of the state folder; with --operator NAME")


def test_a_database_that_goes_away_meanwhile_is_no_bug(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verb's own connection is ended by the server in the midst of its work."""
    from sql import tenants

    every = tenants.every

    async def cut(conn):
        with psycopg.connect(desk.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [conn.info.backend_pid])
        return await every(conn)

    monkeypatch.setattr(tenants, "every", cut)
    done = desk.call("tenant", "list")
    assert done.code == 75, done.err
    assert "The database does not answer." in done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_told(unbuffered: str) -> None:
    environ = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:  # noqa: PTH123
        words = [sys.executable, "-m", "daemon.cli", "explain", "E-REF"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environ)
    assert done.returncode == 74
    assert "No space left on device" in done.stderr and "Traceback" not in done.stderr

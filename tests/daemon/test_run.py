"""The process tree of `rosterhub run`, with real processes; the tests play systemd around the real parent."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon import config, listening, run
from daemon.tree import Pace, Role
from sql import server

HERE = Path(__file__).parent
HONEST = Role("api", "honest", sockets=("api",), first=("health",))
QUICK = Pace(silence=1.5, grace=5.0, pauses=(0.1, 0.2))


class Systemd:
    """What hears the parent's words."""

    def __init__(self) -> None:
        self.name = f"@rosterhub-{uuid.uuid4()}"
        self.heard: list[str] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name[1:])
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        while message := self.socket.recv(4096):
            self.heard += message.decode().split("\n")

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", "\0" + self.name[1:])
        self.thread.join()
        self.socket.close()


class Running:
    """A parent, and what it says."""

    def __init__(self, state: Path, systemd: Systemd, process: subprocess.Popen[bytes]) -> None:
        self.state, self.systemd, self.process = state, systemd, process

    def until(self, word: str, times: int = 1) -> None:
        until(lambda: self.systemd.heard.count(word) >= times, self.say)

    def say(self) -> str:
        return f"{self.systemd.heard} and exit {self.process.poll()}: {(self.state / 'log').read_text()}"

    def warm(self, times: int = 1) -> int:
        """The spare process, once it is ready for the so manieth time."""
        found: list[int] = []

        def there() -> bool:
            lines = map(json.loads, (self.state / "log").read_text().splitlines())
            found[:] = [line["pid"] for line in lines if line["event"] == "warm"]
            return len(found) >= times

        until(there, self.say)
        return found[times - 1]

    def pids(self, name: str = "api-0") -> list[int]:
        """The process of each life of a child, so far."""
        file = self.state / f"{name}.pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def ask(self) -> list[str]:
        """What an api child answers: name, process, niceness and public_url."""
        host, port = listening.read(self.state)["api"].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            return client.makefile().read().split(" ")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


def until(true: Callable[[], bool], say: Callable[[], str] = str, within: float = 15.0) -> None:
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, say()
        time.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def started(
    state: Path, *roles: Role, pace: Pace = QUICK, url: str = "never asked", passed: int = -1, **environ: str
) -> Iterator[Running]:
    told: dict[str, Any] = {"state": str(state), "roles": roles, "pace": pace, "url": url, "listen": "127.0.0.1:0"}
    systemd = Systemd()
    log = (state / "log").open("ab")
    process = subprocess.Popen(
        [sys.executable, str(HERE / "parent.py")],
        stderr=log,
        env=os.environ
        | {"TREE": msgspec.json.encode(told | {"passed": passed}).decode(), "NOTIFY_SOCKET": systemd.name}
        | {"PYTHONPATH": f"{HERE.parent.parent}:{HERE / 'roles'}"}
        | environ,
        pass_fds=[passed] if passed >= 0 else [],
    )
    running = Running(state, systemd, process)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(15)
        systemd.close()
        log.close()


def test_ready_is_said_when_the_steps_are_taken_and_every_role_is_ready(tmp_path: Path) -> None:
    with started(tmp_path, HONEST, Role("doors", "late")) as running:
        until(lambda: bool(running.pids()))
        running.until("STATUS=1 of 2 ready, waiting for doors-0 (0 failures)")
        assert (tmp_path / "step").read_text() == "never asked"
        assert "READY=1" not in running.systemd.heard
        (tmp_path / "go").touch()
        running.until("READY=1")
        running.until("STATUS=2 of 2 ready")
        pids = running.pids() + running.pids("doors-0")
        assert running.stop() == 0
        assert "STOPPING=1" in running.systemd.heard
        assert not any(map(lives, pids))
        assert listening.read(tmp_path) == {}
        assert not (tmp_path / "run" / "listen.json").exists()


def test_a_long_step_asks_systemd_for_time_and_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "long").touch()
    with started(tmp_path, HONEST) as running:
        until((tmp_path / "step").exists)
        running.until("EXTEND_TIMEOUT_USEC=30000000")
        assert running.stop() == 0
        assert "STOPPING=1" in running.systemd.heard
        assert running.pids() == []


def test_ingest_is_niced_and_addresses_are_listed(tmp_path: Path) -> None:
    with started(tmp_path, Role("ingest", "honest", nice=5, sockets=("api",))) as running:
        running.until("READY=1")
        assert running.ask()[::2] == ["ingest-0", str(os.nice(0) + 5)]
        assert list(listening.read(tmp_path)) == ["api"]


def test_a_stopped_child_is_replaced_while_the_watchdog_is_fed(tmp_path: Path) -> None:
    with started(tmp_path, HONEST, WATCHDOG_USEC="900000") as running:
        running.until("READY=1")
        fed = running.systemd.heard.count("WATCHDOG=1")
        os.kill(running.pids()[0], signal.SIGSTOP)
        began = time.monotonic()
        until(lambda: len(running.pids()) == 2, running.say)
        assert running.ask()[1] == str(running.pids()[1])
        assert not lives(running.pids()[0])
        silent = time.monotonic() - began
        assert running.systemd.heard.count("WATCHDOG=1") - fed >= silent / 0.9  # or systemd would have killed us


def test_a_child_that_blocks_its_event_loop_is_replaced(tmp_path: Path) -> None:
    with started(tmp_path, Role("ingest", "blocking")) as running:
        until(lambda: len(running.pids("ingest-0")) == 1, running.say)
        running.until("READY=1")


def test_a_child_that_dies_young_is_replaced_after_a_pause(tmp_path: Path) -> None:
    with started(tmp_path, Role("ingest", "dying")) as running:
        running.until("STATUS=0 of 1 ready, waiting for ingest-0 (1 failures)")
        running.until("READY=1")


def test_a_spare_process_takes_the_place_of_one_that_died(tmp_path: Path) -> None:
    ingest = Role("ingest", "honest", count=2, nice=5, spare=True)
    with started(tmp_path, HONEST, ingest) as running:
        for life, name in enumerate(("ingest-1", "ingest-0", "ingest-1"), 1):
            spare = running.warm(life)
            os.kill(running.pids(name)[-1], signal.SIGKILL)
            until(lambda name=name, spare=spare: running.pids(name)[-1] == spare, running.say)  # type: ignore[misc]
            assert os.getpriority(os.PRIO_PROCESS, spare) == os.nice(0) + 5  # nothing is left of its waiting
        last = running.warm(4)
        assert running.stop() == 0
        assert not lives(last)


def test_a_spare_process_is_nobody_s_loss(tmp_path: Path) -> None:
    with started(tmp_path, Role("ingest", "honest", spare=True)) as running:
        os.kill(running.warm(), signal.SIGKILL)
        os.kill(running.pids("ingest-0")[0], signal.SIGKILL)
        until(lambda: len(running.pids("ingest-0")) == 2, running.say)


def test_a_reload_replaces_the_spare_process(tmp_path: Path) -> None:
    with started(tmp_path, Role("ingest", "honest", spare=True)) as running:
        first = running.warm()
        running.process.send_signal(signal.SIGHUP)
        second = running.warm(2)
        assert first not in running.pids("ingest-0")  # what it imported may be older than the program
        running.process.kill()
        until(lambda: not lives(second), within=5)


def test_nobody_is_refused_while_a_child_is_replaced(tmp_path: Path) -> None:
    with started(tmp_path, HONEST) as running:
        running.until("READY=1")
        os.kill(running.pids()[0], signal.SIGKILL)
        assert int(running.ask()[1]) != running.pids()[0]


def test_children_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    with started(tmp_path, HONEST, Role("doors", "honest"), Role("ingest", "honest")) as running:
        running.until("READY=1")
        pids = [running.pids(f"{role}-0")[0] for role in ("api", "doors", "ingest")]
        os.kill(pids[1], signal.SIGSTOP)  # it cannot even see that its lifeline ends
        running.process.kill()
        until(lambda: not any(map(lives, pids)), within=5)


def test_a_reload_replaces_the_children_one_by_one_with_new_settings(tmp_path: Path) -> None:
    with started(tmp_path, Role("api", "honest", count=2, sockets=("api",)), Role("doors", "honest")) as running:
        running.until("READY=1")
        (tmp_path / "public_url").write_text("https://new")
        asking, answers = True, []

        def ask() -> None:
            while asking:
                answers.append(running.ask())

        client = threading.Thread(target=ask)
        client.start()
        running.process.send_signal(signal.SIGHUP)
        running.until("RELOADING=1")
        running.until("READY=1", times=2)
        asking = False
        client.join()
        assert [len(running.pids(name)) for name in ("api-0", "api-1", "doors-0")] == [2, 2, 2]
        assert running.ask()[3] == "https://new"
        assert len(answers) > 10
        assert "STATUS=1 of 3 ready" not in str(running.systemd.heard[running.systemd.heard.index("RELOADING=1") :])


def test_sockets_are_taken_from_systemd(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        with started(tmp_path, HONEST, passed=ours.fileno()) as running:
            running.until("READY=1")
            assert listening.read(tmp_path)["api"] == f"http://127.0.0.1:{ours.getsockname()[1]}"
            assert running.ask()[0] == "api-0"
            running.stop()
        with socket.create_connection(ours.getsockname(), timeout=5):
            pass  # it is systemd's still, which will start us again


def test_a_state_folder_has_one_tree_for_each_role(tmp_path: Path) -> None:
    with started(tmp_path, HONEST) as running:
        running.until("READY=1")
        with started(tmp_path, HONEST) as second:
            assert second.process.wait(15) == 73
        with started(tmp_path, Role("doors", "honest", sockets=("sftp",))) as other:
            other.until("READY=1")
            assert sorted(listening.read(tmp_path)) == ["api", "health", "sftp"]
        assert sorted(listening.read(tmp_path)) == ["api", "health"]
        assert running.ask()[0] == "api-0"


def test_a_role_that_no_restart_mends_ends_the_tree_with_its_code(tmp_path: Path) -> None:
    with started(tmp_path, HONEST, Role("doors", "misconfigured")) as running:
        assert running.process.wait(15) == 78
        assert "READY=1" not in running.systemd.heard


def test_a_child_that_does_not_leave_is_killed(tmp_path: Path) -> None:
    with started(tmp_path, Role("doors", "clinging"), pace=Pace(grace=1.0)) as running:
        running.until("READY=1")
        assert running.stop() == 1


def test_an_embedded_server_that_dies_is_started_again(tmp_path: Path) -> None:
    with started(tmp_path, HONEST, url="") as running:
        running.until("READY=1")
        first = server.running(tmp_path / "pg")
        assert first is not None
        assert (tmp_path / "step").read_text() == first.conninfo
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: (second := server.running(tmp_path / "pg")) is not None and second.pid != first.pid, running.say)
        assert running.stop() == 0
        assert server.running(tmp_path / "pg") is None


def test_only_takes_roles_that_exist(tmp_path: Path) -> None:
    with pytest.raises(run.UnknownRole, match="Did you mean ingest"):
        run.run(config.Settings(state=tmp_path), only=["injest"])


def test_an_address_in_use_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as ours:
        listen = f"127.0.0.1:{ours.getsockname()[1]}"
        with pytest.raises(listening.NotOpened, match=listen):
            listening.open_all({"api": listen}, {})

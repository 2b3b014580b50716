"""A hub in processes of its own, to be killed: `rosterhub run` on a state folder, met by SFTP, log and SQL alone."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import paramiko
import psycopg

from daemon import listening
from sql import server

PATIENCE = 90.0
"""Seconds to wait for anything at all."""
USER = "kills-sis"
CHUNK = 32 * 1024
CUT = (OSError, EOFError, paramiko.SSHException)
"""What a client meets whose server is killed."""


class Fell(Exception):
    """Something did not come to pass in time, or a verb failed."""


class Line(msgspec.Struct, frozen=True):
    """A line of the log: seconds since 1970, the event, and its phase if it is a mark."""

    at: float
    event: str
    phase: str
    child: str


class Log:
    """The daemon's log as it grows, from where we have read."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._stream = path.open("rb")
        self._rest = b""

    def lines(self) -> list[Line]:
        """What has come since the last look."""
        *whole, self._rest = (self._rest + self._stream.read()).split(b"\n")
        found = []
        for one in whole:
            with contextlib.suppress(ValueError):  # a traceback, or half a line of the killed
                said = json.loads(one)
                at = datetime.fromisoformat(said["time"]).timestamp()
                found.append(Line(at, said["event"], said.get("phase", ""), said.get("child", "")))
        return found

    def close(self) -> None:
        self._stream.close()


class Hub:
    """One state folder, its daemon now and its successors."""

    def __init__(self, state: Path, roles: str = "") -> None:
        self.state, self.roles = state, roles
        self.password = secrets.token_urlsafe(12)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = Log(state / "daemon.log")
        self.kept: list[Line] = []
        """Every line read so far."""

    @property
    def conninfo(self) -> str:
        """The database, which must run."""
        running = server.running(self.state / "pg")
        if running is None:
            raise Fell("The embedded database is down.")
        return running.conninfo

    @contextlib.contextmanager
    def sql(self, role: str = "ingest", tenant: int = 1) -> Iterator[psycopg.Connection[Any]]:
        """A transaction of that role within the tenant."""
        with psycopg.connect(self.conninfo, options="-c timezone=UTC -c work_mem=128MB") as conn:
            conn.execute(f"SET LOCAL ROLE rosterhub_{role}")
            conn.execute(f"SET LOCAL rosterhub.tenant = '{tenant}'")
            yield conn

    def start(self) -> None:
        """Start the daemon; does not wait for it."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ROSTERHUB_")}
        environ |= {f"ROSTERHUB_{name}_LISTEN": "127.0.0.1:0" for name in ("API", "SFTP", "HEALTH")}
        words = ["run", *(("--only", self.roles) if self.roles else ())]
        with (self.state / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command(*words), env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def ready(self) -> None:
        """Wait until doors and ingest say that they are."""
        missing = {"doors-0", "ingest-0"}

        def look() -> bool:
            for one in self.read():
                if one.event == "ready":
                    missing.discard(one.child)
            return not missing

        self.until(look, "The daemon did not become ready.")

    def read(self) -> list[Line]:
        """New lines of the log."""
        found = self.log.lines()
        self.kept += found
        return found

    def until(self, true: Callable[[], bool], otherwise: str, within: float = PATIENCE) -> None:
        """Look until it is so; raises Fell, also when the daemon ends meanwhile."""
        end = time.monotonic() + within
        while not true():
            if self.process is not None and self.process.poll() is not None:
                raise Fell(f"rosterhub run ended with {self.process.returncode}.")
            if time.monotonic() > end:
                raise Fell(otherwise)
            time.sleep(0.1)

    def verb(self, *words: str, stdin: str = "") -> Any:
        """What a verb prints as JSON."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ROSTERHUB_")}
        done = subprocess.run(
            self._command(*words, "--json"), input=stdin.encode(), capture_output=True, env=environ, timeout=PATIENCE
        )
        if done.returncode:
            raise Fell(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
        return json.loads(done.stdout)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "daemon.cli", "--state", str(self.state), *words]

    def furnish(self) -> int:
        """A tenant and its SFTP inbox; the inbox's number."""
        self.verb("tenant", "add", "kills", "--name", "緑ヶ原市教育委員会")
        words = ("inbox", "add", "kills", "--kind", "sftp", "--user", USER, "--password-stdin")
        return int(self.verb(*words, stdin=self.password + "\n")["id"])

    @contextlib.contextmanager
    def sftp(self) -> Iterator[paramiko.SFTPClient]:
        """A session of the inbox's user; waits for a server that is just starting. Raises one of CUT."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                host, _, port = listening.read(self.state)["sftp"].rpartition(":")
                sock = socket.create_connection((host, int(port)), timeout=PATIENCE)  # paramiko would leak its own
                break
            except (KeyError, *CUT):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        transport = paramiko.Transport(sock)
        try:
            transport.connect(username=USER, password=self.password)
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            yield client
        finally:
            transport.close()

    def family(self, *, with_server: bool) -> list[int]:
        """The process ids of our tree, parent first, and perhaps of the embedded server, postmaster first."""
        assert self.process is not None
        below = _children()
        postmaster = server.running(self.state / "pg")
        theirs = _tree(postmaster.pid, below) if postmaster else []
        ours = [pid for pid in _tree(self.process.pid, below) if pid not in theirs]
        return ours + theirs if with_server else ours

    def kill(self, victims: list[int]) -> float:
        """SIGKILL to all of `victims` at once, our tree being among them; when that was, in seconds since 1970."""
        at = time.time()
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):  # a backend whose client was killed a moment ago
                os.kill(pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()
        self.process = None
        end = time.monotonic() + PATIENCE
        while any(map(_lives, victims)):
            if time.monotonic() > end:
                raise Fell("What was killed lives.")
            time.sleep(0.002)
        return at

    def tail(self) -> str:
        """The last lines of the daemon's log."""
        lines = (self.state / "daemon.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return "".join(f"  {line}\n" for line in lines[-40:])

    def discard(self) -> None:
        """End the daemon and its server; the folder goes with whoever made it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(50)
            except subprocess.TimeoutExpired:
                self.kill(self.family(with_server=False))
        server.discard(self.state / "pg")
        self.log.close()
        shutil.rmtree(self.state)


class Delivery:
    """One upload in a thread, as an SIS does it; it may be cut at any time."""

    def __init__(self, hub: Hub, bundle: Path, *, stop_at: int | None = None) -> None:
        self._hub, self._bundle, self._stop_at = hub, bundle, stop_at
        self.stopped, self.sent, self.ended = threading.Event(), threading.Event(), threading.Event()
        """It waits after `stop_at` bytes to be cut; all bytes are sent; it is over, well or not."""
        self.began = time.time()
        self.sent_at = self.replied_at = 0.0
        self.trouble: BaseException | None = None
        self._thread = threading.Thread(target=self._put, name="delivery", daemon=True)
        self._thread.start()

    @property
    def replied(self) -> bool:
        """Whether the server has acknowledged it."""
        return self.replied_at > 0

    def wait(self) -> None:
        """Until it is over."""
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise Fell("The upload hangs.")

    def _put(self) -> None:
        try:
            with self._hub.sftp() as client:
                target = client.open(f"/{self._bundle.name}", "wb")
                target.set_pipelined(True)
                content = self._bundle.read_bytes()[: self._stop_at]
                for start in range(0, len(content), CHUNK):
                    target.write(content[start : start + CHUNK])
                if self._stop_at is not None:
                    self.stopped.set()
                    while not client.sock.closed:  # the end comes from outside
                        time.sleep(0.005)
                    raise EOFError
                self.sent_at = time.time()
                self.sent.set()
                target.close()
                self.replied_at = time.time()
        except CUT as error:
            self.trouble = error
        finally:
            self.ended.set()


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found.setdefault(parent, []).append(int(entry.name))
    return found


def _tree(root: int, below: dict[int, list[int]]) -> list[int]:
    return [root, *(pid for child in below.get(root, ()) for pid in _tree(child, below))]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False

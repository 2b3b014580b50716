"""The demonstration: the main story told on this machine, step by step, over the real doors.

With `once` everything happens in a temporary folder with clients of our own, and nothing is left behind.
"""

import base64
import contextlib
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import paramiko

from daemon import listening
from daemon.config import Settings
from oneroster.refused import Refused
from sql import interrupts

USERS = 1000
PATIENCE = 45.0
"""Seconds for any one thing to happen."""


class Fell(Refused):
    """The demonstration stopped."""

    hint = "The lines above are the end of the daemon's log."


class Kept(msgspec.Struct):
    """What the demonstration remembers between runs in the same folder."""

    password: str
    client_id: str = ""
    client_secret: str = ""
    token_url: str = ""
    base_url: str = ""


def tell(settings: Settings, *, once: bool) -> int:
    """Tell the story; 0 when every step held, 1 with the log's tail when one did not."""
    if not once:
        state = Path("var/demo").absolute()
        state.mkdir(parents=True, exist_ok=True)
        return _told(state, once=False)
    with contextlib.ExitStack() as last:
        with interrupts.held():
            state = Path(tempfile.mkdtemp(prefix="rosterhub-demo-"))
            last.callback(_take_away, state)
        state.chmod(0o711)  # as root the database runs as another user, who must be able to pass
        return _told(state, once=True)


def _take_away(state: Path) -> None:
    with interrupts.held():
        shutil.rmtree(state)


def _told(state: Path, *, once: bool) -> int:
    story = Story(state)
    try:
        with story.daemon():
            for number, (title, step) in enumerate(story.steps, start=1):
                started = time.monotonic()
                told = step()
                seconds = time.monotonic() - started
                _say(f"[{number}/{len(story.steps)}] {title} ... ok{f' ({told})' if told else ''} {seconds:.1f} s")
            if once:
                _say(f"demo: all {len(story.steps)} steps held")
            else:
                story.say_how_to_go_on()
                story.wait_for_the_end()
    except Exception as error:  # noqa: BLE001 - whatever it was, the story is over and the log tells more
        _say(f"demo: stopped: {type(error).__name__}: {error}")
        for line in story.log_tail():
            _say(f"  {line}")
        return 1
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Story:
    """The steps, and what one step leaves for the next."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.log = state / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.bundle = Path()
        self.report: dict[str, Any] = {}
        self.token = ""
        file = state / "demo.json"
        self.kept = (
            msgspec.json.decode(file.read_bytes(), type=Kept) if file.exists() else Kept(secrets.token_urlsafe(12))
        )
        self.steps: list[tuple[str, Callable[[], str]]] = [
            ("database and daemon started", self.start),
            ("tenant made", self.make_tenant),
            ("SFTP inbox made", self.make_inbox),
            ("API client made", self.make_client),
            ("bundle generated", self.make_bundle),
            ("bundle delivered over SFTP", self.deliver),
            ("report read back over SFTP", self.read_report),
            ("token fetched", self.fetch_token),
            ("page of users fetched", self.fetch_page),
        ]

    @contextlib.contextmanager
    def daemon(self) -> Iterator[None]:
        """`rosterhub run` on free ports, ended with the story."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ROSTERHUB_")} | {
            "ROSTERHUB_API_LISTEN": "127.0.0.1:0",
            "ROSTERHUB_SFTP_LISTEN": "127.0.0.1:0",
            "ROSTERHUB_HEALTH_LISTEN": "127.0.0.1:0",
        }
        try:
            with self.log.open("wb") as log, interrupts.held():
                self.process = subprocess.Popen(
                    self._command("run"), env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            yield
        finally:
            if self.process is not None:
                self._end(self.process)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        with interrupts.held():
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(50)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "daemon.cli", "--state", str(self.state), *words]

    def _verb(self, *words: str, stdin: str = "", allowed: tuple[int, ...] = (0,)) -> Any:
        said = self._said(*words, "--json", stdin=stdin, allowed=allowed)
        return json.loads(said) if said else None

    def _said(self, *words: str, stdin: str = "", allowed: tuple[int, ...] = (0,)) -> str:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ROSTERHUB_")}
        with interrupts.started(self._command(*words), env=environ) as verb:
            out, err = verb.communicate(stdin, timeout=PATIENCE)
        if verb.returncode not in allowed:
            raise Fell(f"{' '.join(words)}: exit {verb.returncode}: {err.strip()}")
        return out

    def start(self) -> str:
        """Wait until the API says it is ready."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self.process is not None and self.process.poll() is not None:
                raise Fell(f"rosterhub run ended with {self.process.returncode}.")
            places = listening.read(self.state)
            if {"api", "sftp"} <= places.keys():
                with (
                    contextlib.suppress(OSError),
                    urllib.request.urlopen(places["api"] + "/readyz", timeout=5) as answer,
                ):
                    if answer.status == 200:
                        return places["api"]
            time.sleep(0.1)
        raise Fell("The API did not become ready.")

    def make_tenant(self) -> str:
        """A school board."""
        tenant = self._verb("tenant", "add", "demo", "--name", "緑ヶ原市教育委員会")
        return str(tenant["name"])

    def make_inbox(self) -> str:
        """An SFTP user; 73 says that an earlier story made it."""
        words = ("inbox", "add", "demo", "--kind", "sftp", "--user", "demo-sis", "--password-stdin")
        self._verb(*words, stdin=self.kept.password + "\n", allowed=(0, 73))
        self._keep()
        return f"demo-sis at {listening.read(self.state)['sftp']}"

    def make_client(self) -> str:
        """A machine that may call the API."""
        if not self.kept.client_id:
            made = self._verb("client", "add", "demo", "--name", "demo-lms")
            self.kept.client_id, self.kept.client_secret = made["client_id"], made["client_secret"]
        api = listening.read(self.state)["api"]
        self.kept.token_url = f"{api}/token"
        self.kept.base_url = f"{api}/ims/oneroster/rostering/v1p2"
        self._keep()
        return self.kept.client_id

    def _keep(self) -> None:
        file = self.state / "demo.json"
        file.touch(0o600)
        file.write_bytes(msgspec.json.encode(self.kept))

    def make_bundle(self) -> str:
        """A generated Japanese bundle, the same each time."""
        said = self._said("sample", str(self.state / "bundles"), "--users", str(USERS))
        self.bundle = Path(said.strip())
        return f"{self.bundle.name}, {USERS} users"

    @contextlib.contextmanager
    def _sftp(self) -> Iterator[paramiko.SFTPClient]:
        host, _, port = listening.read(self.state)["sftp"].rpartition(":")
        transport = paramiko.Transport((host, int(port)))
        try:
            transport.connect(username="demo-sis", password=self.kept.password)
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            yield client
        finally:
            transport.close()

    def deliver(self) -> str:
        """Put the bundle, as an SIS does."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with self._sftp() as client:
                    client.put(str(self.bundle), f"/{self.bundle.name}")
                return f"{self.bundle.stat().st_size:,} bytes"
            except paramiko.AuthenticationException:
                # The doors look for new inboxes every other second.
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def read_report(self) -> str:
        """Wait for the report of this very bundle and read it."""
        import hashlib

        digest = hashlib.sha256(self.bundle.read_bytes()).hexdigest()
        name = f"/reports/{self.bundle.name}.{digest[:8]}.json"
        until = time.monotonic() + PATIENCE
        with self._sftp() as client:
            while time.monotonic() < until:
                with contextlib.suppress(FileNotFoundError), io.BytesIO() as buffer:
                    client.getfo(name, buffer)
                    self.report = json.loads(buffer.getvalue())
                    break
                time.sleep(0.2)
        if self.report.get("state") not in ("applied", "duplicate"):
            raise Fell(f"The job is {self.report.get('state')}: {self.report.get('reason')}.")
        rows = sum(self.report["rows"].values())
        return f"job {self.report['id'][:8]} {self.report['state']}" + (f", {rows:,} rows" if rows else "")

    def fetch_token(self) -> str:
        """OAuth 2 client credentials."""
        credentials = base64.b64encode(f"{self.kept.client_id}:{self.kept.client_secret}".encode()).decode()
        request = urllib.request.Request(
            self.kept.token_url,
            data=urllib.parse.urlencode({"grant_type": "client_credentials"}).encode(),
            headers={"Authorization": f"Basic {credentials}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            token = json.load(answer)
        self.token = token["access_token"]
        return f"{token['expires_in']} s"

    def fetch_page(self) -> str:
        """The first users, as an LMS reads them."""
        request = urllib.request.Request(
            f"{self.kept.base_url}/users?limit=5", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            users = json.load(answer)["users"]
            total = int(answer.headers["X-Total-Count"])
        if len(users) != 5 or total != USERS:
            raise Fell(f"{len(users)} users on the page, {total} in all.")
        return f"{users[0]['familyName']} {users[0]['givenName']} and {total - 1:,} more"

    def say_how_to_go_on(self) -> None:
        """The commands to try next by hand."""
        places = listening.read(self.state)
        port = places["sftp"].rpartition(":")[2]
        _say("")
        _say("All of it keeps running until Ctrl-C. To go on by hand, in another terminal:")
        _say(f"  sftp -P {port} demo-sis@127.0.0.1          # password: {self.kept.password}")
        _say(
            f"  TOKEN=$(curl -s -u {self.kept.client_id}:{self.kept.client_secret}"
            f" -d grant_type=client_credentials {self.kept.token_url} | cut -d'\"' -f4)"
        )
        _say(f'  curl -H "Authorization: Bearer $TOKEN" "{self.kept.base_url}/users?limit=2"')
        _say(f"  .venv/bin/rosterhub --state {self.state} tui")
        _say(f"  .venv/bin/rosterhub --state {self.state} job list")

    def wait_for_the_end(self) -> None:
        """Until Ctrl-C, or the end of the daemon."""
        with contextlib.suppress(KeyboardInterrupt):
            assert self.process is not None
            # It has our terminal, so Ctrl-C may reach it first: then it ends well by itself.
            if self.process.wait() != 0:
                raise Fell(f"rosterhub run ended with {self.process.returncode}.")

    def log_tail(self) -> list[str]:
        """The last lines of the daemon's log."""
        if not self.log.exists():
            return []
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]

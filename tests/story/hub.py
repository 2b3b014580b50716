"""A real `rosterhub run` in a folder of its own, spoken to as people and machines do: command line, SFTP, HTTP."""

import contextlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from daemon import cli
from tests.story.lms import Lms, Record

PATIENCE = 60.0
"""Seconds for any one thing to happen on a busy machine."""
OPEN = ("received", "loading")
ALL_SCOPES = ("roster.readonly", "roster-core.readonly", "roster-demographics.readonly")


class Hub:
    """The daemon and its state folder."""

    def __init__(self, state: Path, url: str, key: Path) -> None:
        self.state, self.key = state, key
        """`key`: the private key of every sender."""
        self.log = state.with_name(f"{state.name}.log")
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("ROSTERHUB_")} | {
            "ROSTERHUB_DATABASE_URL": url,
            "ROSTERHUB_API_LISTEN": "127.0.0.1:0",
            "ROSTERHUB_SFTP_LISTEN": "127.0.0.1:0",
            "ROSTERHUB_HEALTH_LISTEN": "127.0.0.1:0",
        }
        self.secrets: list[str] = []
        """All that was ever shown once."""
        self._clients: list[Lms] = []
        self.pid = 0
        """Of the daemon, the parent of its children."""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """From the moment the API is ready until everything has ended."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self._command("run"), env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.pid = process.pid
        try:
            until(lambda: self._ready(process), "the hub to be ready")
            yield
        finally:
            for client in self._clients:
                client.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0, self.log.read_text()[-3000:]
            assert not [secret for secret in self.secrets if secret in self.log.read_text()]

    def _ready(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, self.log.read_text()[-3000:]
        if not {"api", "sftp"} <= self.places.keys():
            return False
        connection = http.client.HTTPConnection(self.places["api"].removeprefix("http://"), timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        return False

    @property
    def places(self) -> dict[str, str]:
        """Where it listens: api, sftp, health."""
        try:
            return dict(json.loads((self.state / "run" / "listen.json").read_text()))
        except FileNotFoundError:
            return {}

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "daemon.cli", "--state", str(self.state), *words]

    def cli(self, *words: str, environ: Mapping[str, str] | None = None) -> "Done":
        """Run a verb in a process of its own; its exit code and what it printed."""
        done = subprocess.run(
            self._command(*words),
            stdin=subprocess.DEVNULL,
            text=True,
            capture_output=True,
            env={**self.environ, **(environ or {})},
            timeout=PATIENCE,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def call(self, *words: str, stdin: str = "") -> "Done":
        """The same verb by the same way, but for the start of a process, which takes longer than most verbs."""
        with (
            mock.patch.dict(os.environ, self.environ, clear=True),
            mock.patch.object(sys, "stdin", io.StringIO(stdin)),
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as err,
        ):
            code = cli.call(["--state", str(self.state), *words])
        return Done(code, out.getvalue(), err.getvalue())

    def shown(self, *words: str, stdin: str = "", code: int = 0) -> Any:
        """What a verb prints as JSON."""
        done = self.call(*words, "--json", stdin=stdin)
        assert done.code == code, f"{words}: exit {done.code}\n{done.out}{done.err}"
        return json.loads(done.out)

    def tenant(self, code: str, profile: str = "auto") -> "Board":
        """A new tenant; its name is in ASCII, so that no Japanese in a log can come from there."""
        made = self.shown("tenant", "add", code, "--name", f"Board {code}", "--profile", profile)
        assert made["code"] == code
        return Board(self, code)

    def client(self, tenant: str, *scopes: str) -> "Lms":
        """A learning platform with a token."""
        words = [word for scope in scopes or ALL_SCOPES for word in ("--scope", scope)]
        made = self.shown("client", "add", tenant, "--name", f"lms-{tenant}", *words)
        done = self.call("client", "set", made["client_id"], "--rate", "0")
        assert done.code == 0, done.err
        lms = Lms(made["base_url"], made["token_url"], made["client_id"], made["client_secret"])
        self.secrets += [made["client_secret"], lms.token]
        self._clients.append(lms)
        return lms

    def jobs(self, tenant: str) -> list[Record]:
        """The tenant's jobs, newest first."""
        return list(self.shown("job", "list", "--tenant", tenant, "--limit", "10000"))

    def ended(self, tenant: str, count: int = 1) -> Record:
        """The tenant's newest job, once there are so many and none is under way."""
        found: list[Record] = []

        def all_ended() -> bool:
            found[:] = self.jobs(tenant)
            return len(found) >= count and not any(job["state"] in OPEN for job in found)

        until(all_ended, f"{count} jobs of {tenant} to end", pause=0.3)
        return found[0]

    def sample(self, folder: Path, users: int, *words: str) -> Path:
        """A generated bundle: the zip."""
        done = self.call("sample", str(folder), "--users", str(users), *words)
        assert done.code == 0, done.err
        return Path(done.out.strip())


class Done(msgspec.Struct, frozen=True):
    """What came of a verb."""

    code: int
    out: str
    err: str


class Board:
    """A tenant with doors."""

    def __init__(self, hub: Hub, code: str) -> None:
        self.hub, self.code = hub, code
        self.user = f"{code}-sis"

    def open_sftp(self, password: str = "") -> "Sender":
        """An SFTP inbox, by key or by password, and a client that is logged in."""
        words = ["inbox", "add", self.code, "--kind", "sftp", "--user", self.user]
        if password:
            made = self.hub.shown(*words, "--password-stdin", stdin=f"{password}\n")
            self.hub.secrets.append(password)
        else:
            made = self.hub.shown(*words, "--public-key", f"{self.hub.key}.pub")
        assert made["listen"] == self.hub.places["sftp"]
        return Sender(made["listen"], self.user, self.hub.key, password)


class Sender:
    """A school information system: it puts files and reads the answers."""

    def __init__(self, listen: str, user: str, key: Path, password: str) -> None:
        self.host, _, port = listen.rpartition(":")
        self.port, self.user, self.key, self._password = int(port), user, key, password

    @contextlib.contextmanager
    def connected(self) -> Iterator[paramiko.SFTPClient]:
        """A session; a new inbox takes a moment to become known."""
        end = time.monotonic() + PATIENCE
        while True:
            transport = paramiko.Transport((self.host, self.port))
            try:
                if self._password:
                    transport.connect(username=self.user, password=self._password)
                else:
                    transport.connect(username=self.user, pkey=paramiko.Ed25519Key(filename=str(self.key)))
                client = paramiko.SFTPClient.from_transport(transport)
                assert client is not None
                with client:
                    yield client
                return
            except paramiko.AuthenticationException:
                assert time.monotonic() < end, "the inbox lets nobody in"
                time.sleep(0.3)
            finally:
                transport.close()
                transport.sock.close()

    def put(self, bundle: Path) -> float:
        """Deliver over a session of our own; the time of the last byte."""
        with self.connected() as client:
            client.put(str(bundle), f"/{bundle.name}")
            return time.time()

    def put_by_openssh(self, bundle: Path, folder: Path) -> float:
        """Deliver with the `sftp` of OpenSSH, which checks our host key; the time of the last byte."""
        with self.connected():
            pass  # it is known now
        known = folder / "known_hosts"
        transport = paramiko.Transport((self.host, self.port))
        with contextlib.closing(transport):
            transport.start_client(timeout=PATIENCE)
            host_key = transport.get_remote_server_key()
        transport.sock.close()
        known.write_text(f"[{self.host}]:{self.port} {host_key.get_name()} {host_key.get_base64()}\n")
        (folder / "batch").write_text(f"put {bundle} /{bundle.name}\nls -l /\n")
        options = {
            "UserKnownHostsFile": known,
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "HostKeyAlgorithms": host_key.get_name(),
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        words += ["-b", str(folder / "batch"), "-i", str(self.key), "-P", str(self.port)]
        done = subprocess.run(
            ["sftp", "-F", "none", *words, f"{self.user}@{self.host}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        assert re.search(rf" {bundle.stat().st_size} .* /?{re.escape(bundle.name)}", done.stdout), done.stdout
        return time.time()

    def report(self, bundle: Path, client: paramiko.SFTPClient | None = None) -> dict[str, str]:
        """The answer to a bundle, text by suffix, once it is there; the same stands as `latest`."""
        if client is None:
            with self.connected() as own:
                return self.report(bundle, own)
        name = f"/reports/{bundle.name}.{sha256(bundle.read_bytes()).hexdigest()[:8]}"
        found: dict[str, str] = {}

        def answered() -> bool:
            with contextlib.suppress(FileNotFoundError):
                for suffix in ("json", "csv", "txt"):
                    found[suffix] = _read(client, f"{name}.{suffix}")
                return True
            return False

        until(answered, f"the report of {bundle.name}", pause=0.05)
        return found


def _read(client: paramiko.SFTPClient, path: str) -> str:
    with io.BytesIO() as buffer:
        client.getfo(path, buffer)
        return buffer.getvalue().decode()


def new_key(path: Path) -> Path:
    """A fresh key of a sender at that path, its public half beside it as `.pub`."""
    key = ed25519.Ed25519PrivateKey.generate()
    path.touch(0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    path.with_name(f"{path.name}.pub").write_bytes(public + b"\n")
    return path


def until(true: Any, what: str, within: float = PATIENCE, pause: float = 0.1) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(pause)


def has_openssh() -> bool:
    return shutil.which("sftp") is not None

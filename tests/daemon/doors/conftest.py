"""A real SFTP server on a free port, and a real client."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import paramiko
import pytest

from daemon.config import Passwords
from daemon.doors import host_keys
from daemon.doors.sftp import Limits, Server
from daemon.passwords import Hasher
from sql.inboxes import Door, Inbox
from tests.daemon.conftest import Keep, Site

PASSWORD = "correct horse battery staple"


class Account:
    """An inbox of the server with its user, and connections to it."""

    def __init__(self, server: Server, inbox: Inbox, key: paramiko.PKey, key_file: Path, closing: ExitStack) -> None:
        self.server, self.inbox, self.key, self.key_file = server, inbox, key, key_file
        self.user = inbox.user_name or ""
        self.host, port = server.address.rsplit(":", 1)
        self.port = int(port)
        self._closing = closing

    def transport(self, **more: object) -> paramiko.Transport:
        """A connection that has not logged in. Blocking, as all of these."""
        sock = socket.create_connection((self.host, self.port), 10)
        transport = paramiko.Transport(sock, **more)
        self._closing.callback(transport.close)
        transport.start_client(timeout=20)
        return transport

    def log_in(self, user: str | None = None, password: str | None = None) -> paramiko.Transport:
        transport = self.transport()
        if password is None:
            transport.auth_publickey(user or self.user, self.key)
        else:
            transport.auth_password(user or self.user, password, fallback=False)
        return transport

    def client(self) -> paramiko.SFTPClient:
        client = self.log_in().open_sftp_client()
        assert client is not None
        channel = client.get_channel()
        assert channel is not None
        channel.settimeout(20)
        return client


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[paramiko.PKey]:
    """Host keys, made once: that of RSA takes a moment."""
    return host_keys.host_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def password_hash() -> str:
    return Hasher(Passwords()).hash(PASSWORD)


@pytest.fixture
def limits() -> Limits:
    return Limits(pause=0.3)


@pytest.fixture
async def sftp_server(
    site: Site, keys: list[paramiko.PKey], limits: Limits, kept_open: Callable[[Keep], None]
) -> Server:
    opened = Server(site.hub, socket.create_server(("127.0.0.1", 0)), keys, limits)
    kept_open(opened.serve)
    return opened


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
async def account(
    site: Site,
    sftp_server: Server,
    password_hash: str,
    tmp_path: Path,
    closing: ExitStack,
    kept_open: Callable[[Keep], None],
) -> AsyncIterator[Account]:
    folder = tmp_path / "user"
    folder.mkdir(mode=0o700)
    host_keys._make(folder / "id", host_keys.ed25519.Ed25519PrivateKey.generate)
    key = paramiko.Ed25519Key(filename=str(folder / "id"))
    inbox = await site.inbox(
        Door(
            kind="sftp",
            user_name="minato-sis",
            password_hash=password_hash,
            public_key=f"{host_keys.line(key)} somebody",
        )
    )
    kept_open(partial(sftp_server.open, inbox))
    await asyncio.sleep(0)
    account = Account(sftp_server, inbox, key, folder / "id", closing)
    yield account
    # While the server still answers: a client that is cut off complains.
    await asyncio.to_thread(closing.close)

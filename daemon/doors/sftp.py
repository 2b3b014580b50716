"""The SFTP server: connections, who may come in, and how many. What they see is in `sftp_files`.

Only AES-GCM and AES-CTR with encrypt-then-MAC, curve25519 with or without ML-KEM; no CBC, SHA-1, MD5, no shell, no
forwarding. paramiko runs a thread for each connection; the event loop accepts, counts and ends them.
"""

import asyncio
import contextlib
import functools
import logging
import socket
import threading
import time
from collections import Counter
from typing import ClassVar

import msgspec
import paramiko
import structlog
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_RESOURCE_SHORTAGE,
    OPEN_SUCCEEDED,
)

from daemon.doors import logins, sftp_answers, sftp_files
from daemon.doors.take import Hub
from daemon.doors.uploads import Uploads
from daemon.passwords import Hasher
from sql import audit, database
from sql.inboxes import Inbox, Login

CIPHERS = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr")
DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")
KEY_TYPES = ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")
KEX = ("mlkem768x25519-sha256", "curve25519-sha256@libssh.org")

log = structlog.get_logger("daemon.doors")

logging.getLogger("paramiko.doors").setLevel(logging.CRITICAL)  # what strangers send is not worth a traceback


class Limits(msgspec.Struct, frozen=True):
    """How much one may have. Times in seconds."""

    sessions: int = 4
    """Of one user at a time."""
    channels: int = 8
    """Of one connection at a time."""
    strangers: int = 200
    """Connections that have not logged in."""
    login: float = 30.0
    idle: float = 600.0
    pause: float = 1.0
    """The least that a wrong password takes."""


class Session(paramiko.ServerInterface):
    """One connection. paramiko asks here, in the connection's thread, what the client may do."""

    def __init__(self, server: "Server", transport: paramiko.Transport, address: str) -> None:
        self.server, self.transport, self.address = server, transport, address
        self.began = time.monotonic()
        self.login: Login | None = None
        self.user = ""
        self.visits: list[sftp_files.Visit] = []
        self.welcomed = False
        self.refused = False
        """Whether its failure has been audited already."""
        self.ending = False

    @property
    def stranger(self) -> bool:
        return not self.transport.is_authenticated()

    @property
    def silent(self) -> bool:
        """Whether the client has not even introduced itself."""
        return not self.transport.remote_version

    def quiet_for(self) -> float:
        """Seconds since the client was last heard of."""
        return time.monotonic() - max([self.began, *(visit.touched for visit in list(self.visits))])

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str | bytes) -> int:
        self.user = username
        try:
            self.login = self.server.logins.password(username, password, self.address)
        except (*database.OUTAGE, TimeoutError, RuntimeError):
            self.login = None
        if self.login is None:
            self.refused = True
            self.server.note_login(self, ok=False)
        return AUTH_FAILED if self.login is None else AUTH_SUCCESSFUL

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.user = username
        try:
            self.login = self.server.logins.key(username, key)
        except (*database.OUTAGE, TimeoutError, RuntimeError):
            self.login = None
        return AUTH_FAILED if self.login is None else AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if kind != "session":
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        if len(self.transport._channels) >= self.server.limits.channels:
            return OPEN_FAILED_RESOURCE_SHORTAGE
        if not self.welcomed:
            self.welcomed = True
            self.server.note_login(self, ok=True)
        return OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        files = self.server.admit(self) if name == "sftp" else None
        if files is None:
            return False
        visit = sftp_files.Visit(files, audit.Actor(self.user, "inbox", self.address), self.server.loop)
        self.visits.append(visit)
        ended = functools.partial(self._ended, visit)
        sftp_answers.Subsystem(channel, self, visit, ended).start()
        return True

    def _ended(self, visit: sftp_files.Visit) -> None:
        visit.touched = time.monotonic()
        self.began = max(self.began, visit.touched)
        self.visits.remove(visit)
        self.server.dismiss(visit.files.inbox_id)


class Server:
    """The server at work: inboxes come and go while it runs."""

    banner: ClassVar[str] = "SSH-2.0-RosterHub"

    def __init__(
        self, hub: Hub, listener: socket.socket, keys: list[paramiko.PKey], limits: Limits | None = None
    ) -> None:
        self.hub, self.limits = hub, limits or Limits()
        self.loop = asyncio.get_running_loop()
        self.logins = logins.Logins(hub.pool, self.loop, Hasher(hub.passwords), pause=self.limits.pause)
        self.sessions: list[Session] = []
        self._listener, self._keys = listener, keys
        self._uploads: dict[int, Uploads] = {}
        self._visits: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._notes: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """HOST:PORT it listens on."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def serve(self, stop: asyncio.Event) -> None:
        """Answer until told to stop; then end all connections."""
        accepting = asyncio.create_task(self._accept())
        try:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 1.0)
                self._reap()
        finally:
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)
            self._listener.close()
            await asyncio.gather(*(asyncio.to_thread(session.transport.close) for session in self.sessions))
            await asyncio.gather(*self._notes, return_exceptions=True)

    async def open(self, inbox: Inbox, stop: asyncio.Event) -> None:
        """Keep an inbox open until told to stop; then end its connections."""
        files = self._files(inbox.tenant_id, inbox.id, inbox.user_name or "")
        try:
            await files.keep(stop)
        finally:
            del self._uploads[inbox.id]
            mine = [one for one in self.sessions if one.login is not None and one.login.inbox_id == inbox.id]
            await asyncio.gather(*(asyncio.to_thread(session.transport.close) for session in mine))

    def admit(self, session: Session) -> Uploads | None:
        """The files of one more session of a user, or None when there are too many or the inbox is gone."""
        login = session.login
        if login is None or not session.transport.is_authenticated():
            return None
        files = self._files(login.tenant_id, login.inbox_id, session.user)
        with self._lock:
            if self._visits[login.inbox_id] >= self.limits.sessions:
                return None
            self._visits[login.inbox_id] += 1
        return files

    def dismiss(self, inbox_id: int) -> None:
        """A session has ended."""
        with self._lock:
            self._visits[inbox_id] -= 1

    def note_login(self, session: Session, *, ok: bool) -> None:
        """Audit a log-in; from a connection's thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the server
            self.loop.call_soon_threadsafe(self._note_login, session, session.login, ok)

    def _files(self, tenant_id: int, inbox_id: int, user: str) -> Uploads:
        """Those of an inbox, the same for all; a log-in may come before the new door has been opened."""
        with self._lock:
            if inbox_id not in self._uploads:
                self._uploads[inbox_id] = Uploads(self.hub, tenant_id, inbox_id, user)
            return self._uploads[inbox_id]

    def _note_login(self, session: Session, login: Login | None, ok: bool) -> None:
        task = asyncio.create_task(self._audit_login(session, login, ok))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _audit_login(self, session: Session, login: Login | None, ok: bool) -> None:
        user = session.user if logins.USER.fullmatch(session.user) else "?"
        actor = audit.Actor(user, "inbox", session.address)
        try:
            async with database.hub(self.hub.pool, "ingest") as conn:
                await audit.write(conn, login.tenant_id if login else None, actor, "sftp.login", user, ok=ok)
        except database.OUTAGE as error:
            log.error("log-in not audited", user=user, address=session.address, error=type(error).__name__)

    async def _accept(self) -> None:
        self._listener.setblocking(False)
        while True:
            try:
                sock, address = await self.loop.sock_accept(self._listener)
            except OSError as error:  # no descriptor left, or a client that is gone already
                log.warning("accept failed", error=error.strerror)
                await asyncio.sleep(0.5)
                continue
            try:
                self._begin(sock, address[0])
            except (OSError, paramiko.SSHException, EOFError):
                sock.close()

    def _begin(self, sock: socket.socket, address: str) -> None:
        self._make_room()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        transport = paramiko.Transport(sock)
        transport.local_version = self.banner
        transport.set_log_channel("paramiko.doors")
        options = transport.get_security_options()
        options.ciphers, options.digests, options.key_types, options.kex = CIPHERS, DIGESTS, KEY_TYPES, KEX
        for key in self._keys:
            transport.add_server_key(key)
        session = Session(self, transport, address)
        self.sessions.append(session)
        transport.start_server(event=threading.Event(), server=session)

    def _make_room(self) -> None:
        """When strangers fill the house, the one goes that has been silent for longest."""
        strangers = [one for one in self.sessions if one.stranger and not one.ending and one.transport.is_active()]
        if len(strangers) >= self.limits.strangers:
            self._end(next((session for session in strangers if session.silent), strangers[0]))

    def _reap(self) -> None:
        now = time.monotonic()
        for session in list(self.sessions):
            if not session.transport.is_active():
                self.sessions.remove(session)
                if session.user and not session.welcomed and not session.refused:
                    self._note_login(session, None, False)
                continue
            strange = session.stranger
            if (strange and now - session.began > self.limits.login) or (
                not strange and session.quiet_for() > self.limits.idle
            ):
                self._end(session)

    def _end(self, session: Session) -> None:
        if not session.ending:
            session.ending = True
            # Closing waits for the connection's thread, up to a tenth of a second.
            self.loop.run_in_executor(None, session.transport.close)

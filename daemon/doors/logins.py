"""Log-ins at the SFTP server: passwords and keys, and what keeps guessing hopeless.

All of it runs in the connections' threads. At most two passwords are checked at once (daemon/passwords.py), one by one
for each user and address; after five wrong ones that pair is shut out for 15 minutes, doubling up to a day. Others on
the same address are unharmed. An unknown user costs what a wrong password does, and no refusal comes early.
"""

import asyncio
import hmac
import re
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import paramiko

from api import guesses
from daemon.passwords import Hasher
from sql import database, inboxes
from sql.database import Pool
from sql.inboxes import Login

USER = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
PATIENCE = 10.0
"""Seconds for the database to say whose door it is."""

T = TypeVar("T")
REMEMBERED = 10_000
"""Pairs of address and user, who take turns."""


class Logins:
    """Who may come in."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop, hasher: Hasher, *, pause: float = 1.0) -> None:
        self._pool, self._loop, self._pause = pool, loop, pause
        self._hasher = hasher
        self._lock = threading.Lock()
        self._guesses = guesses.Guesses()
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        """By address and user."""
        self.checks = 0
        """Passwords checked so far."""

    def password(self, user: str, password: str | bytes, address: str) -> Login | None:
        """The door that the password opens, or None, which takes `pause` seconds at least."""
        end = time.monotonic() + self._pause
        login = self._find(user)
        name = user if login else ""
        with self._lock_of(address, name):
            right = self._check(login, password, name, address)
        if login is None or not right:
            time.sleep(max(0.0, end - time.monotonic()))
            return None
        return login

    def key(self, user: str, key: paramiko.PKey) -> Login | None:
        """The door that the key may open once its signature holds."""
        login = self._find(user)
        if login is None or not login.public_key:
            return None
        offered = key.get_base64().encode()
        known = [words[1].encode() for line in login.public_key.splitlines() if len(words := line.split()) >= 2]
        return login if any(hmac.compare_digest(offered, one) for one in known) else None

    def _check(self, login: Login | None, password: str | bytes, name: str, address: str) -> bool:
        with self._lock:
            if self._guesses.wait(name, address):
                return False
        right = self._hasher.verify(login.password_hash if login else None, password)
        with self._lock:
            self.checks += 1
            if right:
                self._guesses.right(name, address)
            else:
                self._guesses.wrong(name, address)
        return right

    def _lock_of(self, address: str, user: str) -> threading.Lock:
        with self._lock:
            lock = self._locks.pop((address, user), None) or threading.Lock()
            self._locks[address, user] = lock  # the end of the dictionary is what was used last
            if len(self._locks) > REMEMBERED:
                del self._locks[next(iter(self._locks))]
            return lock

    def _find(self, user: str) -> Login | None:
        # A name that cannot be is looked up all the same: it must not be told apart by time.
        name = user if USER.fullmatch(user) else "-"
        return wait_for(self._loop, self._look_up(name), PATIENCE)

    async def _look_up(self, user: str) -> Login | None:
        async with database.hub(self._pool, "ingest", read_only=True) as conn:
            return await inboxes.by_user(conn, user)


def wait_for(loop: asyncio.AbstractEventLoop, doing: Coroutine[Any, Any, T], patience: float) -> T:
    """In a thread: have the event loop do something. Raises what it raises, TimeoutError, RuntimeError at the end."""
    try:
        future = asyncio.run_coroutine_threadsafe(doing, loop)
    except RuntimeError:
        doing.close()
        raise
    try:
        return future.result(patience)
    except BaseException:
        future.cancel()
        raise

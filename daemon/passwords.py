"""Passwords of SFTP users and operators: Argon2id. A process works at two at most at a time, as each takes 64 MiB."""

import threading

import argon2

from daemon.config import Passwords

_TWO = threading.BoundedSemaphore(2)


class Hasher:
    """Makes and checks hashes. Blocks: for use in threads, or where nothing else goes on."""

    def __init__(self, cost: Passwords) -> None:
        self._argon = argon2.PasswordHasher(
            memory_cost=1024 * cost.memory, time_cost=cost.passes, parallelism=cost.lanes, type=argon2.Type.ID
        )

    def hash(self, password: str | bytes) -> str:
        """What is kept of a password."""
        with _TWO:
            return self._argon.hash(password)

    def verify(self, kept: str | None, password: str | bytes) -> bool:
        """Whether it is the password. Where none is kept, as for an unknown name, it takes as long to say no."""
        if kept is None:
            self.hash(password)
            return False
        with _TWO:
            try:
                return self._argon.verify(kept, password)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False

"""What keeps guessing secrets hopeless: who was wrong too often is not listened to for a while.

It counts for a name (a client's id, a user at the SFTP server) and an address together, so that nobody can shut out
somebody else, nor others on the same address. Names that do not exist are treated like others.
"""

import os
from pathlib import Path

from api.slots import Slots

FREE = 5
"""Wrong tries before the first ban."""
BAN, LONGEST = 15 * 60.0, 24 * 3600.0
"""Seconds of the first ban, each of which is twice as long as the one before, and of the longest."""


class Guesses:
    """Who was wrong; in a file, all processes know it that have its secret."""

    def __init__(self, file: Path | None = None, secret: bytes = b"") -> None:
        self._tries = Slots("qd", file, secret or os.urandom(32))
        """How often a pair was wrong, and the seconds for which it is not listened to since."""

    def wait(self, who: str, address: str) -> int:
        """Seconds for which the pair is not listened to."""
        with self._tries.of(f"{address} {who}") as tries:
            _, ban = tries.values or (0, 0.0)
            return max(0, -int(-(ban - tries.age) // 1))

    def wrong(self, who: str, address: str) -> None:
        """The pair was wrong."""
        with self._tries.of(f"{address} {who}") as tries:
            wrong = 1 + (tries.values or (0, 0.0))[0]
            tries.put(wrong, min(LONGEST, BAN * 2.0 ** (wrong - FREE)) if wrong >= FREE else 0.0)

    def right(self, who: str, address: str) -> None:
        """The pair was right: what was before is forgiven."""
        with self._tries.of(f"{address} {who}") as tries:
            tries.clear()

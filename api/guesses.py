"""What keeps guessing secrets hopeless: who was wrong too often is not listened to for a while.

It counts for a name (a client's id, a user at the SFTP server) and an address together, so that nobody can shut out
somebody else, nor others on the same address. Names that do not exist are treated like others.
"""

import time
from collections import OrderedDict

import msgspec

FREE = 5
"""Wrong tries before the first ban."""
BAN, LONGEST = 15 * 60.0, 24 * 3600.0
"""Seconds of the first ban, each of which is twice as long as the one before, and of the longest."""
REMEMBERED = 10_000
"""Pairs."""


class Tries(msgspec.Struct):
    """The wrong ones of a pair; `until` in monotonic seconds."""

    wrong: int = 0
    until: float = 0.0


class Guesses:
    """Who was wrong, as this process knows it."""

    def __init__(self) -> None:
        self._tries: OrderedDict[tuple[str, str], Tries] = OrderedDict()

    def wait(self, who: str, address: str) -> int:
        """Seconds for which the pair is not listened to."""
        tries = self._tries.get((who, address))
        return 0 if tries is None else max(0, -int(-(tries.until - time.monotonic()) // 1))

    def wrong(self, who: str, address: str) -> None:
        """The pair was wrong."""
        tries = self._tries.pop((who, address), None) or Tries()
        self._tries[who, address] = tries
        tries.wrong += 1
        if tries.wrong >= FREE:
            tries.until = time.monotonic() + min(LONGEST, BAN * 2.0 ** (tries.wrong - FREE))
        if len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)

    def right(self, who: str, address: str) -> None:
        """The pair was right: what was before is forgiven."""
        self._tries.pop((who, address), None)

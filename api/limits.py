"""How much a client may ask for: a bucket of requests that fills at its rate, and so many at the same time.

With one process the count is exact. Several share their buckets in a file in memory, behind a lock, so that a client
does not get its rate once from each.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import time
from pathlib import Path
from typing import Protocol

import msgspec

from sql.clients import Known

RATE, BURST = 600, 200
"""Requests a minute and at once, of a client for which nothing else is said."""

AT_ONCE = 32
"""Requests of one client that are under way."""

_SLOTS = 1 << 14
_SLOT = struct.Struct("8sdd")


class Allowance(msgspec.Struct, frozen=True):
    """What is left to a client after a request."""

    limit: int
    """Requests a minute."""
    remaining: int
    """Requests that may follow at once."""
    reset: int
    """Seconds until the bucket is full again."""
    wait: int = 0
    """Seconds until the next request may come; 0 where this one may be answered."""

    @property
    def headers(self) -> dict[str, str]:
        """X-RateLimit-*."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class Buckets(Protocol):
    """The level of each client's bucket."""

    def take(self, name: str, rate: int, burst: int) -> Allowance:
        """Take a request out of the bucket of that name, if there is one in it."""


def take(buckets: Buckets, client: Known) -> Allowance | None:
    """Count a request of a client, by its own measure or that of the service; None for one that has no limit."""
    rate = RATE if client.rate is None else client.rate
    return buckets.take(client.client_id, rate, client.burst or BURST) if rate else None


def _taken(level: float, since: float, rate: int, burst: int) -> tuple[float, Allowance]:
    """The new level of a bucket, and what is left."""
    each = rate / 60
    level = min(float(burst), level + max(0.0, since) * each)
    wait = 0 if level >= 1 else max(1, -int(-(1 - level) // each))
    level -= not wait
    return level, Allowance(rate, int(level), -int(-(burst - level) // each), wait)


class Own:
    """The buckets of one process."""

    def __init__(self) -> None:
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, name: str, rate: int, burst: int) -> Allowance:
        now = time.monotonic()
        level, at = self._levels.get(name, (float(burst), now))
        level, allowance = _taken(level, now - at, rate, burst)
        if len(self._levels) >= _SLOTS:
            self._levels.clear()
        self._levels[name] = level, now
        return allowance


class Shared:
    """The buckets of several processes of one machine."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._file, _SLOTS * _SLOT.size)
        self._slots = mmap.mmap(self._file, _SLOTS * _SLOT.size)

    def take(self, name: str, rate: int, burst: int) -> Allowance:
        key = hashlib.blake2b(name.encode(), digest_size=8).digest()
        place = int.from_bytes(key) % _SLOTS * _SLOT.size
        fcntl.lockf(self._file, fcntl.LOCK_EX, _SLOT.size, place)
        try:
            now = time.monotonic()
            whose, level, at = _SLOT.unpack_from(self._slots, place)
            # Who shares a slot with another finds a full bucket now and then; a machine that was started anew, too.
            if whose != key or at > now:
                level, at = float(burst), now
            level, allowance = _taken(level, now - at, rate, burst)
            _SLOT.pack_into(self._slots, place, key, level, now)
            return allowance
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _SLOT.size, place)

"""How much a client may ask for: a bucket of requests that fills at its rate, and so many at the same time.

Processes share their buckets, so that a client does not get its rate once from each.
"""

from pathlib import Path

import msgspec

from api.slots import Slots
from sql.clients import Known

RATE, BURST = 600, 200
"""Requests a minute and at once, of a client for which nothing else is said."""

AT_ONCE = 32
"""Requests of one client that are under way."""


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


class Buckets:
    """The level of each client's bucket."""

    def __init__(self, file: Path | None = None) -> None:
        self._slots = Slots("d", file)

    def take(self, name: str, rate: int, burst: int) -> Allowance:
        """Take a request out of the bucket of that name, if there is one in it."""
        with self._slots.of(name) as slot:
            (level,) = slot.values or (float(burst),)
            level, allowance = _taken(level, slot.age, rate, burst)
            slot.put(level)
            return allowance


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

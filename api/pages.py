"""Answers kept in memory: at a revision an answer never changes, so it may be given again while that is the newest one.

What a kept answer costs is finding it; everything about it, packed or not, is ready. It is given to whoever may ask for
it: the caller's token, scopes and tenant have been looked at before.
"""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from api.kept import Kept
from api.newest import Newest
from api.query import Query

MOST_BYTES = 64 << 20
"""Of all answers together, unless a setting says otherwise."""

EACH = 2_000
"""Bytes that an answer takes beside its body."""

Key = tuple[int, str, str, str]
"""Tenant, address, host and coding."""


class Page(msgspec.Struct, frozen=True, weakref=True):
    """An answer."""

    revision: int
    headers: Mapping[str, str]
    """Without `Date`."""
    unchanged: Mapping[str, str]
    """The headers where the client has it already."""
    body: bytes
    target: str
    """What the audit log names."""
    rows: int
    """How many records there are in it."""
    pinned: bool = False
    """It was asked for at its revision."""
    asked: Query | None = None
    """The query of a collection."""

    @property
    def full(self) -> bool:
        """Whether it holds as many records as were asked for."""
        return self.asked is not None and self.rows == self.asked.limit

    def answer(self, tags: str | None, dated: str) -> web.Response:
        """As a response of that date to a client that knows these ETags."""
        if tags is not None and _has(tags, self.headers["ETag"]):
            return web.Response(status=304, headers={**self.unchanged, "Date": dated})
        return web.Response(body=self.body, headers={**self.headers, "Date": dated})


class Pages:
    """The answers of this process."""

    def __init__(self, newest: Newest, most: int = MOST_BYTES) -> None:
        self._newest = newest
        self._kept: Kept[Key, Page] = Kept(most)

    async def find(self, key: Key) -> Page | None:
        """The answer, if it is still the one to give. Raises OUTAGE where that cannot be known."""
        found = self._kept.get(key)
        if found is None:
            return None
        known = await self._newest.known()
        if known is None or (not found.pinned and found.revision != known.get(key[0], 0)):
            self._kept.drop(key)
            return None
        return found

    def holds(self, key: Key, page: Page) -> bool:
        """Whether it is still the one to give, as far as is known without waiting for anybody."""
        known = self._newest.at_hand()
        if known is None or self._kept.get(key) is not page:
            return False
        return page.pinned or page.revision == known.get(key[0], 0)

    def keep(self, key: Key, page: Page) -> None:
        self._kept.put(key, page, len(page.body) + EACH)

    @property
    def dated(self) -> str:
        """The `Date` of an answer that was found."""
        return self._newest.dated


def _has(tags: str, etag: str) -> bool:
    """Whether `If-None-Match` names the ETag, or any (RFC 9110 section 13.1.2, weak comparison)."""
    if tags == etag:
        return True
    known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    return "*" in known or etag.removeprefix("W/") in known

"""The same request again, answered before it is parsed: pollers and walkers send the very same bytes over and over.

A connection hands its bytes to aiohttp. What a kept answer was given to is remembered by its bytes. When they come once
more on a connection that waits for nothing else, and all that made the answer right still holds, it is written as it
lies there. What is not quite like that goes the whole way. Token, rate, audit and date are as they would be then.

A connection on which anything but whole requests without a body has come is never answered here: what looks like a
request might be part of a body.
"""

import weakref
from typing import Any

import msgspec
from aiohttp import HttpVersion11, web

from api import limits
from api.auditing import Log
from api.kept import Kept
from api.limits import Buckets
from api.pages import Key, Page, Pages
from api.peers import Peers
from api.tokens import Caller, Tokens
from api.walks import Walks

MOST_BYTES = 16 << 20
"""Of all remembered requests and heads of answers together."""

LONGEST = 8_192
"""Bytes of a request that is remembered."""

_END = b"\r\n\r\n"


class Seen(msgspec.Struct, frozen=True):
    """A request that was answered, and what it was answered with."""

    key: Key
    page: "weakref.ref[Page]"
    """Where it is not kept any more it is not kept here either."""
    caller: Caller
    action: str
    path: str
    forwarded: str
    """Whom a proxy names in it."""
    head: bytes
    """Of the answer, without `Date` and rate."""
    unchanged: bool
    """It has no body: the client has it already."""


class Front:
    """The requests that a process has seen."""

    def __init__(self, pages: Pages, tokens: Tokens, buckets: Buckets, walks: Walks, log: Log, peers: Peers) -> None:
        self._pages, self._tokens, self._buckets, self._walks, self._log = pages, tokens, buckets, walks, log
        self.peers = peers
        self._seen: Kept[bytes, Seen] = Kept(MOST_BYTES)

    def learn(self, request: web.Request, key: Key, page: Page, caller: Caller, action: str) -> None:
        """Remember a request that has just been given a kept answer."""
        raw = request.protocol.whole if isinstance(request.protocol, Connection) else b""
        lasting = request.version == HttpVersion11 and request.keep_alive
        if not raw or not lasting or len(raw) > LONGEST or caller.client.allow is not None:
            return
        response = page.answer(request.headers.get("If-None-Match"), "")
        unchanged = response.status == 304
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items() if name != "Date"]
        if not unchanged:
            lines.append(f"Content-Length: {len(page.body)}")
        lines.append("Server: RosterHub\r\n")
        head = "\r\n".join(lines).encode()
        forwarded = self.peers.forwarded(request.headers)
        seen = Seen(key, weakref.ref(page), caller, action, request.path, forwarded, head, unchanged)
        self._seen.put(raw, seen, len(raw) + len(head) + 500)

    def answer(self, raw: bytes, peer: str, *, trusted: bool) -> tuple[bytes, bytes] | None:
        """Head and body of the answer to the same request, if it is as it was; it is counted and recorded then.

        `trusted`: the peer is a proxy that is believed.
        """
        seen = self._seen.get(raw)
        if seen is None or self._log.full:
            return None
        caller, page = seen.caller, seen.page()
        if page is None or not self._tokens.holds(caller) or not self._pages.holds(seen.key, page):
            return None
        if page.asked is not None:
            client_id = caller.client_id
            if self._walks.recall(client_id, seen.path, page.asked) not in (None, page.revision):
                return None
            self._walks.remember(client_id, seen.path, page.asked, page.revision, full=page.full)
        rate = ""
        allowance = limits.take(self._buckets, caller.client)
        if allowance is not None:
            if allowance.wait:
                return None  # which says so, and takes nothing either
            rate = "".join([f"{name}: {value}\r\n" for name, value in allowance.headers.items()])
        origin = seen.forwarded or peer if trusted else peer
        rows = 0 if seen.unchanged else page.rows
        self._log.add(caller.tenant_id, caller.client_id, origin, seen.action, page.target, True, rows)
        return seen.head + f"{rate}Date: {self._pages.dated}\r\n\r\n".encode(), b"" if seen.unchanged else page.body


class Connection(web.RequestHandler):
    """A connection of aiohttp with the front before it."""

    __slots__ = ("_answered", "_front", "_peer", "_plain", "_trusted", "whole")

    def __init__(self, front: Front, server: web.Server, **settings: Any) -> None:
        super().__init__(server, **settings)
        self._front = front
        self._plain = True
        """Nothing but whole requests without a body has come: whatever comes next is the beginning of one."""
        self._answered = 0
        """Requests that aiohttp has answered, of those it has got."""
        self._peer, self._trusted = "", False
        self.whole = b""
        """The request under way, where no other has come since."""

    @property
    def silent(self) -> bool:
        """Whether nothing has come yet."""
        return self._plain and not self._request_count and not self._messages and not self.whole

    def data_received(self, data: bytes) -> None:
        idle = self._answered == self._request_count and not self._messages
        # aiohttp has had one before, and sees to time limits since.
        if self._plain and idle and self._answered and self._keepalive and not self._busy():
            found = self._front.answer(data, self._peer, trusted=self._trusted)
            if found is not None and self.transport is not None:
                self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
                self.transport.writelines(found)
                return
        self._plain = self._plain and _is_whole(data)
        self.whole = data if self._plain and idle else b""
        if not self._peer and isinstance(self.peername, tuple):
            self._peer = str(self.peername[0])
            self._trusted = self._front.peers.trusts(self._peer)
        super().data_received(data)

    def _busy(self) -> bool:
        return self._close or self._force_close or self.writing_paused

    async def finish_response(self, *given: Any) -> tuple[web.StreamResponse, bool]:
        """An answer that was sent is let go: aiohttp holds it until the next one, of every connection that waits."""
        response, reset = await super().finish_response(*given)
        self._answered += 1
        if isinstance(response, web.Response):
            response.body = None
        return response, reset


def _is_whole(data: bytes) -> bool:
    """Whether it is one request without a body, from its beginning to its end."""
    if not data.startswith(b"GET ") or not data.endswith(_END) or data.count(_END) != 1:
        return False
    lowered = data.lower()
    return not any(word in lowered for word in (b"\r\ncontent-length", b"\r\ntransfer-encoding", b"\r\nupgrade"))

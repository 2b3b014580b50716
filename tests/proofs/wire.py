"""Requests as bytes on a socket: what a proof sends is sent as it stands, and each answer is counted."""

import socket
from collections.abc import Mapping
from typing import Any

import msgspec

PATIENCE = 60.0


class Answer(msgspec.Struct, frozen=True):
    """One answer, its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Wire:
    """A connection that is opened when it is needed, and anew when the server has closed it."""

    def __init__(self, place: str, token: str = "") -> None:
        host, _, port = place.rpartition(":")
        self.place = host, int(port)
        self._fixed = f" HTTP/1.1\r\nHost: {place}\r\n".encode()
        self.token = token
        self._sock: socket.socket | None = None
        self.answered = 0

    def ask(self, target: str | bytes, headers: Mapping[str, str] = {}) -> Answer:
        """GET the target; only a connection that was idle, and is found closed, is opened again. Raises OSError."""
        raw = target.encode() if isinstance(target, str) else target
        said = {"Authorization": f"Bearer {self.token}", **headers} if self.token else headers
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        message = b"GET " + raw + self._fixed + lines.encode() + b"\r\n"
        used = self._sock is not None
        try:
            answer = self._exchange(message)
        except (ConnectionError, EOFError):
            self.close()
            if not used:
                raise
            answer = self._exchange(message)
        self.answered += 1
        return answer

    def _exchange(self, message: bytes) -> Answer:
        if self._sock is None:
            self._sock = socket.create_connection(self.place, timeout=PATIENCE)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.sendall(message)
        head, body = self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        status = int(first.split(" ")[1])
        length = 0 if status in (204, 304) else int(headers["content-length"])
        while len(body) < length:
            body += self._more()
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    def _until(self, mark: bytes) -> tuple[bytes, bytes]:
        found = b""
        while mark not in found:
            found += self._more()
        head, _, rest = found.partition(mark)
        return head, rest

    def _more(self) -> bytes:
        assert self._sock is not None
        piece = self._sock.recv(1 << 18)
        if not piece:
            raise EOFError
        return piece

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

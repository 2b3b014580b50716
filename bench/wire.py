"""A load generator in a process of its own: `python -m bench.wire`, fed by one line of JSON, answers with another.

It speaks just enough HTTP to keep a number of connections busy, so that it costs less than what it measures.
"""

import asyncio
import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import msgspec
import uvloop

T = TypeVar("T")

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "


class Task(msgspec.Struct, frozen=True):
    """What to send."""

    host: str
    port: int
    requests: list[str]
    """Whole requests, sent in turn."""
    connections: int
    seconds: float
    pace: float = 0
    """Requests a second over all connections; 0: as fast as they are answered."""
    warm: float = 0.5
    """Seconds at the beginning that do not count."""
    held: bool = False
    """It ends before its time when standard input does."""


class Figures(msgspec.Struct, frozen=True):
    """What came back."""

    rate: float
    """Answers a second."""
    p50: float
    p95: float
    p99: float
    worst: float
    """Milliseconds."""
    statuses: dict[str, int]
    body: int
    """Bytes of the last body, packed or not."""


class Wire(asyncio.Protocol):
    """One connection: a request, its answer, the next."""

    def __init__(self, task: Task, requests: Iterator[bytes], load: "Load") -> None:
        self._task, self._requests, self._load = task, requests, load
        self._head = b""
        self._left = -1
        self._sent = 0.0
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # of uvloop, which is none by class
        self.send()

    def send(self) -> None:
        assert self.transport is not None
        self._sent = time.perf_counter()
        self.transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            end = self._head.find(_END)
            if end < 0:
                return
            head = self._head[: end + 2].lower()
            at = head.find(_LENGTH)
            length = int(head[at + len(_LENGTH) : head.find(b"\r", at + 2)]) if at >= 0 else 0
            self._load.status = head[9:12].decode()
            self._load.body = length
            self._left = length - (len(self._head) - end - 4)
            self._head = b""
        else:
            self._left -= len(data)
        if self._left <= 0:
            self._left = -1
            now = time.perf_counter()
            wait = self._load.took(now, now - self._sent)
            if wait is None:
                assert self.transport is not None
                self.transport.close()
            elif wait > 0:
                asyncio.get_running_loop().call_later(wait, self.send)
            else:
                self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(exc)


class Load:
    """The whole of it."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._begun = time.perf_counter()
        self._ends = self._begun + task.warm + task.seconds
        self.times: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.status, self.body = "", 0

    def took(self, now: float, seconds: float) -> float | None:
        """Note an answer; seconds to the next request, None at the end."""
        if now > self._begun + self._task.warm:
            self.times.append(seconds)
            self.statuses[self.status] += 1
        if now >= self._ends:
            return None
        return max(0.0, self._task.connections / self._task.pace - seconds) if self._task.pace else 0.0

    def end(self) -> None:
        """Send nothing more."""
        self._ends = min(self._ends, time.perf_counter())

    def figures(self) -> Figures:
        ordered = sorted(self.times) or [0.0]

        def at(share: float) -> float:
            return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

        return Figures(
            len(self.times) / (self._ends - self._begun - self._task.warm),
            at(0.5),
            at(0.95),
            at(0.99),
            1000 * ordered[-1],
            dict(self.statuses),
            self.body,
        )


async def _run(task: Task) -> Figures:
    load = Load(task)
    loop = asyncio.get_running_loop()
    if task.held:
        loop.run_in_executor(None, sys.stdin.buffer.read).add_done_callback(lambda _: load.end())
    texts = [one.encode() for one in task.requests]
    wires = []
    for number in range(task.connections):
        start = number * len(texts) // task.connections
        requests = itertools.cycle([*texts[start:], *texts[:start]])
        _, wire = await loop.create_connection(lambda given=requests: Wire(task, given, load), task.host, task.port)
        wires.append(wire)
    await asyncio.wait([wire.lost for wire in wires], timeout=task.warm + task.seconds + 30)
    return load.figures()


def run(task: Task) -> Figures:
    """The task in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.wire"], input=msgspec.json.encode(task), stdout=subprocess.PIPE, check=True
    )
    return msgspec.json.decode(done.stdout, type=Figures)


def during(task: Task, other: Callable[[], T]) -> tuple[Figures, T]:
    """The task while something else is done, and what came of that."""
    words = [sys.executable, "-m", "bench.wire"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(msgspec.structs.replace(task, held=True)) + b"\n")
        process.stdin.flush()
        result = other()
        return msgspec.json.decode(process.communicate()[0], type=Figures), result


if __name__ == "__main__":
    sys.stdout.buffer.write(
        msgspec.json.encode(uvloop.run(_run(msgspec.json.decode(sys.stdin.buffer.readline(), type=Task))))
    )

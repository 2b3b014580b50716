"""R16: restart and reload refuse nobody. 200 connections a second, while processes are replaced beneath them.

The listening socket is ours, as it is systemd's on a machine, and is handed over by LISTEN_FDS; the hub is asked over a
connection for each request, by a process of its own, so that every request needs somebody to accept it. The API's
process is killed, the daemon reloaded, the whole tree stopped and started. A connection refused is a failure; one that
was cut with the process that had it is counted and told, as is what was answered otherwise than 200.
"""

import asyncio
import contextlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sql import server
from tests.proofs import rosters
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import write
from tests.story.hub import PATIENCE, Hub, new_key, until

RATE = 200
TIMES = {"short": (3, 3, 1), "full": (20, 20, 5)}
"""Kills of the API's process, reloads, and restarts of the whole tree."""
CLIENTS = 64
"""Who ask in turn: of one client no more than 32 requests may be under way, and all that waited come at once."""
PATH = "/ims/oneroster/rostering/v1p2/orgs"
HANDED_OVER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3);"
    " os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='api');"
    " os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
)
"""What systemd does before it starts a service."""


class Heard(msgspec.Struct, frozen=True):
    """What became of all requests."""

    outcomes: dict[str, int]
    troubles: list[tuple[float, str]]
    """When something else came of one than 200, and what."""
    slowest: float
    late: float
    """By how much the reader itself was behind at most."""


def read(place: tuple[str, int], tokens: list[str], over: Event) -> Heard:
    """In a process of its own: a request at each tick, whatever became of the ones before, until it is told to end."""
    return asyncio.run(_read(place, tokens, over))


async def _read(place: tuple[str, int], tokens: list[str], over: Event) -> Heard:
    outcomes: Counter[str] = Counter()
    troubles: list[tuple[float, str]] = []
    slowest = late = 0.0
    words = "GET {} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n"
    messages = itertools.cycle([words.format(PATH, token).encode() for token in tokens])

    async def once() -> None:
        nonlocal slowest
        began = time.monotonic()
        outcome = await _outcome(place, next(messages))
        outcomes[outcome] += 1
        if outcome != "200":
            troubles.append((time.time(), outcome))
        slowest = max(slowest, time.monotonic() - began)

    asking: set[asyncio.Task[None]] = set()
    due = time.monotonic()
    while not over.is_set():
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        late = max(late, time.monotonic() - due)
        task = asyncio.create_task(once())
        asking.add(task)
        task.add_done_callback(asking.discard)
        due += 1 / RATE
    if asking:
        await asyncio.wait(asking)
    return Heard(dict(outcomes), troubles, slowest, late)


async def _outcome(place: tuple[str, int], message: bytes) -> str:
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(*place), PATIENCE)
    except ConnectionRefusedError:
        return "refused"
    except (OSError, TimeoutError) as error:
        return f"not connected: {type(error).__name__}"
    try:
        writer.write(message)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n"), PATIENCE)
        await asyncio.wait_for(reader.read(), PATIENCE)
        return head.split(b" ")[1].decode()
    except (ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError):
        return "cut"
    except TimeoutError:
        return "not answered"
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class Tree:
    """`rosterhub run` on our socket, and its successors."""

    def __init__(self, hub: Hub, sock: socket.socket) -> None:
        self._hub, self._sock = hub, sock
        self._process: subprocess.Popen[bytes] | None = None
        self._log = hub.log.open("ab")

    def start(self) -> None:
        """Returns when all are ready."""
        number = str(self._sock.fileno())
        words = [sys.executable, "-c", HANDED_OVER, number, "-m", "daemon.cli", "--state", str(self._hub.state), "run"]
        seen = self._readies()
        self._process = subprocess.Popen(
            words, env=self._hub.environ, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            pass_fds=[self._sock.fileno()],
        )  # fmt: skip
        self._until(lambda: self._readies() >= seen + 3)

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(PATIENCE) == 0, self._hub.log.read_text()[-3000:]

    def restart(self) -> None:
        self.stop()
        self.start()

    def reload(self) -> None:
        """All three are replaced, one by one."""
        assert self._process is not None
        seen = self._readies()
        self._process.send_signal(signal.SIGHUP)
        self._until(lambda: self._readies() >= seen + 3)

    def kill_api(self) -> None:
        seen = self._readies()
        os.kill([one["pid"] for one in self._ready() if one["child"] == "api-0"][-1], signal.SIGKILL)
        self._until(lambda: self._readies() > seen)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self._log.close()

    def _until(self, true: Callable[[], bool]) -> None:
        assert self._process is not None
        until(true, "the roles to be ready")
        assert self._process.poll() is None

    def _ready(self) -> list[dict[str, str | int]]:
        lines = self._hub.log.read_text().splitlines()
        return [json.loads(line) for line in lines if '"event": "ready"' in line]

    def _readies(self) -> int:
        return len(self._ready())


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """The deeds in random order, each when all are ready again after the one before."""
    chance = random.Random(seed)
    kills, reloads, restarts = TIMES[scale]
    state = folder / "state"
    state.mkdir(mode=0o711)
    hub = Hub(state, "", new_key(folder / "sender"))
    context = multiprocessing.get_context("spawn")
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as sock, context.Manager() as manager:
        over = manager.Event()
        tree = Tree(hub, sock)
        try:
            tree.start()
            hub.tenant("restarts")
            bundle = write(folder / "bundle.zip", rosters.roster())
            assert hub.shown("ingest", "restarts", str(bundle), "--wait")["state"] == "applied"
            clients = [hub.client("restarts") for _ in range(CLIENTS)]
            lms = clients[0]
            place = urlsplit(lms.base)
            assert place.hostname and place.port == sock.getsockname()[1]
            deeds = [tree.kill_api] * kills + [tree.reload] * reloads + [tree.restart] * restarts
            chance.shuffle(deeds)
            done: list[tuple[float, str]] = []
            with ProcessPoolExecutor(1, context) as reader:
                reading: Future[Heard] = reader.submit(
                    read, (place.hostname, place.port), [one.token for one in clients], over
                )
                try:
                    for number, deed in enumerate(deeds, start=1):
                        time.sleep(chance.uniform(0.5, 1.5))
                        done.append((time.time(), deed.__name__))
                        deed()
                        report(f"{number} of {len(deeds)}: {deed.__name__} took {time.time() - done[-1][0]:.1f} s")
                    time.sleep(2.0)
                finally:
                    over.set()
                heard = reading.result(2 * PATIENCE)
        finally:
            tree.close()
            server.discard(state / "pg")
    return _judged(heard, done, kills, reloads, restarts)


def _judged(heard: Heard, done: list[tuple[float, str]], kills: int, reloads: int, restarts: int) -> Verdict:
    outcomes = Counter(heard.outcomes)
    answered = sum(count for outcome, count in outcomes.items() if outcome.isdigit())
    refused = outcomes["refused"]
    others = {name: count for name, count in outcomes.items() if name not in ("200", "refused", "cut")}
    figures = (
        f"{answered} requests answered at {RATE} connections a second through {kills} kills of the API's process,"
        f" {reloads} reloads and {restarts} restarts of the tree: {refused} refused; {outcomes['cut']} cut with the"
        f" process that had them, answered otherwise than 200: {others or 'none'}; the longest took"
        f" {heard.slowest:.1f} s"
    )
    during = Counter(
        f"{outcome} since a {[deed for began, deed in done if began <= at][-1:]}" for at, outcome in heard.troubles
    )
    told = [f"{count} x {words}" for words, count in during.most_common()]
    odd = [f"{name}: {count}" for name, count in others.items() if name != "503"]
    return judged(not refused and not odd and outcomes["200"] > 0, figures, odd + told)

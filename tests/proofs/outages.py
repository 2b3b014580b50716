"""R2: PostgreSQL may crash any time, with `rosterhub run` living on.

As in R1 two hubs with the same keys get the same bundles, and one is left in peace. While the other loads, at a
random moment, the backend that loads gets a SIGKILL, whereupon the server throws out everybody and recovers, or the
server gets a SIGQUIT, which is an immediate stop; the daemon has to start it again. Then both must hold the same.
Meanwhile a platform asks on, what is in memory and what is not: it may hear 200, or 503 with Retry-After, nothing else.
"""

import concurrent.futures
import contextlib
import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg

from sql import server
from tests.proofs import kills
from tests.proofs.hub import PATIENCE, Delivery, Fell, Hub
from tests.proofs.kills import Bundle, Fight, Strike
from tests.proofs.verdict import Report, Verdict, judged
from tests.proofs.wire import Wire
from tests.story.lms import Lms

POINTS = {"short": 6, "full": 50}
FIGHTS = {"short": 1, "full": 2}
ROWS = 20_000
"""Of a bundle, about: loading takes a few seconds."""
HEALTHY = 10.0
"""Seconds from the moment the database lets clients in again to the first answer, and to a ready hub."""
PAUSE = 0.02
"""Seconds between two questions of the platform."""
ADDRESSES = (
    "/ims/oneroster/rostering/v1p2/orgs",
    "/ims/oneroster/rostering/v1p2/users?limit=3&filter=givenName!%3D%27{}%27",
)
"""What is in memory, and what is asked for the first time."""


class Crash(msgspec.Struct, frozen=True):
    """One point, and what came of it."""

    strike: Strike
    attempts: int
    away: float
    """Seconds until the database let clients in again."""
    healthy: float
    """Seconds from then until the hub was ready and answered."""


class Platform:
    """Asks without end in a thread, on one connection, and keeps what it heard since it was told to."""

    def __init__(self, hub: Hub) -> None:
        made = hub.verb("client", "add", "kills", "--name", "platform")
        with hub.sql("owner") as conn:
            conn.execute("UPDATE clients SET rate = 0")
        lms = Lms(made["base_url"], made["token_url"], made["client_id"], made["client_secret"])
        lms.close()
        self._wire = Wire(urlsplit(made["base_url"]).netloc, lms.token)
        self.heard: list[tuple[float, int]] = []
        """When an answer came, and its status; 0 where a connection was cut."""
        self.odd: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="platform")
        self._thread.start()

    def _ask(self) -> None:
        for number in itertools.count():
            if self._over.wait(PAUSE):
                return
            try:
                answer = self._wire.ask(ADDRESSES[number % 2].format(number))
            except (OSError, EOFError) as error:
                self._wire.close()
                self.heard.append((time.time(), 0))
                self.odd[f"cut: {type(error).__name__}"] += 1
                continue
            self.heard.append((time.time(), answer.status))
            if answer.status == 503 and not answer.headers.get("retry-after", "").isdigit():
                self.odd["503 without Retry-After"] += 1
            elif answer.status not in (200, 503):
                self.odd[f"status {answer.status}"] += 1

    def ready(self) -> bool:
        """Whether the hub says so."""
        with contextlib.closing(Wire(self.place)) as wire, contextlib.suppress(OSError, EOFError):
            return wire.ask("/readyz").status == 200
        return False

    @property
    def place(self) -> str:
        return "{}:{}".format(*self._wire.place)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._wire.close()


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """So many points, every other one a stop of the server."""
    points, fights = POINTS[scale], FIGHTS[scale]
    made = kills.bundles(folder, ROWS, seed)

    def fight(number: int) -> tuple[list[Crash], list[int], Counter[str]]:
        place = folder / f"fight-{number}"
        place.mkdir(mode=0o711)
        chance = random.Random(seed + number)
        with kills.pair(place, report) as one, contextlib.closing(Platform(one.struck)) as platform:
            first, *others = made
            crashes = []
            for nth, bundle in enumerate(itertools.islice(itertools.cycle(others), -(-points // fights))):
                if not nth:
                    _calm(one, first)
                crashes.append(_crash(one, platform, bundle, chance, with_server=nth % 2 == 1))
                report(_said(crashes[-1]))
            return crashes, [status for _, status in platform.heard], platform.odd

    with concurrent.futures.ThreadPoolExecutor(fights) as pool:
        found = list(pool.map(fight, range(fights)))
    crashes = [crash for some, _, _ in found for crash in some]
    statuses = Counter(status for _, heard, _ in found for status in heard)
    odd = sum((one for _, _, one in found), Counter[str]())
    return _outcome(crashes, statuses, odd, points)


def _outcome(crashes: list[Crash], statuses: Counter[int], odd: Counter[str], points: int) -> Verdict:
    troubles = [f"{_said(one)}: {trouble}" for one in crashes for trouble in one.strike.troubles]
    troubles += [f"{_said(one)}: not healthy in time" for one in crashes if one.healthy > HEALTHY]
    troubles += [f"the platform heard: {words}, {count} times" for words, count in odd.items()]
    stops = sum(one.strike.with_server for one in crashes)
    retried = sum(one.attempts > 1 for one in crashes)
    figures = (
        f"{len(crashes)}/{points} points ({len(crashes) - stops} backends killed, {stops} servers stopped),"
        f" {sum(one.strike.lost for one in crashes)} lost, {sum(one.strike.doubled for one in crashes)} doubled,"
        f" {retried} jobs retried, 0 failed; database away at most {max(one.away for one in crashes):.1f} s, hub"
        f" healthy at most {max(one.healthy for one in crashes):.1f} s after it, job applied at most"
        f" {max(one.strike.recovery for one in crashes):.1f} s after the crash;"
        f" {statuses[200]} answers 200, {statuses[503]} 503 with Retry-After"
    )
    good = not troubles and len(crashes) >= points and retried > 0 and statuses[503] > 0
    return judged(good, figures, troubles[:40])


def _said(one: Crash) -> str:
    what = "server stopped" if one.strike.with_server else "backend killed"
    return (
        f"{what} in {one.strike.phase}: away {one.away:.1f} s, healthy {one.healthy:.1f} s after it, applied"
        f" {one.strike.recovery:.1f} s after the crash at attempt {one.attempts}"
        f"{', committed before' if one.strike.committed else ''}"
    )


def _calm(fight: Fight, bundle: Bundle) -> None:
    """The first load of both, in peace."""
    fight.measure(bundle)
    delivery = Delivery(fight.struck, bundle.path)
    delivery.wait()
    fight.settle(fight.struck, bundle, delivery.began)


def _crash(fight: Fight, platform: Platform, bundle: Bundle, chance: random.Random, *, with_server: bool) -> Crash:
    """The bundle to both, a crash for one; then they are compared."""
    lengths = fight.measure(bundle)
    lengths.pop("receive")
    hub = fight.struck
    hub.read()
    seen = len(hub.kept)
    pause = chance.uniform(0, sum(lengths.values()))
    with psycopg.connect(hub.conninfo, autocommit=True) as conn:
        delivery = Delivery(hub, bundle.path)
        hub.until(lambda: any(one.event == "phase" for one in hub.kept[seen:] + hub.read()), "No mark of a load.")
        time.sleep(pause)
        victim = _victim(hub, conn, with_server=with_server)
        at = time.time()
        os.kill(victim, signal.SIGQUIT if with_server else signal.SIGKILL)
    away = _back(hub, at)
    healthy = _healthy(platform, at + away)
    delivery.wait()
    if not delivery.replied:
        began, delivery = delivery.began, Delivery(hub, bundle.path)
        delivery.wait()
        delivery.began = began
        if not delivery.replied:
            raise Fell("The bundle cannot be delivered again.")
    fight.settle(hub, bundle, delivery.began)
    recovery = time.time() - at
    hub.read()
    marks = [one.phase for one in hub.kept[seen:] if one.event == "phase" and one.at <= at]
    with hub.sql() as conn:
        row = conn.execute(
            "SELECT r.applied_at < to_timestamp(%s), j.attempts FROM revisions r JOIN jobs j"
            " ON (j.tenant_id, j.id) = (r.tenant_id, r.job_id) ORDER BY r.revision DESC LIMIT 1",
            [at],
        ).fetchone()
        assert row is not None
    # How long it may take until the bundle is applied, R2 does not say: compared without that.
    strike = Strike(marks[-1] if marks else "waiting", with_server, bool(row[0]), 0.0, False, False, [])
    strike = msgspec.structs.replace(fight.compare(bundle, strike, delivery.began), recovery=recovery)
    return Crash(strike, int(row[1]), away, healthy)


def _victim(hub: Hub, conn: psycopg.Connection[Any], *, with_server: bool) -> int:
    """The process to strike: the postmaster, or the backend with the oldest transaction, else any of the hub's."""
    if with_server:
        running = server.running(hub.state / "pg")
        assert running is not None
        return running.pid
    row = conn.execute(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        " ORDER BY xact_start NULLS LAST, backend_start DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _back(hub: Hub, at: float) -> float:
    """Seconds until the database lets clients in again, having thrown them out."""
    time.sleep(0.1)  # the server hears of a killed backend a moment later
    while time.time() < at + PATIENCE:
        with contextlib.suppress(psycopg.OperationalError, Fell), psycopg.connect(hub.conninfo):
            return time.time() - at
        time.sleep(0.02)
    raise Fell("The database does not come back.")


def _healthy(platform: Platform, since: float) -> float:
    """Seconds since then until the hub is ready, and has answered what lies in memory and what does not."""
    while time.time() < since + PATIENCE:
        if platform.ready():
            now = time.time()
            time.sleep(0.2)
            heard = [status for at, status in list(platform.heard) if at > now]
            if heard[:4] == [200] * 4:
                return now - since
        time.sleep(0.05)
    raise Fell("The hub does not become healthy.")

"""R11: a poison bundle harms only itself.

Twenty bad bundles in three kinds: those that kill their worker whenever it takes one (a SIGKILL from us, as the kernel
does to a process that eats the memory), those whose archived bytes are damaged, so that opening them is an error of
ours, and those that are merely wrong. Meanwhile others deliver at a steady pace. They wait no longer than they do when
the same tenants deliver twenty good bundles of that size instead.
"""

import contextlib
import json
import os
import random
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tests.proofs import rosters
from tests.proofs.standing import active, database, differences, standing, wanted
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import Files, write
from tests.story.hub import Hub, until

KILLING = {"killer-1": 4, "killer-2": 4, "killer-3": 4}
DAMAGED, WRONG = {"damaged": 4}, {"wrong": 4}
BAD = {**KILLING, **DAMAGED, **WRONG}
BOARDS = 10
"""Others, who deliver in turn."""
PACE = 2.0
"""Seconds between two of their bundles: the worker is busy for a third of it."""
ROUNDS = {"short": 3, "full": 12}
MOST = 1.10


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """The same steady deliveries without and with poison; then everybody's state, and a good bundle for the poisoned.

    That the daemon itself never ended shows in the end: it must still be there to be stopped, and say 0.
    """
    with standing(folder, workers=2) as hub:
        everyone = [*(f"good-{number}" for number in range(BOARDS)), *BAD]
        for code in everyone:
            hub.tenant(code)
        pace = Pace(hub, folder, random.Random(seed))
        pace.deliver(1)  # first loads take another way
        _deliver(hub, folder, "calm")
        calm = pace.deliver(ROUNDS[scale])
        report(f"without poison: {_said(calm)}")
        with _killing(hub) as kills:
            _deliver(hub, folder, "poison")
            poisoned = pace.deliver(ROUNDS[scale])
            report(f"with poison: {_said(poisoned)}, {len(kills)} workers killed so far")
            troubles, states = _ended(hub)
        report(f"ended: {states}, {len(kills)} workers killed")
        troubles += pace.wrong() + _recovered(hub, folder)
    slower = statistics.mean(poisoned) / statistics.mean(calm)
    if slower > MOST:
        troubles.append(f"others were {slower - 1:.0%} slower")
    figures = (
        f"{sum(BAD.values())} poison bundles: {states['failed']} failed after three tries,"
        f" {len(kills)} workers killed,"
        f" {states['rejected']} rejected; {len(poisoned)} bundles of others took {_said(poisoned)} instead of"
        f" {_said(calm)} beside 20 good ones ({slower - 1:+.0%}); 0 restarts of the daemon"
    )
    return judged(not troubles, figures, troubles)


def _said(seconds: list[float]) -> str:
    return f"{statistics.mean(seconds):.2f} s (at most {max(seconds):.1f} s)"


class Pace:
    """The others, who deliver in turn at a steady pace."""

    def __init__(self, hub: Hub, folder: Path, chance: random.Random) -> None:
        self._hub, self._folder, self._chance = hub, folder, chance
        self._base = rosters.roster(200, 20)
        self._last: dict[str, Files] = {}
        self._count = 0

    def deliver(self, rounds: int) -> list[float]:
        """So many bundles of each; the seconds from receipt to the end of each job, once all have ended."""
        due = time.monotonic()
        for number in range(rounds * BOARDS):
            code = f"good-{number % BOARDS}"
            self._count += 1
            people = self._chance.sample(rosters.people(self._base, "st"), 10)
            self._last[code] = rosters.renamed(self._base, people, f"{self._count}")
            bundle = write(self._folder / f"{code}-{self._count}.zip", self._last[code])
            self._hub.shown("ingest", code, str(bundle))
            due += PACE
            time.sleep(max(0.0, due - time.monotonic()))
        found = []
        for number in range(BOARDS):
            self._hub.ended(f"good-{number}")
            jobs = self._hub.jobs(f"good-{number}")[:rounds]
            assert {job["state"] for job in jobs} == {"applied"}, jobs
            found += [_instant(job["finished_at"]) - _instant(job["received_at"]) for job in jobs]
        return found

    def wrong(self) -> list[str]:
        """Where the others' rosters are not those that they sent last."""
        found = []
        for code, files in self._last.items():
            lms = self._hub.client(code)
            found += [f"{code}: {one}" for one in differences(active(lms.everything()), wanted(files, lms))[:3]]
        return found


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _deliver(hub: Hub, folder: Path, kind: str) -> None:
    """Twenty bundles of tenants that wait, so that those of kind "poison" can be damaged; then they may be loaded."""
    base = rosters.roster(1000, 50)
    with database(hub) as conn:
        conn.execute("UPDATE tenants SET state = 'paused' WHERE code = ANY (%s)", [list(BAD)])
        for code, count in BAD.items():
            for number in range(count):
                files = rosters.renamed(base, rosters.people(base, "st")[number::7], f"{kind}{number}")
                if kind == "poison" and code in WRONG:
                    files = rosters.changed(files, "enrollments", ["e-st-00001"], {"userSourcedId": "nobody"})
                hub.shown("ingest", code, str(write(folder / f"{code}-{kind}-{number}.zip", files)))
        if kind == "poison":
            for path in [path for code in DAMAGED for path in _archived(hub, code)]:
                with path.open("r+b") as stream:
                    stream.seek(-100, os.SEEK_END)
                    stream.write(bytes(50))
        conn.execute("UPDATE tenants SET state = 'active' WHERE code = ANY (%s)", [list(BAD)])


def _archived(hub: Hub, code: str) -> list[Path]:
    """The archived bundles of a tenant's jobs."""
    names = {job["sha256"] for job in hub.jobs(code) if job["state"] == "received"}
    place = hub.state / "archive" / str(hub.shown("tenant", "show", code)["id"])
    found = [path for path in place.iterdir() if path.name in names]
    assert len(found) == len(names)
    return found


@contextlib.contextmanager
def _killing(hub: Hub) -> Iterator[list[float]]:
    """Meanwhile whoever takes a job of a killing tenant is killed; yields when, kill by kill."""
    victims = {hub.shown("tenant", "show", code)["id"] for code in KILLING}
    kills: list[float] = []
    over = threading.Event()

    def watch() -> None:
        pids: dict[str, int] = {}
        condemned: set[str] = set()
        rest = b""
        with hub.log.open("rb") as log:
            while not over.wait(0.002):
                *lines, rest = (rest + log.read()).split(b"\n")
                for line in lines:
                    if b'"ready"' in line:
                        said = json.loads(line)
                        pids[said["child"]] = said["pid"]
                    elif b'"job taken"' in line and (said := json.loads(line))["tenant"] in victims:
                        condemned.add(said["role"])
                for role in [role for role in condemned if role in pids]:
                    with contextlib.suppress(ProcessLookupError):  # its predecessor's: its own is told in a moment
                        os.kill(pids[role], signal.SIGKILL)
                        kills.append(time.time())
                        condemned.discard(role)
                        del pids[role]

    thread = threading.Thread(target=watch, name="killing")
    thread.start()
    try:
        yield kills
    finally:
        over.set()
        thread.join()


def _ended(hub: Hub) -> tuple[list[str], Counter[str]]:
    """What became of the poison: what is not as it must be, and how many jobs ended in which state."""
    troubles = []
    states: Counter[str] = Counter()
    for code, count in BAD.items():
        until(lambda code=code: not _open(hub, code), f"the poison of {code} to end", within=300, pause=1.0)
        jobs = hub.jobs(code)[:count]
        states.update(job["state"] for job in jobs)
        due = "rejected" if code in WRONG else "failed"
        if [job["state"] for job in jobs] != [due] * count:
            troubles.append(f"{code}: {[(job['state'], job['reason']) for job in jobs]} instead of {due}")
    with database(hub) as conn:
        found = conn.execute(
            "SELECT t.code, j.attempts, j.reported_at IS NOT NULL FROM jobs j JOIN tenants t ON t.id = j.tenant_id"
            " WHERE j.state = 'failed' AND (j.attempts <> 3 OR j.reported_at IS NULL)"
        ).fetchall()
    return troubles + [f"{code}: {attempts} attempts, reported: {told}" for code, attempts, told in found], states


def _open(hub: Hub, code: str) -> bool:
    return any(job["state"] in ("received", "loading") for job in hub.jobs(code))


def _recovered(hub: Hub, folder: Path) -> list[str]:
    """Of the poisoned tenants those that cannot load a good bundle afterwards."""
    found = []
    for code in BAD:
        bundle = write(folder / f"{code}-good.zip", rosters.roster(1000, 50))  # the size it has: the guard looks on
        if (code_of := hub.call("ingest", code, str(bundle), "--wait").code) != 0:
            found.append(f"{code}: exit {code_of} for a good bundle")
    return found

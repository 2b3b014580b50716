"""R13: readers see before or after, never between. A paced reader walks while one bundle after another is loaded.

What a page must show is worked out from the bundles alone: of each revision the whole collection, sorted by id. A page
is mixed when it is a slice of none of them, a walk when its pages are not slices of one and the same. The reader is a
process of its own, so that nothing we do delays it, and keeps of each page a digest.
"""

import hashlib
import json
import multiprocessing
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from tests.proofs import rosters
from tests.proofs.standing import standing
from tests.proofs.verdict import Report, Verdict, judged
from tests.story import oracle
from tests.story.bundles import Files, write
from tests.story.hub import Hub
from tests.story.lms import Lms, Record

READS = {"short": 1000, "full": 10_000}
IDLE = {"short": 200, "full": 1000}
PACE = 1 / 20
"""Seconds between two reads."""
LIMIT = 100
WATCHED = ("users", "enrollments")
LEAST = 0.150
"""Seconds that the slowest percent may take, however fast an idle hub is."""


class Read(msgspec.Struct, frozen=True):
    """One page as it was read."""

    walk: int
    name: str
    offset: int
    digest: str
    seconds: float
    """From the moment it was due to its answer."""


def read(words: tuple[str, str, str, str], count: int) -> list[Read]:
    """In a process of its own: so many pages, one at each tick, however long the one before took."""
    lms = Lms(*words)
    found = []
    pages = _pages(lms)
    due = time.monotonic()
    for _ in range(count):
        time.sleep(max(0.0, due - time.monotonic()))
        walk, name, offset, records = next(pages)
        seconds = time.monotonic() - due
        found.append(Read(walk, name, offset, _digest(records), seconds))
        due += PACE
    lms.close()
    return found


def _pages(lms: Lms) -> Iterator[tuple[int, str, int, list[Record]]]:
    """Walk after walk by `next`, through one collection after the other."""
    walk = 0
    while True:
        for name in WATCHED:
            walk += 1
            for number, answer in enumerate(lms.pages(f"/{name}", limit=LIMIT)):
                yield walk, name, number * LIMIT, answer.json[name]


def _digest(records: list[Record]) -> str:
    plain = [oracle.comparable(record) for record in records]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


class Truth:
    """Which page, by name, offset and digest, is of which revisions."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._revision = 0
        self._kept: dict[str, dict[str, Record]] = {name: {} for name in WATCHED}
        self._of: dict[tuple[str, int, str], set[int]] = defaultdict(set)

    def add(self, files: Files) -> None:
        """The next revision: these rows, and as deleted those that were there before."""
        self._revision += 1
        expected = oracle.expected(files, self._base)
        for name in WATCHED:
            kept, now = self._kept[name], expected[name]
            kept.update({one: {**record, "status": "tobedeleted"} for one, record in kept.items() if one not in now})
            kept.update(now)
            records = [kept[one] for one in sorted(kept)]
            for offset in range(0, len(records), LIMIT):
                self._of[name, offset, _digest(records[offset : offset + LIMIT])].add(self._revision)

    def judge(self, reads: list[Read]) -> tuple[list[str], int]:
        """What is mixed, and how many revisions were seen."""
        walks: dict[int, set[int]] = {}
        mixed = []
        for one in reads:
            of = self._of.get((one.name, one.offset, one.digest), set())
            left = walks.setdefault(one.walk, of) & of
            if not of:
                mixed.append(f"walk {one.walk}: the page of {one.name} from {one.offset} is of no revision")
            elif not left:
                mixed.append(f"walk {one.walk}: the page of {one.name} from {one.offset} is of {of} alone")
            walks[one.walk] = left or of
        return mixed, len(set().union(*(of for of in walks.values() if len(of) == 1)))


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """Reads on an idle hub, then as many as promised while loads follow each other."""
    chance = random.Random(seed)
    base = rosters.roster(1500, 100)
    with standing(folder) as hub, ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as reader:
        hub.tenant("readers")
        lms = hub.client("readers")
        truth = Truth(lms.base)
        _load(hub, folder, truth, base, 0)
        quiet = reader.submit(read, lms.words, IDLE[scale]).result()
        report(f"idle: {_said(quiet)}")
        reading = reader.submit(read, lms.words, READS[scale])
        loads = 0
        while not reading.done():
            loads += 1
            _load(hub, folder, truth, _change(base, loads, chance), loads)
        busy = reading.result()
        report(f"during {loads} loads: {_said(busy)}")
    mixed, seen = truth.judge(busy)
    limit = max(2 * _percentile(quiet, 99), LEAST)
    figures = (
        f"{len(busy)} paged reads in {busy[-1].walk} walks at 20/s during {loads} loads: {len(mixed)} mixed,"
        f" {seen} revisions seen; {_said(busy)}, idle {_said(quiet)}, limit {limit * 1000:.0f} ms"
    )
    return judged(not mixed and _percentile(busy, 99) <= limit and seen > 1, figures, mixed[:20])


def _load(hub: Hub, folder: Path, truth: Truth, files: Files, number: int) -> None:
    truth.add(files)
    bundle = write(folder / f"{number}.zip", files)
    job: dict[str, Any] = hub.shown("ingest", "readers", str(bundle), "--wait")
    assert job["state"] == "applied" and job["revision"] == number + 1, job
    bundle.unlink()


def _change(base: Files, number: int, chance: random.Random) -> Files:
    """A third of the pupils and enrollments change, so that every page does; some enrollments go and come back."""
    people = rosters.people(base, "st")
    files = rosters.renamed(base, chance.sample(people, len(people) // 3), f"{number}")
    enrolled = [row["sourcedId"] for row in files["enrollments"]]
    ends = {"endDate": f"2027-03-{number % 28 + 1:02d}"}
    files = rosters.changed(files, "enrollments", chance.sample(enrolled, len(enrolled) // 3), ends)
    gone = set(enrolled[number % 7 :: 50])
    return {**files, "enrollments": [row for row in files["enrollments"] if row["sourcedId"] not in gone]}


def _percentile(reads: list[Read], percent: int) -> float:
    return statistics.quantiles([one.seconds for one in reads], n=100, method="inclusive")[percent - 1]


def _said(reads: list[Read]) -> str:
    return f"p50 {_percentile(reads, 50) * 1000:.0f} ms, p99 {_percentile(reads, 99) * 1000:.0f} ms"

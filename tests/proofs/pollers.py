"""POLL: a poller that keeps the greatest date it saw, or the Date of its first page, misses nothing.

Pollers of every kind hammer the API during fifty revisions whose loads take now a moment, now seconds. In the end each
replica must equal the hub, and the hub what the bundles say. In every other run the hub's times are moved a day ahead
once the first revision stands: that is what its tables look like after the clock of the machine stepped back a day
(the clock itself is the machine's, and not ours to set).
"""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.proofs import rosters
from tests.proofs.standing import active, database, differences, standing, wanted
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import Files, write
from tests.story.hub import Hub
from tests.story.poller import WATCHED, Poller

REVISIONS = {"short": 12, "full": 50}
RUNS = {"short": 2, "full": 10}
SIZES = (1, 7, 100, 10_000)
"""Records a page; 10,000 is the most that the API gives."""
MOST_PEOPLE = {"short": 60, "full": 150}


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """So many runs, each with a tenant of its own; every other one with the clock stepped back."""
    chance = random.Random(seed)
    misses: list[str] = []
    walks = replicas = 0
    for number in range(RUNS[scale]):
        stepped = number % 2 == 1
        place = folder / f"run-{number}"
        place.mkdir(mode=0o711)
        with standing(place) as hub:  # a hub each, as the times of all tenants hang on one clock
            files = list(_history(REVISIONS[scale], MOST_PEOPLE[scale], chance))
            found, walked, held = _run(hub, place, files, stepped=stepped)
        misses += [f"run {number}: {one}" for one in found]
        walks, replicas = walks + walked, replicas + held
        report(f"run {number}{', clock stepped back' if stepped else ''}: {walked} walks, {len(found)} deviations")
    figures = (
        f"{RUNS[scale]} runs of {REVISIONS[scale]} revisions, every other with the hub's own times a day ahead, as a"
        f" clock stepped back leaves them: {replicas} replicas by {walks} walks with pages of"
        f" {', '.join(f'{size:,}' for size in SIZES)}, {len(misses)} misses"
    )
    return judged(not misses, figures, misses[:20])


def _run(hub: Hub, folder: Path, history: list[Files], *, stepped: bool) -> tuple[list[str], int, int]:
    """What deviates in the end, the walks of all pollers, and how many replicas were compared."""
    hub.tenant("poll")
    lms = hub.client("poll")
    _load(hub, folder, history[0], 0)
    if stepped:
        _step_back(hub)
    pollers = list(_pollers(hub))
    ended = threading.Event()
    with ThreadPoolExecutor(len(pollers)) as threads:
        running = [threads.submit(poller.keep_polling, ended) for poller in pollers]
        try:
            for number, files in enumerate(history[1:], start=1):
                _load(hub, folder, files, number)
        finally:
            ended.set()
        for future in running:
            future.result()
    everything = lms.everything()
    found = [f"the hub: {one}" for one in differences(active(everything), wanted(history[-1], lms))[:5]]
    for poller in pollers:
        kind = f"{poller.limit} a page, {'Date' if poller.by_date else 'greatest date'}"
        kind += ", by offset" if poller.by_offset else ""
        missed = differences(poller.replica, {name: everything[name] for name in WATCHED})
        found += [f"poller of {kind}: {len(missed)} misses, the first {missed[0]}"] if missed else []
    return found, sum(poller.walks for poller in pollers), len(pollers) * len(WATCHED)


def _pollers(hub: Hub) -> Iterator[Poller]:
    """Each page size with each cursor, by `next`; and two that count their way. Each is a client of its own."""
    for size in SIZES:
        for by_date in (False, True):
            yield Poller(hub.client("poll"), size, by_date=by_date)
    yield Poller(hub.client("poll"), 7, by_offset=True)
    yield Poller(hub.client("poll"), 100, by_date=True, by_offset=True)


def _load(hub: Hub, folder: Path, files: Files, number: int) -> None:
    bundle = write(folder / f"{number}.zip", files)
    job = hub.shown("ingest", "poll", str(bundle), "--wait")
    assert job["state"] == "applied" and job["revision"] == number + 1, job


def _step_back(hub: Hub) -> None:
    with database(hub) as conn, conn.transaction():
        conn.execute("UPDATE clock SET high = clock_timestamp() + interval '1 day'")
        conn.execute("UPDATE revisions SET published_at = published_at + interval '1 day'")


def _history(revisions: int, most: int, chance: random.Random) -> Iterator[Files]:
    """Rosters of which each differs from the one before in a few records or in many, added, changed, gone and back."""
    base = rosters.roster(400, 40)
    people = rosters.people(base, "st")
    for number in range(revisions):
        some = chance.sample(people, chance.randint(1, most))
        files = rosters.renamed(rosters.without(base, some[: min(20, len(some) // 3)]), some, f"{number}")
        room = {"location": f"{number}階"}
        files = rosters.changed(files, "classes", [f"c-{number % 10:03d}"], room)
        files = rosters.changed(
            files, "roles", [f"r-{chance.choice(people)}"], {"endDate": f"2027-03-{number % 28 + 1:02d}"}
        )
        if number % 3:  # a school that comes and goes; the district's children change with it
            files["orgs"] = [*files["orgs"], files["orgs"][1] | {"sourcedId": "s-3", "name": "冬の学校"}]
        yield files

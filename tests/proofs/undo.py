"""R14: any bundle can be rolled back. Pairs of load and rollback leave the API's content as it was."""

import random
import time
from pathlib import Path

from tests.proofs import rosters
from tests.proofs.standing import Shown, active, differences, standing
from tests.proofs.verdict import Report, Verdict, judged, not_run
from tests.story.bundles import Files, write
from tests.story.hub import Hub

PAIRS = {"short": 5, "full": 50}
MOST = 2.0
"""Times as long as the load may the rollback take, all pairs together."""


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """Each pair changes, removes and adds some; every fifth state is kept, so that the next pair starts elsewhere."""
    chance = random.Random(seed)
    base = rosters.roster(1000, 100)
    loads = rollbacks = 0.0
    troubles: list[str] = []
    with standing(folder) as hub:
        if "rollback" not in hub.call("job", "--help").out:
            return not_run("the verb for it is not written yet")
        hub.tenant("undo")
        lms = hub.client("undo")
        hub.shown("ingest", "undo", str(write(folder / "first.zip", base)), "--wait")
        for pair in range(PAIRS[scale]):
            before = lms.everything()
            changed = _change(base, pair, chance)
            bundle = write(folder / f"change-{pair}.zip", changed)
            began = time.monotonic()
            job = hub.shown("ingest", "undo", str(bundle), "--wait")
            loaded = time.monotonic()
            undone = hub.shown("job", "rollback", job["id"], "--reason", "a proof")
            ended = time.monotonic()
            loads, rollbacks = loads + loaded - began, rollbacks + ended - loaded
            found = _deviations(before, lms.everything()) + _states(hub, job["id"], undone["id"])
            troubles += [f"pair {pair}: {one}" for one in found[:5]]
            report(
                f"pair {pair}: load {loaded - began:.1f} s, rollback {ended - loaded:.1f} s, {len(found)} deviations"
            )
            if pair % 5 == 4:
                base = _change(base, pair + 1000, chance)
                hub.shown("ingest", "undo", str(write(folder / f"keep-{pair}.zip", base)), "--wait")
    ratio = rollbacks / loads
    if ratio > MOST:
        troubles.append(f"rolling back took {ratio:.2f} times as long as loading")
    figures = (
        f"{PAIRS[scale]} pairs of load and rollback: content restored each time, in {ratio:.2f} times the load's time"
    )
    return judged(not troubles, figures if not troubles else f"{len(troubles)} deviations", troubles)


def _change(base: Files, mark: int, chance: random.Random) -> Files:
    """Some go, some are called otherwise, some come, a school and a class are called otherwise."""
    people = rosters.people(base, "st")
    files = rosters.renamed(rosters.without(base, chance.sample(people, 30)), chance.sample(people, 200), f"{mark}")
    number = f"st-new-{mark}"
    files = rosters.changed(files, "orgs", ["s-1"], {"name": f"第一小学校 {mark}"})
    files = rosters.changed(files, "classes", ["c-001"], {"location": f"{mark}階"})
    new = {
        "users": {"sourcedId": number, "username": number},
        "roles": {"sourcedId": f"r-{number}", "userSourcedId": number},
        "enrollments": {"sourcedId": f"e-{number}", "userSourcedId": number},
    }
    return {**files, **{name: [*files[name], files[name][0] | cells] for name, cells in new.items()}}


def _deviations(before: Shown, after: Shown) -> list[str]:
    """What is shown as active must be the same; what the bundle had added is gone or marked as deleted."""
    found = differences(active(after), active(before))
    for name, records in before.items():
        gone = {one for one, record in records.items() if record["status"] == "tobedeleted"}
        found += [
            f"{name}/{one} has come back" for one in sorted(gone) if after[name].get(one, {}).get("status") == "active"
        ]
    return found


def _states(hub: Hub, job: str, undone: str) -> list[str]:
    states = (hub.shown("job", "show", job)["state"], hub.shown("job", "show", undone)["state"])
    return [] if states == ("rolled_back", "applied") else [f"the jobs are {' and '.join(states)}"]

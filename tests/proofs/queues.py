"""R12: no tenant starves another. One leaves a thousand bundles in its folder; then another delivers one."""

import json
import random
import time
from pathlib import Path

from tests.proofs import rosters
from tests.proofs.standing import database, standing
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import write
from tests.story.hub import Hub, until

BUNDLES = {"short": 100, "full": 1000}
MOST = 60.0
"""Seconds from the last byte of the other's bundle to its report."""


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """With one worker, as installed."""
    chance = random.Random(seed)
    base = rosters.roster(100, 10)
    people = rosters.people(base, "st")
    with standing(folder) as hub:
        greedy, modest = hub.tenant("greedy"), hub.tenant("modest")
        sender = modest.open_sftp()
        (folder / "drop").mkdir()
        hub.shown("inbox", "add", greedy.code, "--kind", "drop", "--path", str(folder / "drop"))
        for number in range(BUNDLES[scale]):
            files = rosters.renamed(base, chance.sample(people, 5), f"{number}")
            made = write(folder / f"{number:04d}.zip", files)
            made.rename(folder / "drop" / made.name)
        until(lambda: _jobs(hub) == BUNDLES[scale], "all of the first tenant's bundles to be taken", within=600)
        bundle = write(folder / "modest.zip", base)
        waiting = _jobs(hub, "received")
        report(f"{waiting} of {BUNDLES[scale]} wait")
        last = sender.put(bundle)
        state = json.loads(sender.report(bundle)["json"])["state"]
        seconds = time.time() - last
        still = _jobs(hub, "received")
    figures = (
        f"{BUNDLES[scale]} bundles of one tenant, of which {waiting} waited, then one of another: {state} and answered"
        f" after {seconds:.1f} s, when {still} of the first still waited"
    )
    return judged(state == "applied" and seconds <= MOST and still > 0, figures)


def _jobs(hub: Hub, state: str = "") -> int:
    """How many jobs the greedy tenant has, perhaps only those in a state."""
    with database(hub) as conn:
        row = conn.execute(
            "SELECT count(*) FROM jobs j JOIN tenants t ON t.id = j.tenant_id"
            " WHERE t.code = 'greedy' AND (%(state)s = '' OR j.state = %(state)s)",
            {"state": state},
        ).fetchone()
        assert row is not None
        return int(row[0])

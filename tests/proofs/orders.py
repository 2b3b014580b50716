"""R4: a late bundle never wins. The exports of twenty days, delivered in random orders, always end with the newest."""

import random
from collections import Counter
from pathlib import Path

from tests.proofs import rosters
from tests.proofs.standing import active, differences, standing, wanted
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import Files, write
from tests.story.hub import Hub

DAYS = 20
ORDERS = {"short": 10, "full": 100}
GROUP = 10
"""Orders that are under way at the same time, each with a tenant of its own."""


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """Each order with a tenant of its own; its jobs, and what the API shows in the end."""
    chance = random.Random(seed)
    days = [_export(day, chance) for day in range(DAYS)]
    bundles = [
        write(folder / f"RO_202604{day + 1:02d}_011002.zip", files) for day, files in enumerate(days)
    ]  # fmt: skip
    orders = [chance.sample(range(DAYS), DAYS) for _ in range(ORDERS[scale])]
    troubles: list[str] = []
    counts: Counter[str] = Counter()
    with standing(folder, workers=2) as hub:
        for start in range(0, len(orders), GROUP):
            group = {f"order-{number}": orders[number] for number in range(start, min(start + GROUP, len(orders)))}
            for code in group:
                hub.tenant(code)
            for place in range(DAYS):
                for code, order in group.items():
                    hub.shown("ingest", code, str(bundles[order[place]]))
            for code, order in group.items():
                states, odd = _judge(hub, code, order, days)
                counts.update(states)
                troubles += odd
            report(f"{start + len(group)} of {len(orders)} orders: {dict(counts)}, {len(troubles)} deviations")
    wrong = len({line.partition(":")[0] for line in troubles})
    figures = (
        f"{DAYS} bundles in {len(orders)} random orders: {len(orders) - wrong} ended with the newest state"
        f" ({counts['applied']} applied, {counts['superseded']} superseded)"
    )
    return judged(not troubles, figures, troubles)


def _export(day: int, chance: random.Random) -> Files:
    """A day's roster: some go, some are called otherwise; between any two days too little for the guard."""
    base = rosters.roster(60, 20)
    people = rosters.people(base, "st")
    left = rosters.without(base, chance.sample(people, 2))
    return rosters.renamed(left, chance.sample(people, 8), f"{day}")


def _judge(hub: Hub, code: str, order: list[int], days: list[Files]) -> tuple[Counter[str], list[str]]:
    """How the jobs ended and what is wrong: applied are those newer than all before, and the last of them is shown."""
    hub.ended(code, len(order))
    states = [job["state"] for job in reversed(hub.jobs(code))]
    due = ["applied" if day == max(order[: place + 1]) else "superseded" for place, day in enumerate(order)]
    troubles = [f"{code}: {states} instead of {due} for the days {order}"] if states != due else []
    lms = hub.client(code)
    wrong = differences(active(lms.everything()), wanted(days[-1], lms))
    return Counter(states), troubles + [f"{code}: {one}" for one in wrong[:5]]

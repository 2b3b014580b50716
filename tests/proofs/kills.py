"""R1: a bundle is applied once or not at all, whatever phase of its way `kill -9` meets.

Two hubs with the same keys get the same bundles over SFTP. One is left in peace, and its marks tell how long each
phase takes; the other is killed, whole tree, half of the times with the database server, at a random moment of the
phase aimed at, and started again. Then both must hold the same. A kill counts for the phase of the last mark before it.

    python tests/proofs/kills.py --kills 3 --rows 100000 --seed 7
"""

import argparse
import contextlib
import hashlib
import itertools
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg

from oneroster import profiles, sample
from sql import seal
from sql.seal import Sealer
from tests.proofs import contents
from tests.proofs.hub import PATIENCE, Delivery, Fell, Hub

PHASES = ("receive", "stage", "check", "diff", "apply", "commit", "publish", "report")
CHANGES = (4.0, 9.0, 14.0)
"""Percent by which the bundles differ from the first, in turn; little enough for the guard."""
ROWS_A_USER = 13.66
SOON = 30.0
"""Seconds from the restart in which the bundle must be applied."""
LISTED = 60.0
"""Seconds that a delivered file stays listed."""


class Bundle(msgspec.Struct, frozen=True):
    path: Path
    sha256: str


class Strike(msgspec.Struct, frozen=True):
    """One kill and what came of it."""

    phase: str
    """Where it hit; "late" when all was over, "waiting" when it was acknowledged and not yet begun."""
    with_server: bool
    committed: bool
    """Whether the load had been committed before."""
    recovery: float
    lost: bool
    doubled: bool
    troubles: list[str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=3, help="of each phase")
    parser.add_argument("--rows", type=int, default=100_000, help="of a bundle, about")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--url", default="", help="a PostgreSQL to make two databases on; it is never killed itself")
    given = parser.parse_args()
    began = time.monotonic()
    strikes = prove(given.kills, given.rows, given.seed, url=given.url, linger=True)
    print(table(strikes))
    good = passed(strikes, given.kills)
    hits = sum(one.phase in PHASES for one in strikes[1:])
    print(
        f"R1 {'PASS' if good else 'FAIL'} {hits}/{len(PHASES) * given.kills} kill points,"
        f" {sum(one.lost for one in strikes)} lost, {sum(one.doubled for one in strikes)} doubled"
        f" (seed {given.seed}, {time.monotonic() - began:.0f} s)"
    )
    return 0 if good else 1


def prove(kills: int, rows: int, seed: int, *, url: str = "", roles: str = "", linger: bool = False) -> list[Strike]:
    """Kill until each phase has had its share, or three times as often; `linger` to see listed files go.

    `roles` are those that run, all when empty.
    """
    with pair(url, roles) as (calm, struck, sealer), tempfile.TemporaryDirectory() as folder:
        chance = random.Random(seed)
        first, *others = bundles(Path(folder), rows, seed)
        fight = Fight(calm, struck, sealer, chance)
        # A first load takes another way: one kill more, of which no phase's share is made up.
        strikes = [fight.round(first, "apply", with_server=False)]
        shares: Counter[str] = Counter()
        for bundle in itertools.islice(itertools.cycle(others), 3 * kills * len(PHASES)):
            aim = min(PHASES, key=lambda phase: shares[phase])
            if shares[aim] >= kills:
                break
            odd = (shares[aim] + PHASES.index(aim)) % 2 == 1
            strikes.append(fight.round(bundle, aim, with_server=odd and not url))
            shares[strikes[-1].phase] += 1
        if linger:
            fight.see_names_go()
        return strikes


def passed(strikes: list[Strike], kills: int) -> bool:
    """Whether nothing deviated and each phase had its share."""
    hits = Counter(one.phase for one in strikes[1:])
    return not any(one.troubles for one in strikes) and all(hits[phase] >= kills for phase in PHASES)


def table(strikes: list[Strike]) -> str:
    """A line a phase, and one a trouble."""
    lines = ["phase     kills  with server  without  committed before  lost  doubled  slowest recovery"]
    for phase in (*PHASES, "waiting", "late"):
        hits = [one for one in strikes if one.phase == phase]
        if hits or phase in PHASES:
            served = sum(one.with_server for one in hits)
            lines.append(
                f"{phase:9}{len(hits):6}{served:13}{len(hits) - served:9}{sum(one.committed for one in hits):18}"
                f"{sum(one.lost for one in hits):6}{sum(one.doubled for one in hits):9}"
                f"{max((one.recovery for one in hits), default=0.0):16.1f} s"
            )
    lines += [f"  {one.phase}: {trouble}" for one in strikes for trouble in one.troubles]
    return "\n".join(lines)


@contextlib.contextmanager
def pair(url: str, roles: str) -> Iterator[tuple[Hub, Hub, Sealer]]:
    """Two hubs with a tenant and an inbox each, and the same keys, so that their rows can be compared."""
    with contextlib.ExitStack() as stack:
        hubs: list[Hub] = []
        for name in ("calm", "struck"):
            state = Path(tempfile.mkdtemp(prefix=f"rosterhub-{name}-"))
            state.chmod(0o711)  # as root the database runs as another user, who must be able to pass
            hubs.append(Hub(state, stack.enter_context(_database(url)) if url else "", roles))
            stack.callback(hubs[-1].discard)
        calm, struck = hubs
        master = seal.master_key(calm.state / "keys" / "master.key")
        shutil.copytree(calm.state / "keys", struck.state / "keys")
        for hub in hubs:
            hub.start()
        for hub in hubs:
            hub.ready()
            hub.furnish()
        with calm.sql("owner") as conn:
            row = conn.execute("SELECT wrapped_key FROM tenants").fetchone()
            assert row is not None
        with struck.sql("owner") as conn:
            conn.execute("UPDATE tenants SET wrapped_key = %s", [row[0]])
        try:
            yield calm, struck, Sealer(master, row[0])
        except Fell:
            print(f"the log of the struck hub:\n{struck.tail()}", file=sys.stderr)
            raise


@contextlib.contextmanager
def _database(url: str) -> Iterator[str]:
    name = f"kills_{time.time_ns()}"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield psycopg.conninfo.make_conninfo(url, dbname=name)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def bundles(folder: Path, rows: int, seed: int) -> list[Bundle]:
    """The first bundle and its changes, all of one name, as exports of one day are."""
    found = []
    for change in (0.0, *CHANGES):
        path = folder / str(change) / "RO_20260401_011002.zip"
        path.parent.mkdir()
        users = max(20, round(rows / ROWS_A_USER))
        sample.write_sample(path, users, profile=profiles.BY_NAME["jp-1.2.1"], seed=seed, change=change)
        found.append(Bundle(path, hashlib.sha256(path.read_bytes()).hexdigest()))
    return found


class Fight:
    """The two hubs, delivery by delivery."""

    def __init__(self, calm: Hub, struck: Hub, sealer: Sealer, chance: random.Random) -> None:
        self.calm, self.struck, self.sealer, self.chance = calm, struck, sealer, chance
        self.parts = 0
        """Kills within an upload, so that every second one waits for the last byte."""

    def round(self, bundle: Bundle, aim: str, *, with_server: bool) -> Strike:
        """The bundle to both, a kill for one; then they are compared."""
        lengths = self._measure(bundle)
        self.struck.read()
        seen = len(self.struck.kept)
        delivery, victims = self._await(bundle, aim, lengths, with_server=with_server)
        at = self.struck.kill(victims)
        delivery.wait()
        self.struck.read()
        marks = [one.phase for one in self.struck.kept[seen:] if one.event == "phase"]
        restarted = time.time()
        self.struck.start()
        while not delivery.replied:
            if time.time() - restarted > PATIENCE:
                raise Fell("The bundle cannot be delivered again.")
            began = delivery.began
            delivery = Delivery(self.struck, bundle.path)
            delivery.began = began
            delivery.wait()
        self._settle(self.struck, bundle, delivery.began)
        recovery = time.time() - restarted
        committed, reported = self._before(at)
        phase = marks[-1] if marks else "waiting" if delivery.replied_at < at else "receive"
        if phase == "report" and reported:
            phase = "late"
        strike = Strike(phase, with_server, committed, recovery, False, False, [])
        strike = self._compare(bundle, strike, delivery.began)
        print(
            f"{phase}{' with the server' if with_server else ''}: {recovery:.1f} s {strike.troubles or ''}",
            file=sys.stderr,
            flush=True,
        )
        return strike

    def _measure(self, bundle: Bundle) -> dict[str, float]:
        """Deliver in peace; the seconds of each phase, `receive` being what the last byte waits for its answer."""
        self.calm.read()
        seen = len(self.calm.kept)
        delivery = Delivery(self.calm, bundle.path)
        delivery.wait()
        if not delivery.replied:
            raise Fell(f"Not delivered: {delivery.trouble!r}")
        self._settle(self.calm, bundle, delivery.began)
        self.calm.read()
        marks = [one for one in self.calm.kept[seen:] if one.event == "phase"]
        with self.calm.sql() as conn:
            row = conn.execute("SELECT extract(epoch FROM max(reported_at))::float FROM jobs").fetchone()
            assert row is not None
        ends = [*(one.at for one in marks[1:]), row[0]]
        lengths = {one.phase: max(0.002, end - one.at) for one, end in zip(marks, ends, strict=True)}
        if missing := set(PHASES) - {"receive"} - lengths.keys():
            raise Fell(f"No mark of {missing}.")
        return lengths | {"receive": delivery.replied_at - delivery.sent_at}

    def _await(
        self, bundle: Bundle, aim: str, lengths: dict[str, float], *, with_server: bool
    ) -> tuple[Delivery, list[int]]:
        """Deliver to the other, and return at a random moment of the phase, with the processes to kill."""
        pause = self.chance.uniform(0, lengths[aim])
        if aim == "receive":
            self.parts += 1
            size = bundle.path.stat().st_size
            cut = self.chance.randrange(1, size) if self.parts % 2 else None
            delivery = Delivery(self.struck, bundle.path, stop_at=cut)
            victims = self.struck.family(with_server=with_server)
            (delivery.sent if cut is None else delivery.stopped).wait(PATIENCE)
            time.sleep(pause if cut is None else min(pause, 0.1))
            return delivery, victims
        delivery, victims = Delivery(self.struck, bundle.path), []
        end = time.monotonic() + PATIENCE
        while True:
            for one in self.struck.read():
                # Looked up at the first mark, when the load has its backend: some phases are shorter than the look.
                if one.event == "phase" and not victims:
                    victims = self.struck.family(with_server=with_server)
                if one.phase == aim:
                    time.sleep(max(0.0, one.at + pause - time.time()))
                    return delivery, victims
            if time.monotonic() > end:
                raise Fell(f"No mark of {aim}.")
            time.sleep(0.001)

    def _settle(self, hub: Hub, bundle: Bundle, since: float) -> None:
        """Wait until the bundle's jobs have ended and are answered, and its bytes are given back."""

        def settled() -> bool:
            with contextlib.suppress(psycopg.OperationalError, Fell), hub.sql() as conn:
                row = conn.execute(
                    "SELECT count(*) FILTER (WHERE sha256 = %s AND state = 'applied'"
                    " AND received_at > to_timestamp(%s)), count(*) FILTER (WHERE reported_at IS NULL) FROM jobs",
                    [bundle.sha256, since],
                ).fetchone()
                return row is not None and row[0] > 0 and row[1] == 0 and not contents.unreleased(hub.state)
            return False

        hub.until(settled, "The bundle is not applied, or its answer or its bytes are still there.")

    def _before(self, at: float) -> tuple[bool, bool]:
        """Whether the newest revision's load began before that moment, and whether its sender was answered."""
        with self.struck.sql() as conn:
            row = conn.execute(
                "SELECT r.applied_at < to_timestamp(%s), j.reported_at < to_timestamp(%s) FROM revisions r"
                " JOIN jobs j ON (j.tenant_id, j.id) = (r.tenant_id, r.job_id) ORDER BY r.revision DESC LIMIT 1",
                [at, at],
            ).fetchone()
            assert row is not None
            return bool(row[0]), bool(row[1])

    def _compare(self, bundle: Bundle, strike: Strike, since: float) -> Strike:
        """Whether both hold the same, and the struck one is in order."""
        ours, theirs = contents.contents(self.struck, self.sealer), contents.contents(self.calm, self.sealer)
        troubles = [
            f"{name}: {ours.get(name)} but {theirs.get(name)}" for name in theirs if ours.get(name) != theirs[name]
        ]
        with self.struck.sql("viewer") as conn:
            made = conn.execute(
                "SELECT count(*) FROM revisions WHERE applied_at > to_timestamp(%s)", [since]
            ).fetchone()
            states = conn.execute(
                "SELECT id::text, state FROM jobs WHERE received_at > to_timestamp(%s)", [since]
            ).fetchall()
            for words, statement in DISORDER.items():
                if found := conn.execute(statement).fetchall():
                    troubles.append(f"{words}: {found}")
        count = made[0] if made is not None else 0
        ended = Counter(state for _, state in states)
        if ended["applied"] != 1 or ended.keys() - {"applied", "duplicate"}:
            troubles.append(f"jobs of the bundle: {dict(ended)}")
        if strike.recovery > SOON:
            troubles.append(f"applied {strike.recovery:.1f} s after the restart")
        troubles += contents.unanswered(self.struck.state, bundle.path.name, bundle.sha256, {one for one, _ in states})
        troubles += contents.halves(self.struck.state)
        same = all(ours.get(name) == theirs[name] for name in theirs if name not in contents.FACTS)
        return msgspec.structs.replace(strike, lost=count < 1 or not same, doubled=count > 1, troubles=troubles)

    def see_names_go(self) -> None:
        """The last delivered file leaves the upload folder. Raises Fell."""
        wanted = "Delivered files are still listed."
        self.struck.until(lambda: not contents.listed(self.struck.state), wanted, within=LISTED + 20)


DISORDER = {
    "revisions not published": "SELECT revision FROM revisions WHERE published_at IS NULL",
    "published out of order": "SELECT revision FROM (SELECT revision, published_at, lag(published_at)"
    " OVER (ORDER BY revision) AS before FROM revisions) r WHERE published_at <= before",
    "a job with two revisions": "SELECT job_id::text FROM revisions GROUP BY 1 HAVING count(*) > 1",
    "a revision with two jobs": "SELECT revision FROM jobs WHERE state = 'applied' GROUP BY 1 HAVING count(*) > 1",
    "jobs not ended": "SELECT id::text, state FROM jobs WHERE state IN ('received', 'loading')",
    "jobs not answered": "SELECT id::text, state FROM jobs WHERE finished_at IS NOT NULL AND reported_at IS NULL",
    "ended jobs still held": "SELECT id::text FROM jobs WHERE finished_at IS NOT NULL AND worker IS NOT NULL",
    "jobs not audited once each": "SELECT j.id::text, count(a.id) FROM jobs j"
    " LEFT JOIN audit a ON a.target = j.id::text AND a.action = 'job.' || j.state GROUP BY 1 HAVING count(a.id) <> 1",
}
"""What must give no row."""


if __name__ == "__main__":
    sys.exit(main())

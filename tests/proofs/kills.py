"""R1: a bundle is applied once or not at all, whatever phase of its way `kill -9` meets.

Two hubs with the same keys get the same bundles over SFTP. One is left in peace, and its marks tell how long each
phase takes; the other is killed, whole tree, half of the times with the database server, at a random moment of the
phase aimed at, and started again. Then both must hold the same. A kill counts for the phase of the last mark before it.
"""

import concurrent.futures
import contextlib
import hashlib
import itertools
import random
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg

from oneroster import profiles, sample
from sql import seal
from tests.proofs import contents
from tests.proofs.hub import PATIENCE, Delivery, Fell, Hub
from tests.proofs.verdict import Report, Verdict, judged

PHASES = ("receive", "stage", "check", "diff", "apply", "commit", "publish", "report")
KILLS = {"short": 20, "full": 200}
FIGHTS = {"short": 1, "full": 3}
"""Pairs of hubs at the same time: most of a round is waiting for the lease of a dead worker to run out."""
ROWS = 100_000
"""Of a bundle, about."""
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


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """Kill until each phase has had its share."""
    kills, fights = KILLS[scale], FIGHTS[scale]
    made = bundles(folder, ROWS, seed)

    def fight(number: int) -> list[Strike]:
        place = folder / f"fight-{number}"
        place.mkdir(mode=0o711)
        with pair(place, report) as one:
            strikes = one.strikes(made, -(-kills // fights), random.Random(seed + number))
            one.see_names_go()
        return strikes

    with concurrent.futures.ThreadPoolExecutor(fights) as pool:
        return outcome([strike for found in pool.map(fight, range(fights)) for strike in found], kills)


def outcome(strikes: list[Strike], kills: int) -> Verdict:
    """PASS when nothing deviated, there were so many kills, and each phase had its share of them."""
    hits = Counter(one.phase for one in strikes if one.phase in PHASES)
    fair = all(hits[phase] >= share(kills) for phase in PHASES)
    good = not any(one.troubles for one in strikes) and fair and hits.total() >= kills
    figures = (
        f"{hits.total()}/{kills} kill points, {sum(one.lost for one in strikes)} lost,"
        f" {sum(one.doubled for one in strikes)} doubled; each phase hit {min(hits[phase] for phase in PHASES)} times"
        f" or more, applied at most {max(one.recovery for one in strikes):.1f} s after the restart"
    )
    return judged(good, figures, table(strikes))


def share(kills: int) -> int:
    """Kills that each phase must have had."""
    return -(-kills // 10)


def table(strikes: list[Strike]) -> list[str]:
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
    return lines + [f"{one.phase}: {trouble}" for one in strikes for trouble in one.troubles]


@contextlib.contextmanager
def pair(folder: Path, report: Report, roles: str = "") -> Iterator["Fight"]:
    """Two hubs with a tenant and an inbox each, and the same keys, so that their rows can be compared.

    `roles` are those that run, all when empty.
    """
    with contextlib.ExitStack() as stack:
        hubs: list[Hub] = []
        for name in ("calm", "struck"):
            state = folder / name
            state.mkdir(mode=0o711)  # as root the database runs as another user, who must be able to pass
            hubs.append(Hub(state, roles))
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
            yield Fight(calm, struck, contents.Opener(master, row[0]), report)
        except Fell:
            report(f"the log of the struck hub:\n{struck.tail()}")
            raise


def bundles(folder: Path, rows: int, seed: int) -> list[Bundle]:
    """The first bundle and its changes, all of one name, as exports of one day are.

    One has a blemish: it is read whole, and so is the next one; any other is compared with the one before.
    """
    found = []
    for change in (0.0, *CHANGES):
        path = folder / str(change) / "RO_20260401_011002.zip"
        path.parent.mkdir()
        users = max(20, round(rows / ROWS_A_USER))
        sample.write_sample(path, users, profile=profiles.BY_NAME["jp-1.2.1"], seed=seed, change=change)
        if change == CHANGES[1]:
            _spoil(path)
        found.append(Bundle(path, hashlib.sha256(path.read_bytes()).hexdigest()))
    return found


def _spoil(path: Path) -> None:
    """Lines end in LF, a warning."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text.replace(b"\r\n", b"\n"))


class Fight:
    """The two hubs, delivery by delivery."""

    def __init__(self, calm: Hub, struck: Hub, opener: contents.Opener, report: Report) -> None:
        self.calm, self.struck, self.opener, self.report = calm, struck, opener, report
        self.chance = random.Random()
        self.parts = 0
        """Kills within an upload, so that every second one waits for the last byte."""

    def strikes(self, made: list[Bundle], kills: int, chance: random.Random) -> list[Strike]:
        """So many kills, and each phase's share of them; or half as many again, and then it was not to be had."""
        self.chance = chance
        first, *others = made
        # A first load takes another way: one kill more, of which no phase's share is made up.
        found = [self.round(first, "apply", with_server=False)]
        hits: Counter[str] = Counter()
        for bundle in itertools.islice(itertools.cycle(others), max(3 * len(PHASES), kills + kills // 2)):
            aim = min(PHASES, key=lambda phase: hits[phase])
            if sum(hits[phase] for phase in PHASES) >= kills and hits[aim] >= share(kills):
                break
            odd = (hits[aim] + PHASES.index(aim)) % 2 == 1
            found.append(self.round(bundle, aim, with_server=odd))
            hits[found[-1].phase] += 1
        return found

    def round(self, bundle: Bundle, aim: str, *, with_server: bool) -> Strike:
        """The bundle to both, a kill for one; then they are compared."""
        lengths = self.measure(bundle)
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
        self.settle(self.struck, bundle, delivery.began)
        recovery = time.time() - restarted
        committed, reported = self._before(at)
        phase = marks[-1] if marks else "waiting" if delivery.replied_at < at else "receive"
        if phase == "report" and reported:
            phase = "late"
        strike = Strike(phase, with_server, committed, recovery, False, False, [])
        strike = self.compare(bundle, strike, delivery.began)
        server = " with the server" if with_server else ""
        self.report(f"{phase}{server}: {recovery:.1f} s {strike.troubles or ''}")
        return strike

    def measure(self, bundle: Bundle) -> dict[str, float]:
        """Deliver in peace; the seconds of each phase, `receive` being what the last byte waits for its answer."""
        self.calm.read()
        seen = len(self.calm.kept)
        delivery = Delivery(self.calm, bundle.path)
        delivery.wait()
        if not delivery.replied:
            raise Fell(f"Not delivered: {delivery.trouble!r}")
        self.settle(self.calm, bundle, delivery.began)
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

    def settle(self, hub: Hub, bundle: Bundle, since: float) -> None:
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

    def compare(self, bundle: Bundle, strike: Strike, since: float) -> Strike:
        """Whether both hold the same, and the struck one is in order."""
        ours, theirs = contents.contents(self.struck, self.opener), contents.contents(self.calm, self.opener)
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

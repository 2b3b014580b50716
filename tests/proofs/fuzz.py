"""S10: the API withstands abuse. Filters, sorts and fields without sense, and a client that is too fast.

Half of the queries are made of the pieces that the grammar has, well or badly put together, so that statements do work;
the others are text of every script, percent signs, and bytes. How long statements take is seen from outside, in
pg_stat_activity, beside the time to the answer. The hub ends what takes longer than 2 s, and then says 503.
"""

import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, quote_from_bytes, urlsplit

from tests.proofs import rosters, twins
from tests.proofs.standing import database, standing
from tests.proofs.verdict import Report, Verdict, judged
from tests.proofs.wire import Wire
from tests.story import oracle
from tests.story.bundles import write
from tests.story.hub import Hub
from tests.story.lms import Lms

REQUESTS = {"short": 3000, "full": 1_000_000}
CLIENTS = 4
STUDENTS = 1800
LONGEST = 2.0
"""Seconds that a statement may take ..."""
SEEN = 0.25
"""... and how much later we may see it: we look each 50 ms, and from the beginning of the message it came in."""
MOST_503 = 0.001
RATE, BURST = 120, 20
"""A minute, and at once, of the client that is too fast."""
BASES = ("/ims/oneroster/rostering/v1p2", "/v1p2")
ONES = {"orgs": "d-1", "academicSessions": "y-1", "gradingPeriods": "g-1", "enrollments": "e-st-00001",
        "demographics": "st-00001", "classes": "c-000", "courses": "co-1", "schools": "s-1", "students": "st-00001",
        "teachers": "te-00001", "terms": "t-1", "users": "st-00001"}  # fmt: skip
"""An id of each kind."""
PREDICATES = ("=", "!=", ">", ">=", "<", "<=", "~", "==", "=>", "<>", " = ", "%", "", "LIKE", "!~")
JOINS = (" AND ", " OR ", " and ", "AND", " AND OR ", "  AND  ", ";", " NOT ", "+AND+", "\t")
VALUES = (
    "", "active", "tobedeleted", "true", "2026-04-01", "2026-04-01T00:00:00.000Z", "0000-00-00",
    "9999-12-31T23:59:60Z", "-1", "1e400", "NaN", "st-00001", "s-1", "山田", "太郎", "Ä", "ß", "İ", "ﬁ",
    "\u0000", "\ufeff", "\u202e", "\U0001f600",
    "e\u0301", "%", "%%", "%(tenant)s", "_", "\\", "\\'", "''", "'", "\"", "{}", "{a,b}", "[1]", "null", "1' OR '1'='1",
    "'; DROP TABLE users; --", "$1", "${x}", "a" * 2000, "a," * 500, "$.a", "@", "#", "&", ";", "\r\nX: y",
)  # fmt: skip
MEMBERS = sorted({name for facts in oracle.MEMBERS.values() for name in facts})
BELOW = (
    "sourcedId",
    "href",
    "type",
    "org",
    "role",
    "whose",
    "jp",
    "credentials",
    "username",
    "identifier",
    "0",
    "*",
    "",
)


NESTED = {name for facts in oracle.MEMBERS.values() for name, fact in facts.items() if fact["type"] != "string"}


def _filled(path: str) -> str:
    """The path of an operation with ids that are there."""
    parts = path.split("/")
    return "/".join(ONES[parts[at - 1]] if part.startswith("{") else part for at, part in enumerate(parts))


class Fuzz:
    """Targets, by chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._places = [(base + _filled(one["path"]), one["element"]) for base in BASES for one in twins.OPERATIONS]
        self._own: list[str] = []
        """The members of what is asked for just now."""

    def target(self) -> bytes:
        """Path and query, with no byte in it that would end the line."""
        chance = self._chance
        path, element = chance.choice(self._places)
        self._own = sorted(oracle.MEMBERS[element])
        names = ["filter", "sort", "fields"]
        if chance.random() < 0.2:
            names += chance.choices(
                ("orderBy", "limit", "offset", "filter", "revision", "after", "modifiedSince", "x"), k=2
            )
        chosen = chance.sample(names, chance.randint(1, min(3, len(names))))
        if chance.random() < 0.7 and "filter" not in chosen:
            chosen.append("filter")
        return (
            path.encode() + b"?" + b"&".join(name.encode() + b"=" + self._coded(self._value(name)) for name in chosen)
        )

    def _value(self, name: str) -> str | bytes:
        chance = self._chance
        if chance.random() < 0.1:
            return chance.randbytes(chance.randint(0, 60))
        if chance.random() < 0.1:
            return self._text()
        match name:
            case "filter":
                return self._filter()
            case "fields":
                return ",".join(self._member() for _ in range(chance.randint(0, 6)))
            case "orderBy":
                return chance.choice(("asc", "desc", "ASC", "up"))
            case "limit" | "offset" | "revision":
                return chance.choice(
                    ("1", "0", "10", "100", "10000", "2147483647", "2147483648", "-1", "1.0", "٣", "9" * 30)
                )
            case "modifiedSince":
                return chance.choice(VALUES)
            case _:
                return self._member()

    def _filter(self) -> str:
        chance = self._chance
        found = self._clause()
        join = chance.choice(JOINS[:2]) if chance.random() < 0.8 else chance.choice(JOINS)
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 5, 19, 25))):
            found += (join if chance.random() < 0.95 else chance.choice(JOINS)) + self._clause()
        if chance.random() < 0.1:
            at = chance.randrange(len(found) + 1)
            found = found[:at] + self._text() + found[at + chance.randint(0, 3) :]
        return found

    def _clause(self) -> str:
        chance = self._chance
        predicate = chance.choice(PREDICATES[:7] if chance.random() < 0.9 else PREDICATES)
        value = chance.choice(VALUES) if chance.random() < 0.8 else self._text()
        mark = "'" if chance.random() < 0.95 else chance.choice(("", '"', "''", "\u2019", "`"))
        return f"{self._member()}{predicate}{mark}{value}{mark}"

    def _member(self) -> str:
        chance = self._chance
        dice = chance.random()
        if dice < 0.9:
            found = chance.choice(self._own)
        else:
            found = chance.choice((*MEMBERS, "", "password", "tenant_id", "*", self._text()))
        if chance.random() < (0.9 if found in NESTED else 0.05):
            found += "".join(f".{one}" for one in chance.choices(BELOW, k=chance.choice((1, 1, 1, 1, 2, 9))))
        return found

    def _text(self) -> str:
        """Characters of any plane, without surrogates."""
        chance = self._chance
        planes = ((0x20, 0x7F), (0, 0x20), (0x80, 0x250), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xE000, 0x10FFFF))
        return "".join(chr(chance.randint(*chance.choice(planes))) for _ in range(chance.randint(0, 30)))

    def _coded(self, value: str | bytes) -> bytes:
        chance = self._chance
        if isinstance(value, bytes):
            # As they are, but for those that would end the line; or each behind a percent sign.
            if chance.random() < 0.5:
                return bytes(byte for byte in value if byte not in b"\r\n \0\t#")
            return quote_from_bytes(value).encode()
        coded = quote(value, safe=chance.choice(("", "'=,.", "%" if chance.random() < 0.1 else "")))
        return coded.encode()


class Tally:
    """What was answered, to one client."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0
        self.cut = 0
        """Connections that ended without an answer."""
        self.amiss: list[str] = []
        self.rows = 0
        """Answers with records in them: the queries are not all nonsense."""


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """The queries from several clients at once, then the one that is too fast."""
    with standing(folder) as hub:
        hub.tenant("fuzz")
        bundle = write(folder / "bundle.zip", twins.with_terms(rosters.roster(STUDENTS, 150, 50, 60)))
        assert hub.shown("ingest", "fuzz", str(bundle), "--wait")["state"] == "applied"
        clients = [hub.client("fuzz") for _ in range(CLIENTS)]
        each = REQUESTS[scale] // CLIENTS
        began = time.monotonic()
        with _watched(hub) as longest, ThreadPoolExecutor(CLIENTS) as threads:
            tellers = [report, *[_silent] * (CLIENTS - 1)]
            tallies = list(threads.map(_sent, clients, [each] * CLIENTS, range(seed, seed + CLIENTS), tellers))
        seconds = time.monotonic() - began
        report(f"answered in {seconds:.0f} s")
        amiss = [one for tally in tallies for one in tally.amiss] + _logged(hub)
        too_fast, odd = _too_fast(hub)
        amiss += odd
    statuses = sum((tally.statuses for tally in tallies), Counter[int]())
    answered, cut = statuses.total(), sum(tally.cut for tally in tallies)
    if statuses[503] >= MOST_503 * answered:
        amiss.append(f"{statuses[503]} answers 503")
    if longest[0] > LONGEST + SEEN:
        amiss.append(f"a statement of {longest[0]:.1f} s")
    errors = sum(count for status, count in statuses.items() if status >= 500 and status != 503)
    said = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    figures = (
        f"{answered} queries answered ({said}; {sum(tally.rows for tally in tallies)} with records) at"
        f" {answered / seconds:.0f}/s: {errors} server errors, {cut} without answer, longest statement seen"
        f" {longest[0]:.2f} s, slowest answer {max(tally.slowest for tally in tallies):.2f} s; {too_fast}"
    )
    return judged(not amiss and not errors and not cut and answered == each * CLIENTS, figures, amiss[:20])


def _silent(_text: str) -> None:
    pass


def _sent(lms: Lms, count: int, seed: int, report: Callable[[str], None]) -> Tally:
    """So many queries on one connection."""
    fuzz, tally = Fuzz(random.Random(seed)), Tally()
    wire = Wire(urlsplit(lms.base).netloc, lms.token)
    with contextlib.closing(wire):
        for number in range(count):
            target = fuzz.target()
            began = time.monotonic()
            try:
                answer = wire.ask(target)
            except (OSError, EOFError, ValueError, KeyError) as error:
                wire.close()
                tally.cut += 1
                tally.amiss.append(f"{target!r}: {error!r}")
                continue
            tally.slowest = max(tally.slowest, time.monotonic() - began)
            tally.statuses[answer.status] += 1
            tally.rows += answer.status == 200 and len(answer.body) > 60
            if answer.status >= 500:
                tally.amiss += [f"{answer.status} {target!r}"] if answer.status != 503 else []
                if answer.status == 503 and "retry-after" not in answer.headers:
                    tally.amiss.append(f"503 without Retry-After: {target!r}")
            if number % 10_000 == 0:
                report(f"{number} of {count}: {dict(tally.statuses)}, slowest {tally.slowest:.2f} s")
    return tally


@contextlib.contextmanager
def _watched(hub: Hub) -> Iterator[list[float]]:
    """Meanwhile the longest statement of the hub is looked for; it is the only item."""
    longest, over = [0.0], threading.Event()

    def watch() -> None:
        with database(hub) as conn:
            while not over.wait(0.05):
                row = conn.execute(
                    "SELECT max(extract(epoch FROM clock_timestamp() - query_start))::float FROM pg_stat_activity"
                    " WHERE state = 'active' AND application_name = 'rosterhub' AND pid <> pg_backend_pid()"
                ).fetchone()
                longest[0] = max(longest[0], row[0] or 0.0 if row else 0.0)

    thread = threading.Thread(target=watch, name="watch")
    thread.start()
    try:
        yield longest
    finally:
        over.set()
        thread.join()


def _logged(hub: Hub) -> list[str]:
    """Errors in the daemon's log."""
    lines = [json.loads(line) for line in hub.log.read_text().splitlines() if line.startswith("{")]
    return [f"logged: {one['event']}" for one in lines if one.get("level") in ("error", "critical")]


def _too_fast(hub: Hub) -> tuple[str, list[str]]:
    """A client with a rate: how often it was refused, and what was odd about it."""
    lms, odd = hub.client("fuzz"), []
    with database(hub) as conn:
        conn.execute("UPDATE clients SET rate = %s, burst = %s WHERE client_id = %s", [RATE, BURST, lms.words[2]])
    statuses: Counter[int] = Counter()
    with contextlib.closing(Wire(urlsplit(lms.base).netloc, lms.token)) as wire:
        for number in range(5 * BURST):
            answer = wire.ask(f"{BASES[0]}/orgs?limit={number % 7 + 1}")
            statuses[answer.status] += 1
            if answer.status == 429:
                wait = answer.headers.get("retry-after", "")
                if not wait.isdigit() or int(wait) < 1:
                    odd.append(f"429 with Retry-After {wait!r}")
        time.sleep(int(wait))
        if (status := wire.ask(f"{BASES[0]}/orgs").status) != 200:
            odd.append(f"{status} after the time to wait")
    if statuses.keys() != {200, 429} or statuses[200] > BURST + 10:
        odd.append(f"of {5 * BURST} requests of a client with a burst of {BURST}: {dict(statuses)}")
    return f"{statuses[429]} of {5 * BURST} requests of a client that is too fast 429 with Retry-After", odd

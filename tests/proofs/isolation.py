"""S1: tenants cannot see each other. With a good token A asks for all that B has, by every operation.

Half of B's ids are A's, too, for other records. Of an id that only B has an answer must be 404, of a filter by it an
empty list, of a shared id A's own record; and no body may hold the word that stands in each row of B. B asks for
the same addresses before, so that whatever a process keeps in memory of B lies ready. The other half is `catalogue.py`.
"""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from tests.proofs import catalogue, rosters, twins
from tests.proofs.standing import Shown, database, standing
from tests.proofs.twins import OPERATIONS, Twins
from tests.proofs.verdict import Report, Verdict, judged
from tests.proofs.wire import Answer, Wire
from tests.story import oracle
from tests.story.bundles import Files, write
from tests.story.lms import Lms

CALLS = {"short": 2000, "full": 10_000}
STUDENTS = 300
BASES = ("/ims/oneroster/rostering/v1p2", "/v1p2")
"""The standard's service, and the convenience view."""
DRESSED = ("", "?limit=7", "?fields=sourcedId", "?filter=status%3D%27active%27", "?sort=sourcedId&orderBy=desc",
           "?revision=1", "?revision=1&offset=0&after=0.b-", "?limit=1000&offset=1")  # fmt: skip
"""What a call for B's ids may bear besides."""
BY_ID = {
    "orgs": ("sourcedId", "parent.sourcedId"),
    "academicSessions": ("sourcedId", "parent.sourcedId"),
    "courses": ("sourcedId", "org.sourcedId", "schoolYear.sourcedId"),
    "classes": ("sourcedId", "course.sourcedId", "school.sourcedId", "terms.sourcedId"),
    "users": ("sourcedId", "roles.org.sourcedId"),
    "enrollments": ("sourcedId", "user.sourcedId", "class.sourcedId", "school.sourcedId"),
    "demographics": ("sourcedId",),
}
"""What a collection may be filtered by."""
REFERS = {"org": "orgs", "course": "courses", "school": "schools", "user": "users", "class": "classes",
          "terms": "terms", "schoolYear": "terms"}  # fmt: skip
"""Of what kind the ids are that a member refers to, where it is not the collection's own."""


class Call(msgspec.Struct, frozen=True):
    """One call of A, and what must come of it."""

    target: str
    of: str
    """The collection that the records asked for are of."""
    status: int
    wanted: dict[str, oracle.Record] | None = None
    """The records, where all are told; a 200 without them must show nothing but ours."""


class Asked(msgspec.Struct, frozen=True):
    """What there is to ask for: records by id by collection."""

    ours: Shown
    theirs: Shown
    mark: str

    def foreign(self, name: str) -> list[str]:
        return sorted(self.theirs[name].keys() - self.ours[name].keys())

    def calls(self, chance: random.Random) -> Iterator[Call]:
        """One after the other, operation by operation, without end."""
        while True:
            for operation in OPERATIONS:
                base = BASES[chance.random() < 0.2]
                path, places = operation["path"], twins.owners(operation["path"])
                of = operation["key"] if operation["many"] else places[0]
                yield (
                    self._filtered(base, path, places, of, chance)
                    if operation["many"]
                    else (self._foreign(base, path, places, of, chance))
                )
                if operation["many"]:
                    yield self._pinned(base, path, places, of, chance)
                if places:
                    yield self._foreign(base, path, places, of, chance)
                    yield self._shared(base, path, places, of, chance)

    def _foreign(self, base: str, path: str, places: list[str], of: str, chance: random.Random) -> Call:
        """At least one id is B's alone."""
        which = chance.randrange(len(places))
        ids = [
            chance.choice(self.foreign(name) if at == which or chance.random() < 0.3 else sorted(self.ours[name]))
            for at, name in enumerate(places)
        ]
        return Call(base + twins.address(path, ids) + chance.choice(DRESSED), of, 404)

    def _shared(self, base: str, path: str, places: list[str], of: str, chance: random.Random) -> Call:
        """All ids are those of both; the records must be ours."""
        ids = [chance.choice(sorted(self.ours[name].keys() & self.theirs[name].keys())) for name in places]
        wanted = {ids[0]: self.ours[of][ids[0]]} if path.endswith("{sourcedId}") else None
        return Call(base + twins.address(path, ids) + chance.choice(("", "?limit=1000")), of, 200, wanted)

    def _pinned(self, base: str, path: str, places: list[str], of: str, chance: random.Random) -> Call:
        """A revision that only B has."""
        ids = [chance.choice(sorted(self.ours[name].keys() & self.theirs[name].keys())) for name in places]
        return Call(f"{base}{twins.address(path, ids)}?revision=2", of, 400)

    def _filtered(self, base: str, path: str, places: list[str], of: str, chance: random.Random) -> Call:
        """A collection of ours, by what only B has."""
        ids = [chance.choice(sorted(self.ours[name])) for name in places]
        member = chance.choice(BY_ID[of])
        owner = REFERS.get(member.split(".")[-2], of) if "." in member else of
        clause = f"{member}='{chance.choice(self.foreign(owner))}'"
        if chance.random() < 0.3:
            clause = f"metadata.whose{chance.choice('=~')}'{self.mark}'"
        end = chance.choice(("", "&limit=3", "&sort=sourcedId&orderBy=desc", "&fields=sourcedId,metadata"))
        return Call(f"{base}{twins.address(path, ids)}?filter={quote(clause)}{end}", of, 200, {})


class Tally:
    """What came of A's calls."""

    def __init__(self) -> None:
        self.answered = self.rows = 0
        self.statuses: Counter[int] = Counter()
        self.amiss: list[str] = []

    def judge(self, call: Call, answer: Answer, asked: Asked, key: str) -> None:
        """Count an answer, and what is foreign or odd in it."""
        self.answered += 1
        self.statuses[answer.status] += 1
        foreign = answer.body.count(asked.mark.encode())
        if answer.status == 200:
            (found,) = [value for name, value in answer.json.items() if name != "pagination"]
            records = found if isinstance(found, list) else [found]
            shown = {one["sourcedId"]: oracle.comparable(one) for one in records}
            known = asked.ours[key]
            foreign += sum(one != oracle.comparable(known.get(name, {})) for name, one in shown.items())
            if call.wanted is not None and shown.keys() != call.wanted.keys():
                self.amiss.append(f"{call.target}: {sorted(shown)} instead of {sorted(call.wanted)}")
            if call.wanted == {} and answer.headers["x-total-count"] != "0":
                self.amiss.append(f"{call.target}: a total of {answer.headers['x-total-count']}")
        self.rows += foreign
        if foreign:
            self.amiss.append(f"{call.target}: {foreign} rows of B")
        if answer.status != call.status:
            self.amiss.append(f"{call.target}: {answer.status} instead of {call.status}")


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """The catalogue with two tenants' partitions in it, then the calls."""
    chance = random.Random(seed)
    made = Twins(STUDENTS, chance)
    with standing(folder) as hub:
        for code, files in (("ours", made.ours), ("theirs", made.theirs), ("theirs", _moved(made.theirs))):
            if code not in {one["code"] for one in hub.shown("tenant", "list")}:
                hub.tenant(code)
            bundle = write(folder / "bundle.zip", files)
            assert hub.shown("ingest", code, str(bundle), "--wait")["state"] == "applied"
        with database(hub) as conn:
            amiss, looked = catalogue.look(conn)
        report(f"the catalogue: {looked}, {len(amiss)} amiss")
        a, b = hub.client("ours"), hub.client("theirs")
        ours, theirs = oracle.expected(made.ours, a.base), oracle.expected(made.theirs, a.base)
        tally = _called(Asked(ours, theirs, made.mark), a, b, CALLS[scale], chance)
    amiss += tally.amiss
    figures = (
        f"{tally.answered} calls with A's token answered: {tally.statuses[404]} for ids that only B has, all 404, the"
        f" others by shared ids, filters and B's revision; {tally.rows} rows of B; catalogue: {looked},"
        f" {len(amiss)} amiss"
    )
    return judged(not amiss, figures, amiss[:20])


def _moved(files: Files) -> Files:
    """A second revision of B, so that there is one that A has not."""
    return rosters.renamed(files, [files["users"][1]["sourcedId"]], "二")


def _called(asked: Asked, a: Lms, b: Lms, count: int, chance: random.Random) -> Tally:
    """So many calls of A, before many of which B asks the same."""
    tally, place = Tally(), urlsplit(a.base).netloc
    mine, other = Wire(place, a.token), Wire(place, b.token)
    try:
        for call in itertools.islice(asked.calls(chance), count):
            given: dict[str, str] = {}
            for _ in range(chance.choice((0, 0, 1, 3))):
                tag = other.ask(call.target).headers.get("etag", "")
                given = {"If-None-Match": tag} if tag and chance.random() < 0.5 else {}
            tally.judge(call, mine.ask(call.target, given), asked, call.of)
    finally:
        mine.close()
        other.close()
    return tally

"""QUERY: a filter, sort, field selection and page mean what the standard says.

What a hub answers to queries that Hypothesis draws (drafts.py) is compared with what evaluator.py makes of the records
that the hub gives without a query.
"""

import json
import random
import re
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.proofs import collisions, drafts, evaluator
from tests.proofs.drafts import Asked, Place
from tests.proofs.evaluator import Page, Record
from tests.proofs.standing import standing
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import write
from tests.story.lms import Answer, Lms

ANSWERS = {"short": 1000, "full": 20_000}
FOLLOWED = 2
"""As many pages are asked for by the links of the one before."""
OPERATIONS = json.loads((Path(__file__).parents[1] / "standard" / "operations.json").read_text())
WHOLE = [one for one in OPERATIONS if one["many"] and "{" not in one["path"]]
NESTED = ("getTeachersForClass", "getClassesForSchool", "getEnrollmentsForSchool", "getStudentsForSchool",
          "getTermsForSchool", "getClassesForTerm", "getClassesForUser")  # fmt: skip
SHOWN = 1500
"""Of an address longer than this the links but `next` may be left out."""


class Tally:
    """What was compared, and what came of it."""

    def __init__(self) -> None:
        self.answers = self.refused = self.filled = 0
        self.addresses: set[str] = set()
        self.different: list[str] = []


def prove(scale: str, number: int, folder: Path, report: Report) -> Verdict:
    """So many answers of a hub that has loaded three bundles."""
    tally = Tally()
    with standing(folder) as hub:
        hub.tenant("queries", "base-1.2")
        lms = hub.client("queries")
        for revision, files in enumerate(collisions.history(), start=1):
            bundle = write(folder / f"{revision}.zip", files)
            job: dict[str, Any] = hub.shown("ingest", "queries", str(bundle), "--wait")
            assert job["state"] == "applied" and job["revision"] == revision, job
        places = everywhere(lms)
        report(f"{sum(len(one.records) for one in places)} records in {len(places)} places")

        def judge(asked: Asked) -> None:
            if tally.answers < ANSWERS[scale]:
                tally.different += compare(lms, asked, tally)  # none of them ends the proof

        while (left := ANSWERS[scale] - tally.answers) > 0:
            drawn(places, judge, min(left, 1000), number + tally.answers)
            report(f"{tally.answers} answers, {len(tally.different)} different")
    equal = tally.answers - len(tally.different)
    figures = (
        f"{tally.answers} answers to {len(tally.addresses)} queries compared, {equal} equal: {tally.filled} with"
        f" records, {tally.refused} refused as due, {len(tally.different)} different"
    )
    return judged(not tally.different, figures, [one[:600] for one in tally.different[:40]])


def drawn(places: Sequence[Place], judge: Callable[[Asked], None], count: int, number: int) -> None:
    """Have so many queries judged, the same ones for the same number."""
    suppressed = list(HealthCheck)

    @seed(number)
    @settings(max_examples=count, database=None, deadline=None, suppress_health_check=suppressed, phases=PHASES)
    @given(drafts.queries(places))
    def each(asked: Asked) -> None:
        judge(asked)

    each()


PHASES = (Phase.generate, Phase.shrink)


# What is asked


def everywhere(lms: Lms) -> list[Place]:
    """Every collection with its records, some that hang on others, and a few single records."""
    found = [_place(lms, one["path"], one) for one in WHOLE]
    records = {place.path: place.records for place in found}
    chance = random.Random(3)
    for one in OPERATIONS:
        if one["operationId"] in NESTED:
            _, collection, _, last = one["path"].split("/")
            usual = max(
                (_place(lms, f"/{collection}/{_quoted(parent)}/{last}", one) for parent in _ids(records, collection)),
                key=lambda place: len(place.records),
            )
            found.append(usual)
    for place in found[: len(WHOLE)]:
        record = chance.choice(place.records)
        path = f"{place.path}/{_quoted(record['sourcedId'])}"
        single = next(
            one["key"] for one in OPERATIONS if not one["many"] and one["path"] == f"{place.path}/{{sourcedId}}"
        )
        found.append(Place(path, single, place.element, [record], place.values, single=True))
    return found


def _ids(records: dict[str, list[Record]], collection: str) -> list[str]:
    return [one["sourcedId"] for one in records[f"/{collection}"][:12]]


def _quoted(sourced_id: str) -> str:
    return urllib.parse.quote(sourced_id, safe="")


def _place(lms: Lms, path: str, operation: dict[str, Any]) -> Place:
    records: list[Record] = []
    for answer in lms.pages(path, limit=100):
        records += answer.json[operation["key"]]
    values = {
        member: sorted({value for record in records for value in _values(record, member.split("."))})
        for member in drafts.members(operation["element"])
    }
    return Place(path, operation["key"], operation["element"], records, values)


def _values(value: Any, path: Sequence[str]) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _values(one, path)
    elif isinstance(value, dict) and path:
        yield from _values(value.get(path[0]), path[1:])
    elif isinstance(value, str) and not path:
        yield value


# What is answered


def compare(lms: Lms, asked: Asked, tally: Tally) -> Iterator[str]:
    """Ask, and follow `next`; a line for each answer that is not as it should be."""
    place, pairs = asked.place, asked.pairs
    address = f"{place.path}?{asked.sent}" if asked.sent else place.path
    for _ in range(1 + FOLLOWED):
        answer = lms.get(address)
        tally.answers += 1
        tally.addresses.add(address)
        due = evaluator.answer(place.element, place.records, pairs)
        wrong = _trouble(answer, due) if isinstance(due, set) else _deviation(answer, due, place, pairs)
        if wrong:
            yield f"{place.path} {pairs!r}: {wrong}"
            return
        if isinstance(due, set):
            tally.refused += 1
            return
        tally.filled += bool(due.records)
        if answer.next is None:
            return
        address = answer.next
        pairs = [(name, value) for name, value in pairs if name != "offset"] + [("offset", str(due.links["next"]))]


def _trouble(answer: Answer, codes: set[str]) -> str:
    """What is wrong with a refusal (2.7, 3.1)."""
    if answer.status != 400:
        return f"{answer.status}, not 400 for {codes}: {answer.body[:300]!r}"
    body = answer.json
    (field,) = body["imsx_CodeMinor"]["imsx_codeMinorField"]
    if (body["imsx_codeMajor"], body["imsx_severity"]) != ("failure", "error"):
        return f"{body}"
    return "" if field["imsx_codeMinorFieldValue"] in codes else f"{field}, not {codes}"


def _deviation(answer: Answer, due: Page, place: Place, pairs: Sequence[tuple[str, str]]) -> str:
    """What is wrong with a page, or a single record."""
    if answer.status != 200:
        return f"{answer.status}, not 200: {answer.body[:300]!r}"
    body = answer.json
    if body != {place.key: due.records[0] if place.single else due.records}:
        found = body.get(place.key, body)
        if not place.single and [_id(one) for one in found] != [_id(one) for one in due.records]:
            return f"{[_id(one) for one in found]} instead of {[_id(one) for one in due.records]}"
        return f"{found} instead of {due.records}"
    if place.single:
        return ""
    if answer.headers["X-Total-Count"] != str(due.total):
        return f"X-Total-Count {answer.headers['X-Total-Count']}, not {due.total}"
    return _astray(answer, due, place, pairs)


def _id(record: Record) -> Any:
    return record.get("sourcedId", record)


def _astray(answer: Answer, due: Page, place: Place, pairs: Sequence[tuple[str, str]]) -> str:
    """What is wrong with the links: where they lead, and what else they ask for (2.3)."""
    links = {name: address for address, name in re.findall(r'<([^>]*)>; *rel="(\w+)"', answer.headers.get("Link", ""))}
    others = sorted((name, value) for name, value in pairs if name not in ("limit", "offset"))
    for name, address in links.items():
        parts = urllib.parse.urlsplit(address)
        query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        offset = int(next((value for given, value in query if given == "offset"), "0"))
        limit = min(int(next((value for given, value in query if given == "limit"), "100")), evaluator.MOST_RECORDS)
        rest = sorted(one for one in query if one[0] not in ("limit", "offset", "revision", "after"))
        if not parts.scheme or not parts.path.endswith(place.path):
            return f"{name} leads to {address}"
        if (name in due.links and offset != due.links[name]) or limit != due.limit or rest != others:
            return f"{name} leads to {address}, not to {due.links.get(name)} by {due.limit}"
    if links.keys() == due.links.keys():
        return ""
    long = len(urllib.parse.urlencode(pairs)) > SHOWN - 200
    expected = {"next"} & due.links.keys()
    return "" if long and links.keys() == expected else f"links {sorted(links)}, not {sorted(due.links)}"

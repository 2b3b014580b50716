"""OAS: all 41 operations are as the official document says. A hub with two rosters is asked in every way, and judged.

Who asks (`questions`) knows of each request whether it is right; the judge (`document`) is the official OpenAPI
document with the sheet's rules. Neither uses anything of the product.
"""

import http.client
import itertools
import os
import random
import urllib.parse
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from tests.proofs import rare
from tests.proofs.clauses import OK
from tests.proofs.document import Deviates, Document
from tests.proofs.questions import SCOPES, Asker, Known, Question
from tests.proofs.standing import standing
from tests.proofs.verdict import Report, Verdict, judged, not_run
from tests.story import bundles
from tests.story.bundles import Files
from tests.story.hub import Hub
from tests.story.lms import PATIENCE, Answer

REQUESTS = {"short": 1000, "full": 10_000}
PEOPLE = 300
"""Users of the generated roster."""
LEFT = 6
"""Of them are gone in the second bundle."""
NEVER = {
    *("User.password", "Credential.password"),  # are not kept
    *("Class.resources", "Course.resources"),  # come from files of another service
    *("Org.metadata", "AcademicSession.metadata", "Course.metadata", "Demographics.metadata"),  # no profile has them
}
"""Members that no answer can have."""


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """So many requests, spread over the operations and both tenants."""
    place = os.environ.get("OPENAPI", "")
    if not place or not Path(place).is_file():
        return not_run("the official document is not here; OPENAPI=FILE names it")
    document, chance = Document(Path(place)), random.Random(seed)
    statuses: Counter[int] = Counter()
    filled: set[str] = set()
    deviations: list[str] = []
    with standing(folder) as hub:
        clients = {"jp": _japanese(hub, folder), "rare": _rare(hub, folder)}
        askers = [(_tokens(hub, code), known) for code, known in clients.items()]
        origin = urllib.parse.urlsplit(hub.client("jp").base).netloc
        with Connection(origin) as connection:
            made = _questions(document, [Asker(document, known, tokens, chance) for tokens, known in askers])
            links: list[Question] = []
            for number in range(1, REQUESTS[scale] + 1):
                question = links.pop() if links else next(made)
                answer = connection.ask(question)
                statuses[answer.status] += 1
                try:
                    if document.judge(answer, question.expected, head=question.method == "HEAD"):
                        filled.add(question.expected.operation.name)
                    if answer.next is not None and chance.random() < 0.2:
                        links.append(_followed(answer.next, question))
                except Deviates as error:
                    deviations.append(f"{question.method} {question.target[:400]}: {error}")
                if number % 1000 == 0:
                    report(f"{number} answers, {len(deviations)} deviations")
    unseen = set(document.unseen)
    empty = {one.name for one in document.operations} - filled
    broken = sum(count for status, count in statuses.items() if status >= 500)
    figures = (
        f"{statuses.total()} requests answered by {len(document.operations)} operations, {len(filled)} of which gave"
        f" records: {len(deviations)} deviations, {broken} of 5xx"
        f" ({', '.join(f'{count} x {status}' for status, count in sorted(statuses.items()))})"
    )
    details = [*deviations[:30], *(f"never seen: {one}" for one in sorted((unseen - NEVER) | empty))]
    details += [f"seen: {one}" for one in sorted(NEVER - unseen)]
    good = not details and not broken and statuses.total() == REQUESTS[scale] and len(document.operations) == 41
    return judged(good, figures, details)


def _questions(document: Document, askers: list[Asker]) -> Iterator[Question]:
    """Every operation as it is meant, of every tenant; then, without end, every operation with anything."""
    for asker in askers:
        yield from (asker.plain(operation) for operation in document.operations)
    for asker in itertools.cycle(askers):
        yield from (asker.any(operation) for operation in document.operations)


def _followed(address: str, question: Question) -> Question:
    """The page after this one, by its link."""
    target = address.removeprefix(address[: address.index("/", len("https://"))])
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
    expected = msgspec.structs.replace(
        question.expected,
        answers=frozenset({OK}),
        target=target,
        limit=int(query["limit"]),
        offset=int(query["offset"]),
    )
    return Question(target, question.headers, expected)


def _japanese(hub: Hub, folder: Path) -> Known:
    """A generated roster; some people leave with its second bundle, and stay as `tobedeleted`."""
    hub.tenant("jp")
    first = bundles.read(hub.sample(folder, PEOPLE))
    left = set(bundles.some(bundles.having(first, "student"), LEFT))
    second = bundles.without(first, left)
    for number, files in enumerate((first, second)):
        _load(hub, folder, "jp", f"jp-{number}", files)
    return Known(first, second)


def _rare(hub: Hub, folder: Path) -> Known:
    hub.tenant("rare", "base-1.2")
    files = rare.roster()
    _load(hub, folder, "rare", "rare", files)
    return Known(files)


def _load(hub: Hub, folder: Path, tenant: str, name: str, files: Files) -> None:
    job = hub.shown("ingest", tenant, str(bundles.write(folder / f"{name}.zip", files)), "--wait")
    assert job["state"] == "applied", job


def _tokens(hub: Hub, tenant: str) -> Mapping[frozenset[str], str]:
    """A token of every combination of scopes."""
    combinations = itertools.chain(*(itertools.combinations(SCOPES, count) for count in range(1, len(SCOPES) + 1)))
    return {frozenset(scopes): hub.client(tenant, *scopes).token for scopes in combinations}


class Connection:
    """One connection that is kept, and opened again when the hub closes it."""

    def __init__(self, origin: str) -> None:
        self._connection = http.client.HTTPConnection(origin, timeout=PATIENCE)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, question: Question) -> Answer:
        body = b"{}" if question.method in ("POST", "PUT", "PATCH") else None
        headers = dict(question.headers) | ({"Content-Type": "application/json"} if body else {})
        self._connection.putrequest(question.method, question.target, skip_accept_encoding=True)
        for name, value in headers.items():
            self._connection.putheader(name, value.encode("latin-1"))
        if body is not None:
            self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body)
        response = self._connection.getresponse()
        return Answer(response.status, response.headers, response.read())

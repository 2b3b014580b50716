"""The whole service over a small world of the standard's own: what each operation answers is written there by hand."""

import json
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from api import app as apps
from sql.database import Pool
from tests.api.conftest import Caller
from tests.conftest import Board
from tests.daemon.ingest.conftest import Hub

WORLD = Path(__file__).parents[1] / "standard" / "world"
EXPECTED: dict[str, dict[str, Any]] = json.loads((WORLD / "expected.json").read_text())
SCOPES: dict[str, dict[str, int]] = json.loads((WORLD / "scopes.json").read_text())
FACTS = {fact["operationId"]: fact for fact in json.loads((WORLD.parent / "operations.json").read_text())}

REMOVED = {
    "classes": {"c/mus"},
    "class": {"c/mus"},
    "users": {"u-ida"},
    "user": {"u-ida"},
    "enrollments": {"e-03", "e-13"},
    "enrollment": {"e-03", "e-13"},
}
"""What the delta marks as removed, by the key of the answer."""


class World:
    """A hub with the world in it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.board = Board(hub.pool, hub.tenant, hub.worker.master)

    async def deliver(self, folder: Path) -> None:
        """Zip a bundle and see it through the worker."""
        target = self.hub.folder / "world.zip"
        with zipfile.ZipFile(target, "w") as bundle:
            for one in sorted(folder.glob("*.csv")):
                bundle.write(one, one.name)
        job = await self.hub.deliver(target, "world.zip")
        assert (job.state, job.errors) == ("applied", 0), await self.hub.problems(job)


@pytest.fixture
async def world(pool: Pool, conninfo: str, tmp_path: Path) -> AsyncIterator[World]:
    """The bulk bundle is applied."""
    hub = Hub(pool, conninfo, tmp_path)
    await hub.begin()
    made = World(hub)
    await made.deliver(WORLD)
    yield made


@pytest.fixture
async def app(world: World) -> web.Application:
    """The service under the master key of the worker."""
    return apps.make_app(world.hub.pool, world.hub.worker.master, public_url=None, build="b1")


@pytest.fixture
async def caller(world: World, stranger: Callable[[], Caller]) -> Caller:
    """A client with every scope of rostering."""
    return await stranger().sign_in(world.board, *SCOPES["getAllUsers"])


def walk() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Operation, key, path and what is expected there."""
    for operation, one in EXPECTED.items():
        for path, expected in one["paths"].items():
            yield operation, one["key"], path, expected


def wanted(expected: dict[str, Any], when: str) -> Any:
    """The answer that is due there."""
    return expected["always"] if "always" in expected else expected[when]


def found(operation: str) -> str:
    """A path of the operation that answers 200 from the start."""
    paths: dict[str, dict[str, Any]] = EXPECTED[operation]["paths"]
    return next(path for path, expected in paths.items() if wanted(expected, "before") != 404)


def minor(body: Any) -> list[dict[str, str]]:
    return body["imsx_CodeMinor"]["imsx_codeMinorField"]  # type: ignore[no-any-return]


async def differences(caller: Caller, when: str) -> list[str]:
    """Where the service does not answer as the standard says."""
    different = []
    for operation, key, path, expected in walk():
        want = wanted(expected, when)
        status, body, headers = await caller.get(path)
        got: Any
        if status != 200:
            # No answer but 404 is ever wanted here, and it has to say so in full (section 3.2).
            complete = "Unknown Object" in body["imsx_description"] and (
                body["imsx_codeMajor"],
                body["imsx_severity"],
                [field["imsx_codeMinorFieldValue"] for field in minor(body)],
            ) == ("failure", "error", ["unknownobject"])
            got = status if complete else (status, body)
        elif list(body) != [key]:
            got = list(body)
        elif isinstance(body[key], list):
            got = [record["sourcedId"] for record in body[key]]
            if headers.get("X-Total-Count") != str(len(got)):
                got = (got, headers.get("X-Total-Count"))
        else:
            got = body[key]["sourcedId"]
        if got != want:
            different.append(f"{operation} {path}: expected {want}, got {got} ({expected.get('why', '')})")
    return different


def test_the_world_knows_all_41_operations_by_the_paths_and_keys_of_the_standard() -> None:
    assert len(EXPECTED) == 41
    assert EXPECTED.keys() == SCOPES.keys() == FACTS.keys()
    for operation, key, path, _ in walk():
        assert key == FACTS[operation]["key"]
        theirs, ours = FACTS[operation]["path"].split("/"), path.split("/")
        assert len(theirs) == len(ours), path
        assert all(want == part or want.startswith("{") for want, part in zip(theirs, ours, strict=True)), path


def test_every_operation_with_an_id_has_a_path_that_is_found_and_one_that_is_not() -> None:
    for operation, one in EXPECTED.items():
        answers = [wanted(expected, "before") for expected in one["paths"].values()]
        if "{" in FACTS[operation]["path"]:
            assert 404 in answers, operation
        assert [answer for answer in answers if answer != 404], operation


async def test_every_path_answers_with_the_records_of_the_standard(caller: Caller) -> None:
    assert await differences(caller, "before") == []


async def test_every_path_answers_with_the_records_of_the_standard_after_a_delta(world: World, caller: Caller) -> None:
    assert await differences(caller, "before") == []  # so that whatever is kept of answers is there to be renewed
    await world.deliver(WORLD / "later")
    assert await differences(caller, "after") == []


async def test_what_a_delta_removes_is_marked_wherever_it_appears_and_nothing_else_is(
    world: World, caller: Caller
) -> None:
    await world.deliver(WORLD / "later")
    wrong, seen = [], set()
    for _, key, path, _ in walk():
        status, body, _ = await caller.get(path)
        if status == 200:
            for record in body[key] if isinstance(body[key], list) else [body[key]]:
                removed = record["sourcedId"] in REMOVED.get(key, ())
                seen |= {(key, record["sourcedId"])} if removed else set()
                if record["status"] != ("tobedeleted" if removed else "active"):
                    wrong.append((path, record["sourcedId"], record["status"]))
    assert wrong == []
    assert seen == {(key, one) for key, ids in REMOVED.items() for one in ids}


@pytest.mark.parametrize("status", ["active", "tobedeleted"])
async def test_a_client_can_leave_out_what_was_removed_or_ask_for_it_alone(
    world: World, caller: Caller, status: str
) -> None:
    await world.deliver(WORLD / "later")
    for operation, key, path, expected in walk():
        want = wanted(expected, "after")
        if isinstance(want, list):
            left = [one for one in want if (one in REMOVED.get(key, ())) == (status == "tobedeleted")]
            _, body, headers = await caller.get(path, filter=f"status='{status}'")
            ids = [record["sourcedId"] for record in body[key]]
            assert ids == left, (operation, path)
            assert headers["X-Total-Count"] == str(len(ids)), (operation, path)


@pytest.mark.parametrize("scope", ["roster.readonly", "roster-core.readonly", "roster-demographics.readonly"])
async def test_a_scope_opens_its_operations_and_no_other(
    world: World, stranger: Callable[[], Caller], scope: str
) -> None:
    caller = await stranger().sign_in(world.board, scope)
    for operation, by_scope in SCOPES.items():
        status, body, headers = await caller.get(found(operation))
        assert status == by_scope[scope], (operation, scope, body)
        if status == 403:
            assert [field["imsx_codeMinorFieldValue"] for field in minor(body)] == ["forbidden"], operation
            assert 'error="insufficient_scope"' in headers["WWW-Authenticate"], operation


async def test_without_a_token_no_operation_answers(world: World, stranger: Callable[[], Caller]) -> None:
    caller = stranger()
    for operation in EXPECTED:
        status, body, headers = await caller.get(found(operation))
        assert status == 401, operation
        assert [field["imsx_codeMinorFieldValue"] for field in minor(body)] == ["unauthorisedrequest"], operation
        assert headers["WWW-Authenticate"].startswith("Bearer"), operation


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_every_method_but_get_is_refused_with_the_one_that_is_allowed(caller: Caller, method: str) -> None:
    different = []
    for _, _, path, _ in walk():
        status, body, headers = await caller.get(path, method=method)
        told = body and {name: value for name, value in body.items() if name != "imsx_description"}
        refusal = None if method == "HEAD" else {"imsx_codeMajor": "unsupported", "imsx_severity": "error"}
        if (status, headers.get("Allow"), told) != (405, "GET", refusal):
            different.append((method, path, status, headers.get("Allow"), body))
    assert different == []

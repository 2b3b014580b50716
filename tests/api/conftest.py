"""The service on a real socket, over a small roster that has a case of everything."""

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from api import app as apps
from api import newest
from oneroster import scopes
from sql.database import Pool
from tests.conftest import Board, Boards

BASE = "/ims/oneroster/rostering/v1p2"
EVERY_SCOPE = scopes.ALL


def user(name: str, given: str, family: str, **more: str) -> dict[str, str]:
    return {
        "sourcedId": name,
        "enabledUser": "true",
        "username": name,
        "givenName": given,
        "familyName": family,
        **more,
    }


def role(name: str, who: str, what: str, org: str, kind: str = "primary") -> dict[str, str]:
    return {"sourcedId": name, "userSourcedId": who, "roleType": kind, "role": what, "orgSourcedId": org}


def enrollment(name: str, where: str, school: str, who: str, what: str, **more: str) -> dict[str, str]:
    return {
        "sourcedId": name,
        "classSourcedId": where,
        "schoolSourcedId": school,
        "userSourcedId": who,
        "role": what,
        **more,
    }


def session(name: str, kind: str, parent: str = "") -> dict[str, str]:
    return {
        "sourcedId": name,
        "title": name.upper(),
        "type": kind,
        "startDate": "2026-04-01",
        "endDate": "2027-03-31",
        "parentSourcedId": parent,
        "schoolYear": "2026",
    }


ROSTER: dict[str, list[dict[str, str]]] = {
    "orgs": [
        {"sourcedId": "d-1", "name": "Board", "type": "district", "identifier": "D1"},
        {"sourcedId": "s-1", "name": "North", "type": "school", "identifier": "S1", "parentSourcedId": "d-1"},
        {"sourcedId": "s-2", "name": "South", "type": "school", "parentSourcedId": "d-1"},
    ],
    "academicSessions": [
        session("y-1", "schoolYear"),
        session("t-1", "term", "y-1"),
        session("t-2", "term", "y-1"),
        session("g-1", "gradingPeriod", "t-1"),
    ],
    "courses": [
        {"sourcedId": "co-1", "title": "Chemistry", "courseCode": "CHEM", "orgSourcedId": "s-1", "grades": "09,10"},
        {"sourcedId": "co-2", "title": "History", "orgSourcedId": "d-1", "schoolYearSourcedId": "y-1"},
    ],
    "classes": [
        {
            "sourcedId": "c/1",
            "title": "Chemistry 1",
            "courseSourcedId": "co-1",
            "classType": "scheduled",
            "schoolSourcedId": "s-1",
            "termSourcedIds": "t-1",
            "grades": "09,10",
            "periods": "1",
        },
        {
            "sourcedId": "c-2",
            "title": "History 1",
            "courseSourcedId": "co-2",
            "classType": "homeroom",
            "schoolSourcedId": "s-2",
            "termSourcedIds": "y-1",
        },
        {
            "sourcedId": "c-3",
            "title": "Nobody's",
            "courseSourcedId": "co-2",
            "classType": "homeroom",
            "schoolSourcedId": "s-1",
            "termSourcedIds": "t-1",
        },
    ],
    "users": [
        user(
            "u-1",
            "花子",
            "O'Brien",
            email="Hanako@example.org",
            phone='03-"1"',
            agentSourcedIds="u@4",
            grades="09",
            userIds="{LDAP:han1}",
            resourceSourcedIds="r-1",
            pronouns="she/her",
        ),
        user("u-2", "Taro", "Yamada", email="taro@example.org", primaryOrgSourcedId="s-1"),
        user("u-3", "Both", "Kinds"),
        user("u@4", "Parent", "O'Brien", enabledUser="false"),
    ],
    "userProfiles": [
        {
            "sourcedId": "p-1",
            "userSourcedId": "u-1",
            "profileType": "LMS",
            "vendorId": "v",
            "credentialType": "oauth",
            "username": "han",
        }
    ],
    "roles": [
        role("r-1", "u-1", "student", "s-1"),
        role("r-2", "u-2", "teacher", "s-1"),
        role("r-3", "u-3", "teacher", "s-2"),
        role("r-4", "u-3", "student", "s-2", "secondary"),
        role("r-5", "u@4", "parent", "s-1"),
    ],
    "demographics": [{"sourcedId": "u-1", "birthDate": "2012-02-29", "sex": "female", "asian": "true"}],
    "enrollments": [
        enrollment("e-1", "c/1", "s-1", "u-1", "student", beginDate="2026-04-01"),
        enrollment("e-2", "c/1", "s-1", "u-2", "teacher", primary="true"),
        enrollment("e-3", "c-2", "s-2", "u-3", "student"),
    ],
}


def changed(
    files: Mapping[str, Sequence[Mapping[str, str]]], name: str, sourced_id: str, /, **to: str
) -> dict[str, Any]:
    """The file of that name with one row changed."""
    return {name: [{**row, **to} if row["sourcedId"] == sourced_id else row for row in files[name]]}


class Caller:
    """A client with a token, talking to the service over its socket."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self.session = session
        self.origin = origin
        self.token = ""

    async def sign_in(self, board: Board, *wanted: str) -> "Caller":
        who, secret = await board.client(*(wanted or EVERY_SCOPE))
        status, body, _ = await self.ask_token(who, secret)
        assert status == 200, body
        self.token = body["access_token"]
        return self

    async def ask_token(self, who: str, secret: str, **form: str) -> tuple[int, Any, Mapping[str, str]]:
        basic = base64.b64encode(f"{who}:{secret}".encode()).decode()
        async with self.session.post(
            f"{self.origin}/token",
            data={"grant_type": "client_credentials", **form},
            headers={"Authorization": f"Basic {basic}"},
        ) as response:
            return response.status, await response.json(), response.headers

    async def get(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, **params: Any
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, body and headers; `path` is below the base, or a whole address."""
        address = path if path.startswith("http") else self.origin + BASE + path
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = aiohttp.client.URL(address, encoded=True)
        async with self.session.request(
            method, url.update_query(params) if params else url, headers={**own, **(headers or {})}
        ) as response:
            text = await response.text()
            return response.status, await response.json() if text else None, response.headers


@pytest.fixture
def public_url() -> str | None:
    return None


@pytest.fixture
async def app(pool: Pool, public_url: str | None) -> web.Application:
    return apps.make_app(pool, bytes(range(32)), public_url=public_url, build="b1")


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """The service is answering there."""
    stop, up = asyncio.Event(), asyncio.Event()
    sock = socket.create_server(("127.0.0.1", 0))
    host, port = sock.getsockname()
    task = asyncio.create_task(apps.serve(app, [sock], stop, ready=up.set))
    await up.wait()
    yield f"http://{host}:{port}"
    stop.set()
    await task


@pytest.fixture
async def origin(app: web.Application) -> AsyncIterator[str]:
    """The service is answering there."""
    async with serving(app) as address:
        yield address


@pytest.fixture
async def stranger(origin: str) -> AsyncIterator[Callable[[], Caller]]:
    """Makes callers without a token."""
    async with aiohttp.ClientSession(auto_decompress=True) as session:
        yield lambda: Caller(session, origin)


@pytest.fixture
def board(board: Boards) -> Boards:
    """Boards whose loads are done when the service must know of them."""

    async def make(code: str) -> Board:
        made = await board(code)
        made.patience = newest.GOOD + 0.05
        return made

    return make


@pytest.fixture
async def north(board: Boards) -> Board:
    """A board with the whole roster."""
    made = await board("north")
    await made.load(ROSTER)
    return made


@pytest.fixture
async def caller(north: Board, stranger: Callable[[], Caller]) -> Caller:
    """A client of that board with every scope."""
    return await stranger().sign_in(north)

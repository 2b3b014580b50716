"""A learning platform that reads the API of a hub: standard library only, so that nothing of ours helps it."""

import base64
import http.client
import json
import re
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import msgspec

PATIENCE = 60.0
Record = dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """One answer of the API."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def next(self) -> str | None:
        """The address of the next page (REST section 2.3)."""
        links = re.findall(r'<([^>]*)>; *rel="(\w+)"', self.headers.get("Link", ""))
        return next((address for address, relation in links if relation == "next"), None)


class Lms:
    """A learning platform: one connection, one token; it waits when it is told to."""

    def __init__(self, base: str, token_url: str, client_id: str, secret: str) -> None:
        self.base = base
        self.words = (base, token_url, client_id, secret)
        place = urllib.parse.urlsplit(base)
        assert place.netloc
        self._connection = http.client.HTTPConnection(place.netloc, timeout=PATIENCE)
        credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        form = {"grant_type": "client_credentials"}
        self._connection.request(
            "POST",
            urllib.parse.urlsplit(token_url).path,
            urllib.parse.urlencode(form),
            {"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"},
        )
        self.token = str(json.loads(self._connection.getresponse().read())["access_token"])

    def another(self) -> "Lms":
        """The same with a connection of its own, for a thread."""
        return Lms(*self.words)

    def close(self) -> None:
        self._connection.close()

    def get(self, address: str, **query: str | int) -> Answer:
        """Ask for an address, or a path below the base; where it is told to come again later, it does."""
        while (answer := self.once(address, **query)).status == 429:
            time.sleep(float(answer.headers["Retry-After"]))
        return answer

    def once(self, address: str, **query: str | int) -> Answer:
        """The same, whatever the answer is."""
        target = address.removeprefix(self._origin) if "://" in address else self._path + address
        if query:
            target += f"?{urllib.parse.urlencode(query)}"
        self._connection.request("GET", target, headers={"Authorization": f"Bearer {self.token}"})
        response = self._connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    @property
    def _origin(self) -> str:
        place = urllib.parse.urlsplit(self.base)
        return f"{place.scheme}://{place.netloc}"

    @property
    def _path(self) -> str:
        return urllib.parse.urlsplit(self.base).path

    def pages(self, path: str, **query: str | int) -> Iterator[Answer]:
        """Page after page, by `next`."""
        answer = self.get(path, **query)
        while True:
            assert answer.status == 200, answer.body
            yield answer
            if answer.next is None:
                return
            answer = self.get(answer.next)

    def walk(self, path: str, **query: str | int) -> dict[str, Record]:
        """All records of a collection by id; no id may come twice, and the total must be true."""
        found: dict[str, Record] = {}
        for answer in self.pages(path, **{"limit": 2000, **query}):
            (records,) = answer.json.values()
            assert not found.keys() & {one["sourcedId"] for one in records}
            found |= {one["sourcedId"]: one for one in records}
        assert len(found) == int(answer.headers["X-Total-Count"])
        return found

    def everything(self) -> dict[str, dict[str, Record]]:
        """The whole roster: records by id by collection."""
        names = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments", "demographics")
        return {name: self.walk(f"/{name}") for name in names}

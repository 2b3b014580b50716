"""The official OpenAPI document as judge: which operations there are, and whether an answer is one that it declares.

The document's licence keeps it out of the tree; the environment variable OPENAPI says where it is. Beside it this knows
the sheet's rules that a schema cannot say: anchored extensions, no null, UTC, `fields`, and the headers of a page.
"""

import datetime
import hashlib
import json
import re
import sys
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from tests.story.lms import Answer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST = 10_000
"""Records on a page, however many are asked for (REST section 2.2)."""
LONGEST = 1_400
"""Characters of an address from which on `next` may stand alone: docs/conformance.md, which speaks of 1,500."""
OURS = ("revision", "after")
"""What our links add to a query: docs/conformance.md."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:([A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("uri")
def _is_uri(text: Any) -> bool:
    return _URI.fullmatch(text) is not None


@_FORMATS.checks("date", raises=ValueError)
def _is_date(text: Any) -> bool:
    return _DATE.fullmatch(text) is not None and bool(datetime.date.fromisoformat(text))


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(text: Any) -> bool:
    return _INSTANT.fullmatch(text) is not None and bool(datetime.datetime.fromisoformat(text))


class Operation(msgspec.Struct, frozen=True):
    """One of the 41."""

    name: str
    path: str
    scopes: frozenset[str]
    """Short names; any one suffices."""
    parameters: tuple[str, ...]
    """Of the query."""
    statuses: frozenset[str]
    key: str
    """The member that holds the record or the records."""
    element: str
    """The schema of a record."""

    @property
    def many(self) -> bool:
        return "limit" in self.parameters


class Expected(msgspec.Struct, frozen=True):
    """What the answer to a request must be like."""

    operation: Operation
    answers: frozenset[tuple[int, str]]
    """Each a status with its code minor, "" where there is none."""
    fields: frozenset[str] | None = None
    limit: int = 100
    offset: int = 0
    target: str = ""
    """Path and query as they were asked for."""
    sourced_id: str = ""
    """Of the one record."""
    codings: frozenset[str] = frozenset()
    """What the client takes besides identity."""


class Deviates(Exception):
    """The answer is not as the document and the sheet have it."""


class Document:
    """The document, and what was seen of it."""

    def __init__(self, path: Path) -> None:
        self._whole = json.loads(path.read_text(encoding="utf-8"))
        self.schemas: dict[str, Any] = self._whole["components"]["schemas"]
        _anchor(self.schemas)
        self.base: str = self._whole["servers"][0]["variables"]["basePath"]["default"]
        self.operations = tuple(self._operation(path, one["get"]) for path, one in self._whole["paths"].items())
        self._error = self._validator("imsx_StatusInfoDType")
        self._data: dict[tuple[str, frozenset[str] | None], Any] = {}
        self._good: set[bytes] = set()
        """Digests of bodies that were found right."""
        self.seen: set[tuple[str, str]] = set()
        """Members that were in some answer."""

    def _operation(self, path: str, said: dict[str, Any]) -> Operation:
        made = said["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        ((key, held),) = self.schemas[made]["properties"].items()
        scopes = {one.rpartition("/")[2] for asked in said["security"] for found in asked.values() for one in found}
        return Operation(
            said["operationId"],
            path,
            frozenset(scopes),
            tuple(one["name"] for one in said["parameters"] if one["in"] == "query"),
            frozenset(said["responses"]),
            key,
            held.get("items", held)["$ref"].rpartition("/")[2],
        )

    def _validator(self, schema: str, **instead: Any) -> Any:
        schemas = {**self.schemas, **instead}
        return jsonschema.Draft4Validator(
            {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": schemas}}, format_checker=_FORMATS
        )

    def _records(self, operation: Operation, fields: frozenset[str] | None) -> Any:
        """For the body of a 200: with `fields` exactly those, required ones only where they are named."""
        if (operation.name, fields) not in self._data:
            element = self.schemas[operation.element]
            if fields is not None:
                element = element | {
                    "properties": {name: one for name, one in element["properties"].items() if name in fields},
                    "required": [name for name in element["required"] if name in fields],
                }
                if not element["required"]:
                    del element["required"]  # an empty list is none in draft 4
            ref = self._whole["paths"][operation.path]["get"]["responses"]["200"]["content"]["application/json"]
            made = ref["schema"]["$ref"].rpartition("/")[2]
            # The document lets a set lack its only member; a body without its records is none all the same.
            outer = self.schemas[made] | {"required": [operation.key]}
            self._data[operation.name, fields] = self._validator(made, **{operation.element: element, made: outer})
        return self._data[operation.name, fields]

    def judge(self, answer: Answer, expected: Expected, *, head: bool = False) -> int:
        """How many records there were. Raises Deviates."""
        status, operation = answer.status, expected.operation
        declared = str(status) if str(status) in operation.statuses else "default"
        if declared not in operation.statuses:
            raise Deviates(f"{status} is not declared")
        if status not in {one for one, _ in expected.answers}:
            raise Deviates(f"{status} instead of {sorted(expected.answers)}: {answer.body[:300]!r}")
        if answer.headers.get_content_type() != "application/json":
            raise Deviates(f"content type {answer.headers.get('Content-Type')}")
        if answer.headers.get_content_charset("utf-8") != "utf-8":
            raise Deviates(f"charset {answer.headers.get_content_charset()}")
        _check_headers(answer)
        if head:
            return 0
        body = _unpacked(answer, expected.codings)
        if status != 200:
            self._judge_error(status, body, expected)
            return 0
        return self._judge_data(body, answer, expected)

    def _judge_error(self, status: int, body: bytes, expected: Expected) -> None:
        said = _read(body)
        _check(self._error, said)
        minors = said.get("imsx_CodeMinor", {}).get("imsx_codeMinorField", [])
        minor = minors[0]["imsx_codeMinorFieldValue"] if minors else ""
        if (status, minor) not in expected.answers or len(minors) > 1:
            raise Deviates(f"{status} {minor!r} instead of {sorted(expected.answers)}")
        major = "unsupported" if status == 405 else "failure"
        if (said["imsx_codeMajor"], said["imsx_severity"]) != (major, "error"):
            raise Deviates(f"{status} says {said['imsx_codeMajor']}/{said['imsx_severity']}")
        if status == 404 and "Unknown Object" not in said.get("imsx_description", ""):
            raise Deviates("404 does not say Unknown Object")

    def _judge_data(self, body: bytes, answer: Answer, expected: Expected) -> int:
        operation = expected.operation
        digest = hashlib.sha256(f"{operation.name} {sorted(expected.fields or ['*'])} ".encode() + body).digest()
        said = _read(body)
        if digest not in self._good:
            _check(self._records(operation, expected.fields), said)
            self._good.add(digest)
            self._see(self.schemas[operation.element], operation.element, said[operation.key])
        if operation.many:
            _check_page(answer, expected, len(said[operation.key]))
            return len(said[operation.key])
        if said[operation.key].get("sourcedId", expected.sourced_id) != expected.sourced_id:
            raise Deviates(f"{said[operation.key]['sourcedId']} instead of {expected.sourced_id}")
        return 1

    def _see(self, schema: dict[str, Any], name: str, value: Any) -> None:
        for one in value if isinstance(value, list) else [value]:
            for member in one.keys() & schema["properties"].keys():
                self.seen.add((name, member))
                inner = schema["properties"][member]
                inner = inner.get("items", inner).get("$ref", "").rpartition("/")[2]
                if inner:
                    self._see(self.schemas[inner], inner, one[member])

    @property
    def unseen(self) -> list[str]:
        """Members of records and of their parts that no answer had."""
        of = {one.element for one in self.operations} | {"RoleDType", "UserProfileDType", "CredentialDType"}
        every = {(name, member) for name in of | {"UserIdDType"} for member in self.schemas[name]["properties"]}
        return sorted(f"{name.removesuffix('DType')}.{member}" for name, member in every - self.seen)


def _anchor(value: Any) -> None:
    """A pattern is for the whole text: the document's own are not anchored (REST section 4.1)."""
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            value["pattern"] = rf"\A(?:{value['pattern']})\Z"
        assert "nullable" not in value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _anchor(one)


def _unpacked(answer: Answer, codings: frozenset[str]) -> bytes:
    coding = answer.headers.get("Content-Encoding", "identity")
    if coding == "identity":
        return answer.body
    if coding not in codings:
        raise Deviates(f"nobody asked for {coding}")
    return zlib.decompress(answer.body, 31) if coding == "gzip" else zstd.decompress(answer.body)


def _read(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_none)
    except ValueError as error:
        raise Deviates(f"no JSON: {error}: {body[:200]!r}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise Deviates(f"a member comes twice: {[name for name, _ in pairs]}")
    if None in made.values():
        raise Deviates(f"a member is null: {made}"[:300])
    return made


def _none(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _check(validator: Any, said: Any) -> None:
    error = next(iter(validator.iter_errors(said)), None)
    if error is not None:
        raise Deviates(f"{error.json_path}: {error.message}"[:500])


def _check_headers(answer: Answer) -> None:
    """What goes with a status (REST sections 1.1, 3.2, 5.2)."""
    challenge = answer.headers.get("WWW-Authenticate", "")
    if answer.status in (401, 403) and not challenge.startswith("Bearer"):
        raise Deviates(f"{answer.status} with WWW-Authenticate: {challenge}")
    if answer.status == 403 and 'error="insufficient_scope"' not in challenge:
        raise Deviates(f"403 with WWW-Authenticate: {challenge}")
    if answer.status == 405 and answer.headers.get("Allow") != "GET":
        raise Deviates(f"405 with Allow: {answer.headers.get('Allow')}")


def _check_page(answer: Answer, expected: Expected, count: int) -> None:
    """X-Total-Count and Link (REST section 2.3)."""
    given = answer.headers.get("X-Total-Count", "")
    if not re.fullmatch("[0-9]+", given, re.ASCII):
        raise Deviates(f"X-Total-Count: {given}")
    total, limit, offset = int(given), min(expected.limit, MOST), expected.offset
    if count != max(0, min(limit, total - offset)):
        raise Deviates(f"{count} records from {offset} with limit {limit} of {total}")
    start = offset % limit
    wanted = {"first": 0, "last": start + (total - 1 - start) // limit * limit if total > start else 0}
    wanted |= {"next": offset + limit} if offset + limit < total else {}
    wanted |= {"prev": max(0, offset - limit)} if offset else {}
    given = answer.headers.get("Link", "")
    found = dict(_links(given, expected.target, limit))
    if len(expected.target) > LONGEST:
        wanted = {relation: at for relation, at in wanted.items() if relation == "next" or relation in found}
    if found != wanted:
        raise Deviates(f"Link leads to {found} instead of {wanted}: {given[:300]}")


def _links(header: str, target: str, limit: int) -> Iterator[tuple[str, int]]:
    """Relations with their offsets; each must lead to the same list with the same step."""
    path, kept = _taken_apart(target)
    for part in filter(None, header.split(", <")):
        found = re.fullmatch(r'<?([^<>]*)>; rel="(first|last|next|prev)"', part)
        if found is None:
            raise Deviates(f"Link has {part!r}")
        address = urllib.parse.urlsplit(found[1])
        there, query = _taken_apart(f"{address.path}?{address.query}")
        asked = dict(urllib.parse.parse_qsl(address.query))
        if address.scheme not in ("http", "https") or not address.netloc or there != path or query != kept:
            raise Deviates(f"{found[2]} leads to {found[1]}")
        if int(asked["limit"]) != limit:
            raise Deviates(f"{found[2]} has another limit: {found[1]}")
        yield found[2], int(asked["offset"])


def _taken_apart(target: str) -> tuple[str, list[tuple[str, str]]]:
    """The path, and of the query what is not about the place of the page."""
    path, _, query = target.partition("?")
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    return path, [(name, value) for name, value in pairs if name not in ("limit", "offset", *OURS)]

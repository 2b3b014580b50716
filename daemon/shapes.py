"""What verbs print with `--json`: a type for each. The data pass it on their way out; the schema is made of it.

A member may be added to a shape. To take one away, or to let it mean something else, is another version of it.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from sql.jobs import STATES
from sql.operators import ROLES

Instant = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
"""A time: 2026-04-01T05:02:11.482Z."""
Rows = dict[str, int]
"""Data rows of each file."""


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all of them have in common: no member that is not told of."""


class Tenant(Shape, frozen=True):
    id: int
    code: str
    name: str
    profile: str
    state: Literal["active", "paused", "purged"]


class TenantWhole(Tenant, frozen=True):
    version: int | UnsetType = UNSET
    encoding: str | UnsetType = UNSET
    guard: str | UnsetType = UNSET
    window: str | UnsetType = UNSET
    due: str | UnsetType | None = UNSET
    grace: Any = UNSET
    quota: Any = UNSET
    paused: str | UnsetType = UNSET


class Inbox(Shape, frozen=True):
    id: int
    tenant: str
    kind: Literal["sftp", "drop", "pull"]
    user: str | UnsetType | None = UNSET
    path: str | UnsetType | None = UNSET
    url: str | UnsetType | None = UNSET
    listen: str | None = None


class Trial(Inbox, frozen=True):
    ok: bool = False
    found: str = ""


class Credentials(Shape, frozen=True):
    client_id: str
    client_secret: str
    scopes: list[str]
    token_url: str
    base_url: str


class Client(Shape, frozen=True):
    client_id: str
    tenant: str
    name: str
    scopes: list[str]
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None
    rate: int | None
    burst: int | None
    allow: list[str] | None


class Operator(Shape, frozen=True):
    name: str
    role: Literal[ROLES]  # type: ignore[valid-type]
    state: Literal["active", "disabled", "locked"]
    password: bool
    created_at: Instant
    disabled_at: Instant | None
    locked_until: Instant | None


class Job(Shape, frozen=True):
    id: str
    tenant: str
    inbox: int | None
    state: Literal[STATES]  # type: ignore[valid-type]
    reason: str | None
    bundle: str
    sha256: str
    profile: str | None
    revision: int | None
    received_at: Instant
    finished_at: Instant | None
    rows: Rows
    inserted: int
    updated: int
    deleted: int
    errors: int
    warnings: int


class Problem(Shape, frozen=True):
    code: str
    severity: Literal["error", "warning"]
    file: str
    line: int
    column: str
    value: str
    message: str


class Sample(Shape, frozen=True, rename="camel"):
    sourced_id: str = msgspec.field(name="sourcedId")
    change: Literal["inserted", "updated", "deleted"]
    fields: dict[str, list[Any]]


class Count(Shape, frozen=True):
    entity: str
    before: int
    after: int
    inserted: int
    updated: int
    deleted: int
    guard: str
    samples: list[Sample] | UnsetType = UNSET


class Rehearsal(Shape, frozen=True):
    verdict: str
    reason: str | None
    profile: str | None
    problems: list[Problem]
    rows: Rows
    diff: list[Count]


class Verdict(Shape, frozen=True):
    verdict: Literal["ok", "rejected"]
    profile: str | None
    problems: list[Problem]
    rows: Rows


class Version(Shape, frozen=True):
    change: str
    revision: int
    at: Instant | None
    job: str
    bundle: str
    file: str
    line: int
    fields: dict[str, list[Any]]


class Record(Shape, frozen=True):
    tenant: str
    entity: str
    sourced_id: str = msgspec.field(name="sourcedId")
    versions: list[Version]


class Entry(Shape, frozen=True):
    id: int
    at: Instant
    tenant: str | None
    who: str
    name: str | None
    kind: Literal["operator", "client", "inbox", "system"]
    origin: str = msgspec.field(name="from")
    action: str
    target: str
    ok: bool
    detail: dict[str, Any]


class Fault(Shape, frozen=True):
    kind: str
    seq: int | None
    id: int | None
    at: Instant | None
    message: str


class Verification(Shape, frozen=True):
    ok: bool
    first: int | None
    last: int | None
    entries: int
    anchors: int
    waiting: int
    anchor: str | None
    count: int
    faults: list[Fault]


class Export(Shape, frozen=True):
    bundle: str
    tenant: str
    profile: str
    revision: int
    since: int | None
    rows: Rows
    left_out: list[str]


class Code(Shape, frozen=True):
    code: str
    severity: Literal["error", "warning"]
    english: str
    japanese: str
    fix: str
    fix_japanese: str


class Status(Shape, frozen=True):
    pending: list[str]
    embedded: bool


class Check(Shape, frozen=True):
    """What `doctor` says of one thing, and what to do about it."""

    check: str
    state: Literal["ok", "warn", "bad"]
    message: str
    fix: str = ""


SHAPES: dict[str, Any] = {
    "tenant.add": Tenant,
    "tenant.list": list[Tenant],
    "tenant.show": TenantWhole,
    "tenant.set": TenantWhole,
    "tenant.pause": Tenant,
    "tenant.resume": Tenant,
    "inbox.add": Inbox,
    "inbox.list": list[Inbox],
    "inbox.test": Trial,
    "client.add": Credentials,
    "client.rotate": Credentials,
    "client.list": list[Client],
    "operator.add": Operator,
    "operator.list": list[Operator],
    "operator.set": Operator,
    "operator.passwd": Operator,
    "operator.disable": Operator,
    "operator.enable": Operator,
    "job.list": list[Job],
    "job.show": Job,
    "job.problems": list[Problem],
    "job.diff": list[Count],
    "job.approve": Job,
    "job.reject": Job,
    "job.rollback": Job,
    "ingest": Job | Rehearsal,
    "check": Verdict,
    "record.show": Record,
    "audit.list": list[Entry],
    "audit.verify": Verification,
    "export": Export,
    "explain": list[Code],
    "db.status": Status,
    "doctor": list[Check],
}
"""Verb, as noun.verb -> the type of what it prints. All are of version 1."""
VERSION = 1


def passed(verb: str, value: Any) -> Any:
    """The value as the verb's type; raises ValidationError where it is not what the schema says."""
    kind = SHAPES.get(verb)
    if kind is None:
        return value
    if verb == "ingest":  # a union of two objects: told apart by what only one has
        kind = Rehearsal if "verdict" in value else Job
    return msgspec.convert(value, kind)


def schema(verb: str) -> dict[str, Any]:
    """The JSON Schema of what a verb prints, with its name and version."""
    kind = SHAPES[verb]
    kinds = [Job, Rehearsal] if verb == "ingest" else [kind]
    found, components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:rosterhub:{verb}:{VERSION}",
        "title": f"rosterhub {verb.replace('.', ' ')} --json",
        "version": VERSION,
        **(found[0] if len(found) == 1 else {"anyOf": list(found)}),
        "$defs": components,
    }

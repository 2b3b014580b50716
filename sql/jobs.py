"""Jobs: the handling of one bundle each, from receipt to report. Their states are those of docs/jobs.md."""

import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from oneroster.problems import Problem
from oneroster.refused import Refused
from oneroster.said import Said
from sql import database, seal, statements
from sql.database import Connection

STATEMENTS = statements.load("jobs")
STATES = (
    "received",
    "loading",
    "applied",
    "held",
    "rejected",
    "duplicate",
    "superseded",
    "failed",
    "discarded",
    "rolled_back",
)
OPEN = ("received", "loading")
"""A job in one of the other states has come to its end, or waits for a person."""

MASK = "***"


class UnknownJob(Refused):
    """There is no such job, or more than one begins so."""

    hint = "See `rosterhub job list`; give at least 8 characters of the id."
    exit_code = 66


class NotNow(Refused):
    """The job is not in a state that allows this."""

    hint = "Only held jobs are approved or rejected, failed or rejected ones tried again, applied ones rolled back."
    exit_code = 73


class Job(msgspec.Struct, frozen=True):
    """A job as it is shown. Times are UTC; `rows` counts the data rows of each file."""

    tenant_id: int
    tenant: str
    tenant_name: str
    tenant_state: str
    id: uuid.UUID
    kind: str
    inbox: int | None
    via: str
    state: str
    reason: str | None
    reason_japanese: str | None
    bundle: str
    sha256: str
    profile: str | None
    profile_reason: str | None
    """How the profile was told."""
    revision: int | None
    received_at: datetime.datetime
    started_at: datetime.datetime | None
    finished_at: datetime.datetime | None
    attempts: int
    phase: str | None
    phase_rows: int | None
    phase_of: int | None
    """Rows the phase has to do, as far as that can be told."""
    phase_seconds: float | None
    rows: dict[str, int]
    inserted: int
    updated: int
    deleted: int
    errors: int
    warnings: int
    approved_at: datetime.datetime | None
    """A held job with this waits for a worker."""

    @property
    def open(self) -> bool:
        """Whether a worker has it or will take it by itself."""
        return self.state in OPEN or (self.state == "held" and self.approved_at is not None)

    @property
    def speed(self) -> float | None:
        """Rows a second in this phase, None where it cannot be told."""
        if not self.phase_rows or not self.phase_seconds or self.state != "loading":
            return None
        return self.phase_rows / self.phase_seconds

    @property
    def eta(self) -> float | None:
        """Seconds until this phase is done, None where it cannot be told."""
        if self.speed is None or not self.phase_of or self.phase_rows is None:
            return None
        return max(0.0, (self.phase_of - self.phase_rows) / self.speed)


class Fault(msgspec.Struct, frozen=True):
    """A problem as it is kept: values of sealed fields masked."""

    code: str
    severity: str
    file: str
    line: int
    column: str
    value: str
    detail: str

    @property
    def problem(self) -> Problem:
        return Problem(self.code, self.file, self.line, self.column, self.value, self.detail)


class Count(msgspec.Struct, frozen=True):
    """What a job changed, or would change, in one entity: active records before and after, and the guard's word."""

    entity: str
    before: int
    after: int
    inserted: int
    updated: int
    deleted: int
    guard: str = "ok"


class Queue(msgspec.Struct, frozen=True):
    """How many jobs are where."""

    waiting: int
    loading: int
    applied: int
    held: int
    rejected: int
    failed: int


async def receive(
    conn: Connection,
    tenant_id: int,
    *,
    inbox: int | None,
    via: str,
    bundle: str,
    sha256: str,
    size: int,
    day: datetime.date,
) -> uuid.UUID:
    """Enter a bundle that has arrived whole."""
    params = {
        "tenant": tenant_id,
        "inbox": inbox,
        "via": via,
        "bundle": bundle,
        "sha256": sha256,
        "bytes": size,
        "day": day,
    }
    found: uuid.UUID = await database.fetch_value(conn, STATEMENTS["receive"], params)
    return found


def sums(counts: Iterable[Count]) -> dict[str, int]:
    """inserted, updated and deleted over the seven entities: students and teachers are among the users."""
    exposed = [one for one in counts if one.entity not in ("students", "teachers")]
    return {
        "inserted": sum(one.inserted for one in exposed),
        "updated": sum(one.updated for one in exposed),
        "deleted": sum(one.deleted for one in exposed),
    }


def because(reason: Said | None) -> dict[str, str | None]:
    """A reason as parameters, in both languages."""
    if reason is None:
        return {"reason": None, "reason_japanese": None}
    return {"reason": reason.english, "reason_japanese": reason.japanese}


async def retry(conn: Connection, job: Job) -> None:
    """Try a failed or rejected job once more; raises NotNow (73) in any other state."""
    if not await database.run(conn, STATEMENTS["retry"], {"tenant": job.tenant_id, "job": job.id}):
        raise NotNow(f"It is {job.state}.")


async def describe(
    conn: Connection,
    tenant_id: int,
    job: uuid.UUID,
    sealer: seal.Sealer,
    *,
    profile: str | None,
    profile_reason: str | None,
    rows: Mapping[str, int],
    found: Sequence[Problem],
    total: Mapping[str, int],
    counts: Sequence[Count],
    sealed_columns: frozenset[tuple[str, str]],
) -> None:
    """Keep what was found out: problems in order, counts by entity.

    `total` counts errors and warnings beyond the capped list `found`; values of `sealed_columns`, (file, column),
    are kept sealed and shown masked (design: what rests is encrypted).
    """
    key = {"tenant": tenant_id, "job": job}
    await database.run(conn, STATEMENTS["clear_problems"], key)
    await database.run(conn, STATEMENTS["clear_counts"], key)
    async with conn.cursor() as cursor:
        await cursor.executemany(
            STATEMENTS["add_problem"],
            [
                key
                | {
                    "seq": seq,
                    "code": one.code,
                    "severity": one.severity,
                    "file": one.file,
                    "line": one.line,
                    "column": one.column.replace("\x00", "\ufffd"),
                    "detail": one.detail,
                    **_kept_value(one, sealed_columns, sealer, job, seq),
                }
                for seq, one in enumerate(found, start=1)
            ],
        )
        await cursor.executemany(STATEMENTS["add_count"], [key | msgspec.structs.asdict(one) for one in counts])
    await database.run(
        conn,
        STATEMENTS["describe"],
        key
        | {
            "profile": profile,
            "profile_reason": profile_reason,
            "rows": Jsonb(dict(rows)),
            "errors": total.get("error", 0),
            "warnings": total.get("warning", 0),
            **sums(counts),
        },
    )


def _kept_value(
    one: Problem, sealed_columns: frozenset[tuple[str, str]], sealer: seal.Sealer, job: uuid.UUID, seq: int
) -> dict[str, Any]:
    value = one.value.replace("\x00", "\ufffd")
    shown = _shown_value(one, sealed_columns)
    return {"value": shown, "sealed": sealer.seal(f"problems/{job}/{seq}", value.encode()) if shown == MASK else None}


def _shown_value(one: Problem, sealed_columns: frozenset[tuple[str, str]]) -> str:
    value = one.value.replace("\x00", "\ufffd")
    return MASK if (one.file, one.column) in sealed_columns and value else value[:500]


def faults(found: Sequence[Problem], sealed_columns: frozenset[tuple[str, str]]) -> list[Fault]:
    """Problems as they would be read back from a job: values of sealed columns masked."""
    return [
        Fault(one.code, one.severity, one.file, one.line, one.column, _shown_value(one, sealed_columns), one.detail)
        for one in found
    ]


async def page(
    conn: Connection, *, tenant: str | None = None, states: Sequence[str] | None = None, limit: int = 100
) -> list[Job]:
    """Jobs, newest first."""
    params = {
        "code": tenant,
        "states": list(states) if states else None,
        "prefix": None,
        "first": None,
        "last": None,
        "limit": limit,
    }
    return await database.fetch_all(conn, STATEMENTS["page"], Job, params)


async def by_prefix(conn: Connection, prefix: str) -> Job:
    """The one job whose id begins so, 8 characters at least; raises UnknownJob (66)."""
    digits = prefix.replace("-", "").lower()
    if not 8 <= len(digits) <= 32 or not set(digits) <= set("0123456789abcdef"):
        raise UnknownJob(prefix)
    params = {
        "code": None,
        "states": None,
        "prefix": prefix,
        "first": digits.ljust(32, "0"),
        "last": digits.ljust(32, "f"),
        "limit": 2,
    }
    found = await database.fetch_all(conn, STATEMENTS["page"], Job, params)
    if len(found) != 1:
        raise UnknownJob(prefix)
    return found[0]


async def problems(conn: Connection, tenant_id: int, job: uuid.UUID, *, limit: int = 10_000) -> list[Fault]:
    """What is wrong with a bundle, in file and line order."""
    params = {"tenant": tenant_id, "job": job, "limit": limit}
    return await database.fetch_all(conn, STATEMENTS["problems"], Fault, params)


async def counts(conn: Connection, tenant_id: int, job: uuid.UUID) -> list[Count]:
    """What a job changed or would change, entity by entity in the order of the standard."""
    params = {"tenant": tenant_id, "job": job}
    found = {one.entity: one for one in await database.fetch_all(conn, STATEMENTS["counts"], Count, params)}
    return [found[name] for name in COUNTED if name in found]


COUNTED = (
    "orgs",
    "academicSessions",
    "courses",
    "classes",
    "users",
    "students",
    "teachers",
    "enrollments",
    "demographics",
)
"""What the guard judges: the seven entities, and of users also students and teachers."""


async def newest_profile(conn: Connection, tenant_id: int) -> str | None:
    """The profile of the last bundle that was applied, None before the first."""
    found: str | None = await database.fetch_value(conn, STATEMENTS["newest_profile"], {"tenant": tenant_id})
    return found


class Unreported(msgspec.Struct, frozen=True):
    """An ended job whose sender waits for an answer."""

    tenant_id: int
    id: uuid.UUID


async def unreported(conn: Connection) -> list[Unreported]:
    """Ended jobs whose sender has not been answered yet."""
    return await database.fetch_all(conn, STATEMENTS["unreported"], Unreported, {})


async def reported(conn: Connection, tenant_id: int, job: uuid.UUID) -> None:
    """Note that the sender has been answered."""
    await database.run(conn, STATEMENTS["reported"], {"tenant": tenant_id, "job": job})


async def queue(conn: Connection, today: datetime.datetime) -> Queue:
    """How many jobs wait and load, and what came of those received since `today`."""
    found = await database.fetch_one(conn, STATEMENTS["queue"], Queue, {"today": today})
    assert found is not None
    return found

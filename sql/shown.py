"""Jobs and problems as `--json`, reports and uploads print them: these members, exactly."""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from oneroster import problems
from sql.jobs import Count, Fault, Job
from sql.samples import Sample


def job(one: Job) -> dict[str, Any]:
    """A job as `--json`, reports and uploads print it: exactly these members, times as YYYY-MM-DDThh:mm:ss.sssZ."""
    return {
        "id": str(one.id),
        "tenant": one.tenant,
        "inbox": one.inbox,
        "state": one.state,
        "reason": one.reason,
        "bundle": one.bundle,
        "sha256": one.sha256,
        "profile": one.profile,
        "revision": one.revision,
        "received_at": instant(one.received_at),
        "finished_at": instant(one.finished_at),
        "rows": one.rows,
        "inserted": one.inserted,
        "updated": one.updated,
        "deleted": one.deleted,
        "errors": one.errors,
        "warnings": one.warnings,
    }


def more(one: Job) -> dict[str, Any]:
    """What people also want to know of a job: how its dialect was told, and how far it is while it loads."""
    found: dict[str, Any] = {"profile_reason": one.profile_reason}
    if one.approved_at is not None:
        found["approved_at"] = instant(one.approved_at)
    if one.state == "loading":
        found["phase"] = one.phase
        found["progress"] = progress(one)
    return found


def progress(one: Job) -> str:
    """`302,110 of 2,728,836 rows, 182,400 rows/s, 0:13 to go`, as far as it can be told."""
    if not one.phase_rows:
        return ""
    parts = [f"{one.phase_rows:,}" + (f" of {one.phase_of:,}" if one.phase_of else "") + " rows"]
    if one.speed:
        parts.append(f"{one.speed:,.0f} rows/s")
    if one.eta is not None:
        parts.append(f"{int(one.eta) // 60}:{int(one.eta) % 60:02d} to go")
    return ", ".join(parts)


def diff(counts: Sequence[Count], samples: Sequence[Sample] | None = None) -> list[dict[str, Any]]:
    """What a job changed or would change: an object an entity, students and teachers too; with samples when given."""
    found = [msgspec.structs.asdict(one) for one in counts]
    if samples is not None:
        for one in found:
            one["samples"] = [
                {"sourcedId": each.sourced_id, "change": each.change, "fields": each.fields}
                for each in samples
                if each.entity == one["entity"]
            ]
    return found


def problem(one: Fault) -> dict[str, Any]:
    """A problem as `--json` and reports print it."""
    return {
        "code": one.code,
        "severity": one.severity,
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "value": one.value,
        "message": one.problem.message if one.code in problems.CODES else one.detail,
    }


def instant(when: datetime.datetime | None) -> str | None:
    """`2026-04-01T05:02:11.123Z`."""
    if when is None:
        return None
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

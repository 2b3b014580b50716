"""Jobs and problems as `--json`, reports and uploads print them: these members, exactly."""

import datetime
from typing import Any

from oneroster import problems
from sql.jobs import Fault, Job


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

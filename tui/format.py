"""How tenants, jobs and the log read on the screen: Structs and a moment in, rows and sentences out. Pure."""

import datetime
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from sql.audit import Entry
from sql.jobs import Job, Queue
from sql.tenants import Health
from tui import text, times
from tui.rows import Column, Row

STYLES = {
    "OK": "good",
    "APPLIED": "good",
    "HELD": "warn",
    "REJECTED": "bad",
    "FAILED": "bad",
    "LOADING": "busy",
    "RECEIVED": "busy",
}
"""Colours of states, which are always also words."""

DAYS = {"held": "!", "rejected": "x", "failed": "x"}
"""The sign of a day by the state of its last job; any other state, an unfinished one too, is no trouble: `-`."""

PHASES = ("claim", "stage", "check", "diff", "apply", "commit", "publish")
BAR = 9
JOB_ID = re.compile(r"\b[0-9a-f]{8}\b")

URGENT = ("HELD", "FAILED", "REJECTED", "LOADING", "OK", "PAUSED", "NONE")
"""The states of tenants, those that want a person first."""

TENANT_COLUMNS = (
    Column("TENANT", 20, grow=3),
    Column("STATE", 8),
    Column("LAST", 11),
    Column("AGE", 6, right=True),
    Column("ROWS", 9, right=True),
    Column("ERR", 5, right=True),
    Column("WARN", 5, right=True),
    Column("7 DAYS", 7),
)
JOB_COLUMNS = (
    Column("JOB", 8),
    Column("TENANT", 16, grow=1),
    Column("VIA", 4),
    Column("STATE", 11),
    Column("PROGRESS", 27, grow=2),
    Column("ROWS/S", 7, right=True),
)


class Moment(msgspec.Struct, frozen=True):
    """Now, and where."""

    now: datetime.datetime
    zone: datetime.tzinfo | None


def rank(value: Any) -> tuple[bool, Any]:
    """What a value sorts by: what is missing comes last."""
    return (True, 0) if value is None else (False, value)


def tenant_state(one: Health) -> str:
    """OK, HELD, REJECTED, FAILED, PAUSED, LOADING or NONE."""
    if one.state == "paused":
        return "PAUSED"
    if one.job_state is None:
        return "NONE"
    if one.job_state in ("held", "rejected", "failed", "loading"):
        return one.job_state.upper()
    return "OK"


def strip(one: Health) -> str:
    """The last seven days, oldest first: `-` ok `!` held `x` failed or rejected `=` paused `.` none."""
    signs = ["." if state is None else DAYS.get(state, "-") for state in one.days]
    if one.state == "paused":
        last = max((place for place, state in enumerate(one.days) if state is not None), default=-1)
        signs[last + 1 :] = "=" * (len(signs) - last - 1)
    return "".join(signs)


def tenant_row(one: Health, at: Moment) -> Row:
    """A tenant on the Overview."""
    state = tenant_state(one)
    return Row(
        key=one.code,
        cells=(
            (one.name, ""),
            (state, STYLES.get(state, "dim")),
            (times.day(one.received_at, at.zone), ""),
            (times.age(one.received_at, at.now), ""),
            (text.figure(one.records, 9), ""),
            (text.figure(one.errors, 5), "bad" if one.errors else ""),
            (text.figure(one.warnings, 5), ""),
            (strip(one), ""),
        ),
        ranks=(
            one.name,
            state,
            rank(one.received_at),
            rank(one.received_at and -one.received_at.timestamp()),
            one.records,
            one.errors,
            one.warnings,
            strip(one),
        ),
        facts={
            "tenant": f"{one.code} {one.name}".casefold(),
            "state": state.casefold(),
            "reason": (one.reason or "").casefold(),
        },
        copied=one.code,
        record=msgspec.structs.asdict(one),
        when=one.received_at,
    )


def why(one: Health) -> tuple[str, str]:
    """The sentence under the Overview for the tenant at the cursor, and its style."""
    state = tenant_state(one)
    reason = sentence(one.reason)
    if state == "HELD":
        said = f"HELD because: {reason or 'the guard asks a person to look.'} Nothing was changed."
    elif state == "REJECTED":
        found = f"{one.errors:,} {'error' if one.errors == 1 else 'errors'} in the data."
        said = f"REJECTED because: {reason or found} Nothing was changed."
    elif state == "FAILED":
        said = f"FAILED because: {reason or 'an outage outlasted the retries.'} Nothing was changed."
    elif state == "PAUSED":
        said = "PAUSED: what arrives is kept and waits until the tenant is resumed."
    elif state == "LOADING":
        said = "LOADING: clients are served the roster before this bundle until it is whole."
    elif state == "NONE":
        said = "NONE: no bundle has come yet."
    else:
        said = {
            "applied": "OK: the last bundle is applied.",
            "superseded": "OK: the last bundle was older than what is applied, and was left aside.",
            "discarded": "OK: the last bundle was held and then rejected by a person.",
            "rolled_back": "OK: the last bundle was rolled back.",
        }.get(one.job_state or "", "OK")
    return said, STYLES.get(state, "")


def queue_line(one: Queue) -> str:
    """What waits and what today brought, for the whole hub."""
    today = [f"{one.applied:,} applied", f"{one.held:,} held"]
    today += [f"{number:,} {word}" for number, word in ((one.rejected, "rejected"), (one.failed, "failed")) if number]
    return f"Queue {one.waiting:,} waiting, {one.loading:,} running   Today {', '.join(today)}"


def job_row(one: Job, at: Moment) -> Row:
    """A job on the list."""
    state = one.state.upper()
    speed = rows_a_second(one, at.now)
    progress = job_progress(one)
    return Row(
        key=str(one.id),
        cells=(
            (str(one.id)[:8], ""),
            (one.tenant_name, ""),
            (one.via, ""),
            (state, STYLES.get(state, "dim")),
            (progress, ""),
            ("" if speed is None else text.figure(speed, 7), ""),
        ),
        ranks=(str(one.id), one.tenant_name, one.via, state, progress, rank(speed)),
        facts={
            "job": str(one.id),
            "tenant": f"{one.tenant} {one.tenant_name}".casefold(),
            "via": one.via,
            "state": one.state,
            "reason": (one.reason or "").casefold(),
            "bundle": one.bundle.casefold(),
            "sha256": one.sha256,
        },
        copied=str(one.id),
        record=msgspec.structs.asdict(one),
        when=one.received_at,
    )


def job_progress(one: Job) -> str:
    """How far a job is, or what came of it."""
    reason = sentence(one.reason)
    if one.state == "loading":
        return phase_bar(one.phase, one.phase_rows)
    if one.state == "received":
        return f"tries again: {reason}" if reason else "waits for a worker"
    if one.state == "held":
        return f"waits for approval: {reason}" if reason else "waits for approval"
    if one.state == "rejected":
        return reason or f"{one.errors:,} {'error' if one.errors == 1 else 'errors'}, 0 rows"
    if one.state in ("applied", "rolled_back"):
        counts = f"+{one.inserted:,} ~{one.updated:,} -{one.deleted:,}"
        return counts if one.inserted or one.updated or one.deleted else "nothing changed"
    if one.state == "duplicate":
        named = JOB_ID.search(reason)
        return f"same as {named[0]}" if named else reason or "the bytes that are applied already"
    return reason


def phase_bar(phase: str | None, rows: int | None) -> str:
    """`[####-----] check 302,110`."""
    word = phase or PHASES[0]
    done = (PHASES.index(word) + 1) * BAR // (len(PHASES) + 1) if word in PHASES else 0
    counted = f" {rows:,}" if rows else ""
    return f"[{'#' * done}{'-' * (BAR - done)}] {word}{counted}"


def rows_a_second(one: Job, now: datetime.datetime) -> int | None:
    """The rows read so far, or in all, by the time since the load began; None where that says nothing."""
    if one.started_at is None or one.state not in ("loading", "applied", "rolled_back", "held"):
        return None
    rows = one.phase_rows if one.state == "loading" else sum(one.rows.values())
    until = now if one.state == "loading" else one.finished_at
    if not rows or until is None:
        return None
    return round(rows / max(0.001, (until - one.started_at).total_seconds()))


def job_line(one: Job) -> str:
    """The sentence under the list for the job at the cursor."""
    said = sentence(one.reason) or one.bundle
    return f"{str(one.id)[:8]} {one.state.upper()}: {said}"


def sentence(reason: str | None) -> str:
    """A reason as a sentence."""
    said = (reason or "").strip()
    return said if not said or said.endswith((".", "!", "?", "。")) else f"{said}."


def audit_columns(zone: str, wide: bool) -> tuple[Column, ...]:
    """The log's columns: the whole time where there is room."""
    return (
        Column(f"TIME ({zone})", 23 if wide else 12),
        Column("WHO", 14, grow=1),
        Column("FROM", 15),
        Column("ACTION", 18, grow=1),
        Column("TARGET", 11, grow=2),
        Column("OK", 3),
    )


def audit_row(one: Entry, at: Moment, wide: bool) -> Row:
    """An entry of the log."""
    return Row(
        key=str(one.id),
        cells=(
            (times.whole(one.at, at.zone) if wide else times.moment(one.at, at.now, at.zone), ""),
            (one.who, ""),
            (one.origin or "-", ""),
            (one.action, ""),
            (one.target or "-", ""),
            ("yes", "") if one.ok else ("NO", "bad"),
        ),
        ranks=(),
        facts={},
        copied=one.target,
        record=msgspec.structs.asdict(one),
        when=one.at,
    )


def audit_lines(one: Entry, at: Moment) -> tuple[str, str]:
    """The whole of an entry under the log."""
    first = f"#{one.id:,}  {times.whole(one.at, at.zone)}  {one.who_kind}  tenant {one.tenant or '-'}"
    return first, pairs(one.target, one.detail)


def pairs(target: str, detail: dict[str, Any]) -> str:
    """`target  name=value name=value`."""
    said = [f"{name}={value if isinstance(value, str) else json(value)}" for name, value in detail.items()]
    return "  ".join([target or "-", *said])


def json(value: Any) -> str:
    """As JSON on one line, whatever the type."""
    return msgspec.json.encode(value, enc_hook=str).decode()


def plural(number: int, word: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def tally(words: Sequence[str], most: int = 3) -> str:
    """`E-REF 20, E-DATE 2`: how often each, the commonest first."""
    counted: dict[str, int] = {}
    for word in words:
        counted[word] = counted.get(word, 0) + 1
    order = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    rest = [f"{len(order) - most} other kinds"] if len(order) > most else []
    return ", ".join([f"{word} {number:,}" for word, number in order[:most]] + rest)

"""How jobs read on the screen: Structs and a moment in, rows and sentences out. Pure."""

import datetime
import re
from collections.abc import Sequence

import msgspec

from sql.jobs import Job
from tui import text, times, words
from tui.format import STYLES, Moment, because, rank
from tui.rows import Column, Row
from tui.words import say, word

PHASES = tuple(words.PHASES)

BAR = 9

JOB_ID = re.compile(r"\b[0-9a-f]{8}\b")

COLUMNS = (
    Column(word("JOB"), 8),
    Column(word("TENANT"), 16, grow=1),
    Column(word("VIA"), 4),
    Column(word("STATE"), 11),
    Column(word("PROGRESS"), 27, grow=2),
    Column(word("AGE"), 7, right=True),
)

SPEED = Column(word("ROWS/S"), 7, right=True)
"""Behind the others where there is room; else the sentence under the list tells the speed of a load."""


def columns(wide: bool) -> tuple[Column, ...]:
    """The columns of the list of jobs."""
    return (*COLUMNS, SPEED) if wide else COLUMNS


def row(one: Job, at: Moment, wide: bool = False) -> Row:
    """A job on the list."""
    state = one.state.upper()
    speed = rows_a_second(one, at.now)
    told = progress(one)
    cells = [
        (str(one.id)[:8], ""),
        (one.tenant_name, ""),
        (say(words.VIAS.get(one.via, one.via)), ""),
        (say(state), STYLES.get(state, "dim")),
        (told, ""),
        (times.age(one.received_at, at.now), ""),
    ]
    if wide:
        cells.append(("" if speed is None else text.figure(speed, 7), ""))
    return Row(
        key=str(one.id),
        cells=tuple(cells),
        ranks=(str(one.id), one.tenant_name, one.via, state, told, -one.received_at.timestamp(), rank(speed)),
        facts={
            "job": str(one.id),
            "tenant": f"{one.tenant} {one.tenant_name}".casefold(),
            "via": one.via,
            "state": words.both(one.state),
            "reason": f"{one.reason or ''} {one.reason_japanese or ''}".casefold(),
            "bundle": one.bundle.casefold(),
            "sha256": one.sha256,
        },
        copied=str(one.id),
        record=msgspec.structs.asdict(one),
        when=one.received_at,
    )


def progress(one: Job) -> str:
    """How far a job is, or what came of it."""
    reason = because(one.reason, one.reason_japanese)
    if one.state == "loading":
        return phase_bar(one.phase, one.phase_rows)
    if one.state == "received":
        waits = say("waits: tenant is paused") if one.tenant_state == "paused" else say("waits for a worker")
        return say("tries again: {reason}", reason=reason) if reason else waits
    if one.state == "held":
        return reason or say("waits for approval")
    if one.state == "rejected":
        return reason or say("1 error, 0 rows" if one.errors == 1 else "{count:,} errors, 0 rows", count=one.errors)
    if one.state in ("applied", "rolled_back"):
        named = JOB_ID.search(one.bundle) if one.kind == "rollback" else None
        counts = f"+{one.inserted:,} ~{one.updated:,} -{one.deleted:,}"
        counts = counts if one.inserted or one.updated or one.deleted else say("nothing changed")
        return say("undoes {job}: {counts}", job=named[0], counts=counts) if named else counts
    if one.state == "duplicate":
        named = JOB_ID.search(one.reason or "")
        return say("same as {job}", job=named[0]) if named else reason or say("the bytes that are applied already")
    return reason


def phase_bar(phase: str | None, rows: int | None) -> str:
    """`[####-----] check 302,110`."""
    name = phase or PHASES[0]
    done = (PHASES.index(name) + 1) * BAR // (len(PHASES) + 1) if name in PHASES else 0
    counted = f" {rows:,}" if rows else ""
    return f"[{'#' * done}{'-' * (BAR - done)}] {say(words.PHASES.get(name, name))}{counted}"


def rows_a_second(one: Job, now: datetime.datetime) -> int | None:
    """The rows read so far, or in all, by the time since the load began; None where that says nothing."""
    if one.started_at is None or one.state not in ("loading", "applied", "rolled_back", "held"):
        return None
    rows = one.phase_rows if one.state == "loading" else sum(one.rows.values())
    until = now if one.state == "loading" else one.finished_at
    if not rows or until is None:
        return None
    return round(rows / max(0.001, (until - one.started_at).total_seconds()))


def line(one: Job, at: Moment) -> str:
    """The sentence on a job: when it came, and why it is as it is."""
    said = because(one.reason, one.reason_japanese) or pace(one) or one.bundle
    if one.state == "rejected" and one.errors and not one.reason:
        said = say(
            "{bundle}, 1 error: Enter shows file and line."
            if one.errors == 1
            else "{bundle}, {errors:,} errors: Enter shows file and line.",
            bundle=one.bundle,
            errors=one.errors,
        )
    return f"{str(one.id)[:8]} {times.day(one.received_at, at.zone)} {words.state(one.state)}: {said}"


def pace(one: Job) -> str:
    """How far a load is, how fast, and how long it will take, as far as that can be told."""
    if one.state != "loading" or not one.phase_rows or not one.phase_of or one.eta is None or not one.speed:
        return ""
    left = times.span(datetime.timedelta(seconds=round(one.eta)))
    return say(
        "{rows:,} of {total:,} rows, {speed:,.0f} rows/s, {time} to go",
        rows=one.phase_rows,
        total=one.phase_of,
        speed=one.speed,
        time=left,
    )


def tally(kinds: Sequence[str], most: int = 3) -> str:
    """`E-REF 20, E-DATE 2`: how often each, the commonest first."""
    counted: dict[str, int] = {}
    for kind in kinds:
        counted[kind] = counted.get(kind, 0) + 1
    order = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    more = len(order) - most
    rest = [say("1 other kind" if more == 1 else "{count} other kinds", count=more)] if more > 0 else []
    return say(", ").join([f"{kind} {number:,}" for kind, number in order[:most]] + rest)

"""How a job's problems, counts, files and times read on the screen. Pure, as `format` is."""

import datetime

import msgspec

from oneroster.problems import CODES
from sql import shown
from sql.jobs import Count, Fault, Job
from tui import format, text, times
from tui.format import Moment
from tui.rows import Column, Row

PROBLEM_COLUMNS = (
    Column("FILE", 18),
    Column("LINE", 7, right=True),
    Column("COLUMN", 16, grow=1),
    Column("RULE", 16),
    Column("VALUE", 17, grow=2),
)
COUNT_COLUMNS = (
    Column("ENTITY", 16, grow=1),
    Column("NOW", 7, right=True),
    Column("NEW", 8, right=True),
    Column("INSERT", 7, right=True),
    Column("UPDATE", 7, right=True),
    Column("SOFT DEL", 8, right=True),
    Column("CHANGE", 6, right=True),
    Column("GUARD", 12),
)
FILE_COLUMNS = (Column("FILE", 24, grow=1), Column("ROWS", 12, right=True), Column("PROBLEMS", 12, right=True))
TIME_COLUMNS = (Column("TIME", 23), Column("WHAT", 14), Column("MORE", 39, grow=1))


def problem_row(place: int, one: Fault) -> Row:
    """A fault; `place` tells it from its equals."""
    return Row(
        key=str(place),
        cells=(
            (one.file or "(bundle)", ""),
            (text.figure(one.line, 7) if one.line else "-", ""),
            (one.column or "-", ""),
            (one.code, "bad" if one.severity == "error" else "warn"),
            (one.value, ""),
        ),
        ranks=(one.file, one.line, one.column, one.code, one.value),
        facts={
            "file": one.file.casefold(),
            "line": str(one.line),
            "column": one.column.casefold(),
            "rule": one.code.casefold(),
            "severity": one.severity,
            "value": one.value.casefold(),
            "message": one.detail.casefold(),
        },
        copied=one.value,
        record=shown.problem(one),
    )


def place(one: Fault) -> str:
    """`users.csv line 212, email`."""
    line = f" line {one.line:,}" if one.line else ""
    column = f", {one.column}" if one.column else ""
    return f"{one.file or 'The bundle'}{line}{column}"


def message(one: Fault) -> str:
    """The whole message, in English."""
    return one.problem.message if one.code in CODES else one.detail


def japanese(one: Fault) -> str:
    """The whole message, in Japanese."""
    return one.problem.japanese if one.code in CODES else one.detail


def count_row(one: Count) -> Row:
    """What a job did, or would do, to one entity."""
    moved = one.updated if one.guard == "hold:updated" else one.deleted
    share = moved / one.before if one.before else 0.0
    hold = one.guard.partition(":")[2]
    return Row(
        key=one.entity,
        cells=(
            (("  " if one.entity in ("students", "teachers") else "") + one.entity, ""),
            (text.figure(one.before, 7), ""),
            (text.figure(one.after, 8), ""),
            (text.figure(one.inserted, 7), ""),
            (text.figure(one.updated, 7), ""),
            (text.figure(one.deleted, 8), ""),
            (f"{share:.1%}", ""),
            (f"HOLD {hold}", "warn") if hold else ("ok", "good"),
        ),
        ranks=(one.entity, one.before, one.after, one.inserted, one.updated, one.deleted, share, one.guard),
        facts={"entity": one.entity.casefold(), "guard": one.guard},
        copied=one.entity,
        record=msgspec.structs.asdict(one),
    )


def file_rows(one: Job, faults: list[Fault]) -> list[Row]:
    """The files of a bundle with their data rows; files only named by a problem too."""
    found: dict[str, int] = {}
    for fault in faults:
        found[fault.file] = found.get(fault.file, 0) + 1
    rows: dict[str, int | None] = {name if "." in name else f"{name}.csv": number for name, number in one.rows.items()}
    for name in found:
        rows.setdefault(name or "(bundle)", None)
    return [
        Row(
            key=name,
            cells=(
                (name, ""),
                ("-" if number is None else f"{number:,}", ""),
                (f"{found.get(name, 0):,}", "bad" if found.get(name) else ""),
            ),
            ranks=(name, format.rank(number), found.get(name, 0)),
            facts={"file": name.casefold()},
            copied=name,
            record={"file": name, "rows": number, "problems": found.get(name, 0)},
        )
        for name, number in rows.items()
    ]


def time_rows(one: Job, at: Moment) -> list[Row]:
    """What happened to a job, in order."""
    steps: list[tuple[datetime.datetime | None, str, str]] = [
        (one.received_at, "RECEIVED", f"by {one.via}: {one.bundle}"),
    ]
    if one.started_at is not None:
        waited = times.span(one.started_at - one.received_at)
        steps.append((one.started_at, "LOADING", f"attempt {one.attempts}, after {waited}"))
    if one.state == "loading":
        steps.append((None, "now", format.phase_bar(one.phase, one.phase_rows)))
    elif one.state == "received" and one.reason:
        steps.append((None, "RECEIVED", format.job_progress(one)))
    if one.finished_at is not None:
        taken = f"after {times.span(one.finished_at - (one.started_at or one.received_at))}"
        result = format.job_progress(one)
        steps.append((one.finished_at, one.state.upper(), f"{taken}: {result}" if result else taken))
    if one.revision is not None and (one.inserted or one.updated or one.deleted):
        steps.append((one.finished_at, "revision", f"{one.revision:,}"))
    elif one.revision is not None:
        steps.append((one.finished_at, "revision", f"{one.revision:,}, confirmed"))
    return [
        Row(
            key=str(number),
            cells=((times.whole(when, at.zone), ""), (what, format.STYLES.get(what, "")), (more, "")),
            ranks=(number, what, more),
            facts={"what": what.casefold(), "more": more.casefold()},
            copied=times.whole(when, at.zone),
            record={"at": when, "what": what, "more": more},
        )
        for number, (when, what, more) in enumerate(steps)
    ]


def job_head(one: Job) -> str:
    """The line over a job's tabs."""
    attempt = f"  attempt {one.attempts}" if one.attempts > 1 else ""
    return f"Job {str(one.id)[:8]}  {one.tenant_name}  {one.via}{attempt}"

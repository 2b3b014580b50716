"""How a job's problems, counts, files and times read on the screen. Pure, as `format` is."""

import datetime

import msgspec

from oneroster.problems import CODES
from sql import shown
from sql.jobs import Count, Fault, Job
from tui import format, job_rows, text, times, words
from tui.format import Moment
from tui.rows import Column, Row
from tui.words import say, word

PROBLEM_COLUMNS = (
    Column(word("FILE"), 18),
    Column(word("LINE"), 9, right=True),
    Column(word("COLUMN"), 16, grow=1),
    Column(word("RULE"), 16),
    Column(word("VALUE"), 15, grow=2),
)
COUNT_COLUMNS = (
    Column(word("ENTITY"), 16, grow=1),
    Column(word("NOW"), 7, right=True),
    Column(word("NEW"), 8, right=True),
    Column(word("INSERT"), 7, right=True),
    Column(word("UPDATE"), 7, right=True),
    Column(word("SOFT DEL"), 8, right=True),
    Column(word("CHANGE"), 6, right=True),
    Column(word("GUARD"), 12),
)
PARTS = ("students", "teachers")
"""Of users; who takes up another role comes or goes there, too."""
DECIDED = {"applied": word("approved"), "rolled_back": word("approved"), "discarded": word("turned down")}
"""What became of a held bundle, by the state of its job: then the guard holds it no more."""
FILE_COLUMNS = (
    Column(word("FILE"), 24, grow=1),
    Column(word("ROWS"), 12, right=True),
    Column(word("PROBLEMS"), 12, right=True),
)
TIME_COLUMNS = (Column(word("TIME"), 23), Column(word("WHAT"), 14), Column(word("MORE"), 39, grow=1))


def problem_row(place: int, one: Fault) -> Row:
    """A fault; `place` tells it from its equals."""
    return Row(
        key=str(place),
        cells=(
            (one.file or say("(bundle)"), ""),
            (f"{one.line:,}" if one.line else "-", ""),
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
            "message": message(one).casefold(),
        },
        copied=one.value,
        record=shown.problem(one),
    )


def place(one: Fault) -> str:
    """`users.csv line 212, email`."""
    line = say(" line {line:,}", line=one.line) if one.line else ""
    column = say(", {column}", column=one.column) if one.column else ""
    return f"{one.file or say('The bundle')}{line}{column}"


def message(one: Fault) -> str:
    """The whole message, in the operator's language."""
    if one.code not in CODES:
        return one.detail
    return one.problem.japanese if words.japanese() else one.problem.message


def remedy(one: Fault) -> str:
    """What to do about it, for the sender; empty where nothing is known."""
    if one.code not in CODES:
        return ""
    return CODES[one.code].fix_japanese if words.japanese() else CODES[one.code].fix


def count_columns(state: str) -> tuple[Column, ...]:
    """Those of the counts: what was now and new when the bundle came is before and after once it is applied."""
    if state not in DECIDED:
        return COUNT_COLUMNS
    entity, now, new, *rest = COUNT_COLUMNS
    after = new if state == "discarded" else msgspec.structs.replace(new, title=word("AFTER"))
    return (entity, msgspec.structs.replace(now, title=word("BEFORE")), after, *rest)


def count_row(one: Count, state: str = "") -> Row:
    """What a job of that state did, or would do, to one entity."""
    moved = one.updated if one.guard == "hold:updated" else one.deleted
    share = moved / one.before if one.before else 0.0
    guard = words.GUARDS.get(one.guard, one.guard)
    if one.guard != "ok":
        guard = DECIDED.get(state, guard)
    return Row(
        key=one.entity,
        cells=(
            (("  " if one.entity in PARTS else "") + words.entity(one.entity), ""),
            (text.figure(one.before, 7), ""),
            (text.figure(one.after, 8), ""),
            (text.figure(one.inserted, 7), ""),
            (text.figure(one.updated, 7), ""),
            (text.figure(one.deleted, 8), ""),
            (f"{share:.1%}", ""),
            (say(guard), "good" if one.guard == "ok" else "warn"),
        ),
        ranks=(one.entity, one.before, one.after, one.inserted, one.updated, one.deleted, share, one.guard),
        facts={"entity": f"{one.entity} {words.entity(one.entity)}".casefold(), "guard": f"{one.guard} {say(guard)}"},
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
        rows.setdefault(name, None)
    return [
        Row(
            key=name,
            cells=(
                (name or say("(bundle)"), ""),
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
    by = say("by {via}: {bundle}", via=say(words.VIAS.get(one.via, one.via)), bundle=one.bundle)
    steps: list[tuple[datetime.datetime | None, str, str]] = [(one.received_at, "RECEIVED", by)]
    if one.started_at is not None:
        waited = times.span(one.started_at - one.received_at)
        steps.append(
            (one.started_at, "LOADING", say("attempt {number}, after {time}", number=one.attempts, time=waited))
        )
    if one.state == "loading":
        steps.append((None, word("now"), job_rows.phase_bar(one.phase, one.phase_rows)))
    elif one.state == "received" and one.reason:
        steps.append((None, "RECEIVED", job_rows.progress(one)))
    if one.finished_at is not None:
        taken = say("after {time}", time=times.span(one.finished_at - (one.started_at or one.received_at)))
        result = job_rows.progress(one)
        steps.append((one.finished_at, one.state.upper(), f"{taken}: {result}" if result else taken))
    if one.revision is not None and (one.inserted or one.updated or one.deleted):
        steps.append((one.finished_at, word("revision"), f"{one.revision:,}"))
    elif one.revision is not None:
        steps.append((one.finished_at, word("revision"), say("{revision:,}, confirmed", revision=one.revision)))
    return [
        Row(
            key=str(number),
            cells=((times.whole(when, at.zone), ""), (say(what), format.STYLES.get(what, "")), (more, "")),
            ranks=(number, what, more),
            facts={"what": words.both(what), "more": more.casefold()},
            copied=times.whole(when, at.zone),
            record={"at": when, "what": what, "more": more},
        )
        for number, (when, what, more) in enumerate(steps)
    ]


def job_head(one: Job) -> str:
    """The line over a job's tabs."""
    attempt = "  " + say("attempt {number}", number=one.attempts) if one.attempts > 1 else ""
    via = say(words.VIAS.get(one.via, one.via))
    return f"{say('Job {id}', id=str(one.id)[:8])}  {one.tenant_name}  {via}{attempt}"

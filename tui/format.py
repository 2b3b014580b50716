"""How tenants, jobs and the log read on the screen: Structs and a moment in, rows and sentences out. Pure."""

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sql import chain
from sql.audit import Entry
from sql.jobs import Job, Queue
from sql.search import Asked
from sql.tenants import Health
from sql.verification import Fault, Verified
from tui import text, times, words
from tui.rows import Column, Row
from tui.words import say, word

STYLES = {
    "OK": "good",
    "APPLIED": "good",
    "HELD": "warn",
    "STALE": "warn",
    "REJECTED": "bad",
    "FAILED": "bad",
    "LOADING": "busy",
    "RECEIVED": "busy",
}
"""Colours of states, which are always also words."""

DAYS = {"held": "!", "rejected": "x", "failed": "x"}
"""The sign of a day by the state of its last job; any other state, an unfinished one too, is no trouble: `-`."""

PHASES = tuple(words.PHASES)
BAR = 9
UUID = re.compile(r"\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
JOB_ID = re.compile(r"\b[0-9a-f]{8}\b")

URGENT = ("HELD", "STALE", "FAILED", "REJECTED", "LOADING", "OK", "PAUSED", "NONE")
"""The states of tenants, those that want a person first."""

TENANT_COLUMNS = (
    Column(word("TENANT"), 18, grow=3),
    Column(word("STATE"), 8),
    Column(word("LAST"), 11),
    Column(word("AGE"), 7, right=True),
    Column(word("ROWS"), 9, right=True),
    Column(word("ERR"), 6, right=True),
    Column(word("WARN"), 5, right=True),
    Column(word("7 DAYS"), 7),
)
JOB_COLUMNS = (
    Column(word("JOB"), 8),
    Column(word("TENANT"), 16, grow=1),
    Column(word("VIA"), 4),
    Column(word("STATE"), 11),
    Column(word("PROGRESS"), 27, grow=2),
    Column(word("AGE"), 7, right=True),
)
SPEED_COLUMN = Column(word("ROWS/S"), 7, right=True)
"""Behind the others where there is room; else the sentence under the list tells the speed of a load."""


class Moment(msgspec.Struct, frozen=True):
    """Now, and where."""

    now: datetime.datetime
    zone: datetime.tzinfo | None


def rank(value: Any) -> tuple[bool, Any]:
    """What a value sorts by: what is missing comes last."""
    return (True, 0) if value is None else (False, value)


def tenant_state(one: Health, now: datetime.datetime) -> str:
    """OK, STALE, HELD, REJECTED, FAILED, PAUSED, LOADING or NONE."""
    if one.state == "paused":
        return "PAUSED"
    if one.job_state != "held" and one.missed(now) is not None:
        return "STALE"
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
    state = tenant_state(one, at.now)
    return Row(
        key=one.code,
        cells=(
            (one.name, ""),
            (say(state), STYLES.get(state, "dim")),
            (times.day(one.received_at, at.zone), ""),
            (times.age(one.received_at, at.now), ""),
            (text.figure(one.records, 9), ""),
            (text.figure(one.errors, 6), "bad" if one.errors else ""),
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
            "state": words.both(state),
            "reason": f"{one.reason or ''} {one.reason_japanese or ''}".casefold(),
        },
        copied=one.code,
        record=msgspec.structs.asdict(one),
        when=one.received_at,
    )


def why(one: Health, at: Moment) -> tuple[str, str]:
    """The sentence under the Overview for the tenant at the cursor, and its style."""
    state = tenant_state(one, at.now)
    reason = because(one.reason, one.reason_japanese)
    if state == "HELD":
        reason = reason or say("the guard asks a person to look.")
        said = say("HELD because: {reason} Nothing was changed.", reason=reason)
    elif state == "REJECTED":
        found = say("1 error in the data." if one.errors == 1 else "{count:,} errors in the data.", count=one.errors)
        said = say("REJECTED because: {reason} Nothing was changed.", reason=reason or found)
    elif state == "FAILED":
        reason = reason or say("an outage outlasted the retries.")
        said = say("FAILED because: {reason} Nothing was changed.", reason=reason)
    elif state == "STALE":
        due = times.day(one.missed(at.now), at.zone)
        said = say("STALE: a delivery was due {time}, and none has come. Clients are served the last roster.", time=due)
    elif state == "PAUSED":
        said = say("PAUSED: what arrives is kept and waits until the tenant is resumed.")
    elif state == "LOADING":
        said = say("LOADING: clients are served the roster before this bundle until it is whole.")
    elif state == "NONE":
        said = say("NONE: no bundle has come yet.")
    else:
        said = say(FINE.get(one.job_state or "", "OK"))
    return said, STYLES.get(state, "")


FINE = {
    "applied": word("OK: the last bundle is applied."),
    "superseded": word("OK: the last bundle was older than what is applied, and was left aside."),
    "discarded": word("OK: the last bundle was held and then rejected by a person."),
    "rolled_back": word("OK: the last bundle was rolled back."),
}
"""What became of the last bundle where nothing is wrong."""


def queue_line(one: Queue) -> str:
    """What waits and what today brought, for the whole hub."""
    today = [say("{count:,} applied", count=one.applied), say("{count:,} held", count=one.held)]
    if one.rejected:
        today.append(say("{count:,} rejected", count=one.rejected))
    if one.failed:
        today.append(say("{count:,} failed", count=one.failed))
    queue = say("Queue {waiting:,} waiting, {loading:,} running", waiting=one.waiting, loading=one.loading)
    return f"{queue}   {say('Today {what}', what=say(', ').join(today))}"


def job_columns(wide: bool) -> tuple[Column, ...]:
    """The columns of the list of jobs."""
    return (*JOB_COLUMNS, SPEED_COLUMN) if wide else JOB_COLUMNS


def job_row(one: Job, at: Moment, wide: bool = False) -> Row:
    """A job on the list."""
    state = one.state.upper()
    speed = rows_a_second(one, at.now)
    progress = job_progress(one)
    cells = [
        (str(one.id)[:8], ""),
        (one.tenant_name, ""),
        (say(words.VIAS.get(one.via, one.via)), ""),
        (say(state), STYLES.get(state, "dim")),
        (progress, ""),
        (times.age(one.received_at, at.now), ""),
    ]
    if wide:
        cells.append(("" if speed is None else text.figure(speed, 7), ""))
    return Row(
        key=str(one.id),
        cells=tuple(cells),
        ranks=(str(one.id), one.tenant_name, one.via, state, progress, -one.received_at.timestamp(), rank(speed)),
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


def job_progress(one: Job) -> str:
    """How far a job is, or what came of it."""
    reason = because(one.reason, one.reason_japanese)
    if one.state == "loading":
        return phase_bar(one.phase, one.phase_rows)
    if one.state == "received":
        return say("tries again: {reason}", reason=reason) if reason else say("waits for a worker")
    if one.state == "held":
        return reason or say("waits for approval")
    if one.state == "rejected":
        return reason or say("1 error, 0 rows" if one.errors == 1 else "{count:,} errors, 0 rows", count=one.errors)
    if one.state in ("applied", "rolled_back"):
        counts = f"+{one.inserted:,} ~{one.updated:,} -{one.deleted:,}"
        return counts if one.inserted or one.updated or one.deleted else say("nothing changed")
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


def job_line(one: Job, at: Moment) -> str:
    """The sentence on a job: when it came, and why it is as it is."""
    said = because(one.reason, one.reason_japanese) or pace(one) or one.bundle
    if one.state == "rejected" and one.errors and not one.reason:
        said = say("{bundle}, {errors:,} errors: Enter shows file and line.", bundle=one.bundle, errors=one.errors)
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


def because(english: str | None, japanese: str | None) -> str:
    """A reason as a sentence, in the operator's language where it was kept in that, too."""
    said = ((japanese if words.japanese() else None) or english or "").strip()
    said = say(MACHINES.get(said, said))
    return said if not said or said.endswith((".", "!", "?", "。")) else say("{sentence}.", sentence=said)


MACHINES = {"rolled-back": word("These very bytes were rolled back; they are not applied again by themselves.")}
"""Reasons that are a word for machines."""


def audit_columns(zone: str, wide: bool) -> tuple[Column, ...]:
    """The log's columns: the whole time where there is room."""
    return (
        Column(say("TIME ({zone})", zone=zone), 23 if wide else 12),
        Column(word("WHO"), 14, grow=1),
        Column(word("FROM"), 15),
        Column(word("ACTION"), 18, grow=1),
        Column(word("TARGET"), 10, grow=2),
        Column(word("DONE"), 4),
    )


def audit_row(one: Entry, at: Moment, wide: bool, names: Mapping[str, str], *, wrong: bool = False) -> Row:
    """An entry of the log; `names` are those of clients by their ids, which the log keeps; `wrong`: not as sealed."""
    who = names.get(one.who, one.who)
    return Row(
        key=str(one.id),
        cells=(
            (times.whole(one.at, at.zone) if wide else times.moment(one.at, at.now, at.zone), ""),
            (f"! {who}" if wrong else who, "bad" if wrong else ""),
            (one.origin or "-", ""),
            (one.action, ""),
            (brief(one, one.target) or "-", ""),
            (say(words.DONE[one.ok]), "" if one.ok else "bad"),
        ),
        ranks=(),
        facts={},
        copied=one.target,
        record=msgspec.structs.asdict(one),
        when=one.at,
    )


def audit_lines(one: Entry, at: Moment, link: chain.Place | None) -> tuple[str, str]:
    """Whose an entry is, when it was made, where it stands in the chain; then its target and the rest."""
    place = say("not sealed yet") if link is None else f"#{link.seq:,}"
    kind = say(words.KINDS.get(one.who_kind, one.who_kind))
    tenant = say("tenant {code}", code=one.tenant or "-")
    first = f"{place}  {tenant}  {kind}  {times.whole(one.at, at.zone)[:19]}"
    if link is not None:
        before, own = (f"{digest.hex()[:4]}.." if digest else "-" for digest in (link.before, link.hmac))
        first += f"  {say('prev {before}  hash {own}', before=before, own=own)}"
    return first, brief(one, pairs(one.target, one.detail))


def audit_short(one: Entry, at: Moment) -> str:
    """An entry on one line."""
    return f"{times.whole(one.at, at.zone)}  {one.who}  {one.action}  {one.target}".rstrip()


def audit_range(asked: Asked, span: str) -> str:
    """`Range: last 24 h   Who: *   Action: *   Result: *`."""
    result = "*" if asked.ok is None else say(words.DONE[asked.ok])
    parts = [
        say("Range: {range}", range=span),
        say("Who: {who}", who=",".join(asked.who) or "*"),
        say("Action: {action}", action=",".join(asked.action) or "*"),
        say("Result: {result}", result=result),
    ]
    if asked.target:
        parts.append(say("Target: {target}", target=",".join(asked.target)))
    return "   ".join(parts)


def chain_state(sealed: int, checked: int | None, verified: Verified | None) -> tuple[str, str]:
    """What the screen says of the chain, and its style."""
    if checked is not None:
        return say("Chain: #{count:,} of #{sealed:,}", count=checked, sealed=sealed), "busy"
    if verified is None:
        return say("Chain: to #{sealed:,}", sealed=sealed), ""
    if verified.count:
        return say("Chain: WRONG, {count:,}", count=verified.count), "bad"
    return say("Chain: OK to #{last:,}", last=verified.last), "good"


def fault(one: Fault, at: Moment) -> str:
    """What is wrong with an entry or a link, and which entry that is."""
    entry = [] if one.audit_id is None else [f"id {one.audit_id}", times.whole(one.at, at.zone)]
    return "  ".join([say(FAULTS[one.kind]), *entry])


FAULTS = {
    "changed": word("The entry is not as it was sealed."),
    "deleted": word("The entry is gone."),
    "moved": word("The entry bears another time than when it was sealed."),
    "unsealed": word("The entry was put in behind the chain, or its link is gone."),
    "undrawn": word("The entry has an id that the hub never gave."),
    "behind": word("The entry was put in long after the time that it tells."),
    "relinked": word("The link is not as it was made; its entry is."),
    "unlinked": word("From here on links of the chain are gone."),
    "cut": word("The end of the chain is cut off; it came as far as this."),
    "anchor": word("The link is not the one that an anchor tells of."),
}
"""By the kind of what a verification finds."""


def pairs(target: str, detail: dict[str, Any]) -> str:
    """`target  reason=why  name=value`, the reason first."""
    named = sorted(detail.items(), key=lambda pair: pair[0] != "reason")
    said = [f"{name}={value if isinstance(value, str) else json(value)}" for name, value in named]
    return "  ".join([target or "-", *said])


def brief(one: Entry, said: str) -> str:
    """What is said of an entry, with ids of jobs as they stand on the screens; those of records stay whole."""
    return UUID.sub(r"\1", said) if one.action.partition(".")[0] == "job" else said


def json(value: Any) -> str:
    """As JSON on one line, whatever the type."""
    return msgspec.json.encode(value, enc_hook=str).decode()


def tally(kinds: Sequence[str], most: int = 3) -> str:
    """`E-REF 20, E-DATE 2`: how often each, the commonest first."""
    counted: dict[str, int] = {}
    for kind in kinds:
        counted[kind] = counted.get(kind, 0) + 1
    order = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    rest = [say("{count} other kinds", count=len(order) - most)] if len(order) > most else []
    return say(", ").join([f"{kind} {number:,}" for kind, number in order[:most]] + rest)

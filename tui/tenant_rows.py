"""How tenants read on the screen, and how they stand: Structs and a moment in, rows and sentences out. Pure."""

import datetime

import msgspec

from sql.jobs import Queue
from sql.tenants import Health
from tui import text, times, words
from tui.format import STYLES, Moment, because, rank
from tui.rows import Column, Row
from tui.words import say, word

DAYS = {"held": "!", "rejected": "x", "failed": "x"}
"""The sign of a day by the state of its last job; any other state, an unfinished one too, is no trouble: `-`."""

URGENT = ("HELD", "STALE", "FAILED", "REJECTED", "LOADING", "OK", "PAUSED", "NONE")
"""The states of tenants, those that want a person first."""

COLUMNS = (
    Column(word("TENANT"), 18, grow=3),
    Column(word("STATE"), 8),
    Column(word("LAST"), 11),
    Column(word("AGE"), 7, right=True),
    Column(word("ROWS"), 9, right=True),
    Column(word("ERR"), 6, right=True),
    Column(word("WARN"), 5, right=True),
    Column(word("7 DAYS"), 7),
)


def standing(one: Health, now: datetime.datetime) -> str:
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


def row(one: Health, at: Moment) -> Row:
    """A tenant on the Overview."""
    state = standing(one, at.now)
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
            "reason": f"{one.reason or ''} {one.reason_japanese or ''} {one.paused_why or ''}".casefold(),
        },
        copied=one.code,
        record=msgspec.structs.asdict(one),
        when=one.received_at,
    )


def why(one: Health, at: Moment) -> tuple[str, str]:
    """The sentence under the Overview for the tenant at the cursor, and its style."""
    state = standing(one, at.now)
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
    elif state == "PAUSED" and one.paused_at:
        said = say(
            "PAUSED by {who}, {time}: {reason} What arrives is kept and waits until the tenant is resumed.",
            who=one.paused_by,
            time=times.day(one.paused_at, at.zone),
            reason=because(one.paused_why, None),
        )
    elif state == "PAUSED":  # before that was kept
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

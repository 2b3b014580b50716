"""rosterhub audit: who did what, and whether the log is what it was."""

import datetime
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
from cyclopts import App, Parameter

from daemon import auditing, printing, sealing
from daemon.printing import many
from daemon.verbs import Given
from oneroster.refused import Refused
from sql import clients, database, shown
from sql import search as searching
from sql.database import Connection, Pool
from sql.search import Asked, Found
from sql.verification import Verified

app = App(name="audit", help="Who did what, and when.")

PATIENCE = 5.0
"""Seconds that a search for free text may take."""
SPAN = re.compile(r"(\d{1,5})([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}

Result = Literal["ok", "no"]


class NoTime(Refused):
    """That is no time."""

    hint = "Say 2026-04-01, 2026-04-01T05:02, 2026-04-01T05:02:11Z, or a span back from now: 90m, 24h, 7d."
    exit_code = 64


@Parameter(name="*")
@dataclass(frozen=True)
class Conditions:
    """Which entries.

    Parameters
    ----------
    tenant
        Only this tenant's.
    who
        Only by this client, by its id or its name, inbox or person; `name*` for all ids that begin so. May be given
        more than once.
    action
        Only this action, such as job.approve, or `job.*`. May be given more than once.
    target
        Only with this target: a job, the sourcedId of a record that was read alone, or for a page of a collection
        OFFSET+ROWS, such as 0+1000. May be given more than once.
    result
        ok: only what was done; no: only what was refused or failed.
    since
        From this time on: 2026-04-01, 2026-04-01T05:02Z, or 24h back from now. What names no zone is the machine's
        own time.
    until
        Before this time.
    search
        Only with this text in who, from, action, target or detail. May be given more than once.
    without
        Only without this text in any of these. May be given more than once.
    """

    tenant: str | None = None
    who: list[str] | None = None
    action: list[str] | None = None
    target: list[str] | None = None
    result: Result | None = None
    since: str | None = None
    until: str | None = None
    search: list[str] | None = None
    without: list[str] | None = None

    def asked(self) -> Asked:
        """The same for the log. Raises NoTime."""
        return Asked(
            tenant=self.tenant,
            who=tuple(self.who or ()),
            action=tuple(self.action or ()),
            target=tuple(self.target or ()),
            ok=None if self.result is None else self.result == "ok",
            since=_time(self.since),
            until=_time(self.until),
            words=tuple(self.search or ()),
            without=tuple(self.without or ()),
        )


NONE = Conditions()


@app.command(name="list")
def list_(
    *,
    conditions: Conditions = NONE,
    before: int | None = None,
    limit: int = 100,
    json: bool = False,
    here: Given,
) -> None:
    """Entries of the audit log, newest first.

    Who read a pupil: --action 'api.read*' --target SOURCEDID, and for the pages of a collection --action 'api.read
    users'; what a platform read: --who with its name. To prove it to others: `audit export`, `audit verify`.

    Example: rosterhub audit list --action client.* --result ok --since 7d

    Parameters
    ----------
    before
        The next page: entries older than the one of this id.
    limit
        At most so many.
    json
        Print JSON.
    """
    given = conditions.asked()

    async def work(pool: Pool) -> tuple[Found, dict[str, str]]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            asked = await _named(conn, given)
            place = searching.START if before is None else await searching.place(conn, before)
            found = await searching.page(conn, asked, before=place, limit=limit, patience=PATIENCE)
            return found, await auditing.called(conn)

    found, names = here.run(work)
    if json:
        printing.data([auditing.told(one, names) for one in found.entries])
    else:
        printing.table(
            ("ID", "TIME", "WHO", "FROM", "ACTION", "TARGET", "OK"),
            [
                (
                    one.id,
                    shown.instant(one.at),
                    names.get(one.who, one.who),
                    one.origin,
                    one.action,
                    one.target,
                    "yes" if one.ok else "NO",
                )
                for one in found.entries
            ],
        )
    if found.searched is not None:
        back, last = shown.instant(found.searched[0]), found.searched[1]
        printing.talk(f"rosterhub: searched back to {back}; go on with --before {last}.")
    elif not found.entries:
        printing.talk(f"rosterhub: no entry fits{_span(given)}. What clients read is `--action 'api.read*'`.")
    elif found.entries and len(found.entries) == limit:
        printing.talk(f"rosterhub: for older ones --before {found.entries[-1].id}.")


@app.command
def export(
    file: Path | None = None,
    *,
    format: auditing.Format = "csv",
    conditions: Conditions = NONE,
    here: Given,
) -> None:
    """Write entries of the audit log, all that fit, oldest first. What a spreadsheet would run is made harmless.

    Example: rosterhub audit export audit.csv --since 2026-03-01 --until 2026-04-01

    Parameters
    ----------
    file
        Where to; else to standard output.
    format
        csv or jsonl.
    """
    given = conditions.asked()

    async def work(pool: Pool) -> int:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            asked = await _named(conn, given)
        return await auditing.export(pool, asked, file, format, here.actor)

    count = here.run(work)
    printing.talk(f"rosterhub: {many(count, 'entry', 'entries')}{_span(given)}.")
    printing.advice(["Whether all is as it was sealed: rosterhub audit verify"])


@app.command
def verify(*, anchor: list[str] | None = None, since_seq: int = 1, json: bool = False, here: Given) -> int:
    """Look whether any entry was changed, removed, put in or swapped since it was sealed; exit 1 if so.

    Example: rosterhub audit verify

    Parameters
    ----------
    anchor
        NUMBER:DIGITS that an earlier verification or the log of the daemon told, kept elsewhere: the chain must still
        hold it. Those of the state folder are compared in any case.
    since_seq
        Begin at this number of the chain; what lies before may be gone.
    json
        Print JSON.
    """
    given = [sealing.parse(one) for one in anchor or ()]

    async def work(pool: Pool) -> Verified:
        state = here.settings.state
        found = await sealing.look(pool, here.master, state, anchors=given, start=max(1, since_seq))
        await sealing.enter(pool, found, here.actor)
        return found

    found = here.run(work)
    if json:
        printing.data(_told(found))
    else:
        _say(found)
    return 1 if found.count else 0


def _say(found: Verified) -> None:
    if found.faults:
        printing.table(
            ("CHAIN", "ENTRY", "TIME", "WRONG", "WHAT"),
            [
                (f"#{one.seq}" if one.seq else "", one.audit_id, shown.instant(one.at), one.kind, one.what)
                for one in found.faults
            ],
        )
    if found.count > len(found.faults):
        printing.line(f"and {found.count - len(found.faults):,} more")
    entries, anchors = many(found.links, "entry", "entries"), many(found.anchors, "anchor", "anchors")
    looked = f"{entries}, #{found.first} to #{found.last}, {anchors}"
    printing.line(f"{'WRONG: ' + many(found.count, 'fault', 'faults') if found.count else 'OK'}: {looked}")
    if found.links:
        printing.line(f"Anchor, to be kept elsewhere: {found.anchor}")
    if found.waiting:
        waiting = many(found.waiting, "entry is", "entries are")
        printing.talk(f"rosterhub: {waiting} not sealed yet; the doors role does that each second.")


def _told(found: Verified) -> dict[str, Any]:
    return {
        "ok": not found.count,
        "first": found.first,
        "last": found.last,
        "entries": found.links,
        "anchors": found.anchors,
        "waiting": found.waiting,
        "anchor": str(found.anchor) if found.links else None,
        "count": found.count,
        "faults": [
            {"kind": one.kind, "seq": one.seq, "id": one.audit_id, "at": shown.instant(one.at), "message": one.what}
            for one in found.faults
        ],
    }


async def _named(conn: Connection, asked: Asked) -> Asked:
    """The same, where a client is called by its name also by its id, as the log knows it."""
    if not asked.who:
        return asked
    ids = [one.client_id for one in await clients.every(conn, asked.tenant) if one.name in asked.who]
    return msgspec.structs.replace(asked, who=(*asked.who, *ids))


def _span(asked: Asked) -> str:
    """` from TIME until TIME`, as far as they are asked for: in UTC, as all that is printed."""
    since = f" from {shown.instant(asked.since)}" if asked.since else ""
    return since + (f" until {shown.instant(asked.until)}" if asked.until else "")


def _time(said: str | None) -> datetime.datetime | None:
    """A moment as it is typed; without a zone it is the machine's own. Raises NoTime."""
    if said is None:
        return None
    now = datetime.datetime.now(datetime.UTC)
    if span := SPAN.fullmatch(said):
        return now - datetime.timedelta(**{UNITS[span[2]]: int(span[1])})
    try:
        return datetime.datetime.fromisoformat(said).astimezone(datetime.UTC)
    except (ValueError, OverflowError) as error:
        raise NoTime(f"{said!r}.") from error

"""What is listed, written to a file: CSV that no spreadsheet takes for formulas, or JSON, a row a line."""

import asyncio
import csv
import errno
import io
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oneroster import safe
from oneroster.refused import Refused
from sql import database, shown
from sql.search import Asked
from tui import format, refusals, times
from tui.dialog import Ask, Done, Field
from tui.format import Moment
from tui.hands import Hands
from tui.rows import Row
from tui.words import say

if TYPE_CHECKING:
    from tui.app import RosterHub

JSONL = (".jsonl", ".json")


def ask(name: str, listed: Sequence[Row], at: Moment) -> Ask:
    """The dialog that wants a file name."""

    async def do(typed: Mapping[str, str]) -> Done:
        path = await asyncio.to_thread(write, typed["file"], listed)
        one = len(listed) == 1
        return Done(
            say("1 row is in {file}." if one else "{count:,} rows are in {file}.", count=len(listed), file=str(path))
        )

    return Ask(
        say("Export 1 row" if len(listed) == 1 else "Export {count:,} rows", count=len(listed)),
        (say("What is listed goes to a file that does not exist yet: CSV, or JSON lines where its name ends so."),),
        (Field("file", say("File (.csv or .jsonl):"), _name(name, at)),),
        say("Write"),
        do,
    )


def _name(name: str, at: Moment) -> str:
    stamp = times.whole(at.now, at.zone)[:19].replace("-", "").replace(":", "").replace(" ", "-")
    return f"rosterhub-{name or 'list'}-{stamp}.csv"


def ask_log(app: "RosterHub", hands: Hands, asked: Asked, at: Moment) -> Ask:
    """The dialog that writes all entries of the log that fit, while the screens go on."""

    async def do(typed: Mapping[str, str]) -> Done:
        path = await asyncio.to_thread(_free, typed["file"])
        app.run_worker(_write_log(app, hands, asked, path), group="export")
        return Done(say("The log is being written to {file}; the screens go on.", file=str(path)))

    return Ask(
        say("Export the log"),
        (
            say(
                "All entries that fit the range and the search, however many, oldest first, also those not shown here."
            ),
            say("They go to a file that does not exist yet: CSV, or JSON lines where its name ends so."),
        ),
        (Field("file", say("File (.csv or .jsonl):"), _name("audit", at)),),
        say("Write"),
        do,
        twin(asked),
    )


async def _write_log(app: "RosterHub", hands: Hands, asked: Asked, path: Path) -> None:
    try:
        count = await hands.export(asked, path, "jsonl" if path.suffix in JSONL else "csv")
    except Refused as error:
        app.note(refusals.told(error))
    except database.OUTAGE:
        app.note(say("The log was not written: the database does not answer."))
    else:
        one = count == 1
        app.note(
            say("1 entry is in {file}." if one else "{count:,} entries are in {file}.", count=count, file=str(path))
        )


def _free(name: str) -> Path:
    """The path of a file that does not exist yet. Raises OSError."""
    path = Path(name).expanduser()
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    return path


def twin(asked: Asked) -> str:
    """The command that writes the same."""
    given: list[tuple[str, str | None]] = [("tenant", asked.tenant)]
    given += [(name, value) for name in ("who", "action", "target") for value in getattr(asked, name)]
    given.append(("result", None if asked.ok is None else "ok" if asked.ok else "no"))
    given += [
        (name, shown.instant(at) if at else None) for name, at in (("since", asked.since), ("until", asked.until))
    ]
    given += [("search", value) for value in asked.words] + [("without", value) for value in asked.without]
    return " ".join(["rosterhub audit export FILE", *(f"--{k} {shlex.quote(v)}" for k, v in given if v)])


def write(name: str, listed: Sequence[Row]) -> Path:
    """A new file with the rows. Raises OSError, where there is one already too."""
    path = Path(name).expanduser()
    content = jsonl(listed) if path.suffix in JSONL else table(listed)
    with path.open("x", encoding="utf-8", newline="") as target:
        target.write(content)
    return path


def jsonl(listed: Sequence[Row]) -> str:
    """A row a line, whole."""
    return "".join(f"{format.json(dict(one.record))}\n" for one in listed)


def table(listed: Sequence[Row]) -> str:
    """CSV with the members of the rows as its header."""
    names = list(dict.fromkeys(name for one in listed for name in one.record))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(names)
    writer.writerows([harmless(one.record.get(name)) for name in names] for one in listed)
    return out.getvalue()


def harmless(value: Any) -> str:
    """A cell that shows what it holds and does nothing."""
    whole = "" if value is None else value if isinstance(value, str) else format.json(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return whole
    return safe.cell(whole)

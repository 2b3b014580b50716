"""What is listed, written to a file: CSV that no spreadsheet takes for formulas, or JSON, a row a line."""

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oneroster import safe
from tui import format, times
from tui.dialog import Ask, Done, Field
from tui.format import Moment
from tui.rows import Row
from tui.words import say


def ask(name: str, listed: Sequence[Row], at: Moment) -> Ask:
    """The dialog that wants a file name."""
    stamp = times.whole(at.now, at.zone)[:19].replace("-", "").replace(":", "").replace(" ", "-")

    async def do(typed: Mapping[str, str]) -> Done:
        path = await asyncio.to_thread(write, typed["file"], listed)
        one = len(listed) == 1
        return Done(
            say("1 row is in {file}." if one else "{count:,} rows are in {file}.", count=len(listed), file=str(path))
        )

    return Ask(
        say("Export 1 row" if len(listed) == 1 else "Export {count:,} rows", count=len(listed)),
        (say("What is listed goes to a file that does not exist yet: CSV, or JSON lines where its name ends so."),),
        (Field("file", say("File (.csv or .jsonl):"), f"rosterhub-{name or 'list'}-{stamp}.csv"),),
        say("Write"),
        do,
    )


def write(name: str, listed: Sequence[Row]) -> Path:
    """A new file with the rows. Raises OSError, where there is one already too."""
    path = Path(name).expanduser()
    content = jsonl(listed) if path.suffix in (".jsonl", ".json") else table(listed)
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

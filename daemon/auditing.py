"""Entries of the audit log, all that fit, written to a file: for the command line and for the screens."""

import contextlib
import csv
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec

from oneroster import safe
from oneroster.refused import Refused
from sql import audit, clients, database, search, shown
from sql.audit import Actor, Entry
from sql.database import Connection, Pool
from sql.search import Asked

HEADER = ("id", "at", "tenant", "who", "name", "kind", "from", "action", "target", "ok", "detail")

Format = Literal["csv", "jsonl"]


class Unwritable(Refused):
    """The file cannot be written."""

    hint = "Name one in a folder that is there and may be written to."
    exit_code = 73


async def export(pool: Pool, asked: Asked, file: Path | None, format: Format, actor: Actor) -> int:
    """Write them to the file, or to standard output, oldest first; how many there were. Raises Unwritable.

    They are read as they come: however many there are, a few thousand are held. That it was done is an entry, too.
    """
    detail = {"format": format, **{name: value for name, value in msgspec.to_builtins(asked).items() if value}}
    async with database.hub(pool, "viewer") as conn:
        await audit.write(conn, None, actor, "audit.export", detail=detail)
    async with database.hub(pool, "viewer", read_only=True) as conn:
        names = await called(conn)
        with _opened(file) as stream:
            return await _write(stream, format, search.every(conn, asked), names)


async def called(conn: Connection) -> dict[str, str]:
    """What people call clients, by the ids that the log keeps."""
    return {one.client_id: one.name for one in await clients.every(conn)}


def told(one: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    """An entry, as it is exported and as JSON tells it; `name` is what a client is called now."""
    return {
        "id": one.id,
        "at": shown.instant(one.at),
        "tenant": one.tenant,
        "who": one.who,
        "name": names.get(one.who),
        "kind": one.who_kind,
        "from": one.origin,
        "action": one.action,
        "target": one.target,
        "ok": one.ok,
        "detail": one.detail,
    }


@contextlib.contextmanager
def _opened(file: Path | None) -> Iterator[TextIO]:
    """The file, which has its name once it is whole and is for us alone; or standard output."""
    if file is None:
        yield sys.stdout
        return
    part = file.with_name(f".{file.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            yield stream
        part.replace(file)
    except OSError as error:
        raise Unwritable(f"{file}: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


async def _write(stream: TextIO, format: Format, entries: AsyncIterator[Entry], names: Mapping[str, str]) -> int:
    """How many entries were written."""
    count = 0
    writer = csv.writer(stream, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    if format == "csv":
        writer.writerow(HEADER)
    async for one in entries:
        count += 1
        said = told(one, names)
        if format == "jsonl":
            stream.write(safe.json(msgspec.json.encode(said).decode()) + "\n")
        else:
            said |= {"ok": "yes" if one.ok else "no", "detail": msgspec.json.encode(one.detail).decode()}
            writer.writerow([safe.cell("" if value is None else str(value)) for value in said.values()])
    return count

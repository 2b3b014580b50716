"""The delivery of an export: a tenant's roster as a bundle on disk, told in the audit log before a byte leaves.

The database is read in one snapshot; a thread writes the bundle and asks the event loop for rows as it needs them.
"""

import asyncio
import contextlib
import datetime
import os
import re
import shutil
import threading
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import msgspec

from daemon import delivery
from oneroster import entities, profiles, write
from oneroster.entities import Entity
from oneroster.profiles import Profile
from oneroster.refused import Refused
from sql import audit, database, exports, jobs, revisions
from sql.database import Pool
from sql.exports import Export, Row, Writer
from sql.seal import Sealer
from sql.tenants import Tenant


class NoRoster(Refused):
    """The tenant has no active records to export."""

    hint = "See `rosterhub job list`; a bundle has to be applied first."
    exit_code = 66


class NoRevision(Refused):
    """The tenant has no such published revision."""

    hint = "`rosterhub job list` shows revisions; 0 stands for everything since the beginning."
    exit_code = 66


class NotWritten(Refused):
    """The bundle cannot be written."""

    hint = "Name a zip, or a folder that does not exist yet, in a folder you may write to."
    exit_code = 73


class Written(msgspec.Struct, frozen=True):
    """What was exported."""

    bundle: str
    tenant: str
    profile: str
    revision: int
    since: int | None
    rows: dict[str, int]
    left_out: list[str]
    """A sentence for each column, or file, of which something could not be written."""


async def export(
    pool: Pool,
    tenant: Tenant,
    sealer: Sealer,
    target: Path,
    *,
    profile: Profile | None,
    since: int | None,
    actor: audit.Actor,
) -> Written:
    """Write the tenant's roster at its newest published revision. Raises NoRoster, NoRevision, NotWritten.

    All active records, or with `since` what changed after that revision. `target` is a zip, a folder to be made, or a
    folder that exists, into which a zip goes.
    """
    async with database.tenant(pool, tenant.id, "viewer") as conn:
        snapshot = await revisions.snapshot(conn, tenant.id)
        chosen = profile or await usual_profile(conn, tenant)
        one = Export(conn, tenant.id, snapshot, sealer, chosen, since)
        if since is not None and not 0 <= since <= snapshot.published:
            raise NoRevision(f"{since}; the newest is {snapshot.published}.")
        if since is None and not await exports.any_active(one):
            raise NoRoster
        place = _place(target, await name(one, tenant))
        async with database.hub(pool, "viewer") as log:
            detail = {"profile": chosen.name, "revision": snapshot.published, "since": since}
            await audit.write(log, tenant.id, actor, "bundle.export", tenant.code, detail=detail)
        extra = {entity.name: await exports.extra(one, entity) for entity in entities.ALL}
        ids, dates = await exports.ids(one), await exports.dates(one)
        writers = {entity: Writer(one, entity, extra[entity.name], ids, dates) for entity in entities.ALL}
        try:
            await _write(place, one, extra, writers)
        except OSError as error:
            raise NotWritten(f"{error.filename or place}: {error.strerror or error}.") from error
    return Written(
        str(place),
        tenant.code,
        chosen.name,
        snapshot.published,
        since,
        {entity.name: writer.written for entity, writer in writers.items() if writer.written},
        [line for entity, writer in writers.items() for line in _sentences(entity, writer, chosen)],
    )


async def usual_profile(conn: database.Connection, tenant: Tenant) -> Profile:
    """The tenant's profile, else that of the last bundle that was applied."""
    if tenant.profile != "auto":
        return profiles.BY_NAME[tenant.profile]
    return profiles.BY_NAME[await jobs.newest_profile(conn, tenant.id) or "base-1.2"]


async def name(one: Export, tenant: Tenant) -> str:
    """`RO_YYYYMMDD_<code>.zip`, the code being that of the only district, else of the only school (Japan sheet 2)."""
    code = tenant.code
    for kind in ("district", "school"):
        found = await exports.identifiers(one, kind)
        if len(found) == 1 and found[0] and re.fullmatch("[A-Za-z0-9-]+", found[0]):
            code = found[0]
            break
    return f"RO_{datetime.datetime.now(delivery.JAPAN):%Y%m%d}_{code}.zip"


def _place(target: Path, name: str) -> Path:
    """Where the bundle goes. What cannot be written is refused before anything is read."""
    if target.is_dir():
        target = target / name
    if not target.parent.is_dir():
        raise NotWritten(f"There is no folder {target.parent}.")
    if not os.access(target.parent, os.W_OK | os.X_OK) or target.is_dir():
        raise NotWritten(str(target))
    if target.exists() and target.suffix.lower() != ".zip":
        raise NotWritten(f"{target} is a file.")
    return target


async def _write(target: Path, one: Export, extra: dict[str, tuple[str, ...]], writers: dict[Entity, Writer]) -> None:
    loop, abandoned = asyncio.get_running_loop(), threading.Event()
    mode = "bulk" if one.since is None else "delta"
    async with contextlib.AsyncExitStack() as stack:
        files = {}
        for entity, writer in writers.items():
            batches = await stack.enter_async_context(contextlib.aclosing(exports.rows(one, entity)))
            files[entity.name] = _cells(batches, writer, loop, abandoned)

        def write_bundle() -> None:
            with _private(), _whole(target) as place:
                write.write(place, one.profile, files, mode=mode, extra=extra)

        writing = loop.run_in_executor(None, write_bundle)
        try:
            await asyncio.shield(writing)
        except BaseException:
            abandoned.set()
            await asyncio.wait([writing])  # it ends with the batch in hand
            if not writing.cancelled():
                writing.exception()
            raise


def _cells(
    batches: AsyncGenerator[list[Row], None],
    writer: Writer,
    loop: asyncio.AbstractEventLoop,
    abandoned: threading.Event,
) -> Iterator[tuple[str, ...]]:
    """Rows of cells for the writing thread, each batch fetched by the loop. No file ends where it was abandoned."""
    while (batch := asyncio.run_coroutine_threadsafe(_next(batches), loop).result()) is not None:
        for row in batch:
            if (cells := writer.cells(row)) is not None:
                yield cells
        if abandoned.is_set():
            raise InterruptedError


async def _next(batches: AsyncGenerator[list[Row], None]) -> list[Row] | None:
    return await anext(batches, None)


@contextlib.contextmanager
def _private() -> Iterator[None]:
    """Files made meanwhile are for their owner alone: they hold personal data."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Where to write, so that the bundle is there when it is complete; a zip sees to that itself."""
    if target.suffix.lower() == ".zip":
        yield target
        return
    making = target.with_name(target.name + ".part")
    try:
        yield making
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _sentences(entity: Entity, writer: Writer, profile: Profile) -> Iterator[str]:
    for (column, what), count in sorted(writer.left_out.items()):
        yield f"{entity.file} {column}".rstrip() + ": " + what.format(count=f"{count:,}", profile=profile.name) + "."

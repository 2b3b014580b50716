"""Delivering a bundle by HTTP, and asking what became of it.

What has come whole goes the way of every door. What is wrong inside a bundle is the job's to say, not the upload's.
"""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from aiohttp import web

from api import auth, links, operations, places, receiving
from api.receiving import Files
from api.status import Trouble
from api.tokens import Caller
from oneroster import bundle, manifest, scopes
from sql import database, jobs, shown
from sql.jobs import Job

PATH = f"{operations.CONVENIENT_BASE}/uploads"

AT_ONCE = 2
"""Uploads of one client that are under way."""
MOST_PROBLEMS = 1_000
"""That are told of a job."""

VIA, PROCESSING = "http", "processing"


async def take(request: web.Request) -> web.Response:
    """POST: takes a zip or loose files with their manifest, and makes a job of them."""
    door, origin = request.app[places.DOOR], request.app[places.PEERS].of(request)
    caller, job, names = None, None, []
    try:
        caller = await auth.authorise(request, (scopes.UPLOAD,))
        with _one_more(request.app[places.UPLOADING], caller.client_id):
            async with receiving.files(request, door.spool, door.most) as files:
                names = sorted(files)
                name, source = await _bundle(files)
                job = await door.deliver(caller.tenant_id, name, source, caller.client_id, origin)
    except OSError as error:
        raise receiving.no_room(error) from error
    finally:
        if job is None:  # else the delivery itself has recorded it
            _record(request, caller, "bundle.receive", "", good=False)
    told = _told(await _job(request, caller, job))
    return _answer(201, {**told, "filesReceived": names}, {"Location": f"{links.origin(request)}{PATH}/{job}"})


async def look(request: web.Request) -> web.Response:
    """GET: what became of an upload, `processing` until its job has ended or waits for a person."""
    caller, good = None, False
    name = request.match_info["uploadId"]
    try:
        caller = await auth.authorise(request, (scopes.UPLOAD,))
        job = await _job(request, caller, name)
        async with database.hub(request.app[places.POOL], "viewer", read_only=True) as conn:
            faults = await jobs.problems(conn, job.tenant_id, job.id, limit=MOST_PROBLEMS)
        good = True
    finally:
        _record(request, caller, "api.read uploads", name, good=good)
    told = _told(job) | {"job": shown.job(job), "problems": [shown.problem(one) for one in faults]}
    return _answer(200, told, {"Cache-Control": "no-store"})


async def _bundle(files: Files) -> tuple[str, BinaryIO | Files]:
    """What the files are together: the bundle's name, and the zip or the loose files. Raises Trouble."""
    if not files:
        raise Trouble(400, "No file was sent.")
    if manifest.NAME in files:
        if others := [name for name in files if not name.lower().endswith(".csv")]:
            raise Trouble(400, f"Beside {manifest.NAME} there may only be CSV files, not {others[0]}.")
        return manifest.NAME, files
    if len(files) > 1 or not next(iter(files)).lower().endswith(".zip"):
        raise Trouble(400, f"Send one zip, or CSV files with {manifest.NAME} among them.")
    ((name, file),) = files.items()
    if not await asyncio.to_thread(bundle.whole, Path(f"/proc/self/fd/{file.fileno()}")):
        raise Trouble(400, f"{name} is no zip, or not all of it has come.")
    return name, file


async def _job(request: web.Request, caller: Caller, job: uuid.UUID | str) -> Job:
    """A job of the caller's own tenant that came by HTTP: other doors answer their senders. Raises Trouble 404."""
    try:
        wanted = uuid.UUID(str(job))
        async with database.hub(request.app[places.POOL], "viewer", read_only=True) as conn:
            found = await jobs.by_prefix(conn, str(wanted))
    except (ValueError, jobs.UnknownJob) as error:
        raise _unknown() from error
    if found.tenant_id != caller.tenant_id or found.via != VIA:
        raise _unknown()
    return found


def _record(request: web.Request, caller: Caller | None, action: str, target: str, *, good: bool) -> None:
    tenant_id, who = (caller.tenant_id, caller.client_id) if caller else (None, "")
    request.app[places.LOG].add(tenant_id, who, request.app[places.PEERS].of(request), action, target, good)


def _unknown() -> Trouble:
    return Trouble(404, "Unknown Object: there is no such upload.")


def _told(job: Job) -> dict[str, Any]:
    return {
        "uploadId": str(job.id),
        "status": PROCESSING if job.open else job.state,
        "submittedAt": shown.instant(job.received_at),
    }


@contextlib.contextmanager
def _one_more(under_way: Counter[str], client_id: str) -> Iterator[None]:
    """Raises Trouble 429 where the client uploads enough already."""
    if under_way[client_id] >= AT_ONCE:
        raise Trouble(429, f"Only {AT_ONCE} uploads at the same time.", headers={"Retry-After": "10"})
    under_way[client_id] += 1
    try:
        yield
    finally:
        under_way[client_id] -= 1
        if not under_way[client_id]:
            del under_way[client_id]


def _answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json", headers=headers)

"""Files out of the body of a request, streamed to the disk: a zip as it is, or the parts of a form.

They have no names there, so that nothing of them is left when the process ends, however it ends.
"""

import asyncio
import contextlib
import errno
import tempfile
import urllib.parse
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from aiohttp import BodyPartReader, http_exceptions, web

from api.status import RETRY_AFTER, Trouble

MOST_FILES = 64
LONGEST_NAME = 255
"""Bytes."""
SILENCE = 30.0
"""Seconds that a client may pause."""
PIECE = 1 << 18

ZIP_TYPES = ("application/zip", "application/x-zip-compressed", "application/octet-stream")
FORM_TYPE = "multipart/form-data"

Files = dict[str, BinaryIO]
T = TypeVar("T")


@contextlib.asynccontextmanager
async def files(request: web.Request, spool: Path, most: int) -> AsyncIterator[Files]:
    """The files of a request by name, each at its beginning, open as long as it takes. Raises Trouble, OSError.

    `spool` is a folder on the disk on which they lie meanwhile, `most` the bytes of all of them.
    """
    if (request.content_length or 0) > most:
        raise _too_long(most)
    with contextlib.ExitStack() as held:
        found: Files = {}
        left = most
        async for name, piece in _pieces(request):
            if not piece:
                if name in found:
                    raise Trouble(400, f"{name} is sent twice.")
                if len(found) >= MOST_FILES:
                    raise Trouble(400, f"There are more than {MOST_FILES} files.")
                found[name] = held.enter_context(await asyncio.to_thread(_fresh, spool))
            left -= len(piece)
            if left < 0:
                raise _too_long(most)
            await asyncio.to_thread(found[name].write, piece)
        for file in found.values():
            file.seek(0)
        yield found


def no_room(error: OSError) -> Trouble:
    """What is said where the disk does not take it."""
    why = "There is no room left here." if error.errno in (errno.ENOSPC, errno.EDQUOT) else "It cannot be kept here."
    return Trouble(503, f"{why} Nothing was taken; send it again later.", headers={"Retry-After": RETRY_AFTER})


def _fresh(spool: Path) -> BinaryIO:
    spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    return cast(BinaryIO, tempfile.TemporaryFile(dir=spool))


async def _pieces(request: web.Request) -> AsyncIterator[tuple[str, bytes]]:
    """Files piece by piece, each beginning with an empty one."""
    try:
        if request.content_type in ZIP_TYPES:
            name = _name(request.query.get("name", "upload.zip"))
            yield name, b""
            while piece := await _soon(request.content.read(PIECE)):
                yield name, piece
            return
        if request.content_type != FORM_TYPE:
            raise Trouble(415, f"Send a zip as {ZIP_TYPES[0]}, or files as {FORM_TYPE}.")
        form = await request.multipart()
        while (part := await _soon(form.next())) is not None:
            if not isinstance(part, BodyPartReader):
                raise Trouble(400, "A part of the form is a form itself.")
            if part.filename is None:
                continue
            name = _name(part.filename)
            yield name, b""
            while piece := await _soon(part.read_chunk(PIECE)):
                yield name, piece
    except (ValueError, AssertionError, RuntimeError, http_exceptions.HttpProcessingError) as error:
        raise Trouble(400, "The form cannot be read.") from error  # aiohttp says so in many ways
    except (ConnectionError, web.RequestPayloadError) as error:
        raise Trouble(400, "The connection broke; nothing was taken.") from error


async def _soon(reading: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(SILENCE):
            return await reading
    except TimeoutError as error:
        raise Trouble(408, f"Nothing came for {SILENCE:.0f} s; nothing was taken.") from error


def _name(given: str) -> str:
    """A file's name without folders, as browsers may send them; encoded or not (RFC 7578 4.2). Raises Trouble."""
    name = urllib.parse.unquote(given).replace("\\", "/").rpartition("/")[2]
    if not name.isprintable() or name.startswith(".") or not name or len(name.encode()) > LONGEST_NAME:
        raise Trouble(400, f"No file can have the name {given[:100]!r}.")
    return name


def _too_long(most: int) -> Trouble:
    return Trouble(413, f"An upload may have {most:,} bytes.")

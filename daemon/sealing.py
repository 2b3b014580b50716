"""Seals the audit log each second, and notes outside the database how far the chain has come: in a file and in the log.

Who cuts off the end of the chain together with its entries leaves a chain without a fault. Only what was noted
elsewhere tells that there was more: so anchors are kept, the newest last, one a minute at most.
"""

import asyncio
import datetime
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from oneroster.refused import Refused
from sql import audit, chain, database, verification
from sql.chain import Anchor, Sealer
from sql.database import Pool
from sql.verification import Verified

EVERY = 1.0
"""Seconds between two rounds."""
ANCHOR = 60.0
"""Seconds between two anchors, if there is anything new."""
KEPT = 50_000
"""Anchors that are kept at least: those of a month at any rate."""
PREPARE = 3600.0
"""Seconds between two looks at the partitions of the months ahead."""
SOON = 60.0
"""The same after one that came to nothing, as the log was being written to."""

log = structlog.get_logger("daemon.sealing")


class NoAnchor(Refused):
    """That is no anchor."""

    hint = "An anchor reads 884201:41be..., with 64 hex digits; `audit verify` prints one."
    exit_code = 64


def file(state: Path) -> Path:
    """Where the anchors of a hub lie."""
    return state / "audit-anchors"


def parse(text: str) -> Anchor:
    """An anchor as it is printed, perhaps after its time. Raises NoAnchor."""
    seq, _, digits = text.split(" ")[-1].partition(":")
    try:
        found = Anchor(int(seq), bytes.fromhex(digits))
    except ValueError as error:
        raise NoAnchor(f"{text!r}.") from error
    if found.seq < 1 or len(found.hmac) != 32:
        raise NoAnchor(f"{text!r}.")
    return found


def kept(state: Path) -> list[Anchor]:
    """Those that were noted, the newest last. Raises NoAnchor where the file was written to by others."""
    try:
        text = file(state).read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return []
    lines = text.splitlines()
    if lines and not text.endswith("\n"):
        lines.pop()  # the power went while it was written
    return [parse(line) for line in lines]


def note(state: Path, anchor: Anchor, now: datetime.datetime) -> None:
    """Keep an anchor; it is on the disk then."""
    path = file(state)
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    if len(lines) >= 2 * KEPT or (lines and not lines[-1].endswith(b"\n")):
        fresh = path.with_name(f".{path.name}")
        fresh.write_bytes(b"".join(line for line in lines[-KEPT:] if line.endswith(b"\n")))
        fresh.replace(path)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(number, f"{now.isoformat(timespec='seconds')} {anchor}\n".encode())
        os.fsync(number)
    finally:
        os.close(number)


async def look(
    pool: Pool,
    master: bytes,
    state: Path,
    *,
    anchors: Sequence[Anchor] = (),
    start: int = 1,
    progress: verification.Progress | None = None,
) -> Verified:
    """Verify the log, also by the anchors of the state folder."""
    every = [*kept(state), *anchors]
    return await verification.verify(pool, chain.key(master), start=start, anchors=every, progress=progress)


async def enter(pool: Pool, found: Verified, actor: audit.Actor) -> None:
    """Enter in the log that it was verified, and what came of it."""
    async with database.hub(pool, "viewer") as conn:
        detail = {"first": found.first, "wrong": found.count}
        await audit.write(conn, None, actor, "audit.verify", f"#{found.last}", ok=not found.count, detail=detail)


def verifier(
    conninfo: str, master: Callable[[], bytes], state: Path
) -> Callable[[verification.Progress], Awaitable[Verified]]:
    """Verifies on a connection of its own, for screens that go on meanwhile. The key is asked for when it is needed.

    It leaves no entry: no single key of the screens changes anything.
    """

    async def verify(progress: verification.Progress) -> Verified:
        async with database.open_pool(conninfo, size=1) as pool:
            return await look(pool, master(), state, progress=progress)

    return verify


async def keep(pool: Pool, master: bytes, state: Path, stop: asyncio.Event) -> None:
    """Seal until told to stop, and then what is left."""
    sealing = _Sealing(pool, chain.Sealer(pool, chain.key(master)), state)
    while not stop.is_set():
        wait = await sealing.turn()
        try:
            await asyncio.wait_for(stop.wait(), wait)
        except TimeoutError:
            continue
    await sealing.turn(last=True)


class _Sealing:
    def __init__(self, pool: Pool, sealer: Sealer, state: Path) -> None:
        self._pool, self._sealer, self._state = pool, sealer, state
        self._noted: Anchor | None = None
        self._due = self._prepared = 0.0
        self._looked = False

    async def turn(self, *, last: bool = False) -> float:
        """One round, and an anchor when it is time; seconds until the next one."""
        now = asyncio.get_running_loop().time()
        try:
            if not self._looked:
                await self._look_back()
            await self._seal(last)
            if last or now >= self._due:
                self._due = now + ANCHOR
                await self._anchor()
            if now >= self._prepared and not last:
                self._prepared = now + SOON
                await chain.prepare(self._pool)
                self._prepared = now + PREPARE
        except database.OUTAGE as error:
            log.warning("database away", problem=type(error).__name__)
            return EVERY
        except OSError as error:
            log.error("anchor not kept", problem=error.strerror)
        return 0.0 if self._sealer.more else EVERY

    async def _seal(self, last: bool) -> None:
        while True:
            try:
                await self._sealer.seal()
            except chain.Broken as broken:
                await self._cry(str(broken))
                continue
            if not (last and self._sealer.more):
                return

    async def _look_back(self) -> None:
        """Whether the chain still holds what was noted last, before there is a new end."""
        try:
            noted = _last(await asyncio.to_thread(kept, self._state))
        except NoAnchor as refusal:
            self._looked = True
            await self._cry(str(refusal))
            return
        if noted is not None:
            async with database.hub(self._pool, "viewer", read_only=True) as conn:
                link = await chain.link(conn, noted.seq)
            if link is None or link.hmac != noted.hmac:
                await self._cry(str(noted))
        self._noted, self._looked = noted, True

    async def _anchor(self) -> None:
        end = self._sealer.end
        anchor = Anchor(end.seq, end.hmac) if end else None
        if anchor is None or anchor == self._noted:
            return
        await asyncio.to_thread(note, self._state, anchor, datetime.datetime.now(datetime.UTC))
        self._noted = anchor
        log.info("audit anchor", anchor=str(anchor))

    async def _cry(self, anchor: str) -> None:
        """Say that somebody has changed what was sealed. Sealing goes on at the end that there is."""
        log.error("the audit log is not as it was sealed", anchor=anchor, hint="rosterhub audit verify")
        async with database.hub(self._pool, "ingest") as conn:
            await audit.write(conn, None, audit.SYSTEM, "audit.broken", anchor, ok=False)


def _last(found: Sequence[Anchor]) -> Anchor | None:
    return found[-1] if found else None

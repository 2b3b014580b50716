"""The bundle that the roster is of: the next one is compared with it, and what has not changed is not read again.

It may stand for the stored rows only where every file of it was the full truth, nothing was wrong with any row, and
no revision has been made since. Then a row of a line that both have is known to be as it must be and stored.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from io import BytesIO

import msgspec
import structlog

from daemon.archive import Damaged
from daemon.findings import Findings
from daemon.version import VERSION
from oneroster import changes, entities
from oneroster.bundle import Broken, Bundle
from oneroster.changes import Changes, Picked, Unlike
from oneroster.entities import PARTS, Entity
from oneroster.profiles import Profile
from oneroster.rows import Rows
from sql import differing, revisions, staging
from sql.database import Connection
from sql.seal import Sealer
from sql.staging import Place
from sql.tenants import Tenant

log = structlog.get_logger()

Reopen = Callable[[str], AbstractContextManager[Bundle]]
"""Opens an archived bundle by its SHA-256. Raises FileNotFoundError, Damaged."""


class Unfit(Exception):
    """The bundle must be read whole."""


class Found(msgspec.Struct, frozen=True):
    """A file that has been compared."""

    rows: int
    differs: bool


def read_as(profile: Profile, bundle: Bundle) -> str:
    """All that decides what the bytes of a file mean: a bundle read in another way is no basis."""
    return f"{VERSION} {profile.name} {bundle.encoding}"


@contextlib.asynccontextmanager
async def of(
    conn: Connection, tenant: Tenant, sealer: Sealer, profile: Profile, bundle: Bundle, reopen: Reopen
) -> AsyncIterator["Basis | None"]:
    """The basis of a tenant for a bundle at hand, None where there is none; under the lock of the tenant."""
    found = await revisions.basis(conn, tenant.id, read_as(profile, bundle))
    with ExitStack() as stack:
        before = None
        if found is not None:
            try:
                earlier = await asyncio.to_thread(stack.enter_context, reopen(found.sha256))
                before = Basis(tenant, sealer, profile, earlier, found.rows)
            except (FileNotFoundError, Damaged) as error:
                log.warning("earlier bundle not readable", error=type(error).__name__)
        yield before


class Basis:
    """An earlier bundle, opened, whose rows are those of the roster."""

    def __init__(
        self, tenant: Tenant, sealer: Sealer, profile: Profile, bundle: Bundle, rows: Mapping[str, int]
    ) -> None:
        self._tenant, self._sealer, self._profile = tenant, sealer, profile
        self._bundle = bundle
        self._rows = rows

    async def stage(self, conn: Connection, entity: Entity, bundle: Bundle, findings: Findings) -> Found | None:
        """Stage a bulk file by what differs; None where it must be read whole. Raises Unfit where the bundle must."""
        rows = self._rows.get(entity.name)
        # Without a header there is nothing to be read, for a reason that reading it whole will name.
        if rows is None or entity.file not in self._bundle.names or not bundle.header(entity.file):
            return None
        try:
            found = await asyncio.to_thread(self._compare, entity, bundle, rows)
        except Unlike:
            return None
        except (Broken, Damaged) as error:
            raise Unfit from error
        differs = bool(found.came.lines or found.went.lines)
        came, went = await differing.create(conn, self._tenant.id, entity)
        if differs:
            await self._fill(conn, came, found.came, findings)
            await self._fill(conn, went, found.went, findings)
            if not findings.spotless or not await differing.fits(conn, self._tenant.id, entity):
                raise Unfit
        if not await differing.stands(conn, self._tenant.id, entity, rows, found.rows, differs=differs):
            raise Unfit
        return Found(found.rows, differs)

    async def check_users(self, conn: Connection, staged: set[Entity], compared: set[Entity]) -> None:
        """Raises Unfit where a user returns whose parts are not staged whole. `staged`: the files, the compared too."""
        if entities.USERS not in staged or not any(part in compared for part in PARTS):
            return
        rows = differing.came(entities.USERS) if entities.USERS in compared else staging.table(entities.USERS)
        if await differing.brings_back(conn, self._tenant.id, rows):
            raise Unfit

    def _compare(self, entity: Entity, bundle: Bundle, rows: int) -> Changes:
        old, new = (functools.partial(one.open, entity.file) for one in (self._bundle, bundle))
        as_long = bundle.size(entity.file) == self._bundle.size(entity.file)
        if bundle.packed_alike(self._bundle, entity.file) or (as_long and changes.only_moved(old, new, rows)):
            return Changes(rows, Picked(b"", []), Picked(b"", []))
        return changes.between(old, new, rows)

    async def _fill(self, conn: Connection, place: Place, picked: Picked, findings: Findings) -> None:
        """COPY the picked rows. Raises Unfit where one of them is none."""
        entity = place.entity
        reader = Rows(BytesIO(picked.text), entity.file, entity, self._profile, self._bundle.encoding)
        findings.add(reader.problems)
        if not reader.usable:
            raise Unfit
        encoder = staging.Encoder(entity, reader.columns, self._sealer)
        read = 0

        def chunks() -> Iterator[bytes]:
            nonlocal read
            for batch in reader.batches():
                findings.add(batch.problems)
                read += len(batch.lines)
                if max(batch.lines, default=0) > len(picked.lines) + 1:
                    raise Unfit
                lines = [picked.lines[line - 2] for line in batch.lines]
                if lines:
                    yield encoder.encode(msgspec.structs.replace(batch, lines=lines))

        copied = await staging.fill(conn, place, encoder.names, _each(chunks()))
        findings.read(reader)
        if not read == copied == len(picked.lines):
            raise Unfit
        await staging.analyze(conn, place)


async def _each(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk

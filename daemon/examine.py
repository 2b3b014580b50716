"""Examining a bundle: its profile, its rows staged, and all that is wrong with it, in one run.

    open -> manifest -> profile -> rows | problems -> COPY to staging -> checks in SQL

Within a transaction of the tenant, which whoever asked then keeps or gives up.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Protocol

from daemon.ahead import ahead
from daemon.basis import Basis
from daemon.findings import Findings
from oneroster import dialects, entities, manifest, profiles
from oneroster.bundle import Broken, Bundle
from oneroster.entities import Entity
from oneroster.met import Looking, Met
from oneroster.problems import Problem
from oneroster.profiles import Profile
from oneroster.rows import Rows
from sql import checks, columns, differing, merge, references, revisions, staging
from sql.database import Connection
from sql.prospect import Prospect
from sql.seal import Sealer
from sql.staging import Staged
from sql.tenants import Tenant

SOON = 1 << 22
"""Bytes that must have been read before the number of all rows is guessed."""


class Mark(Protocol):
    """Says which phase has begun, how many rows are behind it, and of how many, as far as that can be told.

    A load that has been taken away ends there.
    """

    async def __call__(self, phase: str, rows: int | None = None, of: int | None = None) -> None: ...


async def unmarked(phase: str, rows: int | None = None, of: int | None = None) -> None:
    """A mark for when nobody waits to be told how far it is."""


class Progress:
    """Tells how far the files of a bundle are read."""

    def __init__(self, bundle: Bundle, mark: Mark) -> None:
        self._bundle, self._mark = bundle, mark
        self._begun = bundle.bytes_read  # for the headers
        self._bytes = sum(bundle.size(entity.file) for entity in brought(bundle))

    async def tell(self, rows: int) -> None:
        """So many rows are read; all of them will be as many as the bytes let expect."""
        read = self._bundle.bytes_read - self._begun
        await self._mark("stage", rows, round(rows * self._bytes / read) if read > SOON else None)


class Unreadable(Exception):
    """There is nothing to read by: no zip, no manifest, or another format than OneRoster 1.2. The findings say what."""


def recognise(tenant: Tenant, name: str, bundle: Bundle, findings: Findings) -> tuple[Profile, str]:
    """The profile the tenant says, or the one the headers tell, and how it was told. Raises Unreadable.

    `name` is the bundle's, as the sender gave it.
    """
    headers = bundle.headers()
    foreign = dialects.foreign(headers, bundle.manifest)
    if foreign is not None:
        # What a manifest of 1.2 would have to say is of no interest then.
        findings.add([one for one in bundle.problems if one.code.startswith("E-ZIP")] + [foreign])
        raise Unreadable
    findings.add(bundle.problems)
    if bundle.manifest is None:
        raise Unreadable
    version = bundle.manifest.version
    if tenant.profile != "auto":
        profile, why = profiles.BY_NAME[tenant.profile], "The tenant's setting."
    else:
        profile, why = dialects.recognise(headers, version)
    findings.add(dialects.strange_version(bundle.manifest, profile))
    if profile.japanese and name.lower().endswith(".zip") and not dialects.is_japanese_name(name):
        findings.add([Problem("W-ZIP-NAME", "", 0, "", name)])
    return profile, why


async def examine(
    conn: Connection,
    tenant: Tenant,
    bundle: Bundle,
    profile: Profile,
    sealer: Sealer,
    findings: Findings,
    mark: Mark,
    basis: Basis | None = None,
    *,
    alone: bool = False,
) -> tuple[Staged, dict[Entity, str]]:
    """Stage a bundle and find all that is wrong with it, in a transaction of the tenant.

    Returns what was staged and the mode of each file. With a `basis` what has not changed since is not read again: then
    findings say whether anything is wrong, but not of every row and line. `alone`: no roster stands behind it, so that
    a bundle with a delta file may refer to what it does not hold. Raises Unfit, where there is a basis.
    """
    await merge.make_room(conn)
    await mark("stage", 0)
    staged = await stage(conn, tenant, bundle, profile, sealer, findings, mark, basis)
    await mark("check")
    return staged, await check(conn, tenant, bundle, profile, staged, findings, alone=alone)


def brought(bundle: Bundle) -> list[Entity]:
    """The entities whose file is there, in the order of dependence; also where the manifest says otherwise."""
    return [entity for entity in entities.ALL if entity.file in bundle.names]


async def stage(
    conn: Connection,
    tenant: Tenant,
    bundle: Bundle,
    profile: Profile,
    sealer: Sealer,
    findings: Findings,
    mark: Mark,
    basis: Basis | None,
) -> Staged:
    """Read, check and COPY every file."""
    assert bundle.manifest is not None
    modes = bundle.manifest.modes
    staged, met = Staged(), Met(profile)
    progress = Progress(bundle, mark)
    hint = dialects.misfit(tenant.profile, bundle.headers(), bundle.manifest.version)
    for entity in brought(bundle):
        if basis is not None and modes.get(entity.name) == "bulk":
            found = await basis.stage(conn, entity, bundle, findings)
            if found is not None:
                staged.rows[entity.name] = found.rows
                (staged.compared if found.differs else staged.same).add(entity)
                await progress.tell(sum(staged.rows.values()))
                continue
        try:
            with bundle.open(entity.file) as stream:
                reader = Rows(stream, entity.file, entity, profile, bundle.encoding, hint)
                findings.add(reader.problems)
                await fill(conn, tenant, entity, reader, met, sealer, findings, progress, staged)
                findings.read(reader)
        except Broken as broken:
            findings.add([broken.problem])
            findings.faulty.add(entity.file)
            continue
        if reader.usable and reader.whole and not staged.rows[entity.name] and modes.get(entity.name) == "bulk":
            findings.add([Problem("W-NO-ROWS", entity.file, 1, "", "")])
    # Files that are announced and not there, or not to be read, have no rows to find either.
    announced = {entity.file for entity in entities.ALL if modes.get(entity.name) in ("bulk", "delta")}
    findings.faulty |= announced - bundle.names
    if basis is not None and findings.spotless:
        await basis.check_users(conn, set(brought(bundle)), staged.alike)
    return staged


async def fill(
    conn: Connection,
    tenant: Tenant,
    entity: Entity,
    reader: Rows,
    met: Met,
    sealer: Sealer,
    findings: Findings,
    progress: Progress,
    staged: Staged,
) -> None:
    """COPY the rows of a file to where they are staged."""
    done = sum(staged.rows.values())
    staged.rows[entity.name] = 0
    if not reader.usable:
        return
    if entity not in columns.DOCUMENTED and not await merge.has_rows(conn, tenant.id, entity):
        place = await staging.create_first(conn, entity, await revisions.newest(conn, tenant.id) + 1)
    else:
        place = await staging.create(conn, entity)
    encoder = staging.Encoder(entity, reader.columns, sealer, first=place.first)
    looking = met.look_at(entity, reader.columns)
    tally = Tally(reader, encoder, looking, findings)
    # Closed before the file is: the thread reads it.
    async with aclosing(told(tally, done, progress)) as chunks:
        copied = await staging.fill(conn, place, encoder.names, chunks)
    if copied != tally.staged:
        raise RuntimeError(f"{entity.file}: {tally.staged} rows read, {copied} staged")
    await staging.analyze(conn, place)
    if place.first:
        staged.placed[entity] = copied
    staged.modes[entity] = looking.modes
    if looking.unique:
        staged.unique.add(entity)
    staged.led.update((entity, column) for column in looking.led)
    staged.rows[entity.name] = tally.rows


async def told(tally: "Tally", done: int, progress: Progress) -> AsyncGenerator[bytes, None]:
    """The chunks of a file, made ahead in a thread, with the progress told as they pass."""
    async with aclosing(ahead(tally.chunks())) as chunks:
        async for chunk in chunks:
            yield chunk
            await progress.tell(done + tally.rows)


class Tally:
    """Encodes the batches of a file, in a thread, and counts what went by."""

    def __init__(self, reader: Rows, encoder: staging.Encoder, looking: Looking, findings: Findings) -> None:
        self._reader, self._encoder, self._looking, self._findings = reader, encoder, looking, findings
        self.rows = 0
        """Data rows of the file, whether they could be read or not."""
        self.staged = 0

    def chunks(self) -> Iterator[bytes]:
        """COPY text, a batch at a time."""
        for batch in self._reader.batches():
            self.rows += len(batch.lines) + batch.lost
            self.staged += len(batch.lines)
            self._findings.add(batch.problems)
            if batch.lines:
                self._looking.see(batch.columns)
                yield self._encoder.encode(batch)


async def check(
    conn: Connection,
    tenant: Tenant,
    bundle: Bundle,
    profile: Profile,
    staged: Staged,
    findings: Findings,
    *,
    alone: bool = False,
) -> dict[Entity, str]:
    """What can only be seen with all rows staged. Returns each file's mode."""
    assert bundle.manifest is not None
    holed = frozenset(findings.faulty)
    judged = [entity for entity in brought(bundle) if entity.file not in holed or staged.rows.get(entity.name)]
    modes = {entity: await mode_of(conn, bundle, entity, staged, findings) for entity in judged}
    # As they are now: what is found below leaves all rows in their places, so that who refers to them can be judged.
    wrong = frozenset(findings.wrong)
    if alone and "delta" in modes.values():
        holed |= {entity.file for entity in entities.ALL if modes.get(entity) != "bulk"}
    else:
        findings.add(await checks.lacking(conn, tenant.id, profile, bundle.manifest))
    lasting = {entity for entity in staged.compared if not await differing.removes(conn, entity)}
    prospect = Prospect(tenant.id, profile, modes, wrong, holed, staged, frozenset(lasting))
    async for answer in checks.across(conn, prospect):
        findings.add(*answer)
    if not findings.errors:  # else nothing will be removed that others refer to
        async for answer in references.left(conn, prospect):
            findings.add(*answer)
    return modes


async def mode_of(conn: Connection, bundle: Bundle, entity: Entity, staged: Staged, findings: Findings) -> str:
    """Bulk or delta: the rows say it; where they say both, the manifest (CSV binding sections 1 and 4)."""
    assert bundle.manifest is not None
    said = bundle.manifest.modes.get(entity.name, "absent")
    if entity in staged.alike:
        return said
    found = staged.modes[entity]
    if found.blank and not found.filled:
        mode = "bulk"
    elif found.filled and not found.blank:
        mode = "delta"
    else:
        mode = "delta" if said == "delta" else "bulk"
    if found.half or (found.blank and found.filled):
        findings.add(*await checks.unfitting(conn, entity, mode))
    elif said != "absent" and mode != said and found.rows:
        line = bundle.manifest.lines.get(entity.name, 0)
        detail = f"{entity.file} is read as {mode}."
        findings.add([Problem("W-MODE", manifest.NAME, line, f"file.{entity.name}", said, detail)])
    return mode

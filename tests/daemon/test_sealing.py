"""The sealer at work in its role: each second, with anchors outside the database that a cut-off end is found by."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from daemon import sealing
from sql import audit, chain, database
from sql.chain import Anchor
from sql.database import Pool
from tests.daemon.conftest import MASTER, until

ONE, OTHER = Anchor(7, bytes(range(32))), Anchor(9, bytes(32))
NOW = datetime.datetime(2026, 4, 1, 5, 2, 11, tzinfo=datetime.UTC)


@contextlib.asynccontextmanager
async def sealer(pool: Pool, state: Path) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(sealing.keep(pool, MASTER, state, stop))
    yield
    stop.set()
    await asyncio.wait_for(task, 20)


async def write(pool: Pool, *targets: str) -> None:
    async with database.hub(pool, "admin") as conn:
        for target in targets:
            await audit.write(conn, None, audit.SYSTEM, "job.applied", target)


async def rows(conninfo: str, statement: str) -> list[tuple]:
    """What a statement gives; not in the sealer's loop, whose locks it may have to wait for."""

    def ask() -> list[tuple]:
        with psycopg.connect(conninfo) as conn:
            return conn.execute(statement).fetchall()

    return await asyncio.to_thread(ask)


async def test_what_is_written_is_sealed_within_moments_and_noted_outside(
    pool: Pool, conninfo: str, tmp_path: Path
) -> None:
    await write(pool, "before")

    async def sealed() -> bool:
        return len(await rows(conninfo, "SELECT FROM audit_chain")) == 3

    async with sealer(pool, tmp_path):
        await write(pool, "a", "b")
        await until(sealed, 5)
        await write(pool, "c")
    found = await rows(conninfo, "SELECT seq, hmac FROM audit_chain ORDER BY seq DESC LIMIT 1")
    assert found[0][0] == 4, "what came at the end is sealed, too"
    assert sealing.kept(tmp_path)[-1] == Anchor(*found[0])
    assert sealing.file(tmp_path).stat().st_mode & 0o777 == 0o600
    checked = await sealing.look(pool, MASTER, tmp_path)
    await sealing.enter(pool, checked, audit.SYSTEM)
    assert (checked.links, checked.count) == (4, 0)
    assert checked.anchors >= 1
    assert await rows(conninfo, "SELECT target, ok FROM audit WHERE action = 'audit.verify'") == [("#4", True)]


async def test_an_end_that_was_cut_off_is_found_at_the_next_start_and_by_a_verification(
    pool: Pool, conninfo: str, tmp_path: Path
) -> None:
    await write(pool, "a", "b", "c")
    async with sealer(pool, tmp_path):
        pass
    with psycopg.connect(conninfo) as conn:
        conn.execute("DELETE FROM audit WHERE target = 'c'; DELETE FROM audit_chain WHERE seq = 3")
    found = await sealing.look(pool, MASTER, tmp_path)
    assert [(one.kind, one.seq) for one in found.faults] == [("cut", 3)]
    async with sealer(pool, tmp_path):
        pass
    assert await rows(conninfo, "SELECT ok FROM audit WHERE action = 'audit.broken'") == [(False,)]
    found = await sealing.look(pool, MASTER, tmp_path)
    assert [(one.kind, one.seq) for one in found.faults] == [("anchor", 3)], "another has its number now"


async def test_a_cut_while_it_works_is_cried_out_once(pool: Pool, conninfo: str, tmp_path: Path) -> None:
    await write(pool, "a", "b")

    async def cried() -> bool:
        return len(await rows(conninfo, "SELECT FROM audit WHERE action = 'audit.broken'")) == 1

    async def sealed() -> bool:
        return len(await rows(conninfo, "SELECT FROM audit_chain")) == 2

    async with sealer(pool, tmp_path):
        await until(sealed, 5)
        with psycopg.connect(conninfo) as conn:
            conn.execute("DELETE FROM audit_chain WHERE seq = 2")
        await until(cried, 5)
        await asyncio.sleep(2.2)
        assert await cried()


async def test_it_outlives_the_database(pool: Pool, conninfo: str, tmp_path: Path) -> None:
    async def sealed() -> bool:
        return len(await rows(conninfo, "SELECT FROM audit_chain")) == 1

    async with sealer(pool, tmp_path):
        await asyncio.sleep(0.2)
        await rows(
            conninfo,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()",
        )
        async with database.open_pool(conninfo, size=1) as other:
            await write(other, "a")
        await until(sealed, 10)


async def test_months_ahead_have_their_partition(pool: Pool, conninfo: str, tmp_path: Path) -> None:
    with psycopg.connect(conninfo) as conn:
        before = conn.execute("SELECT count(*) FROM pg_partition_tree('audit')").fetchone()
        conn.execute(
            "DO $$ DECLARE last text; BEGIN SELECT max(relid::text) INTO last FROM pg_partition_tree('audit')"
            " WHERE relid::text ~ '[0-9]$'; EXECUTE 'DROP TABLE ' || last; END $$"
        )

    async def there() -> bool:
        return await rows(conninfo, "SELECT count(*) FROM pg_partition_tree('audit')") == [before]

    async with sealer(pool, tmp_path):
        await until(there, 5)


def test_anchors_are_read_as_they_were_noted(tmp_path: Path) -> None:
    assert sealing.kept(tmp_path) == []
    for one in (ONE, OTHER):
        sealing.note(tmp_path, one, NOW)
    assert sealing.kept(tmp_path) == [ONE, OTHER]
    assert sealing.parse(str(ONE)) == ONE
    with sealing.file(tmp_path).open("a") as stream:
        stream.write("2026-04-01T05:02:11+00:00 10:00")  # the power goes
    assert sealing.kept(tmp_path) == [ONE, OTHER]
    sealing.note(tmp_path, ONE, NOW)
    assert sealing.kept(tmp_path) == [ONE, OTHER, ONE]


def test_of_very_many_anchors_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "KEPT", 3)
    for seq in range(1, 21):
        sealing.note(tmp_path, Anchor(seq, bytes(32)), NOW)
        kept = [one.seq for one in sealing.kept(tmp_path)]
        assert kept == list(range(seq - len(kept) + 1, seq + 1))
        assert min(3, seq) <= len(kept) <= 6


@pytest.mark.parametrize("text", ["", "x", "7", "7:", "7:zz", f"0:{'00' * 32}", f"7:{'00' * 31}", f"-1:{'00' * 32}"])
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(sealing.NoAnchor):
        sealing.parse(text)


async def test_a_file_that_others_wrote_to_is_cried_out(pool: Pool, conninfo: str, tmp_path: Path) -> None:
    sealing.file(tmp_path).write_text("nonsense\n")
    async with sealer(pool, tmp_path):
        await write(pool, "a")
    assert await rows(conninfo, "SELECT ok FROM audit WHERE action = 'audit.broken'") == [(False,)]
    assert len(await rows(conninfo, "SELECT FROM audit_chain")) == 2, "sealing goes on"


async def test_another_key_opens_nothing(pool: Pool, tmp_path: Path) -> None:
    await write(pool, "a", "b")
    await chain.Sealer(pool, chain.key(MASTER)).seal()
    found = await sealing.look(pool, bytes(32), tmp_path)
    assert found.count == 2

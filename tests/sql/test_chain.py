"""The chain over the audit log: nothing committed is skipped, and whatever is changed by hand is found and named."""

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from sql import audit, chain, database, verification
from sql.chain import Anchor, Sealer
from sql.database import Pool
from sql.verification import Verified

KEY = chain.key(bytes(range(32)))
NOBODY = audit.Actor("sato", "operator", "10.0.4.17")


async def write(pool: Pool, *targets: str) -> None:
    async with database.hub(pool, "admin") as conn:
        for target in targets:
            await audit.write(conn, None, NOBODY, "client.rotate", target, detail={"why": "テスト", "n": 1.50})


async def look(pool: Pool, **given: Any) -> Verified:
    return await verification.verify(pool, KEY, **given)


def targets(conninfo: str) -> list[str]:
    """Those of the sealed entries in the order of the chain."""
    with psycopg.connect(conninfo) as conn:
        found = conn.execute("SELECT a.target FROM audit_chain c JOIN audit a ON a.id = c.audit_id ORDER BY c.seq")
        return [one for (one,) in found]


async def begin(conninfo: str, target: str) -> AsyncConnection[Any]:
    """A transaction that has written an entry and goes on."""
    conn = await AsyncConnection.connect(conninfo)
    await conn.execute("SET LOCAL ROLE rosterhub_admin")
    await audit.write(conn, None, NOBODY, "job.approve", target)
    return conn


async def test_entries_are_sealed_once_in_order_and_found_to_be_good(pool: Pool, conninfo: str) -> None:
    sealer = Sealer(pool, KEY)
    assert await sealer.seal() == 0
    await write(pool, "a", "b")
    assert await sealer.seal() == 2
    assert await sealer.seal() == 0
    await write(pool, "c")
    assert await sealer.seal() == 1
    assert targets(conninfo) == ["a", "b", "c"]
    found = await look(pool)
    assert (found.first, found.last, found.links, found.waiting, found.faults) == (1, 3, 3, 0, ())
    assert sealer.end is not None and found.hmac == sealer.end.hmac


async def test_an_entry_that_is_committed_late_is_sealed_then(pool: Pool, conninfo: str) -> None:
    sealer = Sealer(pool, KEY)
    late = await begin(conninfo, "late")
    await write(pool, "first")
    assert await sealer.seal() == 1
    later = await begin(conninfo, "later")
    await write(pool, "second")
    assert await sealer.seal() == 1
    assert [hole.last - hole.first for hole in sealer._holes] == [0, 0]
    assert (await look(pool)).faults == ()
    await later.commit()
    assert await sealer.seal() == 1
    await late.commit()
    assert await sealer.seal() == 1
    assert await sealer.seal() == 0
    assert sealer._holes == ()
    await late.close()
    await later.close()
    assert targets(conninfo) == ["first", "second", "later", "late"]
    assert (await look(pool)).faults == ()


async def test_a_sealer_that_starts_anew_knows_what_may_still_come(pool: Pool, conninfo: str) -> None:
    late = await begin(conninfo, "late")
    await write(pool, "first", "second")
    assert await Sealer(pool, KEY).seal() == 2
    new = Sealer(pool, KEY)
    await write(pool, "third")
    assert await new.seal() == 3, "two are known, one is new"
    await late.commit()
    await late.close()
    assert await new.seal() == 1
    assert targets(conninfo) == ["first", "second", "third", "late"]
    assert (await look(pool)).faults == ()


async def test_an_id_that_was_rolled_back_is_waited_for_no_longer_than_its_transaction(
    pool: Pool, conninfo: str
) -> None:
    sealer = Sealer(pool, KEY)
    lost = await begin(conninfo, "lost")
    await write(pool, "kept")
    await sealer.seal()
    assert len(sealer._holes) == 1
    await lost.rollback()
    await lost.close()
    await sealer.seal()
    assert sealer._holes == ()
    await write(pool, "next")
    await sealer.seal()
    assert sealer.end is not None and sealer.end.settled == sealer.end.audit_id
    assert targets(conninfo) == ["kept", "next"]


async def test_two_sealers_and_many_writers_make_one_chain_without_a_gap(pool: Pool, conninfo: str) -> None:
    over = asyncio.Event()

    async def seal() -> None:
        sealer = Sealer(pool, KEY)
        while not over.is_set():
            await sealer.seal()
            await asyncio.sleep(0.001)

    async def enter(number: int) -> None:
        async with database.connect(conninfo) as conn:
            for turn in range(40):
                async with conn.transaction():
                    await conn.execute("SET LOCAL ROLE rosterhub_ingest")
                    await audit.write(conn, None, audit.SYSTEM, "job.applied", f"{number}-{turn}")
                    await asyncio.sleep(0.003 * (number % 4))
                    if turn % 5 == 4:
                        raise psycopg.Rollback

    sealing = [asyncio.create_task(seal()) for _ in range(2)]
    await asyncio.gather(*map(enter, range(8)))
    over.set()
    await asyncio.gather(*sealing)
    last = Sealer(pool, KEY)
    await last.seal()
    await last.seal()
    sealed = targets(conninfo)
    assert sorted(sealed) == sorted(f"{number}-{turn}" for number in range(8) for turn in range(40) if turn % 5 != 4)
    found = await look(pool)
    assert (found.links, found.waiting, found.faults) == (len(sealed), 0, ())


async def test_more_than_a_batch_is_sealed_batch_by_batch(pool: Pool, conninfo: str) -> None:
    fill(conninfo, chain.BATCH + 10)
    sealer = Sealer(pool, KEY)
    assert [await sealer.seal() for _ in range(3)] == [chain.BATCH, 10, 0]
    assert (await look(pool)).links == chain.BATCH + 10


async def test_a_sequence_that_was_set_far_ahead_keeps_nobody_busy(pool: Pool, conninfo: str) -> None:
    sealer = Sealer(pool, KEY)
    late = await begin(conninfo, "late")
    with psycopg.connect(conninfo) as conn:
        conn.execute("SELECT setval('audit_id_seq', 1000000000000)")
    await write(pool, "far")
    assert await sealer.seal() == 1
    assert not sealer.more
    assert await sealer.seal() == 0
    assert not sealer.more
    await late.commit()
    await late.close()
    assert await sealer.seal() == 1
    assert targets(conninfo) == ["far", "late"]
    assert (await look(pool)).faults == ()


async def test_a_long_transaction_with_many_entries_is_sealed_batch_by_batch(pool: Pool, conninfo: str) -> None:
    sealer = Sealer(pool, KEY)
    async with await AsyncConnection.connect(conninfo) as conn:
        await conn.execute(
            "INSERT INTO audit (who, who_kind, action) SELECT 'x', 'client', 'y' FROM generate_series(1, %s)",
            (2 * chain.BATCH + 5,),
        )
        await write(pool, "other")
        assert await sealer.seal() == 1
    found = []
    while not found or sealer.more:
        found.append(await sealer.seal())
    assert found == [chain.BATCH, chain.BATCH, 5]
    assert (await look(pool)).links == 2 * chain.BATCH + 6


def fill(conninfo: str, count: int) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute(
            "INSERT INTO audit (who, who_kind, action, target) SELECT 'lms', 'client', 'api.read users', 'n' || n"
            " FROM generate_series(1, %s) n",
            (count,),
        )


@pytest.fixture
async def sealed(pool: Pool, conninfo: str) -> str:
    """Ten entries, sealed."""
    sealer = Sealer(pool, KEY)
    for number in range(10):
        await write(pool, f"t{number}")
        await sealer.seal()
    assert (await look(pool)).faults == ()
    return conninfo


Tamper = Callable[[str], Awaitable[list[tuple[str, int | None, str | None]]]]


@pytest.fixture
def after(pool: Pool, sealed: str) -> Tamper:
    """What is found once the superuser has done something: kind, number in the chain, and target of the entry."""
    with psycopg.connect(sealed) as conn:
        of = dict(conn.execute("SELECT id, target FROM audit").fetchall())

    async def tamper(statement: str) -> list[tuple[str, int | None, str | None]]:
        with psycopg.connect(sealed) as conn:
            conn.execute(statement)
            of.update(conn.execute("SELECT id, target FROM audit WHERE id > 1000").fetchall())
        found = await look(pool)
        assert found.count == len(found.faults)
        return [(one.kind, one.seq, of.get(one.audit_id)) for one in found.faults]

    return tamper


AT_4 = "(SELECT audit_id FROM audit_chain WHERE seq = 4)"
AT_7 = "(SELECT audit_id FROM audit_chain WHERE seq = 7)"
CHANGES = {
    "who": "'other'",
    "who_kind": "'client'",
    "origin": "'10.0.0.1'",
    "action": "'client.add'",
    "target": "'t33'",
    "ok": "false",
    "tenant_id": "1",
    "detail": """'{"why": "other"}'""",
}


@pytest.mark.parametrize("column", CHANGES)
async def test_a_changed_entry_is_named(after: Tamper, column: str) -> None:
    found = await after(f"UPDATE audit SET {column} = {CHANGES[column]} WHERE id = {AT_4}")
    assert found == [("changed", 4, "t3")]


async def test_an_entry_with_another_time_is_named(after: Tamper) -> None:
    found = await after(f"UPDATE audit SET at = at - interval '1 microsecond' WHERE id = {AT_4}")
    assert found == [("moved", 4, "t3")]
    found = await after(f"UPDATE audit SET at = '2020-01-01' WHERE id = {AT_7}")
    assert found == [("moved", 4, "t3"), ("moved", 7, "t6")]


async def test_deleted_entries_are_named_wherever_they_stood(after: Tamper) -> None:
    found = await after("DELETE FROM audit WHERE target IN ('t0', 't4', 't5', 't9')")
    assert found == [("deleted", 1, "t0"), ("deleted", 5, "t4"), ("deleted", 6, "t5"), ("deleted", 10, "t9")]


async def test_swapped_entries_are_both_named(after: Tamper) -> None:
    found = await after(
        f"UPDATE audit SET target = CASE id WHEN {AT_4} THEN 't6' ELSE 't3' END WHERE id IN ({AT_4}, {AT_7})"
    )
    assert found == [("changed", 4, "t3"), ("changed", 7, "t6")]


async def test_entries_with_swapped_ids_are_both_named(after: Tamper) -> None:
    found = await after(
        f"UPDATE audit SET id = CASE target WHEN 't3' THEN {AT_7} ELSE {AT_4} END WHERE target IN ('t3', 't6')"
    )
    assert [(kind, seq) for kind, seq, _ in found] == [("moved", 4), ("moved", 7)]


async def test_all_that_follows_one_another_may_be_changed_and_is_named(after: Tamper) -> None:
    found = await after("UPDATE audit SET who = 'other'")
    assert found == [("changed", seq, f"t{seq - 1}") for seq in range(1, 11)]


async def test_an_entry_that_was_put_in_behind_is_named(after: Tamper, sealed: str) -> None:
    with psycopg.connect(sealed) as conn:  # an id that a transaction has lost
        (lost,) = conn.execute("SELECT nextval('audit_id_seq')").fetchone() or (0,)
    pool_less = f"INSERT INTO audit (id, who, who_kind, action, target) VALUES ({lost}, 'eve', 'operator', 'x', 'new')"
    async with database.open_pool(sealed) as pool:
        await write(pool, "after")
        await Sealer(pool, KEY).seal()
    assert await after(pool_less) == [("unsealed", None, None)]


async def test_an_entry_with_a_false_time_is_named_before_and_after_it_is_sealed(
    after: Tamper, pool: Pool, sealed: str
) -> None:
    back = "INSERT INTO audit (at, who, who_kind, action, target) VALUES (%s, 'eve', 'operator', 'x', 'new')"
    found = await after(back % "now() - interval '3 days'")
    assert [kind for kind, _, _ in found] == ["behind"]
    await Sealer(pool, KEY).seal()
    found = await after("SELECT")
    assert [(kind, seq) for kind, seq, _ in found] == [("behind", 11)]


async def test_an_id_that_is_there_twice_or_was_never_drawn_is_named(after: Tamper, pool: Pool) -> None:
    entry = "INSERT INTO audit (id, who, who_kind, action) VALUES (%s, 'eve', 'operator', 'x')"
    assert [kind for kind, _, _ in await after(entry % AT_4)] == ["unsealed"]
    assert [kind for kind, _, _ in await after(entry % "99999")] == ["unsealed", "undrawn"]
    await write(pool, "later")
    assert await Sealer(pool, KEY).seal() >= 1
    assert [kind for kind, _, _ in await after("SELECT")] == ["unsealed", "undrawn"]


async def test_a_changed_link_is_told_from_a_changed_entry(after: Tamper) -> None:
    found = await after("UPDATE audit_chain SET hmac = sha256('x') WHERE seq = 4")
    assert found == [("relinked", 4, "t3")]


@pytest.mark.parametrize("column", ["sealed_at = sealed_at + interval '1 s'", "settled = 0"])
async def test_whatever_a_link_says_is_covered(after: Tamper, column: str) -> None:
    found = await after(f"UPDATE audit_chain SET {column} WHERE seq = 4")
    assert [(kind, seq) for kind, seq, _ in found] == [("changed", 4)]


async def test_dropped_links_are_named_and_what_they_were_of(after: Tamper) -> None:
    found = await after("DELETE FROM audit_chain WHERE seq IN (1, 5, 6)")
    assert [(kind, seq) for kind, seq, _ in found[:2]] == [("unlinked", 1), ("unlinked", 5)]
    assert sorted(found[2:]) == [("unsealed", None, "t0"), ("unsealed", None, "t4"), ("unsealed", None, "t5")]


async def test_swapped_links_are_named(after: Tamper) -> None:
    found = await after(
        "UPDATE audit_chain SET seq = seq + 100 WHERE seq IN (4, 7);"
        " UPDATE audit_chain SET seq = 111 - seq WHERE seq IN (104, 107)"
    )
    assert {seq for _, seq, _ in found} >= {4, 7}


async def test_links_of_another_key_are_none(pool: Pool, sealed: str) -> None:
    found = await verification.verify(pool, chain.key(bytes(32)))
    assert [one.seq for one in found.faults] == list(range(1, 11))


async def test_only_an_anchor_tells_of_an_end_that_was_cut_off(after: Tamper, pool: Pool) -> None:
    whole = await look(pool)
    cut = "DELETE FROM audit WHERE target IN ('t8', 't9'); DELETE FROM audit_chain WHERE seq > 8"
    assert await after(cut) == []
    found = await look(pool, anchors=[whole.anchor])
    assert [(one.kind, one.seq) for one in found.faults] == [("cut", 10)]
    # Others take the place of what was cut off.
    await write(pool, "x", "y", "z")
    await Sealer(pool, KEY).seal()
    assert (await look(pool)).faults == ()
    assert [(one.kind, one.seq) for one in (await look(pool, anchors=[whole.anchor])).faults] == [("anchor", 10)]


async def test_an_anchor_is_compared_where_there_are_others_of_its_number(pool: Pool, sealed: str) -> None:
    whole = await look(pool)
    for order in (1, -1):
        both = [Anchor(10, bytes(32)), whole.anchor][::order]
        assert [one.kind for one in (await look(pool, anchors=both)).faults] == ["anchor"]
    assert (await look(pool, anchors=[whole.anchor])).anchors == 1


async def test_a_verification_may_begin_later(after: Tamper, pool: Pool) -> None:
    """As it must when the months before were dropped."""
    assert await after("DELETE FROM audit WHERE target IN ('t0', 't1'); DELETE FROM audit_chain WHERE seq = 1") != []
    found = await look(pool, start=3)
    assert (found.first, found.links, found.faults) == (3, 8, ())
    await after("DELETE FROM audit_chain WHERE seq = 2")
    assert (await look(pool, start=3)).faults == (), "what the first one stands upon is taken as given"
    await after("UPDATE audit SET who = 'other' WHERE target = 't2'")
    assert [one.seq for one in (await look(pool, start=3)).faults] == []
    await after("UPDATE audit SET who = 'other' WHERE target = 't3'")
    assert [one.seq for one in (await look(pool, start=3)).faults] == [4]


async def test_the_sealer_cries_when_its_last_link_is_no_longer_there(pool: Pool, conninfo: str) -> None:
    sealer = Sealer(pool, KEY)
    await write(pool, "a", "b")
    await sealer.seal()
    with psycopg.connect(conninfo) as conn:
        conn.execute("DELETE FROM audit_chain WHERE seq = 2")
    with pytest.raises(chain.Broken):
        await sealer.seal()
    await write(pool, "c")
    assert await sealer.seal() == 1, "it goes on at the end that there is"
    assert targets(conninfo) == ["a", "c"]
    assert [one.kind for one in (await look(pool)).faults] == ["unsealed"], "what has lost its link gets no other"


async def test_the_working_roles_can_neither_change_nor_remove(pool: Pool, sealed: str) -> None:
    for role in ("api", "ingest", "viewer", "operator", "admin"):
        for table in ("audit", "audit_chain"):
            for statement in (f"UPDATE {table} SET at = now()", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises((psycopg.errors.InsufficientPrivilege, database.NotAllowed)):
                    async with database.hub(pool, role) as conn:  # type: ignore[arg-type]
                        await conn.execute(statement)
    async with database.hub(pool, "api") as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await conn.execute("SELECT FROM audit_chain")


async def test_the_canonical_form_holds_times_to_the_microsecond() -> None:
    at = datetime.datetime(2026, 4, 1, 5, 2, 11, 482_001, datetime.UTC)
    assert chain.micros(at) == 1_775_019_731_482_001

"""Finding entries of the audit log: every condition against plain Python, page after page, and honest about its end."""

import datetime
import random

import psycopg
import pytest

from sql import audit, clients, database, search, tenants
from sql.audit import Entry
from sql.database import Pool
from sql.search import Asked

WHO = ("lms-1", "lms-2", "sato", "kita_sftp", "kitaXsftp")
ACTIONS = ("api.read users", "api.read orgs", "api.token", "client.rotate", "client.revoke", "job.approve")
TARGETS = ("", "0+100", "lms-prod", "100%")
WORDS = ("TICKET 118", "テスト", "a\\b")


@pytest.fixture
async def every(pool: Pool, conninfo: str) -> list[Entry]:
    """600 entries over eight months, in and beside partitions, newest first."""
    chance = random.Random(7)
    async with database.hub(pool, "admin") as conn:
        numbers = [(await tenants.add(conn, code, code, "auto", bytes(32), audit.SYSTEM)).id for code in ("aa", "bb")]
    now = datetime.datetime.now(datetime.UTC)
    with psycopg.connect(conninfo) as conn:
        conn.execute("DELETE FROM audit")
        for _ in range(600):
            # Some of the same moment, so that the id decides.
            at = now - datetime.timedelta(hours=chance.randrange(0, 200 * 24, 12))
            conn.execute(
                "INSERT INTO audit (at, tenant_id, who, who_kind, origin, action, target, ok, detail)"
                " VALUES (%s, %s, %s, 'client', '10.0.0.1', %s, %s, %s, jsonb_build_object('reason', %s::text))",
                (at, chance.choice([None, *numbers]), chance.choice(WHO), chance.choice(ACTIONS),
                 chance.choice(TARGETS), chance.random() < 0.8, chance.choice(WORDS)),
            )  # fmt: skip
        rows = conn.execute(
            "SELECT a.id, a.at, t.code, a.who, a.who_kind, a.origin, a.action, a.target, a.ok, a.detail"
            " FROM audit a LEFT JOIN tenants t ON t.id = a.tenant_id ORDER BY a.at DESC, a.id DESC"
        )
        found = [Entry(*row) for row in rows]
    assert len(found) == 600
    assert found == sorted(found, key=lambda one: (one.at, one.id), reverse=True)
    return found


def fits(one: Entry, asked: Asked) -> bool:
    text = f"{one.who} {one.origin} {one.action} {one.target} {one.detail['reason']}".casefold()

    def among(value: str, wanted: tuple[str, ...]) -> bool:
        return not wanted or any(value.startswith(w[:-1]) if w.endswith("*") else value == w for w in wanted)

    return (
        (asked.tenant is None or one.tenant == asked.tenant)
        and among(one.who, asked.who)
        and among(one.action, asked.action)
        and among(one.target, asked.target)
        and (asked.ok is None or one.ok == asked.ok)
        and (asked.since is None or one.at >= asked.since)
        and (asked.until is None or one.at < asked.until)
        and all(word.casefold() in text for word in asked.words)
        and not any(word.casefold() in text for word in asked.without)
    )


def asked_at_random(chance: random.Random) -> Asked:
    def some(values: tuple[str, ...], *more: str) -> tuple[str, ...]:
        return tuple(chance.sample((*values, *more), chance.choice((0, 0, 1, 1, 2))))

    def when() -> datetime.datetime | None:
        back = datetime.timedelta(days=chance.randrange(220))
        return chance.choice((None, None, datetime.datetime.now(datetime.UTC) - back))

    return Asked(
        tenant=chance.choice((None, None, "aa", "bb", "nobody")),
        who=some(WHO, "lms*", "kita_*", "nobody", "nobody*"),
        action=some(ACTIONS, "client.*", "api.*"),
        target=some(TARGETS[1:], "100%*", "lms*"),
        ok=chance.choice((None, None, True, False)),
        since=when(),
        until=when(),
        words=some(WORDS, "10.0.0.1", "sat", "%"),
        without=chance.choice(((), (), ("ticket",))),
    )


@pytest.mark.parametrize("seed", range(4))
async def test_every_condition_finds_what_it_says_page_by_page(
    pool: Pool, every: list[Entry], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(search, "STEP", 60)
    monkeypatch.setattr(search, "REACH", 40)
    async with database.hub(pool, "viewer", read_only=True) as conn:
        for _ in range(60):
            asked, limit = asked_at_random(chance), chance.choice((1, 7, 50))
            wanted = [one for one in every if fits(one, asked)]
            found: list[Entry] = []
            before = search.START
            while True:
                page = await search.page(conn, asked, before=before, limit=limit, patience=chance.choice((0.0, 9.0)))
                found += page.entries
                if page.searched is None and len(page.entries) < limit:
                    break
                before = page.searched or (page.entries[-1].at, page.entries[-1].id)
            assert found == wanted, asked
            assert [one async for one in search.every(conn, asked)] == wanted[::-1], asked


async def test_a_search_that_takes_too_long_says_how_far_it_came(
    pool: Pool, every: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "STEP", 100)
    async with database.hub(pool, "viewer", read_only=True) as conn:
        found = await search.page(conn, Asked(words=("nowhere",)), limit=10, patience=0)
        assert found == search.Found([], (every[99].at, every[99].id))
        rest = await search.page(conn, Asked(words=("nowhere",)), limit=10, before=found.searched or search.START)
        assert rest == search.Found([])


async def test_an_entry_is_found_by_its_id_as_the_begin_of_the_next_page(pool: Pool, every: list[Entry]) -> None:
    async with database.hub(pool, "viewer", read_only=True) as conn:
        place = await search.place(conn, every[200].id)
        assert (await search.page(conn, before=place, limit=3)).entries == every[201:204]
        with pytest.raises(search.UnknownEntry):
            await search.place(conn, 10**9)


@pytest.fixture(params=[1, 50])
def long(pool: Pool, conninfo: str, request: pytest.FixtureRequest) -> None:
    """60,000 entries of so many clients, one in 20,000 rare.

    With one client the server's samples of the log hold none of the rare ones: it takes each value for the only one.
    """
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO tenants (code, name, profile, wrapped_key)"
            " VALUES ('all', '', 'auto', ''), ('rare', '', 'auto', '')"
        )
        conn.execute(
            "INSERT INTO audit (at, tenant_id, who, who_kind, action, target, ok)"
            " SELECT now() - n * interval '1 minute',"
            " (SELECT id FROM tenants WHERE code = CASE WHEN n %% 20000 = 0 THEN 'rare' ELSE 'all' END),"
            " CASE WHEN n %% 20000 = 0 THEN 'rare' ELSE 'lms-' || n %% %(clients)s END, 'client',"
            " CASE WHEN n %% 20000 = 0 THEN 'rare.deed' ELSE 'api.read users' END,"
            " CASE WHEN n %% 20000 = 0 THEN 'rare-target' ELSE n %% %(clients)s || '+100' END, n %% 20000 <> 0"
            " FROM generate_series(1, 60000) n",
            {"clients": request.param},
        )
        if request.param == 1:
            for (part,) in conn.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit'::regclass"
            ):
                for column in ("who", "action", "target", "tenant_id"):
                    conn.execute(f"ALTER TABLE {part} ALTER {column} SET (n_distinct = 1)")
        conn.execute("VACUUM ANALYZE audit")


@pytest.mark.usefixtures("long")
async def test_no_page_reads_the_whole_log(pool: Pool) -> None:
    """Whatever leads to an entry, few blocks are touched."""
    for asked in (
        Asked(),
        Asked(who=("rare",)),
        Asked(who=("lms-0",)),
        Asked(action=("rare.deed",)),
        Asked(action=("rare*",)),
        Asked(target=("rare-target",)),
        Asked(ok=False),
        Asked(tenant="all"),
        Asked(tenant="rare"),
        Asked(who=("rare",), action=("api.read users", "rare.deed")),
        Asked(until=datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=30)),
    ):
        async with database.hub(pool, "viewer", read_only=True) as conn:
            touched = await blocks(conn)
            found = await search.page(conn, asked, limit=50)
            touched = await blocks(conn) - touched
        assert found.searched is None
        assert len(found.entries) == (3 if "rare" in str(asked) or asked.ok is False else 50)
        assert touched < 600, asked


@pytest.mark.usefixtures("long")
async def test_when_a_client_was_here_last_is_found_without_reading_the_whole_log(pool: Pool) -> None:
    """Also where it never was."""
    async with database.hub(pool, "admin") as conn:
        tenant = await tenants.add(conn, "aa", "aa", "auto", bytes(32), audit.SYSTEM)
        for name in ("one", "two"):
            await clients.add(conn, tenant.id, name, [], bytes(32), audit.SYSTEM)
    for listed in (clients.every, clients.standing):
        async with database.hub(pool, "viewer", read_only=True) as conn:
            touched = await blocks(conn)
            found = await listed(conn)
            touched = await blocks(conn) - touched
        assert [one.last_used_at for one in found] == [None, None]
        assert touched < 600, listed


async def blocks(conn: database.Connection) -> int:
    """Blocks of the log's tables and indexes that this transaction has touched so far."""
    return await database.fetch_value(
        conn,
        "SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint FROM pg_class WHERE relname LIKE 'audit\\_2%%'"
        " OR relname LIKE 'audit\\_default%%'",
        {},
    )

"""Tenants that are changed, paused and resumed; doors that are removed; what screens are told."""

import datetime

import psycopg
import pytest

from oneroster.refused import NoReason
from sql import audit, claims, clients, database, inboxes, jobs, migrate, search, settings, tenants, wishes
from sql.amounts import BadSize, BadSpan
from sql.database import Pool
from sql.inboxes import Door
from sql.settings import BadSetting, Settings
from tests.conftest import Boards

HANAKO, TARO = audit.Actor("hanako"), audit.Actor("taro")


async def entries(pool: Pool, action: str) -> list[audit.Entry]:
    async with database.hub(pool, "viewer") as conn:
        return [one for one in (await search.page(conn)).entries if one.action == action]


async def test_two_admins_never_overwrite_each_other(pool: Pool, board: Boards) -> None:
    read = (await board("minato")).tenant
    async with database.hub(pool, "admin") as conn:
        changed = await tenants.change(
            conn, read, None, None, lambda old: wishes.apply(old, {"guard_deleted": "20", "due": "02:00"}), HANAKO
        )
    assert changed.version == read.version + 1
    with pytest.raises(tenants.ChangedMeanwhile, match=r"guard.deleted 0.1 -> 0.2, due none -> 02:00"):
        async with database.hub(pool, "admin") as conn:
            await tenants.change(conn, read, "Another", None, lambda old: old, TARO)
    async with database.hub(pool, "viewer") as conn:
        there = await tenants.by_code(conn, "minato")
    assert (there.name, there.version) == ("Minato", changed.version)
    assert settings.read(there.settings) == Settings(guard=settings.Limits(deleted=0.2), due="02:00")
    assert [one.who for one in await entries(pool, "tenant.set")] == ["hanako"]


async def test_what_a_paused_tenant_is_sent_waits_until_it_is_resumed(pool: Pool, board: Boards) -> None:
    tenant = (await board("minato")).tenant
    async with database.hub(pool, "admin") as conn:
        assert (await tenants.pause(conn, "minato", "repairs", HANAKO)).state == "paused"
    async with database.hub(pool, "ingest") as conn:
        number = await jobs.receive(
            conn, tenant.id, inbox=None, via="hand", bundle="a.zip", sha256="0", size=1, day=datetime.date(2026, 4, 1)
        )
        assert await claims.claim(conn, "worker") is None
        (one,) = await tenants.health(conn)
    assert (one.paused_by, one.paused_why) == ("hanako", "repairs"), "whoever wonders why need not search the log"
    assert one.paused_at is not None
    with pytest.raises(tenants.NotSo, match="minato is paused"):
        async with database.hub(pool, "admin") as conn:
            await tenants.pause(conn, "minato", "again", HANAKO)
    with pytest.raises(NoReason):
        async with database.hub(pool, "admin") as conn:
            await tenants.resume(conn, "minato", "  ", HANAKO)
    async with database.hub(pool, "admin") as conn:
        assert (await tenants.resume(conn, "minato", "repaired", TARO)).state == "active"
    async with database.hub(pool, "ingest") as conn:
        claim = await claims.claim(conn, "worker")
        (one,) = await tenants.health(conn)
    assert (one.paused_at, one.paused_by, one.paused_why) == (None, None, None)
    assert claim is not None
    assert claim.id == number
    assert [(one.who, one.detail) for one in await entries(pool, "tenant.pause")] == [("hanako", {"reason": "repairs"})]
    assert [(one.who, one.detail) for one in await entries(pool, "tenant.resume")] == [("taro", {"reason": "repaired"})]


async def test_who_was_paused_before_that_was_kept_has_it_from_the_log(pool: Pool, board: Boards) -> None:
    await board("minato")
    await board("kita")
    async with database.hub(pool, "admin") as conn:
        await tenants.pause(conn, "minato", "repairs", HANAKO)
        await tenants.resume(conn, "minato", "repaired", TARO)
    async with database.hub(pool, "admin") as conn:
        await tenants.pause(conn, "minato", "holidays", TARO)
    (filling,) = [one.text for one in migrate.migrations() if one.number == 13]
    async with database.hub(pool, "owner") as conn:
        await conn.execute("UPDATE tenants SET paused_at = NULL, paused_by = NULL, paused_why = NULL")
        await conn.execute(filling[filling.index("UPDATE tenants") :])
        minato, kita = [await tenants.by_code(conn, code) for code in ("minato", "kita")]
    assert minato.paused_at is not None
    assert (minato.paused_by, minato.paused_why) == ("taro", "holidays")
    assert (kita.paused_at, kita.paused_by, kita.paused_why) == (None, None, None)


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_an_admin_may_pause_or_change(role: database.Role, pool: Pool, board: Boards) -> None:
    tenant = (await board("minato")).tenant
    with pytest.raises(database.NotAllowed):
        async with database.hub(pool, role) as conn:
            await tenants.pause(conn, "minato", "x", HANAKO)
    with pytest.raises(database.NotAllowed):
        async with database.hub(pool, role) as conn:
            await tenants.change(conn, tenant, "Other", None, lambda old: old, HANAKO)


async def test_a_missing_delivery_shows_until_one_arrives(pool: Pool, board: Boards) -> None:
    tenant = (await board("minato")).tenant
    async with database.hub(pool, "admin") as conn:
        await tenants.change(conn, tenant, None, None, lambda old: wishes.apply(old, {"due": "02:00"}), HANAKO)
        (one,) = await tenants.health(conn)
    later = one.created_at + datetime.timedelta(days=2)
    assert one.missed(one.created_at) is None
    assert one.missed(later) is not None
    async with database.hub(pool, "ingest") as conn:
        await jobs.receive(
            conn, tenant.id, inbox=None, via="hand", bundle="a.zip", sha256="0", size=1, day=datetime.date(2026, 4, 1)
        )
        await conn.execute("UPDATE jobs SET received_at = %s", (later,))
        (one,) = await tenants.health(conn)
        assert one.delivered_at == later
    assert one.missed(later) is None
    async with database.hub(pool, "admin") as conn:
        await tenants.pause(conn, "minato", "holidays", HANAKO)
        (one,) = await tenants.health(conn)
    assert one.missed(later + datetime.timedelta(days=9)) is None


async def test_a_removed_door_is_closed_and_its_name_is_free(pool: Pool, board: Boards) -> None:
    tenant = (await board("minato")).tenant
    door = Door(kind="sftp", user_name="minato-sis", password_hash="x")
    async with database.hub(pool, "admin") as conn:
        number = await inboxes.add(conn, tenant.id, door, HANAKO)
    with pytest.raises(inboxes.InboxTaken):
        async with database.hub(pool, "admin") as conn:
            await inboxes.add(conn, tenant.id, door, HANAKO)
    async with database.hub(pool, "admin") as conn:
        gone = await inboxes.by_number(conn, number)
        await inboxes.remove(conn, gone, "moved", HANAKO)
        assert await inboxes.in_use(conn) == []
        with pytest.raises(inboxes.UnknownInbox):
            await inboxes.remove(conn, gone, "moved", HANAKO)
        again = await inboxes.add(conn, tenant.id, door, HANAKO)
        (one,) = await inboxes.standing(conn)
    assert (one.id, one.place, one.delivered_at) == (again, "minato-sis", None)
    (entry,) = await entries(pool, "inbox.remove")
    assert (entry.target, entry.detail) == (f"sftp {number}", {"reason": "moved"})


async def test_clients_show_how_many_of_their_secrets_count(pool: Pool, board: Boards) -> None:
    opened = await board("minato")
    async with database.hub(pool, "admin") as conn:
        who, _ = await clients.add(conn, opened.tenant.id, "lms", [], opened.master, HANAKO)
        client = await clients.by_id(conn, who)
        await clients.rotate(conn, client, datetime.timedelta(days=7), opened.master, HANAKO)
        (one,) = await clients.standing(conn)
        now: datetime.datetime = await database.fetch_value(conn, "SELECT now()", {})
        assert (one.lasting, one.ending, one.ends_at) == (1, 1, now + datetime.timedelta(days=7))
        assert not one.gone(now)
        await clients.rotate(conn, client, datetime.timedelta(0), opened.master, HANAKO)
        (one,) = await clients.standing(conn)
        assert (one.lasting, one.ending) == (1, 0)
        await clients.revoke(conn, client, "contract ended", HANAKO)
        (one,) = await clients.standing(conn)
        assert one.gone(now)
        with pytest.raises(clients.AlreadyRevoked):
            await clients.revoke(conn, client, "again", HANAKO)


async def test_listeners_hear_of_jobs_and_tenants(pool: Pool, conninfo: str, board: Boards) -> None:
    tenant = (await board("minato")).tenant
    async with database.connect(conninfo) as conn:
        await conn.execute("LISTEN rosterhub_changed")
        for change in ("pause", "receive"):
            async with database.hub(pool, "admin") as writer:
                if change == "pause":
                    await tenants.pause(writer, "minato", "x", HANAKO)
                else:
                    day = datetime.date(2026, 4, 1)
                    await jobs.receive(
                        writer, tenant.id, inbox=None, via="hand", bundle="a", sha256="0", size=1, day=day
                    )
            heard = [one.channel async for one in conn.notifies(timeout=10, stop_after=1)]
            assert heard == ["rosterhub_changed"]


def test_settings_are_read_back_as_they_are_said() -> None:
    wished = {
        "encoding": "cp932",
        "guard_deleted": "12.5",
        "guard_updated": "80",
        "window": "2026-03-25..2026-04-10",
        "window_deleted": "60",
        "window_updated": "100",
        "due": "02:00",
        "grace": "2h",
        "quota": "2GB",
    }
    made = wishes.apply(Settings(), wished)
    assert made.quota == 2_000_000_000
    assert wishes.said(made) == wished
    assert wishes.apply(Settings(), wishes.said(made)) == made
    assert wishes.apply(made, {"window": "none", "due": "none", "quota": "none"}).window is None


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("due", "25:00", BadSetting),
        ("due", "2", BadSetting),
        ("grace", "two hours", BadSpan),
        ("grace", "24h", BadSetting),
        ("quota", "0GB", BadSize),
        ("quota", "-1GB", BadSize),
        ("quota", "2 apples", BadSize),
        ("guard_deleted", "101", BadSetting),
        ("window", "2026-04-10..2026-03-25", BadSetting),
        ("window", "soon", BadSetting),
        ("window_deleted", "50", BadSetting),
        ("encoding", "latin-1", BadSetting),
    ],
)
def test_what_cannot_be_set_is_refused(name: str, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        wishes.apply(Settings(), {name: text})


async def test_how_tenants_stand_is_told_without_reading_all_their_jobs(pool: Pool, conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as made:
        made.execute(
            "INSERT INTO tenants (code, name, profile, wrapped_key)"
            " SELECT 't' || n, 'T', 'auto', '' FROM generate_series(1, 20) n"
        )
        made.execute(
            "INSERT INTO jobs (tenant_id, via, bundle, sha256, bytes, day, received_at, state)"
            " SELECT t.id, 'sftp', 'b', '0', 1, '2026-04-01', now() - n * interval '1 day',"
            " CASE WHEN n = 300 THEN 'held' ELSE 'applied' END FROM tenants t, generate_series(1, 500) n"
        )
        made.execute("VACUUM ANALYZE jobs")
    async with database.hub(pool, "viewer", read_only=True) as conn:
        found = await tenants.health(conn)
        touched = await database.fetch_value(
            conn,
            "SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint FROM pg_class WHERE relname LIKE 'jobs%%'",
            {},
        )
    assert [one.days for one in found] == [["applied"] * 6 + [None]] * 20
    assert {one.job_state for one in found} == {"held"}, "what waits for a person goes before what came since"
    assert touched < 4_000

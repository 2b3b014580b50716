"""The screens follow the database, and outlive it."""

import asyncio
import time

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from daemon import config, screens
from daemon.here import Here
from sql import database
from tests.tui import hub
from tui import app
from tui.dialog import Dialog

LOADING = hub.job_id(0x7F3A91C2)


async def until(opened, part: str, seconds: float = 10.0) -> None:
    """Wait for the screen's own clock to bring this."""
    deadline = time.monotonic() + seconds
    while part not in opened.text:
        assert time.monotonic() < deadline, opened.text
        await asyncio.wait_for(asyncio.shield(opened.looked()), seconds)


async def change(conninfo: str, statement: str) -> None:
    async with database.connect(conninfo) as conn:
        await conn.execute(SQL(statement))


async def test_a_job_moves_without_a_key(moving, shown):
    async with shown(moving, period=0.05) as opened:
        await opened.press("2")
        assert "check 302,110" in opened.text
        await change(moving, f"UPDATE jobs SET phase = 'apply', phase_rows = 400000 WHERE id = '{LOADING}'")
        await until(opened, "[#####----] apply 400,000")
        await change(
            moving, f"UPDATE jobs SET state = 'applied', inserted = 7, finished_at = now() WHERE id = '{LOADING}'"
        )
        await until(opened, "APPLIED     +7 ~0 -0")


async def test_nothing_is_painted_while_nothing_changes(still, shown):
    async with shown(still) as opened:
        for key in "123":
            await opened.press(key)
            painted = opened.paintings()
            for _ in range(3):
                await opened.look()
            assert painted == []


async def test_new_rows_leave_the_cursor_on_its_row_unless_one_follows(moving, shown):
    async with shown(moving) as opened:
        await opened.press("3")
        table = opened.app.screen.table
        assert table.row.cells[3][0] == "client.rotate"
        async with database.connect(moving) as conn:
            await hub.add_entry(conn, 0, "sato", "operator", "tty1", "job.approve", "x", True, None, {})
        await opened.look()
        assert (table.cursor, table.row.cells[3][0]) == (1, "client.rotate")
        await opened.press("f")
        assert (table.cursor, table.row.cells[3][0]) == (0, "job.approve")
        async with database.connect(moving) as conn:
            await hub.add_entry(conn, -1, "sato", "operator", "tty1", "job.retry", "x", True, None, {})
        await opened.look()
        assert (table.cursor, table.row.cells[3][0]) == (0, "job.retry")
        assert opened.line("FOLLOWING")


async def test_a_long_log_is_paged_to_its_end_and_back(moving, shown):
    async with database.connect(moving) as conn:
        await conn.execute(
            "INSERT INTO audit (at, who, who_kind, action)"
            " SELECT now() - n * interval '1 hour', 'x', 'system', 'n' || n FROM generate_series(1, 900) AS n"
        )
    async with shown(moving) as opened:
        await opened.press("3")
        table = opened.app.screen.table
        for _ in range(7):
            await opened.press("G")
            assert len(table.rows) <= 400
        assert table.row.cells[3][0] == "db.migrate"
        assert "older below" not in opened.text
        for _ in range(5):
            await opened.press(["pageup"] * 13)
        assert table.cursor == 0
        assert table.row.cells[3][0] == "client.rotate"


async def test_a_database_that_goes_away_is_told_of_and_place_and_filter_are_kept(moving, shown):
    name = conninfo_to_dict(moving)["dbname"]
    async with shown(moving) as opened:
        await opened.press("2", "slash", [*"kita"], "enter", "j")
        place = opened.app.screen.table.row.key
        with psycopg.connect(moving, dbname="postgres", autocommit=True) as conn:
            conn.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            await opened.look()
            assert "db AWAY" in opened.lines[0]
            assert opened.line("The database does not answer. This is how it was at 14:02:11.")
            await opened.press("3")
            assert "db AWAY" in opened.lines[0]
            await opened.press("2")
            conn.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(Identifier(name)))
        before = time.monotonic()
        await opened.look()
        assert time.monotonic() - before < 3
        assert "db ok" in opened.lines[0]
        assert "does not answer" not in opened.text
        assert opened.line("Filter: kita")
        assert opened.app.screen.table.row.key == place


async def test_a_database_that_is_not_there_yet_is_waited_for(conninfo, shown):
    async with shown(conninfo.replace("dbname=", "dbname=not_")) as opened:
        assert "db AWAY" in opened.lines[0]
        assert opened.line("does not answer")
        await opened.press("2", "enter", "T", "3", "r")
        assert opened.app.is_running


async def test_an_unknown_tenant_ends_it_with_66(still, shown):
    async with shown(still, tenant="nobody") as opened:
        assert opened.app.return_code == 66


async def test_without_a_terminal_there_is_one_line_and_64(capsys):
    assert await app.run("", read_only=False, isatty=False) == 64
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_every_role_may_look_at_every_screen(role, still, shown):
    async with shown(still, role=role) as opened:
        for key in ("2", "enter", "escape", "3", "T"):
            await opened.press(key)
        assert "db ok" in opened.lines[0] or not opened.app.away


async def test_a_change_is_seen_at_once_where_one_can_listen_and_no_more_than_once_a_period(moving, shown):
    async with shown(moving, period=2.0) as opened:
        await opened.press("2")
        for number in range(3):  # the listener may not have begun with the first
            await change(moving, f"UPDATE jobs SET phase_rows = {number} WHERE id = '{LOADING}'")
            await asyncio.sleep(0.5)
        await asyncio.sleep(2.0)
        begun = time.monotonic()
        opened.app._painted = begun - 2.0
        await change(moving, f"UPDATE jobs SET phase_rows = 400000 WHERE id = '{LOADING}'")
        while "check 400,000" not in opened.text:
            assert time.monotonic() < begun + 1.8, opened.text
            await opened.pilot.pause(0.01)
        first = opened.app._painted
        for number in range(20):
            await change(moving, f"UPDATE jobs SET phase_rows = {500_000 + number} WHERE id = '{LOADING}'")
        await until(opened, "check 500,0")
        assert opened.app._painted - first > 1.8
        await until(opened, "check 500,019")


@pytest.fixture
def cut_off(still, monkeypatch, tmp_path):
    """Hands that reach for a database which is not there."""
    monkeypatch.setattr(screens, "PATIENCE", 0.5)
    here = Here(config.Settings(state=tmp_path / "state"))
    here.enter(still)
    return screens.hands(here, make_conninfo(still, host=str(tmp_path)))


async def test_a_line_that_cannot_be_had_while_the_database_is_away_ends_nothing(still, shown, cut_off):
    async with shown(still, hands=cut_off) as opened:
        await opened.press("2", "down", "down", "enter", "shift+tab")
        assert "[Raw]" in opened.text
        assert opened.line("The database does not answer.")
        await opened.press("escape")
        assert opened.line("13 jobs")


async def test_a_look_under_way_is_no_bug_when_the_screens_are_ended(moving, shown):
    """Several times, with the answer at another moment of the end."""

    async def released(lock: psycopg.AsyncConnection, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await lock.rollback()

    for wait in range(8):
        async with await psycopg.AsyncConnection.connect(moving) as lock:
            async with shown(moving) as opened:
                await opened.press("2")
                await lock.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
                opened.app.look()
                await asyncio.sleep(0.1)
                opened.app.look()
                releasing = asyncio.create_task(released(lock, 0.001 + 0.0015 * wait))
            await releasing


async def test_a_deed_that_meets_no_database_ends_nothing(still, shown, cut_off, tmp_path):
    (tmp_path / "a.zip").touch()
    async with shown(still, hands=cut_off) as opened:
        await opened.press("2", "down", "down", "enter", "a", [*"record"], "enter")
        assert opened.line("The database does not answer.")
        await opened.press("escape", "colon", [*"deliver"], "enter")
        await opened.type(str(tmp_path / "a.zip"), "sapporo")
        await opened.confirm()
        assert opened.line("The database did not answer. Look whether it was done")
        assert isinstance(opened.app.screen, Dialog)


async def test_listening_begins_again_after_an_outage(moving, shown, monkeypatch):
    monkeypatch.setattr(app, "RELISTEN", 0.2)
    name = conninfo_to_dict(moving)["dbname"]
    async with shown(moving) as opened:
        await asyncio.sleep(0.5)
        with psycopg.connect(moving, dbname="postgres", autocommit=True) as conn:
            listening = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND query LIKE 'LISTEN%%'"
            (first,) = conn.execute(listening, [name]).fetchone()
            conn.execute("SELECT pg_terminate_backend(%s)", [first])
            deadline = time.monotonic() + 10
            while (found := conn.execute(listening, [name]).fetchone()) is None or found[0] == first:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
        assert opened.app.is_running

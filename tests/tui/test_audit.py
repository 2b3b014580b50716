"""The log on the screen: asked by its fields, a long search that goes on by itself, and the chain verified by a key."""

import datetime

import msgspec
import psycopg
import pytest
from textual import events

from sql import audit, chain, database, search, tenants, verification
from tests.tui import hub
from tui import audit_rows, exporting, format
from tui.audit import Audit
from tui.detail import Detail

MASTER = bytes(range(32))


@pytest.fixture
def verifies(moving):
    """Verifies with the key, on a connection of its own."""

    async def verify(progress):
        async with database.open_pool(moving, size=1) as pool:
            return await verification.verify(pool, chain.key(MASTER), progress=progress)

    return verify


async def enter(conninfo: str, *targets: str) -> None:
    """Entries in place of those that are there, sealed."""
    async with database.open_pool(conninfo, size=1) as pool:
        async with database.hub(pool, "admin") as conn:
            for target in targets:
                await audit.write(conn, None, audit.Actor("sato"), "client.rotate", target)
        await chain.Sealer(pool, chain.key(MASTER)).seal()


def clear(conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute("DELETE FROM audit; DELETE FROM audit_chain")


async def test_the_fields_are_asked_of_the_database(still, shown):
    async with shown(still) as opened:
        await opened.press("3")
        for typed, found in {
            "who:sato": ["client.rotate"],
            "action:api.": ["api.read"],
            "result:no": ["sftp.login"],
            "since:10m": ["client.rotate", "api.read", "sftp.login", "job.rejected"],
            "since:10m !rosterhub target:7f": [],
            "until:2026-01-01": ["db.migrate"],
            "overlap": ["client.rotate"],
        }.items():
            await opened.press("slash", [*typed], "enter")
            screen = opened.app.screen
            assert isinstance(screen, Audit)
            assert [row.record["action"] for row in screen.table.rows] == found, typed
            await opened.press("escape")


async def test_a_client_is_shown_and_found_by_its_name(moving, shown):
    async with database.open_pool(moving, size=1) as pool, database.hub(pool, "admin") as conn:
        owner = await tenants.by_code(conn, "kita-high")
        actor = audit.Actor("a2l0YS1sbXM", "client", "192.0.2.7")
        await audit.write(conn, owner.id, actor, "api.read students", "0+1000")
    async with shown(moving) as opened:
        await opened.press("3")
        assert "kita-lms" in opened.line("api.read students")
        await opened.press("slash", [*"who:kita-l"], "enter")
        screen = opened.app.screen
        assert isinstance(screen, Audit)
        assert [row.record["action"] for row in screen.table.rows] == ["api.read students"]
        await opened.press("enter")
        assert "a2l0YS1sbXM  kita-lms" in opened.text
        await opened.press("escape", "escape", "slash", [*"kita-lms"], "enter")
        assert opened.line("A client is found by its name with who:NAME.")


async def test_a_range_is_chosen(still, shown):
    async with shown(still) as opened:
        await opened.press("3", "t", [*"24h"], "enter")
        assert "Range: last 24 h" in opened.lines[2]
        assert opened.line("5 entries")
        await opened.press("t", [*"all"], "enter")
        assert opened.line("6 entries")


async def test_the_place_in_the_chain_is_told(still, shown):
    async with shown(still) as opened:
        await opened.press("3")
        assert "Chain: to #5" in opened.lines[2]
        assert opened.line("#1  tenant sapporo  operator  2026-04-01 14:02:10  prev -  hash ")
        await opened.press("j")
        assert opened.line("#2  tenant sapporo  client ")
        await opened.press("enter")
        assert isinstance(opened.app.screen, Detail)
        record = opened.app.screen.record
        assert (record["seq"], len(record["hmac"]), len(record["prev"])) == ("#2", 64, 64)
        assert "client.rotate" in record["newer"]
        assert "sftp.login" in record["older"]
        await opened.press("escape", "j")
        assert opened.line("not sealed yet")


async def test_a_search_that_takes_long_goes_on_by_itself(moving, shown, monkeypatch):
    monkeypatch.setattr(search, "STEP", 200)
    monkeypatch.setattr(search, "PATIENCE", 0.0)
    monkeypatch.setattr(search.page, "__kwdefaults__", {**search.page.__kwdefaults__, "patience": 0.0})
    with psycopg.connect(moving) as conn:
        conn.execute(
            "INSERT INTO audit (at, who, who_kind, action, target)"
            " SELECT %s - n * interval '1 minute', 'lms', 'client', 'api.read users', CASE n WHEN 950 THEN 'rare' ELSE"
            " '0+100' END FROM generate_series(1000, 1, -1) n",
            (hub.NOW - datetime.timedelta(days=1),),
        )
    async with shown(moving) as opened:
        await opened.press("3", "slash", [*"rare"], "enter")
        assert "searched back to" in opened.text
        for _ in range(8):
            await opened.look()
        assert opened.line("1 of 1 entry")
        assert "searched back" not in opened.text
        assert len(opened.app.screen.data.entries) == 1


async def test_the_chain_is_verified_by_a_key(moving, shown, verifies):
    clear(moving)
    await enter(moving, "a", "b", "c")
    async with shown(moving, verify=verifies) as opened:
        await opened.press("3")
        assert "Chain: to #3" in opened.lines[2]
        await opened.press("v")
        assert opened.line("message").rstrip().endswith("3 entries are as they were sealed.")
        with psycopg.connect(moving) as conn:
            (link,) = conn.execute("SELECT hmac FROM audit_chain WHERE seq = 3").fetchone()
        await opened.press("j")
        assert opened.app.screen.table.row.copied == f"3:{link.hex()}", "whole: it is worth nothing in half"
        await opened.press("j", "j")
        assert opened.app.screen.table.row.copied == f"rosterhub audit verify --anchor 3:{link.hex()}"
        await opened.press("escape")
        assert "Chain: OK to #3" in opened.lines[2]
        with psycopg.connect(moving) as conn:
            (changed,) = conn.execute("UPDATE audit SET who = 'eve' WHERE target = 'b' RETURNING id").fetchone()
        await opened.press("v")
        assert isinstance(opened.app.screen, Detail)
        assert opened.line("The entry is not as it was sealed.").startswith("> #2")
        assert f"id {changed}" in opened.text
        assert "client.rotate  b" in opened.text, "what was done to what"
        await opened.press("escape")
        await opened.look()
        assert "Chain: WRONG, 1" in opened.lines[2]
        assert opened.line(" ! eve "), "found again in the list, not by colour alone"
        assert "not as it was sealed" not in opened.text
        await opened.press("j")
        assert opened.line("The entry is not as it was sealed.")
        await opened.press("enter")
        assert opened.line("The entry is not as it was sealed.").split()[:2] == [">", "message"]


def test_the_reason_of_a_deed_is_not_pushed_away_by_ids():
    job, other = (str(hub.job_id(number)) for number in (0x7F3A8D10, 0x7F3A90AA))
    detail = {"job": other, "revisions": [2, 2], "reason": "wrong export, ticket 119"}
    entry = audit.Entry(
        id=1,
        at=hub.NOW,
        tenant="sapporo",
        who="sato",
        who_kind="operator",
        origin="",
        action="job.rollback",
        target=job,
        ok=True,
        detail=detail,
    )
    at = format.Moment(hub.NOW, None)
    assert audit_rows.lines(entry, at, None)[1] == (
        "7f3a8d10  reason=wrong export, ticket 119  job=7f3a90aa  revisions=[2,2]"
    )
    read = msgspec.structs.replace(entry, action="api.read users", detail={})
    assert audit_rows.lines(read, at, None)[1] == job, "the id of a record is not cut"


async def test_without_the_key_the_screen_says_where_it_is(still, shown):
    async with shown(still) as opened:
        await opened.press("3", "v")
        assert opened.line("rosterhub audit verify")


async def test_all_that_fits_is_exported_and_not_the_window_alone(moving, shown, hands, tmp_path):
    with psycopg.connect(moving) as conn:
        conn.execute(
            "INSERT INTO audit (at, who, who_kind, action) SELECT %s - n * interval '1 minute', 'lms', 'client',"
            " 'api.read users' FROM generate_series(1, 1000) n",
            (hub.NOW - datetime.timedelta(days=1),),
        )
    file = tmp_path / "log.jsonl"
    async with shown(moving, hands=hands) as opened:
        await opened.press("3", "slash", [*"action:api since:9d"], "enter", "e")
        assert opened.line("Same as: rosterhub audit export FILE --action 'api*' --since")
        await opened.type(str(file))
        await opened.confirm()
        assert opened.line("1,001 entries are in ")
        assert len(file.read_text(encoding="utf-8").splitlines()) == 1_001
        await opened.press("e")
        await opened.type(str(file))
        await opened.confirm()
        assert "File exists" in opened.text


async def test_a_condition_that_means_nothing_is_told_and_nothing_is_exported(moving, shown, hands):
    async with shown(moving, hands=hands) as opened:
        await opened.press("3", "slash", [*"since:yesterdays"], "enter")
        assert opened.line("Not understood: since:yesterdays")
        await opened.press("e")
        assert opened.app.screen is opened.app.listing, "no dialog"
        await opened.press("slash", "ctrl+u", [*"since:8:30 result:refused"], "enter")
        assert "Not understood" not in opened.text
        assert opened.line("Range: 04-01 08:30 .. -")
        await opened.press("2", "slash", [*"since:yesterdays"], "enter")
        assert opened.line("Not understood: since:yesterdays")


async def test_a_client_is_left_out_by_the_name_that_is_shown(moving, shown):
    async with shown(moving) as opened:
        await opened.press("3", "slash", [*"who:lms-prod"], "enter")
        assert all("lms-prod" in one.cells[1][0] for one in opened.app.screen.table.rows)
        assert opened.app.screen.table.rows
        await opened.press("slash", "ctrl+u", [*"!who:lms-prod"], "enter")
        assert opened.app.screen.table.rows
        assert not any("lms-prod" in one.cells[1][0] for one in opened.app.screen.table.rows)


async def test_a_log_that_is_written_while_another_dialog_is_open_is_told_there(moving, shown, hands, tmp_path):
    async with shown(moving, hands=hands) as opened:

        async def until(part: str) -> None:
            for _ in range(500):
                await opened.pilot.pause(0.01)
                if part in opened.text:
                    return
            raise AssertionError(f"no {part!r} on\n{opened.text}")

        await opened.press("3", "e")
        await opened.type(str(tmp_path / "log.jsonl"))
        with psycopg.connect(moving) as conn:
            conn.execute("LOCK TABLE audit IN SHARE MODE")  # nobody writes an entry, and so no export begins
            opened.app.post_message(events.Key("enter", None))
            await until("The log is being written to")
            opened.app.post_message(events.Key("e", "e"))
            await until("File (.csv or .jsonl):")
            assert "log.jsonl" not in opened.text
        await until("log.jsonl")
        assert opened.line("File (.csv or .jsonl):"), "the dialog is still open"


def test_the_command_that_writes_the_same():
    asked = search.Asked(tenant="kita", ok=False, since=hub.NOW, words=("a b",), without=("x",))
    assert exporting.twin(asked) == (
        "rosterhub audit export FILE --tenant kita --result no --since 2026-04-01T05:02:11.482Z --search 'a b'"
        " --without x"
    )

"""What each key does, on the hub of `hub.py`."""

import json
import os
import random

import pytest
from psycopg.sql import SQL, Identifier
from textual import events

from sql import database
from tests.tui import hub
from tui import keys
from tui.audit import Audit
from tui.detail import Detail
from tui.dialog import Dialog
from tui.job import JobDetail
from tui.jobs import Jobs
from tui.overview import Overview
from tui.picker import Picker

HEAD = " RosterHub  all tenants                  admin RW  db ok  sftp ok  disk --  14:02:11 "


async def test_the_two_header_lines_are_on_every_screen(still, shown):
    async with shown(still) as opened:
        for key, tab in (("1", "[1 Overview]"), ("2", "[2 Jobs]"), ("3", "[3 Audit]")):
            await opened.press(key)
            assert opened.lines[0].split() == HEAD.split()
            assert tab in opened.lines[1]
            assert all(len(line) <= 80 for line in opened.lines[:2])


async def test_the_overview_says_why(still, shown):
    async with shown(still) as opened:
        assert isinstance(opened.app.screen, Overview)
        assert opened.line("札幌市教育委員会").startswith("> 札幌市教育委員会   HELD     04-01 05:02      9h   118,204")
        assert opened.line("HELD because") == opened.lines[-5]
        assert "10403 of 91204 active students would go" in opened.lines[-5]
        assert opened.line("Queue").strip() == "Queue 1 waiting, 1 running   Today 1 applied, 1 held, 1 rejected"
        await opened.press("j")
        assert opened.line("REJECTED because")
        await opened.press("k")
        assert opened.line("HELD because")


async def test_enter_opens_the_tenants_jobs_and_escape_brings_all_back(still, shown):
    async with shown(still) as opened:
        await opened.press("enter")
        assert isinstance(opened.app.screen, Jobs)
        assert "札幌市教育委員会" in opened.lines[0]
        assert opened.line("2 jobs")
        await opened.press("escape")
        assert isinstance(opened.app.screen, Overview)
        assert "all tenants" in opened.lines[0]


async def test_a_tenant_is_opened_on_the_job_whose_state_it_bears(still, shown):
    async with shown(still) as opened:
        await opened.press("2", "G", "slash", [*"state:discarded"], "enter", "1", "enter")
        assert opened.line("2 jobs")
        assert opened.line("> ").startswith("> 7f3a90aa")
        await opened.press("j", "1", "j", "enter")
        assert opened.line("> ").startswith("> 7f3a8f01")


async def test_all_tenants_are_back_by_1_as_by_escape_and_one_that_was_chosen_stays(still, shown):
    async with shown(still) as opened:
        for back in ("1", "escape"):
            await opened.press("enter", "3", back)
            assert "all tenants" in opened.lines[0], back
        await opened.press("T", [*"minato"], "enter")
        for back in ("1", "escape"):
            await opened.press("enter", back)
            assert "Minato Ward" in opened.lines[0], back


async def test_jobs_say_how_far_they_are(still, shown):
    async with shown(still) as opened:
        await opened.press("2")
        assert opened.line("7f3a91c2").endswith("[###------] check 302,110       <1m")
        assert "+12 ~340 -3" in opened.line(" 7f3a8d10 Kita")
        assert "same as 7f3a8d10" in opened.line("DUPLICATE")
        assert opened.line("REJECTED").endswith("REJECTED    37 errors, 0 rows                4m")
        assert "HELD        10403 of 91204 active stud~" in opened.line("7f3a90aa")


async def test_the_tabs_of_a_job(still, shown):
    async with shown(still) as opened:
        await opened.press("2", "j", "j", "enter")
        assert isinstance(opened.app.screen, JobDetail)
        assert "[Problems 39]" in opened.lines[3]
        assert opened.line("academicSessions.csv line 2, startDate: Not a date YYYY-MM-DD of the calendar.")
        assert opened.line("37 errors, 2 warnings (9 shown): E-TEXT 2, E-DATE 1, E-ENC 1")
        assert "^[]52;c;" in opened.text
        assert "\x1b" not in opened.text
        assert "\u202e" not in opened.text
        await opened.press("tab")
        assert opened.line("No counts")
        await opened.press("tab")
        assert opened.line("users.csv").split() == ["users.csv", "96,100", "4"]
        await opened.press("tab")
        assert opened.line("2026-04-01 13:58:13.482").strip().endswith("attempt 1, after 2.0 s")
        await opened.press("tab", "tab")
        await opened.press("enter")
        assert isinstance(opened.app.screen, Detail)
        assert opened.line("令和８年４月１日")
        await opened.press("escape", "q")
        assert isinstance(opened.app.screen, Jobs)


async def test_a_japanese_terminal_reads_japanese(still, shown, monkeypatch):
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    async with shown(still) as opened:
        assert "[1 概況]" in opened.lines[1]
        assert opened.line("保留の理由：児童生徒91,204件のうち10,403件（11.4%）が削除されます。")
        await opened.press("2", "j", "j", "enter")
        assert opened.line("academicSessions.csv 2行目 startDate：正しい日付（YYYY-MM-DD）ではありません。")
        assert "Not a date" not in opened.text


async def test_a_japanese_filter_takes_the_words_of_both_languages(still, shown, monkeypatch):
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    async with shown(still) as opened:
        for typed in ("state:held", "state:保留", "状態：保留", "状態:保留 期間:10時間", "保留"):
            await opened.press("2", "slash", [*typed], "enter")
            assert [row.cells[0][0] for row in opened.app.screen.table.rows] == ["7f3a90aa"], typed
            await opened.press("escape")
        await opened.press("slash", [*"！状態：保留、障害"], "enter")
        assert len(opened.app.screen.table.rows) == 11


async def test_a_note_goes_with_tab_too(still, shown):
    async with shown(still) as opened:
        for key in ("tab", "shift+tab"):
            await opened.press("2", "g", "j", "j", "enter", "y")
            assert "Copied" in opened.lines[-1]
            await opened.press(key)
            assert "Tab next tab" in opened.lines[-1], key


async def test_the_diff_shows_counts_and_guard(still, shown):
    async with shown(still) as opened:
        await opened.press("2", [*"jjjjj"], "enter", "tab")
        assert opened.line("  students").split() == [
            *("students", "91,204", "80,911", "110", "2,004", "10,403", "11.4%", "HOLD", "deleted")
        ]


async def test_a_filter_narrows_and_escape_drops_it(still, shown):
    async with shown(still) as opened:
        await opened.press("2", "slash", [*"state:held,failed"])
        assert opened.line("2 of 2")
        await opened.press("enter", "n")
        assert opened.line("7f3a8a00 03-31 13:02 FAILED")
        await opened.press("n")
        assert opened.line("7f3a90aa 04-01 05:02 HELD")
        await opened.press("N")
        assert opened.line("7f3a8a00 03-31 13:02 FAILED")
        await opened.press("escape")
        assert opened.line("13 jobs")
        await opened.press("slash", [*"sapporo"], "escape")
        assert opened.line("13 jobs")


async def test_the_cursor_moves_and_the_view_follows(still, shown):
    async with shown(still, size=(80, 12)) as opened:
        await opened.press("2")
        table = opened.app.screen.table
        await opened.press("G")
        assert (table.cursor, table.top) == (12, 12 - table.page + 1)
        await opened.press("g")
        assert (table.cursor, table.top) == (0, 0)
        await opened.press("pagedown")
        assert table.cursor == table.page
        await opened.press("ctrl+u", "ctrl+u", "ctrl+d")
        assert table.top == table.page // 2


async def test_columns_scroll_and_sort(still, shown):
    async with shown(still) as opened:
        await opened.press("2", "l", "l")
        assert opened.lines[2].startswith("< JOB      STATE       PROGRESS")
        await opened.press("h", "h", "s", "s")
        assert "TENANT^" in opened.lines[2]
        assert "Demo School" in opened.lines[3]
        await opened.press("S")
        assert "TENANTv" in opened.lines[2]
        assert "札幌市教育委員会" in opened.lines[3]


async def test_copies_go_to_the_clipboard(still, shown):
    async with shown(still) as opened:
        await opened.press("2", "j", "y")
        assert opened.app.clipboard == str(hub.job_id(0x7F3A91C2))
        assert opened.line("Copied")
        await opened.press("Y")
        assert json.loads(opened.app.clipboard)["phase_rows"] == 302_110
        await opened.press("k")
        assert "Copied" not in opened.text


async def test_the_log_is_searched_by_the_database(still, shown):
    async with shown(still) as opened:
        await opened.press("3")
        assert isinstance(opened.app.screen, Audit)
        assert opened.lines[2].split("  ")[0] == " Range: all"
        assert "TIME (JST)" in opened.lines[3]
        assert opened.line("sftp.login").rstrip().endswith("NO")
        assert "山田^[[31m" in opened.line("tenant.add")
        await opened.press("slash", [*"rotate"], "enter")
        assert opened.line("1 of 1 entry")
        assert opened.line("overlap=7d")
        await opened.press("enter")
        assert isinstance(opened.app.screen, Detail)
        await opened.press("Y")
        assert json.loads(opened.app.clipboard)["action"] == "client.rotate"


async def test_one_tenant_is_chosen_by_typing(still, shown):
    async with shown(still) as opened:
        await opened.press("2", "T")
        assert isinstance(opened.app.screen, Picker)
        await opened.press([*"minato"], "enter")
        assert "Minato Ward" in opened.lines[0]
        assert opened.line("3 jobs")
        await opened.press("T", "enter")
        assert opened.line("13 jobs")


async def test_keys_and_commands_are_found_by_typing(still, shown):
    async with shown(still) as opened:
        await opened.press("question_mark")
        await opened.press([*"follow"])
        assert opened.line("keep the cursor on the newest row")
        await opened.press("escape", "colon", [*"audit"], "enter")
        assert isinstance(opened.app.screen, Audit)
        await opened.press("ctrl+p", [*"light"], "enter")
        assert opened.app.theme in ("textual-light", "ansi-light")


@pytest.mark.parametrize(
    ("keys", "first"),
    [("1", "1"), ("3", "t"), ("6", "l"), (("2", "enter"), "Tab")],
    ids=["all", "audit", "logs", "job"],
)
async def test_the_keys_of_the_screen_come_first(keys, first, still, shown):
    async with shown(still) as opened:
        await opened.press(*keys, "question_mark")
        listed = [row.cells[0][0] for row in opened.app.screen.table.rows]
        assert listed[0] == first
        assert len(listed) == len(set(listed)), "each once"


async def test_read_only_says_so_and_uses_the_viewer(still, shown):
    async with shown(still, read_only=True, role="operator") as opened:
        assert "operator RO" in opened.lines[0]
        assert opened.app.source._role == "viewer"


async def test_q_goes_back_and_at_the_top_quits(still, shown):
    async with shown(still) as opened:
        await opened.press("2", "enter", "q", "q")
        assert isinstance(opened.app.screen, Overview)
        await opened.press("escape")
        assert opened.app.is_running
        await opened.pilot.press("q")
        assert opened.app.return_value == 0


async def everything(conninfo: str) -> dict[str, str]:
    """A checksum of every table; entries that the log was written to a file are left out, which keys may well do."""
    async with database.connect(conninfo) as conn:
        cursor = await conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
        )
        return {
            table: await database.fetch_value(
                conn,
                SQL(
                    "SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {} t"
                    " WHERE to_jsonb(t) ->> 'action' IS DISTINCT FROM 'audit.export'"
                ).format(Identifier(table)),
                {},
            )
            for (table,) in await cursor.fetchall()
        }


LONG = "LONG"
"""Set to 1: 100,000 keys instead of 400."""


async def test_no_key_changes_anything_and_none_breaks_it(moving, shown, hands, monkeypatch, tmp_path):
    """Whatever is pressed, in whatever order: what is needed for a deed nobody types by chance."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    many = 100_000 if os.environ.get(LONG) == "1" else 400
    print(f"SEED={seed}, {many} keys")
    chosen = random.Random(seed)
    listed = (*keys.EVERYWHERE, *keys.JOB, *keys.LOGS)
    known = [key for one in listed for key in one.keys.split(",") if key]
    pool = [key for key in known if key not in ("q", "ctrl+c", "ctrl+q")] + list("abcdeituvwxzABCDEXR0123456789-+=,.")
    pool += ["enter", "tab", "down", "a", "A", "X", "R", "B", "e"] * 3
    before = await everything(moving)
    async with shown(moving, hands=hands) as opened:
        opened.app.exit = lambda *args, **kwargs: None  # type: ignore[method-assign]
        for start in range(0, many, 100):
            await opened.press(chosen.choices(pool, k=min(100, many - start)))
            assert opened.app.is_running
        await opened.press(*["escape"] * 30, "T", "enter", "2")
        while isinstance(opened.app.screen, Dialog | Picker):
            await opened.press("escape")
        await opened.press(*["escape"] * 3, "T", "enter", "2")
        assert opened.line("13 jobs")
    assert await everything(moving) == before


@pytest.mark.parametrize("size", [(80, 24), (60, 10), (20, 5), (200, 60)])
async def test_any_terminal_size_will_do(size, still, shown):
    async with shown(still, size=size) as opened:
        for key in ("2", "enter", "tab", "escape", "3", "question_mark", "escape"):
            await opened.press(key)
        assert opened.app.is_running


async def test_what_was_chosen_is_not_closed_by_a_second_enter(still, shown):
    """The list of choices may still be on its way out when the dialog is on top."""
    async with shown(still) as opened:
        for _ in range(5):
            await opened.press("colon", [*"Record"])
            for _ in range(3):
                opened.app.post_message(events.Key("enter", None))
            await opened.settle()
            assert isinstance(opened.app.screen, Dialog)
            await opened.press("escape")

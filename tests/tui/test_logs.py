"""The log on the screen, and the journal as a script prints it that is called as `journalctl` is."""

import asyncio
import datetime
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from daemon import journal
from tests.tui import hub
from tui.hands import Hands, Said
from tui.logs import Logs

SECOND = datetime.timedelta(seconds=1)


def said(number: int, level: str, unit: str, text: str) -> Said:
    return Said(str(number), hub.NOW - (100 - number) * SECOND, level, unit, text, {"job": "7f3a91c2"})


@pytest.fixture
def logging(hands: Hands) -> tuple[Hands, "asyncio.Queue[list[Said]]"]:
    """Hands whose log says what a test puts into a queue."""
    queue: asyncio.Queue[list[Said]] = asyncio.Queue()

    async def logs() -> AsyncIterator[list[Said]]:
        while True:
            yield await queue.get()

    return msgspec.structs.replace(hands, logs=logs), queue


async def test_a_journal_without_a_line_of_ours_says_where_they_are(moving, shown, logging):
    hands, queue = logging
    async with shown(moving, hands=hands) as opened:
        await opened.press("6")
        assert opened.line("What a hub started by hand says")
        queue.put_nowait([said(1, "debug", "api", "nothing much")])
        await opened.pilot.pause(0.05)
        await opened.look()
        assert "started by hand" not in opened.text
        assert opened.line("The log has said nothing of this kind yet.")


async def test_the_log_is_followed_filtered_and_folded(moving, shown, logging):
    hands, queue = logging
    queue.put_nowait(
        [
            said(1, "info", "ingest", "merge rows=302110"),
            said(2, "warning", "doors", "auth failed user=kita-sftp " + "x" * 100),
            said(3, "error", "doors", "host key changed\x1b[2J; refused"),
            said(4, "debug", "api", "nothing much"),
        ]
    )
    async with shown(moving, hands=hands) as opened:
        await opened.press("6")
        await opened.look()
        assert isinstance(opened.app.screen, Logs)
        assert [row.cells[2][0] for row in opened.app.screen.table.rows] == ["doors", "doors", "ingest"]
        assert opened.line("3 log lines")
        assert "host key changed^[[2J; refused" in opened.text
        assert "nothing much" not in opened.text
        await opened.press("w")
        assert opened.line("6 log lines")
        await opened.press("w", "l", "l")
        assert opened.line("Level from ERROR on")
        assert opened.line("1 log line")
        await opened.press("l", "u")
        assert opened.line("unit: api")
        assert opened.app.screen.table.row.copied == "nothing much"
        await opened.press("u", "u", "u", "f")
        queue.put_nowait([said(5, "info", "ingest", "applied")])
        await asyncio.sleep(0)
        await opened.look()
        assert opened.app.screen.table.row.copied == "applied"
        assert opened.line("FOLLOWING")
        await opened.press("slash", [*"level:error"], "enter", "y")
        assert opened.app.clipboard == "host key changed^[[2J; refused"


async def test_without_a_journal_it_says_where_the_log_is(moving, shown, hands):
    async with shown(moving, hands=msgspec.structs.replace(hands, logs=None)) as opened:
        await opened.press("6")
        assert opened.line("There is no journal here: the log is on the standard error of `rosterhub run`.")


SCRIPT = """#!/bin/sh
[ "$*" = "--unit rosterhub* --output json --lines 1000 --follow" ] || exit 1
cat <<'END'
%s
END
sleep 0.6
echo '%s'
exec sleep 60
"""


async def test_the_journal_is_read_line_by_line(tmp_path: Path, monkeypatch):
    ours = {
        "event": "delivered",
        "level": "warning",
        "time": "x",
        "logger": "daemon.doors",
        "role": "doors",
        "inbox": 3,
    }
    lines = [
        {"MESSAGE": json.dumps(ours), "PRIORITY": "4", "__CURSOR": "a", "__REALTIME_TIMESTAMP": "1775019731482000"},
        {"MESSAGE": "Started.", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "systemd", "__CURSOR": "b"},
        {"MESSAGE": [102, 255], "PRIORITY": "3", "__CURSOR": "c"},
    ]
    script = tmp_path / "journalctl"
    later = json.dumps({"MESSAGE": "later", "PRIORITY": "7", "__CURSOR": "d"})
    script.write_text(SCRIPT % ("\n".join(map(json.dumps, lines)) + "\nno json", later))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert journal.there([tmp_path])
    assert not journal.there([tmp_path / "none"])
    follow = journal.follow()
    first = await anext(follow)
    assert first[0] == Said("a", hub.NOW, "warning", "doors", "delivered inbox=3", {"inbox": 3})
    assert [(one.level, one.unit, one.text) for one in first[1:]] == [
        ("info", "systemd", "Started."),
        ("error", "", "f\\xff"),
    ]
    assert [one.text for one in await anext(follow)] == ["later"]
    await follow.aclose()


def test_no_journal_is_no_journal(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not journal.there([tmp_path])

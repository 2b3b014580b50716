"""The program on a terminal of its own: what it sends down the line, and how often."""

import asyncio
import base64
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sql import database
from tests.tui.terminal import Terminal

FIRST, REFRESH = 25_000, 8_000
"""Bytes of the first paint and of a refresh (quality: terminal UI)."""

BURST = 0.3
"""Seconds of silence that part one refresh from the next."""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts `rosterhub tui` on a database; it is gone in the end."""
    begun: list[Terminal] = []

    def start(conninfo: str, *, commands: bool = True, **environ: str) -> Terminal:
        names = ("NO_COLOR", "TMUX", "LC_ALL", "LC_MESSAGES", "SSH_CONNECTION")
        kept = {name: value for name, value in os.environ.items() if name not in names}
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        given = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "HOME": str(tmp_path)} | environ
        command = [sys.executable, "-m", "daemon.cli", "--state", str(state), "tui"]
        shown = Terminal(command, kept | given | {"ROSTERHUB_DATABASE_URL": conninfo}, commands=commands)
        begun.append(shown.__enter__())
        shown.until("那覇市立", 60)
        return shown

    yield start
    for shown in begun:
        shown.__exit__()


@pytest.mark.parametrize("environ", [{}, {"LANG": "ja_JP.UTF-8"}, {"NO_COLOR": "1"}, {"COLORFGBG": "0;15"}])
def test_the_first_paint_is_small_and_then_there_is_silence(environ, still, opened):
    shown = opened(still, **environ)
    while shown.watch(1.0):
        continue
    assert len(shown.output) <= FIRST
    silent(shown, 3.5)
    shown.press("\x11")
    assert shown.ended() == 0


def silent(shown: Terminal, seconds: float) -> None:
    """Several looks at the database, and nothing to say; but the disk of the machine may have filled by a per cent."""
    said = shown.watch(seconds)
    assert said == b"" or (said.startswith(b"\x1b[1;1H") and said.count(b";1H") == 1), said


def test_no_screen_says_anything_while_nothing_happens(still, opened):
    shown = opened(still)
    for key in "2345":
        shown.press(key)
        shown.settle(4.0)  # some rows want a second look
        silent(shown, 2.5)


async def test_changes_come_at_most_once_a_second_and_in_few_bytes(moving, opened):
    shown = await asyncio.to_thread(opened, moving)
    shown.press("2")
    await asyncio.to_thread(shown.watch, 2.0)
    before, start = len(shown.output), len(shown.arrived)
    stop = asyncio.Event()

    async def watch() -> None:
        while not stop.is_set():
            await asyncio.to_thread(shown.watch, 0.2)

    watching, began = asyncio.create_task(watch()), time.monotonic()
    async with database.connect(moving) as conn:
        for rows in range(110):
            await conn.execute("UPDATE jobs SET phase_rows = %s WHERE state = 'loading'", (400_000 + 1_000 * rows,))
            await conn.execute("UPDATE jobs SET reason = %s WHERE state = 'held'", (f"round {rows}",))
            await asyncio.sleep(0.05)
    await asyncio.sleep(1.5)
    stop.set()
    await watching
    seconds = time.monotonic() - began
    bursts: list[list[tuple[float, int]]] = []
    for at, total in shown.arrived[start:]:
        if not bursts or at - bursts[-1][-1][0] > BURST:
            bursts.append([])
        bursts[-1].append((at, total))
    sizes = [burst[-1][1] - last for burst, last in zip(bursts, [before, *(b[-1][1] for b in bursts)], strict=False)]
    assert 3 <= len(bursts) <= seconds + 1, sizes
    assert max(sizes) <= REFRESH, sizes
    assert "check 509,000" in shown.text


KEYS = [*"123456jkgGhlsSfaTA/?", "\r", "\x1b", "\t", "\x1b[6~"]


def test_no_key_sends_more_than_a_screen_and_the_terminal_shows_what_was_painted(still, opened):
    """Only lines that differ are sent; whoever has everything painted anew sees the same."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"SEED={seed}")
    chosen = random.Random(seed)
    shown = opened(still)
    shown.watch(2.0)
    for _ in range(4):
        for key in chosen.choices(KEYS, k=8):
            before = len(shown.output)
            shown.press(key)
            shown.watch(0.3)
            assert len(shown.output) - before <= REFRESH, key
        while shown.watch(1.2):
            continue
        before = below_the_clock(shown)
        shown.interrupt()
        shown.settle()
        assert below_the_clock(shown) == before, shown.text[-3000:]


def below_the_clock(shown: Terminal) -> dict[tuple[int, int], tuple[str, bytes]]:
    """What stands there but for the first line, which tells the time of the last change, the disk's too."""
    return {(y, x): cell for (y, x), cell in shown.cells.items() if y > 1}


def test_a_copy_goes_to_the_terminal_that_one_sits_at(still, opened, tmp_path):
    shown = opened(still)
    shown.press("y")
    shown.until("Copied sapporo")
    sent = b"\x1b]52;c;" + base64.b64encode(b"sapporo") + b"\x07"
    assert sent in shown.output
    inside = opened(still, TMUX="/tmp/tmux-0/default,1,0")
    inside.press("y")
    inside.until("Copied sapporo")
    assert b"\x1bPtmux;\x1b" + sent + b"\x1b\\" in inside.output, "tmux hands it on to the terminal around it"


def test_a_terminal_without_a_clipboard_gets_a_file(still, opened, tmp_path):
    shown = opened(still, TERM="linux")
    shown.press("y")
    shown.until("This terminal has no clipboard")
    file = tmp_path / "rosterhub-copied.txt"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("sapporo", 0o600)
    assert b"\x1b]52" not in shown.output


async def test_a_bug_ends_with_70_and_shows_no_variables(moving, opened):
    shown = await asyncio.to_thread(opened, moving)
    async with database.connect(moving) as conn:
        await conn.execute("ALTER TABLE jobs RENAME COLUMN via TO by_way_of")
    shown.press("2")
    assert await asyncio.to_thread(shown.ended, 20.0) == 70
    assert "this is a bug" in shown.text
    assert "conninfo =" not in shown.text


NO_KEYS = {
    "a byte that is not UTF-8": b"\xff",
    "half a letter": "漢".encode()[:2],
    "a sequence for a letter beyond Unicode": b"\x1b[99999999u",
    "one that types such a letter": b"\x1b[97;1;1114112u",
    "a mouse on a terminal without size": b"\x1b[48;24;80;0;0t\x1b[<0;1;1M",
    "a paste of CP932": b"\x1b[200~" + "札幌市".encode("cp932") + b"\x1b[201~",
}


@pytest.mark.parametrize("sent", NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_no_key_does_nothing(sent, still, opened):
    shown = opened(still)
    shown.watch(1.0)
    shown.press(sent)
    shown.watch(0.5)
    shown.press("5")
    shown.until("[5 Tenants]")
    shown.press("\x11")
    assert shown.ended() == 0
    assert shown.left


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_is_told_to_end_leaves_the_terminal_as_it_was(number, still, opened):
    shown = opened(still)
    shown.watch(1.0)
    assert not shown.left
    shown.signal(number)
    assert shown.ended() == 128 + number
    assert shown.left


def test_who_is_told_to_end_does_so_too_where_nobody_reads_what_is_shown(still, opened):
    shown = opened(still)
    for _ in range(200):
        shown.press("12")
        time.sleep(0.02)
    shown.signal(signal.SIGTERM)
    assert shown.ended(15.0, reading=False) in (-signal.SIGALRM, 128 + signal.SIGTERM)


@pytest.mark.parametrize("commands", [True, False])
def test_when_the_terminal_goes_away_so_do_the_screens(commands, still, opened):
    shown = opened(still, commands=commands)
    shown.watch(1.0)
    shown.hang_up()
    assert shown.ended() == 128 + signal.SIGHUP


@pytest.mark.parametrize("numbers", [[signal.SIGSTOP, signal.SIGCONT], [signal.SIGCONT, signal.SIGCONT]])
def test_who_was_stopped_without_being_told_leaves_the_terminal_as_it_was(numbers, still, opened):
    shown = opened(still)
    shown.watch(1.0)
    for number in numbers:
        shown.signal(number)
        shown.watch(0.5)
    shown.press("5")
    shown.until("[5 Tenants]")
    shown.press("\x11")
    assert shown.ended() == 0
    assert shown.left

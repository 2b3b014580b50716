"""The screens on a terminal: how long until something stands on it, how much is sent, also on a slow line."""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench import log
from sql import migrate
from tests.tui import hub
from tests.tui.terminal import Terminal

LAST = "那覇市立"
"""Stands in the last row of the Overview."""
RATE, DELAY = 64_000 / 8, 0.3
"""A line of 64 kbit/s and 300 ms."""


def measure(rounds: int, binaries: Path | None) -> None:
    """Print the seconds until the first frame and until the rows are there, then those on a slow line."""
    with log._standing(binaries) as conninfo, tempfile.TemporaryDirectory(prefix="rosterhub-screens-") as name:
        asyncio.run(migrate.migrate(conninfo))
        asyncio.run(hub.fill(conninfo))
        environ = {one: value for one, value in os.environ.items() if not one.startswith(("ROSTERHUB_", "LC_"))}
        environ |= {"ROSTERHUB_DATABASE_URL": conninfo, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environ |= {"LANG": "C.UTF-8", "HOME": name, "PYTHONPYCACHEPREFIX": f"{name}/bytecode"}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", "daemon.cli", "--state", f"{name}/state", "tui"]
        frames, whole, sizes = [], [], []
        for number in range(rounds + 1):
            with Terminal(command, environ) as shown:
                frame = shown.until("RosterHub", 60)
                rows = frame if LAST in shown.text else frame + shown.until(LAST)
                shown.watch(1.0)
                if number:  # the first one compiles
                    frames.append(frame)
                    whole.append(rows)
                    sizes.append(len(shown.output))
        print(
            f"first frame {statistics.median(frames):.2f} s, rows {statistics.median(whole):.2f} s"
            f" (of {rounds}; at most {max(whole):.2f}), {max(sizes):,} bytes"
        )
        with Terminal(command, environ, rate=RATE, delay=DELAY) as shown:
            print(f"at 64 kbit/s: rows {shown.until(LAST, 60):.2f} s", end="")
            shown.watch(3.0)
            for key, part in (("2", "7f3a8500"), ("j", "7f3a91a0"), ("1", "7 DAYS")):
                before = len(shown.output)
                began = time.monotonic()
                shown.press(key)
                shown.until(part, 60)
                print(f", {key} {time.monotonic() - began:.2f} s", end="")
                shown.watch(3.0)
                print(f" ({len(shown.output) - before:,} bytes)", end="")
            print()

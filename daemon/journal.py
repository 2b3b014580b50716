"""What the daemon says, read from the journal with `journalctl`: for a screen that shows and follows it."""

import asyncio
import contextlib
import datetime
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tui.hands import Said

JOURNALS = (Path("/var/log/journal"), Path("/run/log/journal"))
UNIT = "rosterhub*"
FIRST = 1_000
"""Lines of before that are read."""

LEVELS = {
    "0": "error",
    "1": "error",
    "2": "error",
    "3": "error",
    "4": "warning",
    "5": "info",
    "6": "info",
    "7": "debug",
}
"""Syslog priorities as levels of ours."""
LEFT_OUT = ("event", "level", "time", "logger", "role")
"""Members of a line that are said elsewhere, or of no interest."""
PAUSE = 0.2
"""Seconds in which what comes is taken together."""
LONGEST = 1 << 20


def there(places: Sequence[Path] = JOURNALS) -> bool:
    """Whether there is a journal that can be read here."""
    return shutil.which("journalctl") is not None and any(place.is_dir() for place in places)


async def follow() -> AsyncIterator[list[Said]]:
    """The last lines, oldest first, then what comes. Raises OSError where journalctl cannot be run."""
    words = ("journalctl", "--unit", UNIT, "--output", "json", "--lines", str(FIRST), "--follow")
    process = await asyncio.create_subprocess_exec(
        *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, limit=LONGEST
    )
    assert process.stdout is not None
    try:
        while line := await process.stdout.readline():
            found = [line]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PAUSE):
                    while more := await process.stdout.readline():
                        found.append(more)
            yield [said for one in found if (said := read(one)) is not None]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def read(line: bytes) -> Said | None:
    """A line of the journal's JSON; None for what is none."""
    try:
        entry: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    message = entry.get("MESSAGE")
    if isinstance(message, list):  # bytes that are no text
        message = bytes(message).decode(errors="backslashreplace")
    text, fields = _unpacked(str(message or ""))
    level = str(fields.get("level") or LEVELS.get(str(entry.get("PRIORITY")), "info"))
    unit = str(fields.get("role") or entry.get("SYSLOG_IDENTIFIER") or "")
    stamp = str(entry.get("__REALTIME_TIMESTAMP", ""))
    at = datetime.datetime.fromtimestamp(int(stamp) / 1e6, datetime.UTC) if stamp.isdigit() else None
    shown = {key: value for key, value in fields.items() if key not in LEFT_OUT}
    said = " ".join([text, *(f"{key}={value}" for key, value in shown.items())])
    return Said(str(entry.get("__CURSOR", stamp)), at, _level(level), unit, said, shown)


def _unpacked(message: str) -> tuple[str, dict[str, Any]]:
    """What happened, and the fields of a line of ours; another's as it is."""
    if message.startswith("{"):
        with contextlib.suppress(msgspec.DecodeError):
            fields = msgspec.json.decode(message, type=dict[str, Any])
            return str(fields.get("event", "")), fields
    return message, {}


def _level(name: str) -> str:
    return {"critical": "error", "exception": "error"}.get(name, name if name in LEVELS.values() else "info")

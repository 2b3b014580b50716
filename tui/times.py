"""Times as screens show them: in the operator's zone, which is Japan unless TZ says otherwise."""

import datetime
import os
import zoneinfo

from tui.words import say

JAPAN = datetime.timezone(datetime.timedelta(hours=9), "JST")
"""Without daylight saving since 1951, so that no zone file is needed for it."""


def zone() -> datetime.tzinfo | None:
    """The zone of TZ, Japan when it is unset, None (the machine's own rules) when TZ is no name of a zone."""
    name = os.environ.get("TZ", "").lstrip(":")
    if name in ("", "Asia/Tokyo", "Japan"):
        return JAPAN
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None


def zone_name(when: datetime.datetime, where: datetime.tzinfo | None) -> str:
    """JST, UTC, CEST."""
    return when.astimezone(where).strftime("%Z")


def clock(when: datetime.datetime, where: datetime.tzinfo | None) -> str:
    """`14:02:11`."""
    return when.astimezone(where).strftime("%H:%M:%S")


def day(when: datetime.datetime | None, where: datetime.tzinfo | None) -> str:
    """`04-01 05:02`, or `-`."""
    return "-" if when is None else when.astimezone(where).strftime("%m-%d %H:%M")


def whole(when: datetime.datetime | None, where: datetime.tzinfo | None) -> str:
    """`2026-04-01 14:02:11.482`, or `-`."""
    return "-" if when is None else when.astimezone(where).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def moment(when: datetime.datetime, now: datetime.datetime, where: datetime.tzinfo | None) -> str:
    """In 12 cells: `14:02:11.482` for today, `04-01 14:02` in the half year before, else `2025-04-01`."""
    local, today = when.astimezone(where), now.astimezone(where).date()
    if local.date() == today:
        return local.strftime("%H:%M:%S.%f")[:-3]
    if today - local.date() < datetime.timedelta(days=180):
        return local.strftime("%m-%d %H:%M")
    return local.strftime("%Y-%m-%d")


def age(since: datetime.datetime | None, now: datetime.datetime) -> str:
    """`<1m`, `22m`, `9h`, `3d12h`, `7d`: never finer than minutes, so that a quiet screen stays quiet."""
    if since is None:
        return "-"
    minutes = max(0, int((now - since).total_seconds())) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if minutes < 1:
        return say("<1m")
    if minutes < 60:
        return say("{minutes}m", minutes=minutes)
    if days < 1:
        return say("{hours}h", hours=hours)
    if hours and days < 100:
        return say("{days}d{hours}h", days=days, hours=hours)
    return say("{days}d", days=days)


def span(length: datetime.timedelta) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 10:
        return say("{seconds:.1f} s", seconds=seconds)
    if seconds < 60:
        return say("{seconds:.0f} s", seconds=seconds)
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    if hours < 1:
        return say("{minutes} min {seconds} s", minutes=minutes, seconds=int(seconds) % 60)
    return say("{hours} h {minutes} min", hours=hours, minutes=minutes % 60)


def midnight(now: datetime.datetime, where: datetime.tzinfo | None) -> datetime.datetime:
    """The start of today."""
    return now.astimezone(where).replace(hour=0, minute=0, second=0, microsecond=0)

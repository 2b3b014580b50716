"""What may be wrong with an installation: a list of checks, each with a sentence and what to do about it.

Nothing is changed here, not even made: a missing key stays missing.
"""

import datetime
import importlib.metadata
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from daemon import keys
from daemon.printing import many
from daemon.shapes import Check
from daemon.version import VERSION
from oneroster.refused import Refused
from sql import seal
from sql.doctor import Delivery, Findings
from sql.processes import Process
from sql.tenants import Tenant

LIBRARIES = ("psycopg", "aiohttp", "paramiko", "textual", "cryptography", "msgspec")
LOW, EMPTY = 0.15, 0.05
"""Shares of a disk that are free."""
AHEAD = 2
"""Months for which the audit log has its partitions."""
LATE = 2.0
"""A bundle is late after so many times the usual pause, a day at least."""
OFF, FAR = 2.0, 60.0
"""Seconds between two clocks."""
STUCK = 600.0
"""Seconds that a job may wait while a worker lives."""
GB = 1024**3


def versions(number: int | None = None, version: str = "") -> Iterator[Check]:
    """RosterHub, Python, libraries; the server when it was reached."""
    libraries = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check("versions", "ok", f"RosterHub {VERSION}, Python {python}, {libraries}.")
    if number is not None:
        good = number >= 150000
        yield Check("server", "ok" if good else "bad", f"PostgreSQL {version}.", "" if good else "Use 15 or newer.")


def away(error: Refused) -> Check:
    """The database was not reached, or may not be used."""
    return Check("database", "bad", str(error), error.hint)


def database(found: Findings) -> Iterator[Check]:
    """The server, its roles, its clock, its tables."""
    yield from versions(found.server.number, found.server.version)
    size = found.server.bytes / GB
    good = found.server.encoding == "UTF8"
    said = f"It answers, has this version's schema, is in {found.server.encoding} and takes {size:.1f} GB."
    yield Check("database", "ok" if good else "bad", said, "" if good else "Make it with ENCODING 'UTF8'.")
    if found.roles:
        fix = "Let an administrator of the server run what `rosterhub db migrate --print-roles` prints."
        yield Check("rights", "bad", f"The login may not take {', '.join(found.roles)}.", fix)
    else:
        yield Check("rights", "ok", "The login may take all roles of the hub.")
    yield _clock(found.server.now - time.time(), found.server.ahead)
    yield partitions(found.months, datetime.datetime.now(datetime.UTC).date())
    yield from _indexes(found)


def _clock(off: float, ahead: float) -> Check:
    fix = "Let NTP set the clocks of both machines."
    if abs(off) > FAR:
        return Check("clock", "bad", f"The database's clock differs from ours by {off:+.0f} s.", fix)
    if abs(off) > OFF:
        return Check("clock", "warn", f"The database's clock differs from ours by {off:+.1f} s.", fix)
    if ahead > FAR:
        said = f"Times of the hub are {ahead:.0f} s ahead of the database: its clock has stepped back."
        return Check("clock", "warn", said, "Nothing is lost; dates go on from there, by a millisecond a revision.")
    return Check("clock", "ok", f"The clocks differ by {abs(off):.1f} s.")


def partitions(months: Sequence[str], today: datetime.date) -> Check:
    """The audit log's tables of the months to come."""
    wanted = [f"{today.year + (today.month - 1 + by) // 12}{(today.month - 1 + by) % 12 + 1:02}" for by in range(AHEAD)]
    if missing := [month for month in wanted if month not in months]:
        fix = "Start the daemon; it makes them. Entries of such a month go to audit_default meanwhile."
        return Check("audit", "warn", f"The audit log has no partition for {', '.join(missing)}.", fix)
    return Check("audit", "ok", f"The audit log has its partitions up to {months[-1]}.")


def _indexes(found: Findings) -> Iterator[Check]:
    for one in found.broken:
        yield Check("indexes", "bad", f"{one.name} {one.what}.", "Make it anew: REINDEX, or load the tenant again.")
    for table in found.scanned:
        said = f"{table.name} ({table.rows:,} rows) was read whole {table.scans:,} times, by index {table.looks:,}."
        yield Check(
            "indexes", "warn", said, "Filters on sealed or listed values do that; see who asks so in the audit log."
        )
    for index in found.unused:
        said = f"Nothing was found by {index.name} ({index.bytes / GB:.1f} GB) since statistics began."
        yield Check("indexes", "warn", said, "Leave it if the statistics are young.")
    if not (found.broken or found.scanned or found.unused):
        yield Check("indexes", "ok", "All indexes are there, valid and in use.")


def roles(alive: Sequence[Process]) -> Check:
    """The processes of the daemon, here or on other machines."""
    living = {one.role for one in alive}
    missing = [name for name in ("doors", "ingest", "api") if name not in living]
    if len(missing) == 3:
        return Check("roles", "bad", "No process of the daemon lives.", "Start it: `rosterhub run`.")
    if missing:
        return Check("roles", "bad", f"No process lives for {', '.join(missing)}.", "Look at the daemon's log.")
    return Check("roles", "ok", f"Alive are {', '.join(one.name for one in alive)}.")


def queue(jobs: int, oldest: float, alive: Sequence[Process]) -> Check:
    """What has come and is not loaded yet."""
    waiting, minutes = many(jobs, "job waits", "jobs wait"), many(round(oldest / 60), "minute", "minutes")
    said = f"{waiting}, the oldest for {minutes}." if jobs else "No job waits."
    if jobs and oldest > STUCK and any(one.role == "ingest" for one in alive):
        return Check(
            "queue", "warn", said, "Look at `rosterhub job list --state loading`; more `ingest.workers` may help."
        )
    return Check("queue", "ok", said)


def freshness(deliveries: Sequence[Delivery], now: datetime.datetime) -> Iterator[Check]:
    """Whether bundles come as they usually do."""
    late = 0
    for one in deliveries:
        if one.last is None or one.usual is None or one.gaps < 3:
            continue
        age = (now - one.last).total_seconds()
        if age > max(LATE * one.usual, 86_400):
            late += 1
            said = f"{one.code}: the last bundle came {age / 3600:.0f} h ago, usual are {one.usual / 3600:.0f} h."
            yield Check(
                "freshness", "warn", said, "Ask its sender; see `rosterhub inbox list` for trouble at its doors."
            )
    if not late:
        none = sum(one.last is None for one in deliveries)
        said = f"Tenants that deliver as usual: {len(deliveries) - none}" + (f"; not begun: {none}." if none else ".")
        yield Check("freshness", "ok", said)


def disk(state: Path) -> Iterator[Check]:
    """Room for the state folder, and whether the archive can be written to."""
    place = next(one for one in (state, *state.parents) if one.exists())
    usage = shutil.disk_usage(place)
    share = usage.free / usage.total
    said = f"{usage.free / GB:.1f} GB of {usage.total / GB:.0f} are free for {state}."
    fix = "Make room: the archive keeps bundles for 30 days, the embedded database lies there, too."
    level = (
        "bad" if share < EMPTY and usage.free < 10 * GB else "warn" if share < LOW and usage.free < 50 * GB else "ok"
    )
    yield Check("disk", level, said, "" if level == "ok" else fix)  # type: ignore[arg-type]
    archive = state / "archive"
    if not archive.exists():
        yield Check("archive", "ok", "Nothing is archived yet.")
    elif not os.access(archive, os.W_OK | os.X_OK):
        yield Check("archive", "bad", f"{archive} cannot be written to.", "Give it to the user of the daemon.")
    else:
        yield Check("archive", "ok", f"{archive} can be written to.")


def key(state: Path, tenants: Sequence[Tenant]) -> Check:
    """The master key: there, private, and the one under which the tenants' keys were made."""
    file = keys.file(state)
    try:
        if not file.exists():
            if tenants:
                fix = "Put back the key file that was used when the tenants were made; without it nothing sealed opens."
                return Check("key", "bad", f"There is no {file}.", fix)
            return Check("key", "ok", "There is no master key yet; the first tenant makes it.")
        mode = stat.S_IMODE(file.stat().st_mode)
        for one in tenants:
            one.sealer(seal.checked(file.read_bytes()))
    except PermissionError:
        return Check("key", "warn", f"{file} is not ours to read.", "Run this as the owner of the state folder.")
    except seal.WrongKey as error:
        return Check("key", "bad", f"{file} does not open the tenants' keys.", error.hint)
    if mode & 0o077:
        return Check("key", "bad", f"{file} has mode {mode:04o}.", f"chmod 600 {file}")
    return Check("key", "ok", f"{file} is private and opens the key of every tenant ({len(tenants)}).")


def unit() -> Iterator[Check]:
    """The systemd unit, where there is systemd and the unit is known."""
    if not Path("/run/systemd/system").exists() or shutil.which("systemctl") is None:
        return
    words = ["systemctl", "show", "rosterhub.service", "--property=LoadState,ActiveState,SubState", "--value"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    loaded, *states = done.stdout.split()
    if loaded != "loaded" or not states:
        return
    good = states[0] in ("active", "reloading", "activating")
    fix = "" if good else "See `systemctl status rosterhub` and `journalctl -u rosterhub`."
    yield Check("unit", "ok" if good else "bad", f"rosterhub.service is {' '.join(states)}.", fix)

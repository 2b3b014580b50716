"""One postmaster process: start it apart from us, find it again, read what it wrote, end it."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from oneroster import refused
from sql import binaries, cluster

FAST, QUICK = 60.0, 10.0
"""Seconds that a stop may take by SIGINT, then by SIGQUIT."""

LONGEST_LOG = 16 * 1024 * 1024


class NotStopped(refused.Refused):
    """The embedded database does not stop."""

    hint = "Its process may be stuck on a disk; look at it, then try again."
    exit_code = 75


def spawn(found: cluster.Cluster, log: Path, holder: binaries.Account | None) -> int:
    """The process id of a new postmaster, in a session of its own: neither Ctrl-C nor our end reaches it.

    It writes to `log`, made for `holder`. Raises OSError.
    """
    account = found.programs.account
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "ab") as lines:
        if holder:
            os.fchown(lines.fileno(), holder.uid, holder.gid)
        child = subprocess.Popen(
            [found.programs.path("postgres"), "-D", str(found.data)],
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=binaries.environment(),
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    # Whoever stops it, and when: as its parent it is for us to take leave of it, or it stays as a zombie.
    threading.Thread(target=child.wait, name="postmaster", daemon=True).start()
    return child.pid


def living(data: Path, recorded: int) -> int | None:
    """The process id of the living postmaster of `data`: as in postmaster.pid, or `recorded` before that is there.

    A zombie, or another program that has the number now, is none.
    """
    first = lines(data)[:1]
    for pid in (int(first[0]) if first and first[0].isdigit() else 0, recorded):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")  # of a zombie: empty
        except OSError:
            continue
        if Path(os.fsdecode(words[0])).name == "postgres" and words[1:3] == [b"-D", os.fsencode(data)]:
            return pid
    return None


def lines(data: Path) -> list[str]:
    """Of postmaster.pid: its number, data folder, start, port, socket folder, address, shared memory, state."""
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text(errors="replace").splitlines()]
    except FileNotFoundError:
        return []


def cut_off(data: Path, recorded: int, sockets: Path) -> bool:
    """Whether it is ready, but a cleaner of temporary folders took its socket away: nobody will ever reach it again."""
    found = lines(data)
    # What a dead one wrote says `ready`, too, until the new one has replaced it.
    own = found[:1] == [str(living(data, recorded))]
    return own and found[7:8] == ["ready"] and not (sockets / ".s.PGSQL.5432").exists()


def end(data: Path, recorded: int) -> None:
    """Stop the postmaster if it lives: by SIGINT, as SIGTERM waits for clients to leave, then SIGQUIT.

    Raises NotStopped.
    """
    for number, bound in ((signal.SIGINT, FAST), (signal.SIGQUIT, QUICK)):
        until = time.monotonic() + bound
        again = 0.0
        while pid := living(data, recorded):
            if (now := time.monotonic()) > until:
                break
            if now > again:  # a new one does not listen yet, where we were started with the signal ignored
                again = now + 1.0
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(0.01)
        else:
            return
    raise NotStopped(f"Process {living(data, recorded)} on {data}.")


def size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def rotated(log: Path) -> int:
    """The size of the log, which is put aside when it has grown too long; only while no server writes to it."""
    if size(log) > LONGEST_LOG:
        log.rename(log.with_name("server.log.old"))
    return size(log)


def tail(log: Path, start: int) -> str:
    """The last 4000 bytes of the log, at most back to `start`."""
    text = log.read_bytes()[start:] if log.exists() else b""
    return text[-4000:].decode("utf-8", "replace").strip()

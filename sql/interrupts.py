"""What tells a process to end may raise at any line of it: here it waits, or takes along what was begun."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from typing import Any

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Whoever is told to end hears it when the block is done.

    A signal that is ignored, or that ends the process at once, stays what it is. In a thread that is not the main one
    nothing is held: no handler runs there.
    """
    heard: list[int] = []
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in ENDS:
                if callable(handler := signal.getsignal(number)):
                    before[number] = handler
                    signal.signal(number, lambda number, _: heard.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for told in heard:
            signal.raise_signal(told)


@contextlib.contextmanager
def started(command: Sequence[str], **how: Any) -> Iterator[subprocess.Popen[str]]:
    """A program in a session of its own, spoken to by pipes of UTF-8; `how` are words of Popen. Raises OSError.

    Where the block is left by an exception, the program has ended, and so has all that it started: initdb, for one, has
    others write for it.
    """
    process: subprocess.Popen[str] | None = None
    try:
        with held():
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
                **how,
            )
        yield process
    except BaseException:
        if process:
            with held():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()  # the last of them closes these pipes
        raise

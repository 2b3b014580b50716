"""The verbs of the command line, a module a noun. Each takes `here`, does one thing through `sql`, and prints it."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Annotated

from cyclopts import Parameter

from daemon.here import Here

Given = Annotated[Here, Parameter(parse=False)]
"""The settings and the database: given by the launcher, no parameter of the command line."""


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """Whoever tells the process to end, or closes its terminal, ends it as Ctrl-C does: nothing is left behind."""
    told: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        told.append(number)
        interrupt = signal.getsignal(signal.SIGINT)  # an event loop's own lets what is at work come to an end
        (interrupt if callable(interrupt) else signal.default_int_handler)(signal.SIGINT, frame)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except KeyboardInterrupt:
        if told:
            sys.exit(128 + told[0])
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

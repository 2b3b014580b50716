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

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

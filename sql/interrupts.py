"""What tells a process to end may raise at any line of it; here it waits until what was begun is not half done."""

import contextlib
import signal
import threading
from collections.abc import Iterator

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Whoever is told to end hears it when the block is done. Outside of the main thread, where no handler runs, alike.

    A signal that is ignored, or that ends the process at once, stays what it is.
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

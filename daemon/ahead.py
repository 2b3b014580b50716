"""Blocking work in a thread, a few items ahead of the event loop that consumes it: the second core of a load."""

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from typing import TypeVar

T = TypeVar("T")

SWITCH = 0.001
"""Seconds after which a thread that computes lets the event loop have a turn. With Python's own 5 ms the database waits
for its next bytes half of the time."""


async def ahead(items: Iterator[T], depth: int = 4) -> AsyncGenerator[T, None]:
    """The items, made in a thread at most `depth` ahead; what the thread raises, rises here.

    Closing the generator waits for the item in the making, and no other is made.
    """
    sys.setswitchinterval(SWITCH)
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[T] | None] = asyncio.Queue()
    room = threading.Semaphore(depth)
    stopped = threading.Event()

    def produce() -> None:
        room.acquire()
        for item in items:
            loop.call_soon_threadsafe(queue.put_nowait, (item,))
            room.acquire()
            if stopped.is_set():
                return

    thread = loop.run_in_executor(None, produce)
    thread.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while (got := await queue.get()) is not None:
            yield got[0]
            room.release()
        thread.result()
    finally:
        # The thread waits for nothing but room, so it ends also where the wait for it is cancelled.
        stopped.set()
        room.release()
        await asyncio.wait([thread])
        if not thread.cancelled():
            thread.exception()

"""Blocking work in a thread, a few items ahead of the event loop that consumes it: the second core of a load."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

T = TypeVar("T")


async def ahead(items: Iterator[T], depth: int = 4) -> AsyncIterator[T]:
    """The items, made in a thread at most `depth` ahead. Closing the generator ends the thread after its next item."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[T] | None] = asyncio.Queue(depth)
    stopped = threading.Event()

    def produce() -> None:
        for item in items:
            if stopped.is_set():
                return
            asyncio.run_coroutine_threadsafe(queue.put((item,)), loop).result()

    async def run() -> None:
        try:
            await asyncio.to_thread(produce)
        finally:
            await queue.put(None)

    task = asyncio.create_task(run())
    try:
        while (got := await queue.get()) is not None:
            yield got[0]
        await task
    finally:
        stopped.set()
        while not task.done():
            # The thread may wait for room; take what it has until it sees that it should stop.
            try:
                await asyncio.wait_for(queue.get(), 0.05)
            except TimeoutError:
                continue
        if not task.cancelled():
            task.exception()

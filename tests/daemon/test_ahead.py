"""Work in a thread ahead of its consumer: in order, not too far, and over when the consumer is."""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from daemon.ahead import ahead

pytestmark = pytest.mark.timeout(10)


class Made:
    """Counts what has been made of it, and knows in which thread."""

    def __init__(self, most: int | None = None, fails: int | None = None, slow: float = 0) -> None:
        self.most, self.fails, self.slow = most, fails, slow
        self.count = 0
        self.threads: set[int] = set()

    def __iter__(self) -> Iterator[int]:
        for number in itertools.count():
            if number == self.most:
                return
            if number == self.fails:
                raise LookupError(f"item {number}")
            time.sleep(self.slow)
            self.count += 1
            self.threads.add(threading.get_ident())
            yield number


async def standing_still(made: Made) -> int:
    """What is made when nothing more is made for a while, in which more than one item could be."""
    before = -1
    while before != made.count:
        before = made.count
        await asyncio.sleep(0.1 + 3 * made.slow)
    return before


@pytest.mark.parametrize("depth", [1, 4])
@pytest.mark.parametrize("number", [0, 1, 3, 4, 5, 500])
async def test_every_item_comes_once_and_in_order(number: int, depth: int) -> None:
    made = Made(number)
    assert [item async for item in ahead(iter(made), depth)] == list(range(number))
    assert threading.get_ident() not in made.threads


async def test_items_that_are_none_are_items() -> None:
    assert [item async for item in ahead(iter([None, None]))] == [None, None]


async def test_not_more_is_made_than_the_depth_allows() -> None:
    made = Made()
    async with aclosing(ahead(iter(made), 3)) as items:
        for taken in range(5):
            assert await anext(items) == taken
            assert await standing_still(made) == taken + 3


@pytest.mark.parametrize("at", [0, 1, 4, 7])
async def test_an_error_of_the_thread_rises_behind_the_items_before_it(at: int) -> None:
    got = []
    with pytest.raises(LookupError, match=f"item {at}"):
        async for item in ahead(iter(Made(fails=at))):
            got.append(item)
    assert got == list(range(at))


async def test_closing_early_ends_the_thread() -> None:
    before = threading.active_count()
    for taken in range(4):
        made = Made(slow=0.001)
        async with aclosing(ahead(iter(made))) as items:
            for _ in range(taken):
                await anext(items)
        count = made.count
        await asyncio.sleep(0.02)
        assert made.count == count
    await asyncio.get_running_loop().shutdown_default_executor()
    assert threading.active_count() <= before


async def test_closing_waits_for_the_item_in_the_making() -> None:
    """What it reads from may be closed after."""
    busy = threading.Event()
    free = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        busy.set()
        time.sleep(0.2)
        free.set()
        yield 1

    async with aclosing(ahead(items())) as made:
        await anext(made)
        await asyncio.to_thread(busy.wait)
    assert free.is_set()


async def test_an_error_behind_an_early_close_is_nobodys_concern() -> None:
    async with aclosing(ahead(iter(Made(fails=2)))) as items:
        await anext(items)
        await asyncio.sleep(0.05)


async def test_an_error_of_the_consumer_ends_the_thread_and_rises() -> None:
    made = Made()
    with pytest.raises(ZeroDivisionError):
        async with aclosing(ahead(iter(made))) as items:
            async for item in items:
                1 // (item - 2)
    assert await standing_still(made) <= 7


async def consume(made: Made, wait: float) -> None:
    async with aclosing(ahead(iter(made))) as items:
        async for _ in items:
            await asyncio.sleep(wait)


@pytest.mark.parametrize("wait, slow", [(10, 0), (0, 0.2), (0, 0)])
async def test_a_cancelled_consumer_ends_at_once_and_the_thread_after_it(wait: float, slow: float) -> None:
    made = Made(slow=slow)
    task = asyncio.create_task(consume(made, wait))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # once more, while it clears up
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)
    assert await asyncio.wait_for(standing_still(made), 5) == made.count


@pytest.mark.parametrize("slow", [0, 0.05])
def test_a_loop_that_ends_with_everything_under_way_does_not_hang(slow: float) -> None:
    made = Made(slow=slow)

    async def main() -> None:
        tasks = [asyncio.create_task(consume(made, 10)) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert not any(task.done() for task in tasks)

    before = threading.active_count()
    asyncio.run(main())
    assert threading.active_count() <= before

"""The small form of the promise QUERY: queries that Hypothesis draws, and an evaluator that knows the sheet alone."""

import asyncio
import contextlib

from tests.proofs import collisions, queries
from tests.story.lms import Lms

from .conftest import BASE, EVERY_SCOPE


def ask(origin: str, who: str, secret: str) -> queries.Tally:
    """In a thread, as the service answers in ours; Hypothesis shows the smallest query whose answer differs."""
    tally = queries.Tally()
    with contextlib.closing(Lms(f"{origin}{BASE}", f"{origin}/token", who, secret)) as lms:

        def judge(asked: queries.Asked) -> None:
            assert not list(queries.compare(lms, asked, tally))

        queries.drawn(queries.everywhere(lms), judge, 150, 7)
    return tally


async def test_queries_are_answered_as_the_standard_says(board, origin):
    made = await board("queries")
    for files in collisions.history():
        await made.load(files)
    tally = await asyncio.to_thread(ask, origin, *await made.client(*EVERY_SCOPE))
    assert tally.answers >= 150
    assert tally.filled > 60
    assert tally.refused > 5

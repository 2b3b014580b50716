"""A role that is ready only when the file `go` is there."""

import asyncio

import honest

from daemon.child import Place
from daemon.config import Settings


async def serve(settings: Settings, place: Place) -> None:
    while not (settings.state / "go").exists():  # noqa: ASYNC110 - the test is another process
        await asyncio.sleep(0.05)
    await honest.serve(settings, place)

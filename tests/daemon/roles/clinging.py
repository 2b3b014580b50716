"""A role that does not leave when told to."""

import asyncio

from daemon.child import Place
from daemon.config import Settings


async def serve(settings: Settings, place: Place) -> None:
    place.ready()
    await asyncio.sleep(600)

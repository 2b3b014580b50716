"""A role that blocks its event loop in its first life, and is honest in the next."""

import time

import honest

from daemon.child import Place
from daemon.config import Settings


async def serve(settings: Settings, place: Place) -> None:
    if not (settings.state / f"{place.name}.pids").exists():
        (settings.state / f"{place.name}.pids").touch()
        place.ready()
        time.sleep(600)  # noqa: ASYNC251 - what this role is for
    await honest.serve(settings, place)

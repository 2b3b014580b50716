"""A role that fails in its first life, and is honest in the next."""

import honest

from daemon.child import Place
from daemon.config import Settings


async def serve(settings: Settings, place: Place) -> None:
    if not (settings.state / f"{place.name}.pids").exists():
        (settings.state / f"{place.name}.pids").touch()
        raise RuntimeError("as it should")
    await honest.serve(settings, place)

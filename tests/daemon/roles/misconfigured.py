"""A role that no restart can mend."""

from daemon.child import Place
from daemon.config import Misconfigured, Settings


async def serve(settings: Settings, place: Place) -> None:
    raise Misconfigured("There is no such certificate.")

"""A role that behaves: it answers with its process and public_url on every socket it has, and leaves when told to."""

import asyncio
import os

from daemon.child import Place
from daemon.config import Settings


async def serve(settings: Settings, place: Place) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{place.name} {os.getpid()} {os.nice(0)} {settings.api.public_url}".encode())
        writer.close()
        await writer.wait_closed()

    servers = [await asyncio.start_server(answer, sock=sock) for sock in place.sockets.values()]
    with (settings.state / f"{place.name}.pids").open("a") as lives:
        lives.write(f"{os.getpid()}\n")
    place.ready()
    await place.stop.wait()
    for server in servers:
        server.close()

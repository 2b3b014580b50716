"""News: that a job or a tenant has changed, for screens that would otherwise see it a second later."""

from collections.abc import AsyncGenerator

from sql import database


async def heard(conninfo: str) -> AsyncGenerator[None]:
    """Once for every change, on a connection of its own. Raises what an outage raises.

    Through a pooler of transactions nothing is heard, and whoever listens is left to look by himself.
    """
    async with database.connect(conninfo) as conn:
        await conn.execute("LISTEN rosterhub_changed")
        async for _ in conn.notifies():
            yield

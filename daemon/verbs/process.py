"""rosterhub run, tui, demo: what keeps running."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from daemon.verbs import Given

if TYPE_CHECKING:
    from sql.verification import Verified


def run(*, only: str = "", here: Given) -> int:
    """The daemon, in the foreground.

    Example: rosterhub run --only doors,ingest

    Parameters
    ----------
    only
        Run these roles alone: doors, ingest, api, with commas between them.
    """
    with contextlib.suppress(KeyboardInterrupt):  # a daemon that was told to end has done as it was told
        from daemon import config, logs
        from daemon import run as process

        logs.set_up()
        roles = [one for one in only.split(",") if one]
        return process.run(here.settings, roles, lambda: config.load(here.config, here.settings.state, os.environ))
    return 0


def tui(*, read_only: bool = False, tenant: str | None = None, here: Given) -> int:
    """The admin screens.

    Example: rosterhub tui --read-only

    Parameters
    ----------
    read_only
        Offer nothing that changes anything.
    tenant
        Begin with this tenant's jobs alone.
    """
    from daemon import screens
    from tui import app

    # Textual draws on standard error.
    isatty = sys.stdin.isatty() and sys.stderr.isatty()
    if not isatty:
        return asyncio.run(app.run("", read_only=read_only, tenant=tenant, isatty=False))
    with here.conninfo() as conninfo:
        person = here.enter(conninfo)
        state, hands = here.settings.state, screens.hands(here, conninfo)

        async def verify(progress: Callable[[int], None]) -> "Verified":
            from daemon import sealing  # the log's library comes with it, which would delay the first paint

            return await sealing.verifier(conninfo, lambda: here.master, state)(progress)

        return asyncio.run(
            app.run(
                conninfo,
                read_only=read_only,
                role=person.role,
                tenant=tenant,
                state=state,
                hands=hands,
                verify=verify,
            )
        )


def demo(*, once: bool = False, here: Given) -> int:
    """The whole story on this machine: a bundle over SFTP, loaded, read back through the API.

    Example: rosterhub demo --once

    Parameters
    ----------
    once
        In a temporary folder, without tools of the machine; leave nothing behind.
    """
    from daemon import demo as story

    return story.tell(here.settings, once=once)

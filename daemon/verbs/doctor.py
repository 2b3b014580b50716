"""rosterhub doctor: is all well?"""

import datetime

from daemon import printing
from daemon.verbs import Given
from oneroster.refused import Refused
from sql import database, processes, tenants
from sql import doctor as asking
from sql.database import Pool
from sql.doctor import Findings
from sql.processes import Process
from sql.tenants import Tenant


def doctor(*, json: bool = False, here: Given) -> int:
    """Look through the installation: versions, database, processes, keys, disk, clocks, deliveries, indexes.

    Example: rosterhub doctor

    Exit 0 when nothing is bad, else 1.

    Parameters
    ----------
    json
        Print a list of checks as JSON: check, state (ok, warn, bad), message, fix.
    """
    from daemon import doctor as checks

    async def work(pool: Pool) -> tuple[Findings, list[Process], list[Tenant]]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            return await asking.look(conn), await processes.alive(conn), await tenants.every(conn)

    state = here.settings.state
    try:
        found, alive, every = here.run(work)
    except Refused as error:
        listed = [*checks.versions(), checks.away(error), *checks.disk(state), checks.key(state, ()), *checks.unit()]
    else:
        listed = [
            *checks.database(found),
            checks.roles(alive),
            checks.queue(found.waiting.jobs, found.waiting.oldest, alive),
            *checks.freshness(found.deliveries, datetime.datetime.now(datetime.UTC)),
            *checks.disk(state),
            checks.key(state, every),
            *checks.unit(),
        ]
    if json:
        printing.data(listed)
    else:
        for one in listed:
            printing.line(f"{one.state:4}  {one.check:9}  {one.message}" + (f"\n{'':17}{one.fix}" if one.fix else ""))
    return 1 if any(one.state == "bad" for one in listed) else 0

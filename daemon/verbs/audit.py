"""rosterhub audit: who did what."""

from cyclopts import App

from daemon import printing
from daemon.verbs import Given
from sql import audit, database, shown
from sql.audit import Entry
from sql.database import Pool

app = App(name="audit", help="Who did what, and when.")


@app.command(name="list")
def list_(
    *, tenant: str | None = None, search: str | None = None, limit: int = 100, json: bool = False, here: Given
) -> None:
    """Entries of the audit log, newest first.

    Example: rosterhub audit list --search client.rotate

    Parameters
    ----------
    tenant
        Only this tenant's.
    search
        Only with this text in who, from, action or target.
    limit
        At most so many.
    json
        Print JSON.
    """

    async def work(pool: Pool) -> list[Entry]:
        async with database.hub(pool, "viewer", read_only=True) as conn:
            return await audit.page(conn, tenant=tenant, search=search, limit=limit)

    found = here.run(work)
    if json:
        printing.data(
            [
                {
                    "id": one.id,
                    "at": shown.instant(one.at),
                    "tenant": one.tenant,
                    "who": one.who,
                    "kind": one.who_kind,
                    "from": one.origin,
                    "action": one.action,
                    "target": one.target,
                    "ok": one.ok,
                    "detail": one.detail,
                }
                for one in found
            ]
        )
    else:
        printing.table(
            ("TIME", "WHO", "FROM", "ACTION", "TARGET", "OK"),
            [
                (shown.instant(one.at), one.who, one.origin, one.action, one.target, "yes" if one.ok else "NO")
                for one in found
            ],
        )

"""rosterhub db: the database."""

import asyncio

from cyclopts import App

from daemon import printing
from daemon.verbs import Given
from sql import migrate as migrations

app = App(name="db", help="The database.")


@app.command
def migrate(*, print_roles: bool = False, here: Given) -> None:
    """Bring the database to the schema of this version.

    Example: rosterhub db migrate

    Parameters
    ----------
    print_roles
        Only print the statements that make the roles, for an administrator of the server to run.
    """
    if print_roles:
        printing.line(migrations.roles().rstrip())
        return
    with here.conninfo() as conninfo:
        applied = asyncio.run(migrations.migrate(conninfo))
    printing.line(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")


@app.command
def status(*, json: bool = False, here: Given) -> None:
    """Whether the database is up to date.

    Example: rosterhub db status

    Parameters
    ----------
    json
        Print JSON.
    """
    with here.conninfo() as conninfo:
        pending = asyncio.run(migrations.pending(conninfo))
    if json:
        printing.data({"pending": pending, "embedded": not here.settings.database.url})
    else:
        printing.line(f"Migrations to apply: {', '.join(pending)}." if pending else "The database is up to date.")

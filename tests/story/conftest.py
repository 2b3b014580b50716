"""One hub for all stories of a run: the real daemon, its real doors, the real API, on a database of its own."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from tests.story.hub import Hub, new_key


@pytest.fixture(scope="session")
def desk() -> Iterator[Path]:
    """A folder for the whole run, which the database's user may pass."""
    folder = Path(tempfile.mkdtemp(prefix="rosterhub-story-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def url(server: str, template: str) -> Iterator[str]:
    """A fresh database on the run's server, 18 or 15."""
    name = f"story_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
    yield make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(scope="session")
def hub(desk: Path, url: str) -> Iterator[Hub]:
    """`rosterhub run`."""
    state = desk / "state"
    state.mkdir(mode=0o711)
    hub = Hub(state, url, new_key(desk / "sender"))
    with hub.running():
        yield hub

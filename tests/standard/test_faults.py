"""Seeded bundles: each fault is found where it was put, nothing else is, and clean bundles are clean.

The short, fixed form of `make prove ONLY=R10`. Bundles, faults and places come from bundles/, which knows nothing of us.
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.proofs import faults
from tests.standard.bundles import checker, filefaults, rowfaults, seed
from tests.standard.bundles.sheets import PROFILES

SEED = 26
IN_ROWS, ALONE = 8, 8
"""Bundles with seventeen faults each, and with one of a file or of the package."""


@pytest.fixture(scope="module")
def judge(server: str, template: str) -> Iterator[str]:
    """The conninfo of one database for all of them: judging leaves nothing behind."""
    yield from faults.borrowed(server, template)

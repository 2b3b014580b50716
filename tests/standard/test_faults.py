"""Seeded bundles: each fault is found where it was put and nothing else is; clean bundles are clean.

The short, fixed form of `make prove ONLY=R10`. Bundles, faults and places come from bundles/, which was written apart.
"""

from pathlib import Path

import pytest

from tests.proofs import faults
from tests.standard.bundles import seed
from tests.standard.bundles.sheets import PROFILES

SEED = 26_000
FAULTS = (17, 17, 1, 1)
"""So many in each bundle of a profile: in rows, or one of a file or of the package."""


@pytest.mark.parametrize("profile", PROFILES)
def test_each_fault_is_found_where_it_was_put_and_nothing_else(profile: str, conninfo: str, tmp_path: Path) -> None:
    for number, count in enumerate(FAULTS):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        place = SEED + PROFILES.index(profile) + 4 * number
        path, expected = seed.seed_bundle(str(folder), profile, place, count)
        assert len(expected) >= count
        assert seed.compare(expected, faults.judgement(conninfo, Path(path), profile)) == ([], [])


@pytest.mark.parametrize("profile", PROFILES)
def test_in_a_clean_bundle_nothing_is_found(profile: str, conninfo: str, tmp_path: Path) -> None:
    assert faults.judgement(conninfo, Path(seed.clean(str(tmp_path), profile, SEED)), profile) == []

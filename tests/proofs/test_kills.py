"""The quick form of R1: one kill of each phase, with a small bundle."""

import random
import tempfile
from pathlib import Path

import pytest

from tests.proofs import kills, verdict


@pytest.mark.timeout(600)
def test_a_bundle_is_applied_once_whatever_phase_is_killed() -> None:
    with tempfile.TemporaryDirectory(prefix="rosterhub-kills-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with kills.pair(folder, print, "doors,ingest") as fight:
            strikes = fight.strikes(kills.bundles(folder, 2000, 7), 8, random.Random(7))
    found = kills.outcome(strikes, 8)
    assert found.state == verdict.PASS, found

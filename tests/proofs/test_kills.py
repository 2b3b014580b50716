"""The short form of R1: one kill of each phase, with a small bundle."""

from tests.proofs import kills


def test_a_bundle_is_applied_once_whatever_phase_is_killed() -> None:
    strikes = kills.prove(1, 2000, 7, roles="doors,ingest")
    assert kills.passed(strikes, 1), kills.table(strikes)

"""What a proof says in the end: held, did not hold, or could not be tried; with its figures."""

from collections.abc import Callable, Sequence

import msgspec

PASS, FAIL, NOT_RUN = "PASS", "FAIL", "NOT-RUN"

Report = Callable[[str], None]
"""Says how far a proof is, for whoever watches."""


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of one proof."""

    state: str
    figures: str
    """Of a PASS or FAIL what was counted and measured, of a NOT-RUN the reason."""
    details: Sequence[str] = ()
    """A table, or what deviated, a line each."""


def judged(good: bool, figures: str, details: Sequence[str] = ()) -> Verdict:
    """PASS or FAIL."""
    return Verdict(PASS if good else FAIL, figures, details)


def not_run(reason: str) -> Verdict:
    """It was not tried."""
    return Verdict(NOT_RUN, reason)


class TimeIsUp(Exception):
    """A proof took longer than it may."""

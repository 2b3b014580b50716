"""The list of codes: every kind of fault a bundle can have. Reports, screens, `explain` and docs/problems.md read it.

A code never changes its meaning: senders keep lists of them.
"""

from oneroster.codes import errors, warnings
from oneroster.codes.code import Code, Severity

CODES: dict[str, Code] = {**errors.ERRORS, **warnings.WARNINGS}

__all__ = ["CODES", "Code", "Severity"]

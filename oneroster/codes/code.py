"""What is said of a kind of fault: a sentence, and what to do about it, in English and in Japanese."""

from typing import Literal

import msgspec

Severity = Literal["error", "warning"]


class Code(msgspec.Struct, frozen=True):
    """The words for one kind of fault."""

    english: str
    japanese: str
    fix: str
    """What the sender can do about it."""
    fix_japanese: str
    severity: Severity = "error"

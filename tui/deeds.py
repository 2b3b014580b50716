"""What can be done to the item at the cursor, and why not."""

from collections.abc import Awaitable, Callable

import msgspec

from sql import operators
from sql.database import People
from tui import words
from tui.dialog import Ask
from tui.words import say


class Deed(msgspec.Struct, frozen=True):
    """Something that can be done, or not now."""

    name: str
    title: str
    """In the operator's language."""
    needs: str
    """As operators.NEEDS names it; empty for what only looks."""
    ask: Callable[[], Awaitable[Ask]]
    """Its dialog, from how things stand now."""
    key: str = ""
    refused: str = ""
    """Why the item does not allow it now."""


def refusal(deed: Deed, role: People, *, read_only: bool) -> str:
    """Why it cannot be done, "" where it can."""
    if not deed.needs:
        return deed.refused
    if read_only:
        return say("These screens were opened with --read-only.")
    least = operators.NEEDS[deed.needs]
    if operators.ROLES.index(role) < operators.ROLES.index(least):
        mine, wanted = say(words.ROLES[role]), say(words.ROLES[least])
        return say("Your role is {mine}; this takes {wanted}.", mine=mine, wanted=wanted)
    return deed.refused

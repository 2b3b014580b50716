"""What can be done to the item at the cursor, and why not."""

from collections.abc import Awaitable, Callable

import msgspec

from sql.database import Role
from tui import words
from tui.dialog import Ask
from tui.words import say

ORDER: tuple[Role, ...] = ("viewer", "operator", "admin")
"""Each may do what those before it may."""


class Deed(msgspec.Struct, frozen=True):
    """Something that can be done, or not now."""

    name: str
    title: str
    """In the operator's language."""
    role: Role
    """The least that may do it."""
    ask: Callable[[], Awaitable[Ask]]
    """Its dialog, from how things stand now."""
    key: str = ""
    refused: str = ""
    """Why the item does not allow it now."""


def refusal(deed: Deed, role: Role, *, read_only: bool) -> str:
    """Why it cannot be done, "" where it can."""
    if read_only:
        return say("These screens were opened with --read-only.")
    if role not in ORDER or ORDER.index(role) < ORDER.index(deed.role):
        mine, wanted = say(words.ROLES[role]), say(words.ROLES[deed.role])
        return say("Your role is {mine}; this takes {wanted}.", mine=mine, wanted=wanted)
    return deed.refused

"""Names of persons as they are shown to people: masked, unless somebody may see them and says why he must.

The one place that knows what a name is, in records and in the cells of files, for the command line and the screens.
"""

from typing import Any

import msgspec

from oneroster import entities, profiles
from oneroster.refused import NoReason
from sql import audit
from sql.audit import Actor
from sql.database import Connection
from sql.jobs import Fault
from sql.operators import Person

MASK = "***"
NAMES = frozenset(
    {
        "username",
        "givenName",
        "familyName",
        "middleName",
        "preferredFirstName",
        "preferredMiddleName",
        "preferredLastName",
        "kanaGivenName",
        "kanaFamilyName",
        "kanaMiddleName",
        "kanaPreferredGivenName",
        "kanaPreferredFamilyName",
        "kanaPreferredMiddleName",
    }
)
"""Of a person: the first character is shown."""
IDENTIFIERS = frozenset({"identifier", "userMasterIdentifier", "userIds", "userProfiles", "pronouns"})
"""Of a person: nothing is shown."""


def member(path: str, value: Any) -> Any:
    """The value of a user's member, by its dotted path."""
    last = path.rsplit(".", 1)[-1]
    if last in NAMES and isinstance(value, str) and value:
        return f"{value[0]}**"
    return MASK if last in IDENTIFIERS and value else value


def _members() -> dict[tuple[str, str], str]:
    found = {}
    for entity in (entities.USERS, entities.USER_PROFILES):
        for profile in profiles.ALL:
            for field in profile.fields(entity):
                found[entity.file, field.name] = field.member
            for added in profile.metadata(entity):
                found[entity.file, added.header] = added.key
    return found


MEMBERS = _members()
"""File and header of each column about persons -> the member that it becomes."""
DROPPED = frozenset(
    (entity.file, field.name) for entity in entities.ALL for field in entity.fields if field.sealed or field.dropped
)
"""Columns of which nothing is ever shown: what rests sealed, and passwords."""


def cell(file: str, column: str, value: str) -> str:
    """A cell of a file of a bundle, by the header of its column."""
    if (file, column) in DROPPED:
        return MASK if value else value
    return str(member(MEMBERS.get((file, column), ""), value))


def fault(one: Fault) -> Fault:
    """A problem with its value masked where that is of a person."""
    return msgspec.structs.replace(one, value=cell(one.file, one.column, one.value))


def faults(found: list[Fault], person: Person, *, unmasked: bool = False) -> list[Fault]:
    """Problems as this person is shown them. An admin answers for the export, and sees what its sender is told."""
    return found if unmasked or person.role == "admin" else [fault(one) for one in found]


async def unmask(conn: Connection, tenant_id: int, target: str, reason: str, actor: Actor) -> None:
    """Note that a person is about to see names that are masked otherwise. Raises NoReason (64)."""
    if not reason.strip():
        raise NoReason
    await audit.write(conn, tenant_id, actor, "record.unmask", target, detail={"reason": reason})

"""The references between records: which a record of an entity bears, and what is left of them when some lead nowhere.

`Ids` are the records there are, by entity. A record is its sourcedId and the values of `entity.kept`, in a list, and
the tree of its metadata.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from oneroster import entities
from oneroster.entities import Entity
from oneroster.profiles import Profile

Ids = Mapping[str, frozenset[str]]


class Link(msgspec.Struct, frozen=True):
    """A reference of an entity's records."""

    column: str
    """The header in the CSV."""
    target: str
    """The entity referred to."""
    at: int = 0
    """Its place in the record, 0 being the sourcedId."""
    path: tuple[str, ...] = ()
    """Its path where it is metadata."""
    many: bool = False
    required: bool = False


def of(entity: Entity, profile: Profile) -> list[Link]:
    """The references of the entity's records, those first without which a record cannot be."""
    found = [
        Link(field.name, field.refers, at, (), field.kind.many, field.required)
        for at, field in enumerate(entity.kept, start=1)
        if field.refers in entities.BY_NAME
    ]
    found += [
        Link(one.header, one.refers, path=tuple(one.key.split(".")[1:]))
        for one in profile.metadata(entity)
        if one.refers is not None
    ]
    if entity is entities.DEMOGRAPHICS:
        # sourcedId of a demographics row is the user's (CSV binding section 5)
        found.append(Link("sourcedId", "users", required=True))
    return sorted(found, key=lambda one: (not one.required, one.many))


def leads(link: Link, value: Any, ids: Ids) -> bool:
    """Whether the value, or one of several, is the id of a record."""
    known = ids[link.target]
    return not known.isdisjoint(value) if link.many else value in known


def prune(link: Link, record: list[Any], metadata: dict[str, Any], ids: Ids) -> int:
    """Take out of an optional reference, or out of a list, what leads nowhere; how many ids that were."""
    if link.path:
        return _prune_leaf(link, metadata, ids)
    value, known = record[link.at], ids[link.target]
    if value is None:
        return 0
    if link.many:
        record[link.at] = left = [one for one in value if one in known]
        return len(value) - len(left)
    if value in known:
        return 0
    record[link.at] = None
    return 1


def _prune_leaf(link: Link, metadata: dict[str, Any], ids: Ids) -> int:
    branch: Any = metadata
    for name in link.path[:-1]:
        branch = branch.get(name)
        if not isinstance(branch, dict):
            return 0
    value = branch.get(link.path[-1])
    if not isinstance(value, str) or value in ids[link.target]:
        return 0
    del branch[link.path[-1]]
    return 1

"""The members a record has in the JSON binding (REST section 4), read from the one table of entities."""

import functools

from oneroster import entities, kinds
from oneroster.entities import Entity, Field

_LISTS = {
    "users": {"roles": entities.ROLES, "userProfiles": entities.USER_PROFILES},
}
"""Lists of parts that come from a CSV file of their own."""

_ELSEWHERE = {"classes": ("resources",), "courses": ("resources",)}
"""Members whose values would come from files that are recognised and skipped."""

_REFERENCE = frozenset({"href", "sourcedId", "type"})


@functools.cache
def of(entity: Entity) -> frozenset[str]:
    """The names of the record's own members, those that may be asked for by `fields`."""
    names = {field.member.partition(".")[0] for field in entity.fields if field.member}
    names |= {"metadata", *_LISTS.get(entity.name, ()), *_ELSEWHERE.get(entity.name, ())}
    return frozenset(names | {entity.children} if entity.children else names)


def part(entity: Entity, path: tuple[str, ...]) -> tuple[Entity, Field] | None:
    """The entity whose records make the list a dotted name leads into, and the field it ends at; None for others."""
    made_of = _LISTS.get(entity.name, {}).get(path[0])
    if made_of is None:
        return None
    found = field(made_of, ".".join(path[1:])) or field(made_of, path[1])
    return None if found is None or found.dropped or found.refers == "userProfiles" else (made_of, found)


@functools.cache
def field(entity: Entity, member: str) -> Field | None:
    """The field that becomes this member, None where a member has no field of its own."""
    return next((one for one in entity.fields if one.member == member), None)


def refers(entity: Entity, path: tuple[str, ...]) -> bool:
    """Whether it leads to the ids in a list of references that has no field of its own."""
    return path in ((entity.children, "sourcedId"), *((name, "sourcedId") for name in _ELSEWHERE.get(entity.name, ())))


def known(entity: Entity, path: tuple[str, ...]) -> bool:
    """Whether a dotted name leads to a value of the record; every path below `metadata` may."""
    head, *rest = path
    if head not in of(entity):
        return False
    if head == "metadata":
        return bool(rest)
    if parts := _LISTS.get(entity.name, {}).get(head):
        return bool(rest) and _known_in_part(parts, tuple(rest))
    found = field(entity, head)
    if found is None or found.refers is not None:  # children, resources and references
        return len(rest) == 1 and rest[0] in _REFERENCE
    if found.kind is kinds.USER_IDS:
        return rest in (["type"], ["identifier"])
    return not rest


def _known_in_part(parts: Entity, rest: tuple[str, ...]) -> bool:
    """The same within an entry of `roles` or `userProfiles`, which has neither id nor status of its own."""
    if parts is entities.USER_PROFILES and rest == ("profileId",):
        return True
    if parts is entities.ROLES and rest == ("userProfile",):
        return True
    for one in parts.own:
        names = tuple(one.member.split("."))
        if one.refers in entities.BY_NAME and names == rest[:1] and one.member:
            return rest[1:] in {("href",), ("sourcedId",), ("type",)}
        if names == rest and one.member:
            return True
    return False

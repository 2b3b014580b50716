"""One SQL expression per entity renders a record as the API shows it, read from the entity table.

A document is the JSON of REST binding section 4 without `dateLastModified` and without sealed members: those are put
in front on the way out. An `href` begins with U+0001, which no JSON text can hold, in place of the service's base.
"""

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from oneroster import entities, kinds
from oneroster.entities import Entity, Field

BASE = "\x01"
"""Stands in a document where the absolute address of the service goes."""

RESOURCES = "\x02"
"""Stands where the address of the sibling resources service goes (REST section 4.2)."""

PROFILE_ID = "urn:rosterhub:userProfile:"
"""`profileId` must be a URI (REST section 4.5): urn:uuid:X for an id that is a UUID, this and the id otherwise."""

# Left of what each kind of value becomes; `%` is the column.
_PLAIN = (kinds.TEXT, kinds.GUID, kinds.WORD, kinds.YEAR)


def document(entity: Entity, row: str, extra: Composable | None = None) -> Composed:
    """The expression for a whole record of the alias `row`; `extra` adds members such as `,"roles":[...]`."""
    parts: list[Composable] = [
        SQL("""'{"sourcedId":'"""),
        quoted(Identifier(row, "sourced_id")),
        # a row just staged from a bulk file has none yet
        SQL("""',"status":"' || coalesce({}, 'active') || '"'""").format(Identifier(row, "status")),
    ]
    parts += [member(field, row) for field in entity.kept if field.member]
    if extra is not None:
        parts.append(extra)
    if not entity.seals_metadata:
        parts.append(SQL("""',"metadata":' || {}::text""").format(Identifier(row, "metadata")))
    parts.append(SQL("'}'"))
    return SQL("concat({})").format(SQL(", ").join(parts))


def member(field: Field, row: str) -> Composed:
    """`,"name":value` of one field, null where the value is."""
    return SQL("{} || {}").format(Literal(f',"{field.member}":'), value(field, row))


def value(field: Field, row: str) -> Composed:
    """The JSON text of one field's value, null where it has none."""
    column = Identifier(row, field.column)
    if field.refers is not None and field.refers in entities.BY_NAME and field.refers != "userProfiles":
        target = entities.BY_NAME[field.refers]
        if field.kind is kinds.GUIDS:
            return references(target.name, target.singular, column)
        return reference(target.name, target.singular, column)
    if field.refers == "resources":
        return references("resources", "resource", column)
    if field.refers == "userProfiles":
        return SQL("to_json({})::text").format(profile_id(column))
    if field.kind is kinds.BOOLEAN:
        return SQL("""'"' || {}::text || '"'""").format(column)
    if field.kind is kinds.USER_IDS:
        return SQL("{}::text").format(column)
    if field.always:
        return SQL("to_json(coalesce({}, ''))::text").format(column)
    return SQL("to_json({})::text").format(column)


def quoted(identifier: Composable) -> Composed:
    """The JSON text of an id: none of the characters it may have needs escaping (CSV binding section 2)."""
    return SQL("""'"' || {} || '"'""").format(identifier)


def references(collection: str, kind: str, identifiers: Composable) -> Composed:
    """A list of references in the order of the ids, null where there is none."""
    return SQL(
        "CASE WHEN {ids} IS NOT NULL THEN"  # a subquery takes its time even for nothing
        " (SELECT '[' || string_agg({one}, ',' ORDER BY o) || ']' FROM unnest({ids}) WITH ORDINALITY u(i, o)) END"
    ).format(ids=identifiers, one=reference(collection, kind, SQL("u.i")))


def reference(collection: str, kind: str, identifier: Composable) -> Composed:
    """A GUIDRef (REST section 4.2): of an id's characters only the slash needs escaping in a path."""
    base = RESOURCES if collection == "resources" else BASE
    return SQL(
        """'{{"href":"' || {base} || {place} || replace({id}, '/', E'\\x252F') || '","sourcedId":'
            || {quoted} || {kind}"""
    ).format(
        base=Literal(base),
        place=Literal(f"/{collection}/"),
        id=identifier,
        quoted=quoted(identifier),
        kind=Literal(f',"type":"{kind}"}}'),
    )


def profile_id(identifier: Composable) -> Composed:
    """The profileId of a user profile's sourcedId."""
    return SQL(
        "CASE WHEN {id} ~ '^[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}$' THEN 'urn:uuid:' || {id}"
        " ELSE {prefix} || {id} END"
    ).format(id=identifier, prefix=Literal(PROFILE_ID))


def role(row: str) -> Composed:
    """One entry of a user's `roles` (REST section 4.4)."""
    parts: list[Composable] = [
        SQL("""'{{"roleType":"' || {} || '"'""").format(Identifier(row, "role_type")),
        *(member(field, row) for field in entities.ROLES.kept if field.member and field.name != "roleType"),
        SQL("'}'"),
    ]
    return SQL("concat({})").format(SQL(", ").join(parts))


def user_profile(row: str) -> Composed:
    """One entry of a user's `userProfiles` with its one credential (REST sections 4.5, 4.6)."""
    plain = [field for field in entities.USER_PROFILES.kept if field.member and "." not in field.member]
    parts: list[Composable] = [
        SQL("""'{{"profileId":' || to_json({})::text""").format(profile_id(Identifier(row, "sourced_id"))),
        *(member(field, row) for field in plain),
        SQL(
            """',"credentials":[{{"type":' || to_json({})::text || ',"username":' || to_json({})::text || '}}]'"""
        ).format(Identifier(row, "credential_type"), Identifier(row, "username")),
        SQL("'}'"),
    ]
    return SQL("concat({})").format(SQL(", ").join(parts))

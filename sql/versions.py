"""A record as people are shown it: plain members, what differs between two of its states, persons masked.

References are shown as the ids they name. Values of sealed fields are never here; that one changed is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable, Identifier, Literal

from oneroster import entities
from oneroster.entities import Entity
from sql import columns, documents, masking

Members = dict[str, Any]


def document(entity: Entity, row: str) -> Composable:
    """The expression of a record's JSON text, stored or rendered."""
    return Identifier(row, "document") if entity in columns.DOCUMENTED else documents.document(entity, row)


def sealed_changes(entity: Entity, before: str, after: str) -> Composable:
    """The expression of the array of sealed members that differ between two rows."""
    if not entity.sealed:
        return SQL("ARRAY[]::text[]")
    changed = [
        SQL("CASE WHEN {} IS DISTINCT FROM {} THEN {} END").format(
            Identifier(before, f"{field.column}_hash"),
            Identifier(after, f"{field.column}_hash"),
            Literal(field.member),
        )
        for field in entity.sealed
    ]
    return SQL("array_remove(ARRAY[{}]::text[], NULL)").format(SQL(", ").join(changed))


def members(entity: Entity, text: str | None, *, masked: bool = True) -> Members:
    """The members of a document, nested ones by dotted path; {} for no document."""
    if text is None:
        return {}
    readable = text.replace(documents.BASE, "").replace(documents.RESOURCES, "")
    found: Members = {}
    for name, value in msgspec.json.decode(readable).items():
        found.update(_flat(name, value))
    found.pop("sourcedId", None)
    if masked and entity is entities.USERS:
        found = {name: masking.member(name, value) for name, value in found.items()}
    return found


def differences(before: Members, after: Members, sealed: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Member to [before, after] of each that differs, None where there is none."""
    names = [*before, *(name for name in after if name not in before)]
    found = {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}
    return found | {name: [masking.MASK, masking.MASK] for name in sealed}


def _flat(name: str, value: Any) -> Members:
    if isinstance(value, dict):
        if "href" in value and "sourcedId" in value:
            return {name: value["sourcedId"]}
        return {path: leaf for key, inner in value.items() for path, leaf in _flat(f"{name}.{key}", inner).items()}
    if isinstance(value, list):
        return {name: [_item(item) for item in value]}
    return {name: value}


def _item(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    if "href" in item and "sourcedId" in item:
        return item["sourcedId"]
    return " ".join(str(leaf) for key, value in item.items() for leaf in _flat(key, value).values())

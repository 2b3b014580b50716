"""The models of the answers as JSON schemas of OpenAPI 3.0 (REST section 4), read from the table of entities."""

from typing import Any

from oneroster import entities, kinds, members
from oneroster.entities import Entity, Field
from oneroster.vocabularies import BOOLEANS, Vocabulary

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}

PARTS = {"roles": entities.ROLES, "userProfiles": entities.USER_PROFILES}
"""The lists of a user that are read from files of their own."""


def every() -> dict[str, Schema]:
    """All models by name: of records, their parts and references, the two containers of each, and trouble."""
    found: dict[str, Schema] = {}
    for entity in entities.EXPOSED:
        name = model(entity)
        found[name] = _record(entity)
        found[f"Single{name}"] = _object({entity.singular: _model(name)}, [entity.singular])
        found[f"{name}Set"] = _object({entity.name: _list(_model(name))}, [entity.name])
        found[f"{name}Ref"] = _reference(entity.singular)
    found["ResourceRef"] = _reference("resource")
    found["Role"] = _object(
        _members(entities.ROLES) | {"userProfile": {**TEXT, "format": "uri"}}, ["roleType", "role", "org"]
    )
    found["UserProfile"] = _object(
        {"profileId": {**TEXT, "format": "uri"}, **_members(entities.USER_PROFILES), "credentials": _credentials()},
        ["profileId", "profileType", "vendorId"],
    )
    found["UserId"] = _object({"type": TEXT, "identifier": TEXT}, ["type", "identifier"])
    found["Metadata"] = {"type": "object", "additionalProperties": True}
    found["StatusInfo"] = _status_info()
    return found


def model(entity: Entity) -> str:
    """The name of a record's model."""
    return entity.singular[0].upper() + entity.singular[1:]


def _record(entity: Entity) -> Schema:
    properties = {
        "sourcedId": TEXT,
        "status": _words(entities.STANDARD[1].words),
        "dateLastModified": {**TEXT, "format": "date-time"},
        **_members(entity),
        "metadata": _model("Metadata"),
    }
    if entity.children:
        properties[entity.children] = _list(_model(f"{model(entity)}Ref"))
    never = {field.member for field in entity.own if field.dropped}
    for name in sorted(members.of(entity) - properties.keys() - never):
        properties[name] = _list(_model(model(PARTS[name]) if name in PARTS else "ResourceRef"))
    required = ["sourcedId", "status", "dateLastModified"]
    required += [field.member for field in entity.own if field.member and (field.required or field.always)]
    return _object(properties, required + (["roles"] if entity is entities.USERS else []))


def _members(entity: Entity) -> dict[str, Schema]:
    """The members that are fields: none with a dotted name, none that is never shown."""
    return {
        field.member: _field(field)
        for field in entity.own
        if field.member and not field.dropped and "." not in field.member
    }


def _field(field: Field) -> Schema:
    if field.refers == "userProfiles":
        return TEXT
    if field.refers is not None:
        name = "Resource" if field.refers == "resources" else model(entities.BY_NAME[field.refers])
        reference = _model(f"{name}Ref")
        return _list(reference) if field.kind.many else reference
    if field.kind is kinds.USER_IDS:
        return _list(_model("UserId"))
    if field.kind is kinds.DATE:
        return {**TEXT, "format": "date"}
    if field.kind is kinds.BOOLEAN:
        return _words(BOOLEANS)
    plain = _words(field.words) if field.words is not None else TEXT
    return _list(plain) if field.kind.many else plain


def _words(words: Vocabulary | None) -> Schema:
    """A word of a list, or one with `ext:` before it where the list may be extended (REST section 4.1)."""
    assert words is not None
    listed = {**TEXT, "enum": list(words.words)}
    return {"anyOf": [listed, {**TEXT, "pattern": r"^ext:[a-zA-Z0-9.\-_]+$"}]} if words.extensible else listed


def _reference(kind: str) -> Schema:
    """A GUIDRef (REST section 4.2)."""
    properties = {"href": {**TEXT, "format": "uri"}, "sourcedId": TEXT, "type": {**TEXT, "enum": [kind]}}
    return _object(properties, list(properties))


def _credentials() -> Schema:
    return _list(
        {
            "type": "object",
            "properties": {"type": TEXT, "username": TEXT},
            "required": ["type", "username"],
            "additionalProperties": True,
        }
    )


def _status_info() -> Schema:
    """imsx_StatusInfo (REST section 3)."""
    field = _object(
        {
            "imsx_codeMinorFieldName": TEXT,
            "imsx_codeMinorFieldValue": {
                **TEXT,
                "enum": [
                    "forbidden",
                    "internal_server_error",
                    "invalid_filter_field",
                    "invalid_selection_field",
                    "invaliddata",
                    "server_busy",
                    "unauthorisedrequest",
                    "unknownobject",
                ],
            },
        },
        ["imsx_codeMinorFieldName", "imsx_codeMinorFieldValue"],
    )
    return _object(
        {
            "imsx_codeMajor": {**TEXT, "enum": ["failure", "unsupported"]},
            "imsx_severity": {**TEXT, "enum": ["error"]},
            "imsx_description": TEXT,
            "imsx_CodeMinor": _object({"imsx_codeMinorField": _list(field)}, ["imsx_codeMinorField"]),
        },
        ["imsx_codeMajor", "imsx_severity"],
    )


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _model(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}

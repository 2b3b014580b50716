"""What the API must show of a bundle, worked out from its CSV by the standard alone: nothing of the product is asked.

REST sections 4.1 to 4.14 against CSV section 5; Japan sheet section 5 for metadata. `dateLastModified` is not the
bundle's to say and is left out.
"""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

FACTS = Path(__file__).parent.parent / "standard"
COLUMNS = json.loads((FACTS / "csv.json").read_text())
MEMBERS = json.loads((FACTS / "members.json").read_text())

Record = dict[str, Any]
Files = dict[str, list[dict[str, str]]]

TYPES = {
    "orgs": "Org",
    "academicSessions": "AcademicSession",
    "courses": "Course",
    "classes": "Class",
    "users": "User",
    "enrollments": "Enrollment",
    "demographics": "Demographics",
}
REFERRED = {
    "orgs": "org",
    "academicSessions": "academicSession",
    "courses": "course",
    "classes": "class",
    "users": "user",
}
RENAMED = {
    "parentSourcedId": "parent",
    "schoolYearSourcedId": "schoolYear",
    "orgSourcedId": "org",
    "courseSourcedId": "course",
    "schoolSourcedId": "school",
    "termSourcedIds": "terms",
    "classSourcedId": "class",
    "userSourcedId": "user",
    "agentSourcedIds": "agents",
    "primaryOrgSourcedId": "primaryOrg",
    "preferredGivenName": "preferredFirstName",
    "preferredFamilyName": "preferredLastName",
}
NEVER = {"sourcedId", "status", "dateLastModified", "password"}
SPELLED = {"ShussekiNo": "shussekiNo", "PublicFlg": "publicFlg"}
"""Keys as in the newest Japanese profile, whatever came in."""


def expected(files: Files, base: str) -> dict[str, dict[str, Record]]:
    """Records by id by collection: the seven and the five that are parts of them."""
    found = {name: {row["sourcedId"]: _record(name, row, base) for row in files.get(name, [])} for name in TYPES}
    for name in ("orgs", "academicSessions"):
        _add_children(name, found[name], base)
    _add_parts(files, found["users"], base)
    holders = defaultdict(set)
    for row in files["roles"]:
        holders[row["role"]].add(row["userSourcedId"])
    return found | {
        "students": _only(found["users"], holders["student"]),
        "teachers": _only(found["users"], holders["teacher"]),
        "schools": _of_type(found["orgs"], "school"),
        "terms": _of_type(found["academicSessions"], "term"),
        "gradingPeriods": _of_type(found["academicSessions"], "gradingPeriod"),
    }


def comparable(record: Record) -> Record:
    """A record as the API gave it, without its date and with lists that have no order put in one."""
    plain = {name: value for name, value in record.items() if name != "dateLastModified"}
    for name in ("roles", "userProfiles", "children"):
        if name in plain:
            plain[name] = sorted(plain[name], key=lambda one: json.dumps(one, sort_keys=True))
    return plain


def references(value: Any) -> set[tuple[str, str, str]]:
    """Every reference in a record: address, id and type."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    if value.keys() == {"href", "sourcedId", "type"}:
        return {(value["href"], value["sourcedId"], value["type"])}
    return set().union(*map(references, value.values()))


def _record(name: str, row: dict[str, str], base: str) -> Record:
    record: Record = {"sourcedId": row["sourcedId"], "status": "active"}
    for column, fact in COLUMNS[name].items():
        if column in NEVER or fact.get("refers") == "resources":
            continue
        member = RENAMED.get(column, column)
        value = _value(row[column], fact, base)
        if value is not None:
            record[member] = value
        elif MEMBERS[TYPES[name]][member]["required"]:
            record[member] = ""
    if metadata := _metadata(row):
        record["metadata"] = metadata
    return record


def _value(text: str, fact: dict[str, Any], base: str) -> Any:
    """The JSON value of a cell, None for a blank one."""
    if text in ("", "NULL"):
        return None
    if fact["kind"] == "guids":
        return [_reference(fact["refers"], one.strip(), base) for one in text.split(",")]
    if fact["kind"] == "guid" and "refers" in fact:
        return _reference(fact["refers"], text, base)
    if fact["kind"] == "texts":
        return [one.strip() for one in text.split(",")]
    if fact["kind"] == "userIds":
        return [{"type": kind, "identifier": given} for kind, given in re.findall(r"\{([^:{}]+):([^:{}]+)\}", text)]
    return text


def _reference(name: str, sourced_id: str, base: str) -> Record:
    return {"href": f"{base}/{name}/{quote(sourced_id, safe='@')}", "sourcedId": sourced_id, "type": REFERRED[name]}


def _metadata(row: dict[str, str]) -> Record:
    found: Record = {}
    for column, text in row.items():
        first, *path = column.split(".")
        if first == "metadata" and text:
            place = found
            for key in path[:-1]:
                place = place.setdefault(key, {})
            place[SPELLED.get(path[-1], path[-1])] = text
    return found


def _add_children(name: str, records: dict[str, Record], base: str) -> None:
    for record in records.values():
        if "parent" in record:
            parent = records[record["parent"]["sourcedId"]]
            parent.setdefault("children", []).append(_reference(name, record["sourcedId"], base))


def _add_parts(files: Files, users: dict[str, Record], base: str) -> None:
    """Roles and profiles, each in its user."""
    for user in users.values():
        user["roles"] = []
    for row in files["roles"]:
        role = {"roleType": row["roleType"], "role": row["role"], "org": _reference("orgs", row["orgSourcedId"], base)}
        role |= {name: row[name] for name in ("beginDate", "endDate") if row[name]}
        if row["userProfileSourcedId"]:
            role["userProfile"] = _profile_id(row["userProfileSourcedId"])
        users[row["userSourcedId"]]["roles"].append(role)
    for row in files.get("userProfiles", []):
        profile: Record = {"profileId": _profile_id(row["sourcedId"])}
        profile |= {
            name: row[name] for name in ("profileType", "vendorId", "applicationId", "description") if row[name]
        }
        profile["credentials"] = [{"type": row["credentialType"], "username": row["username"]}]
        users[row["userSourcedId"]].setdefault("userProfiles", []).append(profile)


def _profile_id(sourced_id: str) -> str:
    """It must be a URI; the ids of samples are UUIDs, which have one."""
    return f"urn:uuid:{sourced_id}"


def _only(records: dict[str, Record], wanted: set[str]) -> dict[str, Record]:
    return {name: record for name, record in records.items() if name in wanted}


def _of_type(records: dict[str, Record], kind: str) -> dict[str, Record]:
    return {name: record for name, record in records.items() if record["type"] == kind}

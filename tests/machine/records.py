"""What the API must show of stored rows, worked out from the standard alone: nothing of the product is imported.

CSV binding section 5 against REST binding section 4. An href is given by the end of its path: `/orgs/s-1`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

Row = dict[str, str]
"""Cells by header."""
Record = dict[str, Any]
Shown = dict[str, dict[str, Record]]
"""Records by id by collection."""


class Column(NamedTuple):
    """A column of a file and the member it becomes."""

    header: str
    member: str
    many: bool = False
    refers: str = ""
    required: bool = True
    """Whether the cell may not be blank."""
    always: bool = False
    """The member is there, as "", though the cell is blank."""


class Version:
    """A row as it is stored, until one comes that differs. A later delta may confirm it, at a later `date`."""

    def __init__(self, cells: Row, status: str, date: datetime | None) -> None:
        self.cells, self.status, self.date = cells, status, date

    def same(self, cells: Row, status: str) -> bool:
        return self.cells == cells and self.status == status

    @property
    def active(self) -> bool:
        return self.status == "active"


Stored = dict[str, dict[str, Version]]
"""Versions by id by file."""


def _plain(names: str, **how: bool) -> list[Column]:
    return [Column(name, name, **how) for name in names.split()]


def _may(names: str) -> list[Column]:
    return _plain(names, required=False)


def _lists(names: str) -> list[Column]:
    return _plain(names, required=False, many=True)


COLUMNS: dict[str, list[Column]] = {
    "orgs": [
        *_plain("name type"),
        Column("identifier", "identifier", required=False, always=True),
        Column("parentSourcedId", "parent", refers="orgs", required=False),
    ],
    "academicSessions": [
        *_plain("title type startDate endDate"),
        Column("parentSourcedId", "parent", refers="academicSessions", required=False),
        *_plain("schoolYear"),
    ],
    "courses": [
        Column("schoolYearSourcedId", "schoolYear", refers="academicSessions", required=False),
        *_plain("title"),
        Column("courseCode", "courseCode", required=False, always=True),
        *_lists("grades"),
        Column("orgSourcedId", "org", refers="orgs"),
        *_lists("subjects subjectCodes"),
    ],
    "classes": [
        *_plain("title"),
        *_lists("grades"),
        Column("courseSourcedId", "course", refers="courses"),
        *_may("classCode"),
        *_plain("classType"),
        *_may("location"),
        Column("schoolSourcedId", "school", refers="orgs"),
        Column("termSourcedIds", "terms", refers="academicSessions", many=True),
        *_lists("subjects subjectCodes periods"),
    ],
    "users": [
        *_plain("enabledUser username"),
        *_lists("userIds"),
        *_plain("givenName familyName"),
        *_may("middleName identifier email sms phone"),
        Column("agentSourcedIds", "agents", refers="users", many=True, required=False),
        *_lists("grades"),
        *_may("password userMasterIdentifier"),
        Column("resourceSourcedIds", "resources", many=True, required=False),
        Column("preferredGivenName", "preferredFirstName", required=False),
        *_may("preferredMiddleName"),
        Column("preferredFamilyName", "preferredLastName", required=False),
        Column("primaryOrgSourcedId", "primaryOrg", refers="orgs", required=False),
        *_may("pronouns"),
    ],
    "userProfiles": [
        Column("userSourcedId", "", refers="users"),
        *_plain("profileType vendorId"),
        *_may("applicationId description"),
        *_plain("credentialType username"),
        *_may("password"),
    ],
    "roles": [
        Column("userSourcedId", "", refers="users"),
        *_plain("roleType role"),
        *_may("beginDate endDate"),
        Column("orgSourcedId", "org", refers="orgs"),
        Column("userProfileSourcedId", "userProfile", refers="userProfiles", required=False),
    ],
    "demographics": _may(
        "birthDate sex americanIndianOrAlaskaNative asian blackOrAfricanAmerican nativeHawaiianOrOtherPacificIslander"
        " white demographicRaceTwoOrMoreRaces hispanicOrLatinoEthnicity countryOfBirthCode stateOfBirthAbbreviation"
        " cityOfBirth publicSchoolResidenceStatus"
    ),
    "enrollments": [
        Column("classSourcedId", "class", refers="classes"),
        Column("schoolSourcedId", "school", refers="orgs"),
        Column("userSourcedId", "user", refers="users"),
        *_plain("role"),
        *_may("primary beginDate endDate"),
    ],
}
"""Of each file, in its order; sourcedId, status and dateLastModified stand before."""

METADATA = ("metadata.note", "metadata.club.name")
"""Columns that every file has besides: base 1.2 allows them anywhere."""

PARTS = ("userProfiles", "roles")
ENTITIES = tuple(stem for stem in COLUMNS if stem not in PARTS)
COLLECTIONS = (*ENTITIES, "students", "teachers")
NESTED = ("orgs", "academicSessions")
SINGULAR = {
    "orgs": "org",
    "academicSessions": "academicSession",
    "courses": "course",
    "classes": "class",
    "users": "user",
}


def references(stem: str, row: Row) -> Iterable[tuple[Column, str, str]]:
    """Every reference of a row: its column, the file and the id referred to."""
    for column in COLUMNS[stem]:
        if column.refers:
            yield from ((column, column.refers, one) for one in items(column, row.get(column.header, "")))
    if stem == "demographics":
        yield Column("sourcedId", ""), "users", row["sourcedId"]


def items(column: Column, cell: str) -> list[str]:
    """The values of a cell, of one that is no list the only one."""
    return [one.strip() for one in cell.split(",") if one.strip()] if column.many else [cell] if cell else []


def meant(stem: str, row: Row) -> Row:
    """What a row says, however it is spelled: blanks and passwords left out, lists without spaces."""
    columns = [*COLUMNS[stem], *(Column(name, "") for name in METADATA)]
    found = {one.header: ",".join(items(one, row.get(one.header, ""))) for one in columns if one.header != "password"}
    return {"sourcedId": row["sourcedId"]} | {header: cell for header, cell in found.items() if cell}


def show(stored: Stored) -> Shown:
    """Everything the API shows."""
    shown = {
        stem: {one: _record(stem, version) for one, version in stored[stem].items()}
        for stem in ENTITIES
    }  # fmt: skip
    for stem in NESTED:
        for one, version in sorted(stored[stem].items()):
            parent = version.cells.get("parentSourcedId", "")
            if version.active and parent in shown[stem]:
                shown[stem][parent].setdefault("children", []).append(_reference(stem, one))
    holders = _add_parts(stored, shown["users"])
    return shown | {
        name: {one: record for one, record in shown["users"].items() if one in holders[name[:-1]]}
        for name in ("students", "teachers")
    }


def _record(stem: str, version: Version) -> Record:
    record: Record = {"sourcedId": version.cells["sourcedId"], "status": version.status}
    for column in COLUMNS[stem]:
        cell = version.cells.get(column.header, "")
        if cell or column.always:
            record[column.member] = _value(column, cell)
    return record | _metadata(version.cells)


def _value(column: Column, cell: str) -> Any:
    if column.header == "userIds":
        return [{"type": kind, "identifier": given} for kind, given in re.findall(r"\{([^:{}]+):([^:{}]+)\}", cell)]
    if column.header == "resourceSourcedIds":
        return [_reference("resources", one) for one in items(column, cell)]
    if column.refers:
        found = [_reference(column.refers, one) for one in items(column, cell)]
        return found if column.many else found[0]
    return items(column, cell) if column.many else cell


def _reference(stem: str, sourced_id: str) -> Record:
    kind = "resource" if stem == "resources" else SINGULAR[stem]
    return {"href": f"/{stem}/{quote(sourced_id, safe='@')}", "sourcedId": sourced_id, "type": kind}


def _metadata(cells: Row) -> Record:
    tree: Record = {}
    for header in METADATA:
        if header in cells:
            *path, last = header.split(".")[1:]
            place = tree
            for step in path:
                place = place.setdefault(step, {})
            place[last] = cells[header]
    return {"metadata": tree} if tree else {}


def _add_parts(stored: Stored, users: Mapping[str, Record]) -> dict[str, set[str]]:
    """Roles and profiles, each in its user; returns who holds each role."""
    holders: dict[str, set[str]] = defaultdict(set)
    for user in users.values():
        user["roles"] = []
    for _, cells in sorted((_place(one.cells), one.cells) for one in stored["roles"].values() if one.active):
        role = {
            column.member: _profile_id(cells[column.header])
            if column.refers == "userProfiles"
            else _value(column, cells[column.header])
            for column in COLUMNS["roles"]
            if column.member and column.header in cells
        }
        if cells["userSourcedId"] in users:
            users[cells["userSourcedId"]]["roles"].append(role)
        holders[cells["role"]].add(cells["userSourcedId"])
    for one, version in sorted(stored["userProfiles"].items()):
        cells = version.cells
        if version.active and cells["userSourcedId"] in users:
            profile: Record = {"profileId": _profile_id(one)}
            for name in ("profileType", "vendorId", "applicationId", "description"):
                if name in cells:
                    profile[name] = cells[name]
            profile["credentials"] = [{"type": cells["credentialType"], "username": cells["username"]}]
            users[cells["userSourcedId"]].setdefault("userProfiles", []).append(profile)
    return holders


def _place(cells: Row) -> tuple[str, ...]:
    """Where a role stands among those of its user: what has no date last, and the id decides at the end."""
    order = ("roleType", "orgSourcedId", "role", "beginDate", "sourcedId")
    return tuple(cells.get(name, "~") for name in order)


def _profile_id(sourced_id: str) -> str:
    return f"urn:rosterhub:userProfile:{sourced_id}"

"""The standard as data: every rostering entity of OneRoster 1.2, its CSV columns and its JSON members.

Header check, validation, COPY columns, diff, documents, filters and docs read this table; there is no second
list of fields anywhere. CSV binding section 5 gives names and order, REST binding section 4 the JSON members.
"""

import functools
import re

import msgspec

from oneroster import vocabularies
from oneroster.kinds import BOOLEAN, DATE, GUID, GUIDS, INSTANT, TEXT, TEXTS, USER_IDS, WORD, YEAR, Kind
from oneroster.vocabularies import Vocabulary


class Field(msgspec.Struct, frozen=True, cache_hash=True):
    """One CSV column and the JSON member it becomes."""

    name: str
    """The header in the CSV."""
    kind: Kind
    required: bool = False
    json: str | None = None
    """The JSON member where the bindings differ; "" where the API has no such member of this record."""
    refers: str | None = None
    """The entity whose sourcedId this is."""
    words: Vocabulary | None = None
    sealed: bool = False
    """Rests encrypted; only a keyed hash of it stands in the database."""
    folded: bool = False
    """A case-folded copy is stored beside it, for comparisons that ignore case."""
    dropped: bool = False
    """Read over and never kept: passwords."""
    always: bool = False
    """The JSON binding requires it though the CSV may leave it blank: then it is "" (REST section 4)."""

    @property
    def member(self) -> str:
        return self.name if self.json is None else self.json

    @property
    def column(self) -> str:
        """The database column: `classSourcedId` is class_sourced_id."""
        return column_name(self.name)


@functools.cache
def column_name(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Entity(msgspec.Struct, frozen=True, cache_hash=True):
    """A kind of record: one CSV file, one table."""

    name: str
    """The collection in the API and the stem of the CSV file."""
    singular: str
    own: tuple[Field, ...]
    children: str = ""
    """The JSON list of the records whose `parentSourcedId` is this one."""
    part_of: str = ""
    """The column that names the user whose record this is a part of; such an entity has no address of its own."""

    @property
    def file(self) -> str:
        return f"{self.name}.csv"

    @property
    def table(self) -> str:
        return column_name(self.name)

    @property
    def fields(self) -> tuple[Field, ...]:
        return STANDARD + self.own

    @property
    def kept(self) -> tuple[Field, ...]:
        """The fields that have columns of their own: neither sealed nor dropped."""
        return tuple(field for field in self.own if not field.sealed and not field.dropped)

    @property
    def sealed(self) -> tuple[Field, ...]:
        return tuple(field for field in self.own if field.sealed)

    @property
    def seals_metadata(self) -> bool:
        """Where every field is sealed, what stands beside them is sealed too."""
        return not self.kept

    def field(self, name: str) -> Field:
        """The field of that CSV header; KeyError when there is none."""
        return _by_name(self)[name]


@functools.cache
def _by_name(entity: Entity) -> dict[str, Field]:
    return {field.name: field for field in entity.fields}


STANDARD = (
    Field("sourcedId", GUID, required=True),
    Field("status", WORD, words=vocabularies.STATUS),
    Field("dateLastModified", INSTANT),
)

ACADEMIC_SESSIONS = Entity(
    "academicSessions",
    "academicSession",
    (
        Field("title", TEXT, required=True, folded=True),
        Field("type", WORD, required=True, words=vocabularies.SESSION_TYPES),
        Field("startDate", DATE, required=True),
        Field("endDate", DATE, required=True),
        Field("parentSourcedId", GUID, json="parent", refers="academicSessions"),
        Field("schoolYear", YEAR, required=True),
    ),
    children="children",
)

ORGS = Entity(
    "orgs",
    "org",
    (
        Field("name", TEXT, required=True, folded=True),
        Field("type", WORD, required=True, words=vocabularies.ORG_TYPES),
        Field("identifier", TEXT, folded=True, always=True),
        Field("parentSourcedId", GUID, json="parent", refers="orgs"),
    ),
    children="children",
)

COURSES = Entity(
    "courses",
    "course",
    (
        Field("schoolYearSourcedId", GUID, json="schoolYear", refers="academicSessions"),
        Field("title", TEXT, required=True, folded=True),
        Field("courseCode", TEXT, folded=True, always=True),
        Field("grades", TEXTS),
        Field("orgSourcedId", GUID, required=True, json="org", refers="orgs"),
        Field("subjects", TEXTS),
        Field("subjectCodes", TEXTS),
    ),
)

CLASSES = Entity(
    "classes",
    "class",
    (
        Field("title", TEXT, required=True, folded=True),
        Field("grades", TEXTS),
        Field("courseSourcedId", GUID, required=True, json="course", refers="courses"),
        Field("classCode", TEXT, folded=True),
        Field("classType", WORD, required=True, words=vocabularies.CLASS_TYPES),
        Field("location", TEXT, folded=True),
        Field("schoolSourcedId", GUID, required=True, json="school", refers="orgs"),
        Field("termSourcedIds", GUIDS, required=True, json="terms", refers="academicSessions"),
        Field("subjects", TEXTS),
        Field("subjectCodes", TEXTS),
        Field("periods", TEXTS),
    ),
)

USERS = Entity(
    "users",
    "user",
    (
        Field("enabledUser", BOOLEAN, required=True),
        Field("username", TEXT, required=True, folded=True),
        Field("userIds", USER_IDS),
        Field("givenName", TEXT, required=True, folded=True),
        Field("familyName", TEXT, required=True, folded=True),
        Field("middleName", TEXT, folded=True),
        Field("identifier", TEXT, folded=True),
        Field("email", TEXT, sealed=True),
        Field("sms", TEXT, sealed=True),
        Field("phone", TEXT, sealed=True),
        Field("agentSourcedIds", GUIDS, json="agents", refers="users"),
        Field("grades", TEXTS),
        Field("password", TEXT, dropped=True),
        Field("userMasterIdentifier", TEXT, folded=True),
        Field("resourceSourcedIds", GUIDS, json="resources", refers="resources"),
        Field("preferredGivenName", TEXT, json="preferredFirstName", folded=True),
        Field("preferredMiddleName", TEXT, folded=True),
        Field("preferredFamilyName", TEXT, json="preferredLastName", folded=True),
        Field("primaryOrgSourcedId", GUID, json="primaryOrg", refers="orgs"),
        Field("pronouns", TEXT),
    ),
)

ROLES = Entity(
    "roles",
    "role",
    (
        Field("userSourcedId", GUID, required=True, json="", refers="users"),
        Field("roleType", WORD, required=True, words=vocabularies.ROLE_TYPES),
        Field("role", WORD, required=True, words=vocabularies.USER_ROLES),
        Field("beginDate", DATE),
        Field("endDate", DATE),
        Field("orgSourcedId", GUID, required=True, json="org", refers="orgs"),
        Field("userProfileSourcedId", GUID, json="userProfile", refers="userProfiles"),
    ),
    part_of="userSourcedId",
)

USER_PROFILES = Entity(
    "userProfiles",
    "userProfile",
    (
        Field("userSourcedId", GUID, required=True, json="", refers="users"),
        Field("profileType", TEXT, required=True),
        Field("vendorId", TEXT, required=True),
        Field("applicationId", TEXT),
        Field("description", TEXT),
        Field("credentialType", TEXT, required=True, json="credentials.type"),
        Field("username", TEXT, required=True, json="credentials.username"),
        Field("password", TEXT, dropped=True, json="credentials.password"),
    ),
    part_of="userSourcedId",
)

ENROLLMENTS = Entity(
    "enrollments",
    "enrollment",
    (
        Field("classSourcedId", GUID, required=True, json="class", refers="classes"),
        Field("schoolSourcedId", GUID, required=True, json="school", refers="orgs"),
        Field("userSourcedId", GUID, required=True, json="user", refers="users"),
        Field("role", WORD, required=True, words=vocabularies.ENROLLMENT_ROLES),
        Field("primary", BOOLEAN),
        Field("beginDate", DATE),
        Field("endDate", DATE),
    ),
)

DEMOGRAPHICS = Entity(
    "demographics",
    "demographics",
    (
        Field("birthDate", DATE, sealed=True),
        Field("sex", WORD, words=vocabularies.SEXES, sealed=True),
        Field("americanIndianOrAlaskaNative", BOOLEAN, sealed=True),
        Field("asian", BOOLEAN, sealed=True),
        Field("blackOrAfricanAmerican", BOOLEAN, sealed=True),
        Field("nativeHawaiianOrOtherPacificIslander", BOOLEAN, sealed=True),
        Field("white", BOOLEAN, sealed=True),
        Field("demographicRaceTwoOrMoreRaces", BOOLEAN, sealed=True),
        Field("hispanicOrLatinoEthnicity", BOOLEAN, sealed=True),
        Field("countryOfBirthCode", TEXT, sealed=True),
        Field("stateOfBirthAbbreviation", TEXT, sealed=True),
        Field("cityOfBirth", TEXT, sealed=True),
        Field("publicSchoolResidenceStatus", TEXT, sealed=True),
    ),
)

ALL = (ORGS, ACADEMIC_SESSIONS, COURSES, CLASSES, USERS, USER_PROFILES, ROLES, DEMOGRAPHICS, ENROLLMENTS)
"""In the order of dependence (CSV binding section 5, load order)."""

EXPOSED = tuple(entity for entity in ALL if not entity.part_of)
"""The seven entities with an address of their own: the unit of change and of every count."""

PARTS = tuple(entity for entity in ALL if entity.part_of)
"""What is shown inside another record, and merged before it."""

BY_NAME = {entity.name: entity for entity in ALL}
BY_FILE = {entity.file: entity for entity in ALL}

SKIPPED_FILES = (
    "categories.csv",
    "classResources.csv",
    "courseResources.csv",
    "lineItemLearningObjectiveIds.csv",
    "lineItems.csv",
    "lineItemScoreScales.csv",
    "resources.csv",
    "resultLearningObjectiveIds.csv",
    "results.csv",
    "resultScoreScales.csv",
    "scoreScales.csv",
    "userResources.csv",
)
"""Files of the resources and gradebook services (CSV binding section 5): recognised, not read."""

"""The 41 operations of the rostering service as data (REST section 1.2): path, container, records, scopes.

The specialised resources are the general ones with a predicate; nested collections are joins by column or by what
another entity's active records say.
"""

import itertools

import msgspec

from oneroster import entities, scopes
from oneroster.entities import Entity
from sql.predicates import Among, Condition, Either, Holds, Is, IsNot
from sql.rosters import Selection

BASE = "/ims/oneroster/rostering/v1p2"
CONVENIENT_BASE = "/v1p2"
RESOURCES = "/ims/oneroster/resources/v1p2"

TOP = (scopes.ROSTER, scopes.CORE)
NESTED = (scopes.ROSTER,)
DEMOGRAPHIC = (scopes.DEMOGRAPHICS,)

COLLECTIONS: dict[str, Selection] = {
    "academicSessions": Selection(entities.ACADEMIC_SESSIONS),
    "classes": Selection(entities.CLASSES),
    "courses": Selection(entities.COURSES),
    "demographics": Selection(entities.DEMOGRAPHICS),
    "enrollments": Selection(entities.ENROLLMENTS),
    "gradingPeriods": Selection(entities.ACADEMIC_SESSIONS, (Is("type", "gradingPeriod"),)),
    "orgs": Selection(entities.ORGS),
    "schools": Selection(entities.ORGS, (Is("type", "school"),)),
    "students": Selection(entities.USERS, (Is("student", True),)),
    "teachers": Selection(entities.USERS, (Is("teacher", True),)),
    "terms": Selection(entities.ACADEMIC_SESSIONS, (Is("type", "term"),)),
    "users": Selection(entities.USERS),
}
"""The names whose totals are kept, and what they select."""

ANY_TERM = Selection(entities.ACADEMIC_SESSIONS, (IsNot("type", "gradingPeriod"),))
"""What `/terms/{id}/...` accepts: classes also run in semesters and school years (note N7)."""


class Parent(msgspec.Struct, frozen=True):
    """A path parameter that must be the id of a record."""

    parameter: str
    selection: Selection


class Operation(msgspec.Struct, frozen=True):
    """One operation."""

    name: str
    """The operationId."""
    path: str
    """Below the base."""
    key: str
    """The container of the answer."""
    selection: Selection
    scopes: tuple[str, ...]
    """Any one of these suffices."""
    many: bool
    collection: str = ""
    """The name of the kept total, "" where none is kept."""
    parents: tuple[Parent, ...] = ()

    @property
    def noun(self) -> str:
        """What the audit log calls it: the path without its parameters."""
        return "/".join(part for part in self.path.split("/") if part and not part.startswith("{"))


def _all(name: str, collection: str, allowed: tuple[str, ...] = TOP) -> Operation:
    selection = COLLECTIONS[collection]
    return Operation(name, f"/{collection}", selection.entity.name, selection, allowed, True, collection)


def _one(name: str, collection: str, allowed: tuple[str, ...] = TOP) -> Operation:
    selection = COLLECTIONS[collection]
    return Operation(name, f"/{collection}/{{sourcedId}}", selection.entity.singular, selection, allowed, False)


def _nested(name: str, path: str, entity: Entity, *conditions: Condition) -> Operation:
    parts = path.strip("/").split("/")
    parents = tuple(
        Parent(parameter[1:-1], ANY_TERM if owner == "terms" else COLLECTIONS[owner])
        for owner, parameter in itertools.pairwise(parts)
        if parameter.startswith("{")
    )
    return Operation(name, path, entity.name, Selection(entity, conditions), NESTED, True, parents=parents)


def _enrolled(column: str, gives: str, *where: Condition) -> Among:
    """The column is one that active enrollments give (REST section 2.8)."""
    return Among(column, entities.ENROLLMENTS, gives, where)


IN_CLASS = Is("class_sourced_id", "{classSourcedId}")
AT_SCHOOL = Is("school_sourced_id", "{schoolSourcedId}")
AS_STUDENT = Is("role", "student")
AS_TEACHER = Is("role", "teacher")


def _holding(role: Is) -> Among:
    """Users with a role at the school (note N4)."""
    return Among("sourced_id", entities.ROLES, "user_sourced_id", (Is("org_sourced_id", "{schoolSourcedId}"), role))


OPERATIONS: tuple[Operation, ...] = (
    _all("getAllAcademicSessions", "academicSessions"),
    _all("getAllClasses", "classes"),
    _all("getAllCourses", "courses"),
    _all("getAllDemographics", "demographics", DEMOGRAPHIC),
    _all("getAllEnrollments", "enrollments"),
    _all("getAllGradingPeriods", "gradingPeriods"),
    _all("getAllOrgs", "orgs"),
    _all("getAllSchools", "schools"),
    _all("getAllStudents", "students"),
    _all("getAllTeachers", "teachers"),
    _all("getAllTerms", "terms"),
    _all("getAllUsers", "users"),
    _one("getAcademicSession", "academicSessions"),
    _one("getClass", "classes"),
    _one("getCourse", "courses"),
    _one("getDemographics", "demographics", DEMOGRAPHIC),
    _one("getEnrollment", "enrollments"),
    _one("getGradingPeriod", "gradingPeriods"),
    _one("getOrg", "orgs"),
    _one("getSchool", "schools"),
    _one("getStudent", "students"),
    _one("getTeacher", "teachers"),
    _one("getTerm", "terms"),
    _one("getUser", "users"),
    _nested(
        "getStudentsForClass",
        "/classes/{classSourcedId}/students",
        entities.USERS,
        _enrolled("sourced_id", "user_sourced_id", IN_CLASS, AS_STUDENT),
    ),
    _nested(
        "getTeachersForClass",
        "/classes/{classSourcedId}/teachers",
        entities.USERS,
        _enrolled("sourced_id", "user_sourced_id", IN_CLASS, AS_TEACHER),
    ),
    _nested(
        "getClassesForCourse",
        "/courses/{courseSourcedId}/classes",
        entities.CLASSES,
        Is("course_sourced_id", "{courseSourcedId}"),
    ),
    _nested("getClassesForSchool", "/schools/{schoolSourcedId}/classes", entities.CLASSES, AT_SCHOOL),
    _nested(
        "getEnrollmentsForClassInSchool",
        "/schools/{schoolSourcedId}/classes/{classSourcedId}/enrollments",
        entities.ENROLLMENTS,
        AT_SCHOOL,
        IN_CLASS,
    ),
    _nested(
        "getStudentsForClassInSchool",
        "/schools/{schoolSourcedId}/classes/{classSourcedId}/students",
        entities.USERS,
        _enrolled("sourced_id", "user_sourced_id", AT_SCHOOL, IN_CLASS, AS_STUDENT),
    ),
    _nested(
        "getTeachersForClassInSchool",
        "/schools/{schoolSourcedId}/classes/{classSourcedId}/teachers",
        entities.USERS,
        _enrolled("sourced_id", "user_sourced_id", AT_SCHOOL, IN_CLASS, AS_TEACHER),
    ),
    _nested(
        "getCoursesForSchool",
        "/schools/{schoolSourcedId}/courses",
        entities.COURSES,
        Either(
            (
                Is("org_sourced_id", "{schoolSourcedId}"),
                Among("sourced_id", entities.CLASSES, "course_sourced_id", (AT_SCHOOL,)),
            )
        ),
    ),
    _nested("getEnrollmentsForSchool", "/schools/{schoolSourcedId}/enrollments", entities.ENROLLMENTS, AT_SCHOOL),
    _nested(
        "getStudentsForSchool", "/schools/{schoolSourcedId}/students", entities.USERS, _holding(Is("role", "student"))
    ),
    _nested(
        "getTeachersForSchool", "/schools/{schoolSourcedId}/teachers", entities.USERS, _holding(Is("role", "teacher"))
    ),
    _nested(
        "getTermsForSchool",
        "/schools/{schoolSourcedId}/terms",
        entities.ACADEMIC_SESSIONS,
        Is("type", "term"),
        Among("sourced_id", entities.CLASSES, "term_sourced_ids", (AT_SCHOOL,), listed=True),
    ),
    _nested(
        "getClassesForStudent",
        "/students/{studentSourcedId}/classes",
        entities.CLASSES,
        _enrolled("sourced_id", "class_sourced_id", Is("user_sourced_id", "{studentSourcedId}"), AS_STUDENT),
    ),
    _nested(
        "getClassesForTeacher",
        "/teachers/{teacherSourcedId}/classes",
        entities.CLASSES,
        _enrolled("sourced_id", "class_sourced_id", Is("user_sourced_id", "{teacherSourcedId}"), AS_TEACHER),
    ),
    _nested(
        "getClassesForTerm",
        "/terms/{termSourcedId}/classes",
        entities.CLASSES,
        Holds("term_sourced_ids", "{termSourcedId}"),
    ),
    _nested(
        "getGradingPeriodsForTerm",
        "/terms/{termSourcedId}/gradingPeriods",
        entities.ACADEMIC_SESSIONS,
        Is("type", "gradingPeriod"),
        Is("parent_sourced_id", "{termSourcedId}"),
    ),
    _nested(
        "getClassesForUser",
        "/users/{userSourcedId}/classes",
        entities.CLASSES,
        _enrolled("sourced_id", "class_sourced_id", Is("user_sourced_id", "{userSourcedId}")),
    ),
)

BY_NAME = {operation.name: operation for operation in OPERATIONS}


class Route(msgspec.Struct, frozen=True):
    """An operation where it is served."""

    name: str
    path: str
    operation: Operation
    convenient: bool = False
    """Not as the standard has it: a page says in its body where it stands, and `modifiedSince` may be asked for."""


_ENROLLMENTS_OF_A_CLASS = _nested(
    "getEnrollmentsForClass", "/classes/{classSourcedId}/enrollments", entities.ENROLLMENTS, IN_CLASS
)

ROUTES: dict[str, Route] = {
    route.name: route
    for route in (
        *(Route(one.name, BASE + one.path, one) for one in OPERATIONS),
        *(
            Route(f"convenient.{one.name}", CONVENIENT_BASE + one.path, one, convenient=True)
            for one in (*OPERATIONS, _ENROLLMENTS_OF_A_CLASS)
        ),
    )
}
"""Everything under which records are served, by the name of its route."""

"""The closed word lists of OneRoster 1.2 (REST binding section 4, CSV binding section 5), by name.

An extensible list also takes `ext:` and a name of letters, digits, dot, hyphen, underscore (REST 4.1).
"""

import msgspec


class Vocabulary(msgspec.Struct, frozen=True):
    """A word list of the standard."""

    name: str
    words: tuple[str, ...]
    extensible: bool = False

    @property
    def pattern(self) -> str:
        """A regular expression for one whole word of the list."""
        words = "|".join(self.words)
        return rf"(?:{words}|ext:[a-zA-Z0-9.\-_]+)" if self.extensible else f"(?:{words})"


STATUS = Vocabulary("status", ("active", "tobedeleted"))
BOOLEANS = Vocabulary("boolean", ("true", "false"))
SESSION_TYPES = Vocabulary("academicSession.type", ("gradingPeriod", "semester", "schoolYear", "term"), extensible=True)
ORG_TYPES = Vocabulary("org.type", ("department", "school", "district", "local", "state", "national"), extensible=True)
CLASS_TYPES = Vocabulary("class.classType", ("homeroom", "scheduled"), extensible=True)
ROLE_TYPES = Vocabulary("role.roleType", ("primary", "secondary"))
USER_ROLES = Vocabulary(
    "role.role",
    (
        "aide",
        "counselor",
        "districtAdministrator",
        "guardian",
        "parent",
        "principal",
        "proctor",
        "relative",
        "siteAdministrator",
        "student",
        "systemAdministrator",
        "teacher",
    ),
    extensible=True,
)
ENROLLMENT_ROLES = Vocabulary("enrollment.role", ("administrator", "proctor", "student", "teacher"), extensible=True)
SEXES = Vocabulary("demographics.sex", ("male", "female", "unspecified", "other"), extensible=True)
FILE_MODES = Vocabulary("manifest file.*", ("absent", "bulk", "delta"))

JAPAN_ENROLLMENT_ROLES = Vocabulary(
    "enrollment.role (Japan)", ("administrator", "guardian", "proctor", "student", "teacher"), extensible=True
)
JAPAN_SEXES = Vocabulary("demographics.sex (Japan)", ("male", "female", "unspecified", "other"))
JAPAN_SESSION_TYPES = Vocabulary("academicSession.type (Japan)", ("schoolYear",))

# Lists the Japan profile asks for and does not insist on (Japan sheet sections 3 and 4).

JAPAN_ORG_TYPES = Vocabulary("org.type (Japan)", ("district", "school"))
JAPAN_UNUSED_ROLES = Vocabulary("role.role (not used in Japan)", ("aide", "counselor", "parent", "relative"))
JAPAN_GRADES = Vocabulary(
    "grades (Japan)",
    (
        *(f"P{year}" for year in range(1, 7)),
        *(f"J{year}" for year in range(1, 4)),
        *(f"H{year}" for year in range(1, 5)),
        *(f"E{year}" for year in range(1, 4)),
        *(f"{year:02d}" for year in range(1, 11)),
        "zz",
    ),
)
JAPAN_SUBJECT_CODES = Vocabulary(
    "subjectCodes (Japan)",
    (
        *(f"P{number:03d}" for number in range(10, 101, 10)),
        *(f"J{number:03d}" for number in range(10, 91, 10)),
        *(f"T{number:02d}" for number in (*range(1, 14), *range(50, 63))),
    ),
)

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

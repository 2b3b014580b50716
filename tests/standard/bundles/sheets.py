"""The two fact sheets as tables: files, columns, kinds of values and vocabularies."""

BASE = "base-1.2"
JAPAN = ("jp-1.2", "jp-1.2.1", "jp-k12-1.0")
PROFILES = (BASE, *JAPAN)

# Each column is NAME, then "!" when required or ":" when optional, then its kind.
# A kind "ref=orgs/school" refers to a record of that file and type; "refs=" is a list of such.
FIRST_THREE = "sourcedId!guid status:status dateLastModified:instant "
COLUMNS = {
    "academicSessions": "title!text type!enum startDate!date endDate!date "
    "parentSourcedId:ref=academicSessions schoolYear!year",
    "orgs": "name!text type!enum identifier:text parentSourcedId:ref=orgs",
    "courses": "schoolYearSourcedId:ref=academicSessions/schoolYear title!text courseCode:text grades:list "
    "orgSourcedId!ref=orgs subjects:list subjectCodes:list",
    "classes": "title!text grades:list courseSourcedId!ref=courses classCode:text classType!enum location:text "
    "schoolSourcedId!ref=orgs/school termSourcedIds!refs=academicSessions subjects:list "
    "subjectCodes:list periods:list",
    "users": "enabledUser!bool username!text userIds:userids givenName!text familyName!text middleName:text "
    "identifier:text email:text sms:text phone:text agentSourcedIds:refs=users grades:list password:text "
    "userMasterIdentifier:text resourceSourcedIds:refs=resources preferredGivenName:text "
    "preferredMiddleName:text preferredFamilyName:text primaryOrgSourcedId:ref=orgs pronouns:text",
    "roles": "userSourcedId!ref=users roleType!enum role!enum beginDate:date endDate:date orgSourcedId!ref=orgs "
    "userProfileSourcedId:ref=userProfiles",
    "enrollments": "classSourcedId!ref=classes schoolSourcedId!ref=orgs/school userSourcedId!ref=users role!enum "
    "primary:bool beginDate:date endDate:date",
    "demographics": "birthDate:date sex:enum americanIndianOrAlaskaNative:bool asian:bool "
    "blackOrAfricanAmerican:bool nativeHawaiianOrOtherPacificIslander:bool white:bool "
    "demographicRaceTwoOrMoreRaces:bool hispanicOrLatinoEthnicity:bool countryOfBirthCode:text "
    "stateOfBirthAbbreviation:text cityOfBirth:text publicSchoolResidenceStatus:text",
    "userProfiles": "userSourcedId!ref=users profileType!text vendorId!text applicationId:text description:text "
    "credentialType!text username!text password:text",
    "resources": "vendorResourceId!text title:text roles:enums importance:enum vendorId:text applicationId:text",
    "classResources": "title:text classSourcedId!ref=classes resourceSourcedId!ref=resources",
    "courseResources": "title:text courseSourcedId!ref=courses resourceSourcedId!ref=resources",
    "userResources": "userSourcedId!ref=users orgSourcedId:ref=orgs classSourcedId:ref=classes "
    "resourceSourcedId!ref=resources",
}
GRADEBOOK = (
    "categories",
    "lineItemLearningObjectiveIds",
    "lineItems",
    "lineItemScoreScales",
    "resultLearningObjectiveIds",
    "results",
    "resultScoreScales",
    "scoreScales",
)
RESOURCES = ("resources", "classResources", "courseResources", "userResources")
MANDATORY = ("academicSessions", "classes", "courses", "enrollments", "orgs", "roles", "users")
MANIFEST_FILES = [
    "academicSessions",
    "categories",
    "classes",
    "classResources",
    "courses",
    "courseResources",
    "demographics",
    "enrollments",
    "lineItemLearningObjectiveIds",
    "lineItems",
    "lineItemScoreScales",
    "orgs",
    "resources",
    "resultLearningObjectiveIds",
    "results",
    "resultScoreScales",
    "roles",
    "scoreScales",
    "userProfiles",
    "userResources",
    "users",
]

JAPAN_KANA = (
    "metadata.jp.kanaGivenName:kana metadata.jp.kanaFamilyName:kana metadata.jp.kanaMiddleName:kana "
    "metadata.jp.homeClass:ref=classes"
)
JAPAN_PREFERRED = (
    " metadata.jp.kanaPreferredFamilyName:kana metadata.jp.kanaPreferredGivenName:kana "
    "metadata.jp.kanaPreferredMiddleName:kana"
)
NUMBER = {
    "jp-1.2": "metadata.jp.ShussekiNo",
    "jp-1.2.1": "metadata.jp.ShussekiNo",
    "jp-k12-1.0": "metadata.jp.shussekiNo",
}
FLAG = {"jp-1.2": "metadata.jp.PublicFlg", "jp-1.2.1": "metadata.jp.PublicFlg", "jp-k12-1.0": "metadata.jp.publicFlg"}

VERSIONS = {BASE: ("1.2",), "jp-1.2": ("1.2",), "jp-1.2.1": ("1.2", "1.2.1"), "jp-k12-1.0": ("1.2_JP",)}

# The values of each enum, and whether it may be extended by "ext:".
ENUMS = {
    ("academicSessions", "type"): ("gradingPeriod semester schoolYear term", True),
    ("orgs", "type"): ("department school district local state national", True),
    ("classes", "classType"): ("homeroom scheduled", True),
    ("roles", "roleType"): ("primary secondary", False),
    ("roles", "role"): (
        "aide counselor districtAdministrator guardian parent principal proctor relative "
        "siteAdministrator student systemAdministrator teacher",
        True,
    ),
    ("enrollments", "role"): ("administrator proctor student teacher", True),
    ("demographics", "sex"): ("male female unspecified other", True),
    ("resources", "roles"): ("administrator aide guardian parent proctor relative student teacher", True),
    ("resources", "importance"): ("primary secondary", False),
}

GRADES = {"P1", "P2", "P3", "P4", "P5", "P6", "J1", "J2", "J3", "H1", "H2", "H3", "H4", "E1", "E2", "E3", "zz"} | {
    f"{n:02d}" for n in range(1, 11)
}
SUBJECT_CODES = (
    {f"P{n:03d}" for n in range(10, 101, 10)}
    | {f"J{n:03d}" for n in range(10, 91, 10)}
    | {f"T{n:02d}" for n in list(range(1, 14)) + list(range(50, 63))}
)
JAPAN_ROLES = {
    "student",
    "teacher",
    "guardian",
    "principal",
    "districtAdministrator",
    "siteAdministrator",
    "systemAdministrator",
    "proctor",
}
MANAGEMENT = {"principal", "districtAdministrator", "siteAdministrator"}

# Columns in which Japan forbids half-width katakana and blanks at either end.
NAMES = {
    "academicSessions": ["title"],
    "orgs": ["name"],
    "courses": ["title"],
    "classes": ["title", "location"],
    "users": [
        "givenName",
        "familyName",
        "middleName",
        "preferredGivenName",
        "preferredMiddleName",
        "preferredFamilyName",
    ],
    "userProfiles": ["description"],
}


def japanese(profile):
    """Say whether the profile is one of the three Japanese ones."""
    return profile != BASE


def columns(file, profile):
    """Give the file's columns in order as (name, kind, required)."""
    text = FIRST_THREE + COLUMNS[file]
    if japanese(profile):
        text += japan_columns(file, profile)
    if file == "users" and profile in ("jp-1.2.1", "jp-k12-1.0"):
        text = text.replace("resourceSourcedIds:refs=resources ", "")
    return [column(word) for word in text.split()]


def column(word):
    """Split one word of the table into name, kind and whether the column is required."""
    required = "!" in word
    name, kind = word.split("!" if required else ":", 1)
    return name, kind, required


def japan_columns(file, profile):
    """Give the columns a Japanese profile adds at the right of a file."""
    if file == "classes":
        return " metadata.jp.specialNeeds:bool"
    if file == "users":
        return " " + JAPAN_KANA + ("" if profile == "jp-1.2" else JAPAN_PREFERRED)
    if file == "enrollments":
        return f" {NUMBER[profile]}:int {FLAG[profile]}:bool"
    return ""


def enum(file, name, profile):
    """Give the allowed values of an enum column and whether it may be extended."""
    words, extensible = ENUMS[file, name]
    values = set(words.split())
    if japanese(profile) and (file, name) == ("enrollments", "role"):
        values.add("guardian")
    if japanese(profile) and (file, name) == ("demographics", "sex"):
        extensible = False
    return values, extensible


def skipped(profile):
    """Give the known files that a rostering importer of this profile may leave aside."""
    return set(GRADEBOOK) | (set(RESOURCES) if japanese(profile) else set())


def check_digit(code):
    """Compute the last digit of a Japanese school code from its first twelve characters."""
    digits = f"{'ABCDEFGH'.index(code[0]) + 1:02d}" + code[1:12]
    products = [int(digit) * (1 + place % 2) for place, digit in enumerate(digits)]
    return str(-sum(sum(map(int, str(product))) for product in products) % 10)

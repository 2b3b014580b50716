"""A roster of some 300 records whose values collide and bite, in three revisions: what queries are tried on."""

import random
from collections.abc import Sequence

from tests.proofs.rosters import COLUMNS
from tests.story.bundles import Files

Row = dict[str, str]

TEXTS = (
    "花子", "華子", "ハナコ", "ﾊﾅｺ", "ﾊﾅｺﾞ", "はなこ", "𠮷田", "吉田", "𩸽", "髙橋", "高橋", "葛󠄀城", "葛城",
    "が", "か\u3099", "Ａｂｃ", "ａｂｃ", "ABC", "abc", "aBc", "ab", "abcd", "ß", "ẞ", "SS", "ss", "Straße", "STRASSE",
    "straße", "İstanbul", "istanbul", "ISTANBUL", "ıstanbul", "i\u0307stanbul", "ΣΊΣΥΦΟΣ", "Σίσυφος", "ﬁne", "Fine",
    "Ǆ", "ǆ", "ǅ", "\u212a", "k", "ſ", "É", "é", "e\u0301", "Ω", "\u2126", "O'Brien", "o'brien", "O''Brien", "'", "''",
    "x' AND y", "x AND y", "a OR 'b'", "a,b", "b,a", "a", "b", "a, b", "2026-04-01", "2026-4-1",
    "2026-04-01T00:00:00.000Z", "true", "false", "null", "0", "10", "9", "100%", "100", "_", "%", "\\", "\\'", '"a"',
    "a b", "a  b", "-", "~", "=", ">", "<=", "(", "[a]", "*", "😀", "\U0001f1ef\U0001f1f5", "ー", "－", "〜", "～",
)  # fmt: skip
ITEMS = (
    "01",
    "02",
    "10",
    "1",
    "P1",
    "p1",
    "小1",
    "小２",
    "国語",
    "算数",
    "Math",
    "MATH",
    "O'Art",
    "ß",
    "ss",
    "ｶﾅ",
    "a b",
)
DAYS = ("2026-03-31", "2026-04-01", "2026-04-02", "2026-10-01", "2027-02-28", "2027-03-31")
BIRTHDAYS = ("2012-02-29", "2012-03-01", "1999-12-31", "2000-01-01", "2012-12-01")
PHONES = ("03-1234-5678", "０３－１２３４", "+81 3 1234", "110", "a,b", "O'110")
ADDRESSES = ("Hanako@example.org", "hanako@example.org", "HANAKO@EXAMPLE.ORG", "taro@example.jp", "o'brien@example.jp",
             "straße@example.de", "strasse@example.de", "花子@例え.jp")  # fmt: skip
FLAGS = ("americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican", "nativeHawaiianOrOtherPacificIslander",
         "white", "demographicRaceTwoOrMoreRaces", "hispanicOrLatinoEthnicity")  # fmt: skip
MARKS = ("-", "/", "@", ".", "_")
"""What may stand in an id besides letters and digits."""


class _Maker:
    """Draws cells, always the same."""

    def __init__(self) -> None:
        self.chance = random.Random(12)

    def text(self) -> str:
        return self.chance.choice(TEXTS)

    def maybe(self, words: Sequence[str] = TEXTS, often: float = 0.6) -> str:
        return self.chance.choice(words) if self.chance.random() < often else ""

    def some(self, words: Sequence[str]) -> str:
        """A list of none to three."""
        return ",".join(self.chance.sample(words, self.chance.randint(0, 3)))

    def ids(self, letter: str, count: int) -> list[str]:
        """Every fifth one has a twin that differs in case alone."""
        found = []
        for number in range(count):
            name = f"{letter}{MARKS[number % len(MARKS)]}{number // 5 if number % 5 else number}x{number % 3}"
            found.append(name if number % 5 else found[-1].upper() if found else name)
        return found

    def metadata(self, *names: str) -> Row:
        return {f"metadata.{name}": self.maybe(often=0.5) for name in names}


def history() -> list[Files]:
    """The first roster, and two that follow it: some records are changed, some gone."""
    first = _roster()
    second = _followed(first, changed=4, gone=29)
    return [first, second, _followed(second, changed=7, gone=0)]


def _followed(files: Files, *, changed: int, gone: int) -> Files:
    """Every so-manyth row of each kind is changed, every so-manyth user gone with what hangs on him."""
    lost = {row["sourcedId"] for number, row in enumerate(files["users"]) if gone and number % gone == 7}
    if gone:  # nothing hangs on the last of these
        lost |= {files[name][-1]["sourcedId"] for name in ("academicSessions", "classes")}
    named = {"orgs": "name", "users": "middleName", "classes": "location", "courses": "title"}
    named |= {"academicSessions": "title", "demographics": "cityOfBirth", "enrollments": "endDate"}
    found: Files = {}
    for name, rows in files.items():
        kept = [row for row in rows if not lost & {row["sourcedId"], row.get("userSourcedId", "")}]
        column = named.get(name)
        words = DAYS[3:] if column == "endDate" else TEXTS
        found[name] = [
            row | {column: words[number % len(words)]} if column and number % changed == 1 else dict(row)
            for number, row in enumerate(kept)
        ]
    for row in found["users"]:
        row["agentSourcedIds"] = ",".join(one for one in row["agentSourcedIds"].split(",") if one not in lost)
    return found


def _roster() -> Files:
    make = _Maker()
    chance = make.chance
    orgs, sessions, courses = make.ids("o", 14), make.ids("t", 14), make.ids("co", 24)
    classes, users, enrollments = make.ids("c", 40), make.ids("u", 90), make.ids("e", 100)
    schools = orgs[2:]
    kinds = ["schoolYear", "schoolYear", "term", "term", "semester", "gradingPeriod", "ext:quarter"]
    made: dict[str, list[Row]] = {
        "orgs": [
            {"sourcedId": one, "name": make.text(), "type": "school" if one in schools else "district",
             "identifier": make.maybe(), "parentSourcedId": "" if one in orgs[:2] else make.maybe(orgs[:2]),
             **make.metadata("note", "印.色")}
            for one in orgs
        ],
        "academicSessions": [
            {"sourcedId": one, "title": make.text(), "type": kinds[number % 7], "startDate": DAYS[number % 3],
             "endDate": DAYS[3 + number % 3], "schoolYear": ("2026", "2027")[number % 2],
             "parentSourcedId": sessions[number % 7 - 2] if kinds[number % 7] in ("gradingPeriod", "term") else ""}
            for number, one in enumerate(sessions)
        ],
        "courses": [
            {"sourcedId": one, "title": make.text(), "courseCode": make.maybe(), "grades": make.some(ITEMS[:6]),
             "orgSourcedId": chance.choice(orgs), "schoolYearSourcedId": make.maybe(sessions[:2]),
             **_subjects(make)}
            for one in courses
        ],
        "classes": [
            {"sourcedId": one, "title": make.text(), "grades": make.some(ITEMS),
             "courseSourcedId": chance.choice(courses), "classCode": make.maybe(),
             "classType": chance.choice(("homeroom", "scheduled", "ext:Club")), "location": make.maybe(),
             "schoolSourcedId": chance.choice(schools),
             "termSourcedIds": ",".join(chance.sample(sessions[:5], chance.randint(1, 3))),
             "periods": make.some(ITEMS), **_subjects(make), **make.metadata("jp.specialNeeds")}
            for one in classes
        ],
        "users": [_user(make, one, users, schools) for one in users],
        "enrollments": [
            {"sourcedId": one, "classSourcedId": classes[number % 30], "userSourcedId": users[number * 7 % 90],
             "schoolSourcedId": "", "role": ("student", "student", "teacher", "ext:Guest")[number % 4],
             "primary": make.maybe(("true", "false")) if number % 4 == 2 else "", "beginDate": make.maybe(DAYS[:3]),
             "endDate": make.maybe(DAYS[3:]), **make.metadata("jp.ShussekiNo", "jp.PublicFlg")}
            for number, one in enumerate(enrollments)
        ],
        "demographics": [
            {"sourcedId": one, "birthDate": make.maybe(BIRTHDAYS), "sex": make.maybe(("male", "female", "ext:X")),
             "countryOfBirthCode": make.maybe(("JP", "jp", "DE")), "stateOfBirthAbbreviation": make.maybe(),
             "cityOfBirth": make.maybe(), "publicSchoolResidenceStatus": make.maybe(),
             **{flag: make.maybe(("true", "false")) for flag in FLAGS}}
            for one in users[::2]
        ],
    }  # fmt: skip
    at = {row["sourcedId"]: row["schoolSourcedId"] for row in made["classes"]}
    for row in made["enrollments"]:
        row["schoolSourcedId"] = at[row["classSourcedId"]]
    made["userProfiles"] = [
        {"sourcedId": f"p-{one}", "userSourcedId": one, "profileType": make.text(), "vendorId": make.text(),
         "applicationId": make.maybe(), "description": make.maybe(), "credentialType": make.text(),
         "username": make.text(), "password": make.maybe()}
        for one in users[::4]
    ]  # fmt: skip
    made["roles"] = list(_roles(make, users, schools))
    return {name: [dict.fromkeys(COLUMNS[name], "") | row for row in rows] for name, rows in made.items()}


def _user(make: _Maker, one: str, users: Sequence[str], schools: Sequence[str]) -> Row:
    agents = [users[-1], users[-2], users[-3]] if users.index(one) < 30 else []
    names = ("middleName", "identifier", "userMasterIdentifier", "preferredGivenName", "preferredMiddleName",
             "preferredFamilyName", "pronouns", "password")  # fmt: skip
    identities = ("{LDAP:a1}", "{LDAP:A1}", "{LTI:花子}", "{ldap:O'B}")
    return {
        "sourcedId": one,
        "enabledUser": make.chance.choice(("true", "false")),
        "username": make.text(),
        "givenName": make.text(),
        "familyName": make.text(),
        **{name: make.maybe(often=0.4) for name in names},
        "userIds": make.some(identities),
        "email": make.maybe(ADDRESSES),
        "sms": make.maybe(PHONES),
        "phone": make.maybe(PHONES),
        "agentSourcedIds": make.some(agents) if agents else "",
        "grades": make.some(ITEMS),
        "resourceSourcedIds": make.some(("r-1", "R-1", "r/2")),
        "primaryOrgSourcedId": make.maybe(schools),
        **make.metadata("jp.kanaGivenName", "jp.kanaFamilyName", "jp.homeClass", "メモ", "note"),
    }


def _subjects(make: _Maker) -> Row:
    count = make.chance.randint(0, 3)
    return {name: ",".join(make.chance.sample(ITEMS, count)) for name in ("subjects", "subjectCodes")}


def _roles(make: _Maker, users: Sequence[str], schools: Sequence[str]) -> list[Row]:
    """One to three a user, one of them primary at each school."""
    rows = []
    for number, one in enumerate(users):
        for place, school in enumerate(make.chance.sample(schools, make.chance.randint(1, 3))):
            role = make.chance.choice(("student", "student", "teacher", "aide", "ext:Coach"))
            role = "guardian" if number >= len(users) - 3 else role
            rows.append(
                {"sourcedId": f"r-{one}-{place}", "userSourcedId": one, "roleType": "primary", "role": role,
                 "orgSourcedId": school, "beginDate": make.maybe(DAYS[:3]), "endDate": make.maybe(DAYS[3:]),
                 "userProfileSourcedId": f"p-{one}" if number % 4 == 0 and place == 0 else ""}
            )  # fmt: skip
    return rows

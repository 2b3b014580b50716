"""Makes up a small school board and its clean bundle, for any profile, from a seeded random source."""

import random
import unicodedata
import uuid

from tests.standard.bundles.sheets import BASE, FLAG, MANIFEST_FILES, NUMBER, VERSIONS, check_digit, columns, japanese
from tests.standard.bundles.writer import dialect

YEAR = 2026
FAMILIES = [
    ("佐藤", "サトウ"),
    ("鈴木", "スズキ"),
    ("高橋", "タカハシ"),
    ("田中", "タナカ"),
    ("渡邉", "ワタナベ"),
    ("𡈽井", "ドイ"),
    ("𡌛原", "ママハラ"),
    ("山﨑", "ヤマザキ"),
    ("佐々木", "ササキ"),
    ("神﨑", "カンザキ"),
    ("𣜿田", "クヌギダ"),
    ("長谷部", "ハセベ"),
    ("五十嵐", "イガラシ"),
    ("德永", "トクナガ"),
    ("祇園", "ギオン"),
    ("ヴェルヌ", "ヴェルヌ"),
    ("マッカーシー", "マッカーシー"),
    ("ゴメス・シルバ", "ゴメス・シルバ"),
]
OUTSIDE_JIS = [("𠮷野", "ヨシノ"), ("髙橋", "タカハシ")]  # not in JIS X 0213, so for the base only
GIVEN = [
    ("太郎", "タロウ"),
    ("花子", "ハナコ"),
    ("しずく", "シズク"),
    ("ひなぎく", "ヒナギク"),
    ("蓮", "レン"),
    ("陽葵", "ヒマリ"),
    ("𠮟志", "シツシ"),
    ("ジョージ", "ジョージ"),
    ("美咲", "ミサキ"),
    ("大輔", "ダイスケ"),
    ("かずえ", "カズエ"),
    ("つばさ", "ツバサ"),
    ("ぽぷら", "ポプラ"),
    ("愛", "アイ"),
    ("健", "ケン"),
    ("奈々", "ナナ"),
]
SUBJECTS = {
    "P": [("国語", "P010"), ("算数", "P030"), ("理科", "P040"), ("音楽", "P060")],
    "J": [("国語", "J010"), ("数学", "J030"), ("英語", "J090"), ("美術", "J060")],
}


def identifier(rng, profile, word):
    """Make an identifier: a version 4 UUID in Japan, any kind of GUID in the base."""
    value = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    if japanese(profile):
        return value
    return rng.choice(
        [value, f"{word}-{value[:8]}", f"{word}/{value[:6]}.{value[9:13]}", f"{value[:8]}_{word}@ed.jp", value.upper()]
    )


def flavour(rng, word):
    """Write some words in decomposed form, as a Mac would."""
    return unicodedata.normalize("NFD", word) if rng.random() < 0.3 else word


def add(board, file, **values):
    """Add a row to a file, with blanks where nothing is given; return its identifier."""
    profile, rng = board["profile"], board["rng"]
    values.setdefault("sourcedId", identifier(rng, profile, file[:4]))
    names = [name for name, _, _ in columns(file, profile)]
    values = {name.replace("__", "metadata.jp."): value for name, value in values.items()}
    board["files"].setdefault(file, []).append([values.get(name, "") for name in names])
    return values["sourcedId"]


def school_code(rng, kind, prefecture):
    """Make a school code with its check digit."""
    code = f"{kind}1{prefecture}2{rng.randrange(10**7):07d}"
    return code + check_digit(code)


def add_orgs(board):
    """Add the district, its schools and one school that has not opened yet; return district and open schools."""
    rng, null = board["rng"], "NULL" if japanese(board["profile"]) and board["rng"].random() < 0.4 else ""
    prefecture = f"{rng.randint(1, 47):02d}"
    town = rng.choice(["見本市", "霧ヶ丘町", "青葉区", "桜が丘村"])
    district = add(
        board,
        "orgs",
        name=f"{town}教育委員会",
        type="district",
        parentSourcedId=null,
        identifier=f"{prefecture}{rng.randrange(10**4):04d}",
    )
    schools = []
    for number in range(rng.randint(2, 3)):
        level = "PJ"[number % 2]
        name = f"{town}立{rng.choice(['第一', '中央', '緑', '東'])}{number}{'小学校' if level == 'P' else '中学校'}"
        parent = district if rng.random() < 0.8 else ""
        schools.append(
            (
                add(
                    board,
                    "orgs",
                    name=name,
                    type="school",
                    parentSourcedId=parent,
                    identifier=school_code(rng, "B" if level == "P" else "C", prefecture),
                ),
                level,
            )
        )
    add(board, "orgs", name=f"{town}立開校準備小学校", type="school", identifier=school_code(rng, "B", prefecture))
    return district, schools


def add_sessions(board):
    """Add the school year, and terms in the base; return the year and all sessions of it."""
    rng, profile = board["rng"], board["profile"]
    if japanese(profile):
        year = add(
            board,
            "academicSessions",
            title=f"{YEAR}年度",
            type="schoolYear",
            startDate=f"{YEAR}-04-01",
            endDate=f"{YEAR + 1}-03-31",
            parentSourcedId=rng.choice(["NULL", ""]),
            schoolYear=str(YEAR),
        )
        return year, [year]
    end = str(YEAR + 1)
    year = add(
        board,
        "academicSessions",
        title=f"School year {YEAR}, all",
        type="schoolYear",
        startDate=f"{YEAR}-04-01",
        endDate=f"{end}-04-01",
        schoolYear=end,
    )
    dates = [("term", "04-01", "08-01"), ("semester", "08-01", "10-01"), ("ext:quarter", "10-01", "12-25")]
    terms = [
        add(
            board,
            "academicSessions",
            title=f'Part "{number}"',
            type=kind,
            startDate=f"{YEAR}-{first}",
            endDate=f"{YEAR}-{last}",
            parentSourcedId=year,
            schoolYear=end,
        )
        for number, (kind, first, last) in enumerate(dates, 1)
    ]
    return year, [year, *terms]


def add_courses(board, district, schools, year):
    """Add a home-room course and two subject courses for each level; return them by level."""
    rng, courses = board["rng"], {}
    for level in sorted({level for _, level in schools}):
        grades = ",".join(f"{level}{number}" for number in range(1, 4))
        made = [
            (
                add(
                    board,
                    "courses",
                    schoolYearSourcedId=year,
                    title=f"{YEAR}年度ホームルーム",
                    grades=grades,
                    orgSourcedId=district,
                ),
                "",
                "",
            )
        ]
        for name, code in rng.sample(SUBJECTS[level], 2):
            other = rng.choice(SUBJECTS[level])
            pair = [(name, code)] + ([other] if other[0] != name and rng.random() < 0.4 else [])
            subjects, codes = ",".join(name for name, _ in pair), ",".join(code for _, code in pair)
            code = "" if japanese(board["profile"]) else f"C-{rng.randrange(1000)}"
            made.append(
                (
                    add(
                        board,
                        "courses",
                        schoolYearSourcedId=rng.choice([year, year, ""]),
                        courseCode=code,
                        title=f"{YEAR}年度{name}",
                        grades=grades,
                        orgSourcedId=district,
                        subjects=subjects,
                        subjectCodes=codes,
                    ),
                    subjects,
                    codes,
                )
            )
        courses[level] = made
    return courses


def add_classes(board, school, level, courses, sessions):
    """Add two home rooms and two subject classes to a school; return [(class, type, grade)]."""
    rng, made = board["rng"], []
    special = {"__specialNeeds": rng.choice(["true", "false", ""])} if japanese(board["profile"]) else {}
    for number in range(1, 3):
        for kind, (course, subjects, codes) in (("homeroom", courses[0]), ("scheduled", courses[number])):
            grade = f"{level}{number}"
            terms = ",".join(rng.sample(sessions, rng.randint(1, len(sessions))))
            title = f"{number}年{number}組" + (subjects.split(",")[0] if kind == "scheduled" else "")
            made.append(
                (
                    add(
                        board,
                        "classes",
                        title=title,
                        grades=grade,
                        courseSourcedId=course,
                        classType=kind,
                        classCode=f"{number:02d}0{number}" if kind == "homeroom" else "",
                        location=rng.choice(["", "本館2階, 東", '通称"光"の間', "理科室"]),
                        schoolSourcedId=school,
                        termSourcedIds=terms,
                        subjects=subjects,
                        subjectCodes=codes,
                        periods=rng.choice(["", "1", "1,2"]),
                        **special,
                    ),
                    kind,
                    grade,
                )
            )
    return made


def add_user(board, org, grades="", agents=(), home=""):
    """Add one person; return the identifier."""
    rng, profile = board["rng"], board["profile"]
    family, family_kana = rng.choice(FAMILIES if japanese(profile) else FAMILIES + OUTSIDE_JIS)
    given, given_kana = rng.choice(GIVEN)
    number = board["number"] = board["number"] + 1
    login = f"u{number:04d}"
    values = {
        "enabledUser": "true",
        "username": login,
        "givenName": flavour(rng, given),
        "familyName": flavour(rng, family),
        "userIds": rng.choice(["", f"{{Koumu:{login}}}", f"{{Google:{login}@ed.jp}},{{MS:{login}@ms.ed.jp}}"]),
        "identifier": rng.choice(["", f"N{number}"]),
        "email": rng.choice(["", f"{login}@ed.jp"]),
        "agentSourcedIds": ",".join(agents),
        "grades": grades,
        "preferredGivenName": given,
        "preferredFamilyName": family,
        "userMasterIdentifier": identifier(rng, "jp-1.2", ""),
        "primaryOrgSourcedId": rng.choice(["", org]),
    }
    if japanese(profile):
        values |= {"__kanaGivenName": given_kana, "__kanaFamilyName": family_kana, "__homeClass": home}
        values |= {"__kanaMiddleName": rng.choice(["", "マリア　テレサ"])} if "シルバ" in family else {}
        values |= {} if profile == "jp-1.2" else {"__kanaPreferredFamilyName": rng.choice(["", family_kana])}
    elif rng.random() < 0.3:
        values |= {"middleName": "Anne, Mary", "pronouns": "they/them"}
    return add(board, "users", **values)


def add_profile(board, user):
    """Give a user an account with a vendor; return its identifier."""
    rng = board["rng"]
    return add(
        board,
        "userProfiles",
        userSourcedId=user,
        profileType="learning",
        vendorId="vendor.example",
        applicationId=rng.choice(["", "app-1"]),
        description=rng.choice(["", "デジタル教材, 本番"]),
        credentialType=rng.choice(["SSO", "password"]),
        username=f"p{rng.randrange(10**5)}",
    )


def add_role(board, user, org, role, kind="primary"):
    """Give a user a role in an organisation, often with dates and sometimes with a profile."""
    rng = board["rng"]
    begin, end = rng.choice([("", ""), (f"{YEAR}-04-01", f"{YEAR + 1}-03-31"), (f"{YEAR}-04-08", "")])
    profile = ""
    if rng.random() < 0.3:
        profile = add_profile(board, user)
        profile = rng.choice([profile, profile, ""])
    add(
        board,
        "roles",
        userSourcedId=user,
        roleType=kind,
        role=role,
        beginDate=begin,
        endDate=end,
        orgSourcedId=org,
        userProfileSourcedId=profile,
    )


def enroll(board, group, school, user, role, primary, number=""):
    """Enroll a user in a class."""
    rng, profile = board["rng"], board["profile"]
    begin, end = rng.choice([("", ""), ("", ""), (f"{YEAR}-04-08", f"{YEAR + 1}-03-24")])
    extra = {NUMBER[profile]: number, FLAG[profile]: rng.choice(["true", "false", ""])} if japanese(profile) else {}
    add(
        board,
        "enrollments",
        classSourcedId=group,
        schoolSourcedId=school,
        userSourcedId=user,
        role=role,
        primary=primary,
        beginDate=begin,
        endDate=end,
        **extra,
    )


def add_staff(board, district, schools):
    """Add a superintendent and for each school a head; return teachers by school, one of them in two schools."""
    rng, profile = board["rng"], board["profile"]
    first = "teacher" if japanese(profile) else "districtAdministrator"
    chief = add_user(board, district)
    add_role(board, chief, district, first)
    for _ in range(2):
        add_profile(board, chief)
    if japanese(profile):
        add_role(board, chief, district, "districtAdministrator", "secondary")
    teachers = {}
    for school, _ in schools:
        head = add_user(board, school)
        add_role(board, head, school, "teacher")
        add_role(board, head, school, "principal", "secondary")
        teachers[school] = [head] + [add_user(board, school) for _ in range(rng.randint(4, 5))]
        for teacher in teachers[school][1:]:
            add_role(board, teacher, school, "teacher")
    add_role(board, teachers[schools[0][0]][-1], schools[1][0], "teacher")
    return teachers


def add_pupils(board, school, classes):
    """Add pupils to each grade of a school with guardians, enrollments and demographics."""
    rng = board["rng"]
    for grade in sorted({grade for *_, grade in classes}):
        home = next(group for group, kind, of in classes if kind == "homeroom" and of == grade)
        other = next(group for group, kind, of in classes if kind == "scheduled" and of == grade)
        for number in range(1, rng.randint(6, 7)):
            agents = [add_user(board, "") for _ in range(rng.choice([0, 0, 0, 0, 1, 2]))]
            for agent in agents:
                add_role(board, agent, school, "guardian")
            pupil = add_user(board, school, grade, agents, home)
            add_role(board, pupil, school, "student")
            primary = "false" if japanese(board["profile"]) else rng.choice(["", "false"])
            enroll(board, home, school, pupil, "student", primary, str(number))
            enroll(board, other, school, pupil, "student", primary)
            if rng.random() < 0.7:
                add(
                    board,
                    "demographics",
                    sourcedId=pupil,
                    birthDate=f"201{rng.randint(2, 9)}-0{rng.randint(1, 9)}-11",
                    sex=rng.choice(["male", "female", "unspecified", ""]),
                    cityOfBirth=rng.choice(["", "見本市"]),
                    countryOfBirthCode=rng.choice(["", "JP"]),
                )


def make(profile, seed, delta=False):
    """Make a clean bundle (see writer.py) for a profile and a seed; delta fills status and dateLastModified."""
    rng = random.Random(f"{profile} {seed}")
    board = {"rng": rng, "profile": profile, "files": {}, "number": 0}
    district, schools = add_orgs(board)
    year, sessions = add_sessions(board)
    courses = add_courses(board, district, schools, year)
    teachers = add_staff(board, district, schools)
    for school, level in schools:
        classes = add_classes(board, school, level, courses[level], sessions)
        for place, (group, _, _) in enumerate(classes):
            enroll(board, group, school, teachers[school][place % 3], "teacher", "true")
            enroll(board, group, school, teachers[school][3], "teacher", "false")
            enroll(board, group, school, teachers[school][0], "administrator", "false")
        add_pupils(board, school, classes)
    for file in rng.sample(sorted(board["files"]), 5):
        rng.shuffle(board["files"][file])
    files = {
        file: {"header": [name for name, _, _ in columns(file, profile)], "rows": rows}
        for file, rows in board["files"].items()
    }
    for table in files.values() if delta else []:
        for row in table["rows"]:
            row[1:3] = [rng.choice(["active", "active", "tobedeleted"]), "2026-04-02T18:25:43.511Z"]
    return finish(
        {
            "delta": delta,
            "profile": profile,
            "files": files,
            "dialect": dialect(profile, rng),
            "raw": {},
            "ends": {},
            "late": {},
            "folder": "",
            "zip_name": f"RO_{YEAR}0401_{rng.choice(['01', '131237'])}.zip",
        },
        rng,
    )


def finish(bundle, rng):
    """Add the manifest, and harmless peculiarities that the sheets tell importers to tolerate."""
    profile, files, mode = bundle["profile"], bundle["files"], "delta" if bundle["delta"] else "bulk"
    rows = [["manifest.version", "1.0"], ["oneroster.version", VERSIONS[profile][0]]]
    rows += [["file." + file, mode if file in files else "absent"] for file in MANIFEST_FILES]
    if rng.random() < 0.5:
        rows += [["source.systemName", "見本校務, 第2版"], ["source.systemCode", "sample"]]
    if rng.random() < 0.2:
        rows.append(["digitalkoumu.oneroster.version", "3"])
    if rng.random() < 0.2:
        rng.shuffle(rows)
    bundle["manifest"] = {"header": ["propertyName", "value"], "rows": rows}
    if profile == BASE and rng.random() < 0.3:
        files["users"]["header"].append("metadata.club")
        for row in files["users"]["rows"]:
            row.append(rng.choice(["", "chess, go"]))
    return bundle

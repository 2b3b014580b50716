"""Judges single values: what kind they are, and the Japanese column rules of one row."""

import datetime
import re
import unicodedata

from tests.standard.bundles.sheets import (
    GRADES,
    JAPAN_ROLES,
    MANAGEMENT,
    NAMES,
    SUBJECT_CODES,
    check_digit,
    enum,
    japanese,
)

GUID = re.compile(r"[A-Za-z0-9.\-_/@]{1,255}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
USER_IDS = re.compile(r"\{[^:{}]+:[^:{}]+\}(,\s*\{[^:{}]+:[^:{}]+\})*")
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z", re.ASCII)
EXTENSION = re.compile(r"ext:[a-zA-Z0-9.\-_]+")
KANA = re.compile("[\u30a1-\u30fe\u3099\u309a \u3000]*")
HALF_WIDTH = re.compile("[\uff65-\uff9f]")
SCHOOL_CODE = re.compile(r"[A-H]\d(0[1-9]|[1-3]\d|4[0-7])[123]\d{8}", re.ASCII)
BOARD_CODE = re.compile(r"(0[1-9]|[1-3]\d|4[0-7])\d{4}", re.ASCII)


def blank(text, profile):
    """Say whether a value counts as blank; in Japan the word NULL does too."""
    return not text.strip() or (japanese(profile) and text == "NULL")


def items(text):
    """Split a comma list into its trimmed, non-blank items."""
    return [item.strip() for item in text.split(",") if item.strip()]


def is_date(text):
    """Say whether the text is a real date written YYYY-MM-DD."""
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII)) and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def judge_value(file, name, kind, required, text, profile):
    """Give the code of the rule a single value breaks, or None."""
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        return "E-TEXT"
    if blank(text, profile):
        return "E-REQUIRED" if required else None
    judge = {"guid": judge_guid, "bool": judge_bool, "enum": judge_enum, "enums": judge_enums}.get(kind)
    if judge:
        return judge(file, name, text, profile)
    if kind.startswith("ref"):
        bad = [item for item in items(text) if not GUID.fullmatch(item)]
        return "E-GUID" if bad and not japanese(profile) else None
    code, fits = {
        "date": ("E-DATE", is_date(text)),
        "year": ("E-YEAR", re.fullmatch(r"\d{4}", text, re.ASCII)),
        "int": ("E-INTEGER", re.fullmatch(r"\d+", text, re.ASCII)),
        "userids": ("E-USERIDS", USER_IDS.fullmatch(text)),
        "kana": ("W-KANA", KANA.fullmatch(text)),
    }.get(kind, (None, True))
    return None if fits else code


def judge_guid(file, name, text, profile):
    """Judge an identifier: a GUID in the base, a lower-case UUID in Japan."""
    if not japanese(profile):
        return None if GUID.fullmatch(text) else "E-GUID"
    if UUID.fullmatch(text):
        return None
    return "W-UUID-CASE" if UUID.fullmatch(text.lower()) else "E-UUID"


def judge_bool(file, name, text, profile):
    """Judge a boolean; Japan lets any case pass with a warning."""
    if text in ("true", "false"):
        return None
    return "W-BOOL-CASE" if japanese(profile) and text.lower() in ("true", "false") else "E-BOOL"


def judge_enum(file, name, text, profile):
    """Judge one word of an enum."""
    values, extensible = enum(file, name, profile)
    return None if text in values or (extensible and EXTENSION.fullmatch(text)) else "E-ENUM"


def judge_enums(file, name, text, profile):
    """Judge a list of enum words."""
    return "E-ENUM" if any(judge_enum(file, name, item, profile) for item in items(text)) else None


def judge_delta(row):
    """Judge status and dateLastModified of a row in a delta file, as (code, column)."""
    status, instant = row["status"].text, row["dateLastModified"].text
    if not status or not instant:
        return [("E-STATUS", "dateLastModified" if status else "status")]
    found = [] if status in ("active", "tobedeleted") else [("E-ENUM", "status")]
    parts = INSTANT.fullmatch(instant)
    return found + ([] if parts and is_date(parts.group(1)) else [("E-INSTANT", "dateLastModified")])


def judge_bulk(row):
    """Judge status and dateLastModified of a row in a bulk file, which must both be blank."""
    return [("E-STATUS", name) for name in ("status", "dateLastModified") if row[name].text][:1]


def judge_japan(file, value):
    """Give the Japanese column rules that a row breaks as (code, column); value maps columns to good texts."""
    found = []
    for name in NAMES.get(file, []):
        text = value.get(name, "")
        found += [("W-KANA", name)] if HALF_WIDTH.search(text) else []
        found += [("W-BLANKS", name)] if text != text.strip() else []
    found += [("W-GRADE", "grades") for item in items(value.get("grades", "")) if item not in GRADES]
    found += [
        ("W-SUBJECT-CODE", "subjectCodes") for item in items(value.get("subjectCodes", "")) if item not in SUBJECT_CODES
    ]
    return found + {
        "academicSessions": japan_session,
        "orgs": japan_org,
        "courses": japan_course,
        "users": japan_user,
        "roles": japan_role,
        "enrollments": japan_enrollment,
    }.get(file, lambda value: [])(value)


def japan_session(value):
    """Judge title, type, dates and year of a school year."""
    found, start, end = [], value.get("startDate"), value.get("endDate")
    if value.get("title") and not re.fullmatch(r"\d{4}年度", value["title"], re.ASCII):
        found.append(("W-TITLE", "title"))
    if value.get("type", "schoolYear") != "schoolYear":
        found.append(("W-SCHOOL-YEAR", "type"))
    if start and not start.endswith("-04-01"):
        found.append(("W-SCHOOL-YEAR", "startDate"))
    if start and end and end != f"{int(start[:4]) + 1:04d}-03-31" and end >= start:
        found.append(("W-SCHOOL-YEAR", "endDate"))
    if start and value.get("schoolYear") and value["schoolYear"] != start[:4]:
        found.append(("W-SCHOOL-YEAR", "schoolYear"))
    return found


def japan_org(value):
    """Judge the type, code and parent of an organisation."""
    found, kind, code = [], value.get("type"), value.get("identifier")
    if kind and kind not in ("district", "school"):
        found.append(("W-ORG-TYPE", "type"))
    if code and kind == "school" and not (SCHOOL_CODE.fullmatch(code) and check_digit(code) == code[12]):
        found.append(("W-SCHOOL-CODE", "identifier"))
    if code and kind == "district" and not BOARD_CODE.fullmatch(code):
        found.append(("W-SCHOOL-CODE", "identifier"))
    if kind == "district" and value.get("parentSourcedId"):
        found.append(("E-PARENT", "parentSourcedId"))
    return found


def japan_course(value):
    """Judge the title and the code of a course."""
    found = [("W-COURSE-CODE", "courseCode")] if value.get("courseCode") else []
    if value.get("title") and not re.match(r"\d{4}年度", value["title"], re.ASCII):
        found.append(("W-TITLE", "title"))
    return found


def japan_user(value):
    """Judge a user's enabledUser and userMasterIdentifier."""
    found = [("W-ENABLED", "enabledUser")] if value.get("enabledUser", "").lower() == "false" else []
    if "userMasterIdentifier" in value and not UUID4.fullmatch(value["userMasterIdentifier"].lower()):
        found.append(("W-MASTER-ID", "userMasterIdentifier"))
    return found


def japan_role(value):
    """Judge whether a role is in the Japanese lists and on the right kind of row."""
    role = value.get("role", "student")
    listed = role in JAPAN_ROLES or role.startswith("ext:")
    return [] if listed and not (role in MANAGEMENT and value.get("roleType") == "primary") else [("W-ROLE", "role")]


def japan_enrollment(value):
    """Judge the primary flag of an enrollment."""
    if value.get("primary") == "":
        return [("W-PRIMARY", "primary")]
    student = value.get("role") == "student" and value.get("primary", "").lower() == "true"
    return [("E-PRIMARY", "primary")] if student else []

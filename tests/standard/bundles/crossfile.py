"""Judges what needs more than one row: duplicates, references, cycles, primary rules and lists side by side."""

from tests.standard.bundles.cells import blank, is_date, items
from tests.standard.bundles.sheets import columns, japanese


def text(row, name, profile):
    """Give a row's value, with blank for a missing column and for NULL."""
    value = row[name].text if name in row else ""
    return "" if blank(value, profile) else value


def key(value, profile):
    """Give the form in which identifiers are compared."""
    return value.lower() if japanese(profile) else value


def judge_duplicates(tables, profile):
    """Report the later row of each sourcedId (in Japan also userMasterIdentifier) that occurs twice in a file."""
    found = []
    for file, table in tables.items():
        names = ["sourcedId"] + (["userMasterIdentifier"] if file == "users" and japanese(profile) else [])
        for name in names:
            seen = set()
            for row in table["rows"]:
                value = key(text(row, name, profile), profile)
                if value and value in seen:
                    found.append(("E-DUPLICATE", file, row[name].line, name, value))
                seen.add(value)
    return found


def index(table, profile):
    """Map each sourcedId of a table to its row's type."""
    return {key(text(row, "sourcedId", profile), profile): text(row, "type", profile) for row in table["rows"]}


def judge_references(tables, unknown, profile):
    """Report each item of each reference that leads nowhere or to a record of the wrong type."""
    found = []
    targets = {
        file: index(table, profile)
        for file, table in tables.items()
        if file in ("orgs", "academicSessions", "courses", "classes", "users", "userProfiles", "resources")
    }
    for file, table in tables.items():
        for name, kind, _ in columns(file, profile):
            if (file, name) == ("demographics", "sourcedId"):
                kind = "ref=users"
            if not kind.startswith("ref") or table["mode"] == "delta":
                continue
            target, _, wanted = kind.split("=")[1].partition("/")
            if target in unknown or tables.get(target, {}).get("mode") == "delta":
                continue
            many = kind.startswith("refs")
            for row in table["rows"]:
                if name in row and name not in row["bad"]:
                    found += judge_reference(file, name, row, many, targets.get(target, {}), wanted, profile)
    return found


def judge_reference(file, name, row, many, target, wanted, profile):
    """Judge the references of one cell, item by item."""
    found, value = [], text(row, name, profile)
    for item in items(value) if many else [value] if value else []:
        kind = target.get(key(item, profile))
        if kind is None:
            found.append(("E-REF", file, row[name].line, name, item))
        elif wanted and kind and kind != wanted and not kind.startswith("ext:"):
            found.append(("E-REF-TYPE", file, row[name].line, name, item))
    return found


def judge_cycles(tables, profile):
    """Report each row that is its own ancestor."""
    found = []
    for file in ("orgs", "academicSessions"):
        rows = tables.get(file, {"rows": []})["rows"]
        parents = {
            key(text(row, "sourcedId", profile), profile): key(text(row, "parentSourcedId", profile), profile)
            for row in rows
        }
        for row in rows:
            start = key(text(row, "sourcedId", profile), profile)
            place = parents.get(start)
            for _ in parents:
                if place == start:
                    found.append(("E-CYCLE", file, row["parentSourcedId"].line, "parentSourcedId", start))
                    break
                place = parents.get(place)
    return found


def judge_pairs(tables, profile):
    """Report ends before their begins and subject lists of unequal length."""
    found = []
    for file, table in tables.items():
        for row in table["rows"]:
            for begin, end in (("beginDate", "endDate"), ("startDate", "endDate")):
                first, last = text(row, begin, profile), text(row, end, profile)
                if is_date(first) and is_date(last) and last < first:
                    found.append(("E-DATE-ORDER", file, row[end].line, end, last))
            subjects, codes = (items(text(row, name, profile)) for name in ("subjects", "subjectCodes"))
            if subjects and codes and len(subjects) != len(codes):
                rule = "W-SUBJECTS" if japanese(profile) else "E-SUBJECTS"
                found.append((rule, file, row["subjectCodes"].line, "subjectCodes", ",".join(codes)))
    return found


def judge_roles(tables, profile):
    """Report second primaries in one organisation, users without a primary (Japan) and users without any role."""
    found, seen, first, primary = [], set(), {}, set()
    known = {key(text(row, "sourcedId", profile), profile) for row in tables.get("users", {"rows": []})["rows"]}
    for row in tables["roles"]["rows"]:
        user, org = (key(text(row, name, profile), profile) for name in ("userSourcedId", "orgSourcedId"))
        first.setdefault(user, row)
        if text(row, "roleType", profile) == "primary" and user:
            if org and (user, org) in seen:
                found.append(("E-PRIMARY-TWICE", "roles", row["roleType"].line, "roleType", user))
            seen.add((user, org))
        if text(row, "roleType", profile) != "secondary":
            primary.add(user)
    for user, row in first.items():
        if user in known and user not in primary and japanese(profile):
            found.append(("E-PRIMARY-NONE", "roles", row["roleType"].line, "roleType", user))
    for row in tables.get("users", {"rows": []})["rows"]:
        user = key(text(row, "sourcedId", profile), profile)
        if user and user not in first:
            found.append(("W-NO-ROLE", "users", row["sourcedId"].line, "sourcedId", user))
    return found


def judge_home_classes(tables, profile):
    """Report students without a home class (Japan)."""
    name = "metadata.jp.homeClass"
    students = {
        key(text(row, "userSourcedId", profile), profile)
        for row in tables.get("roles", {"rows": []})["rows"]
        if text(row, "role", profile) == "student"
    }
    return [
        ("W-HOME-CLASS", "users", row[name].line, name, "")
        for row in tables.get("users", {"rows": []})["rows"]
        if name in row and not text(row, name, profile) and key(text(row, "sourcedId", profile), profile) in students
    ]


def judge_primary_teachers(tables, profile):
    """Report each later primary teacher of a class whose period meets an earlier one's; base: primary pupils too."""
    found, seen = [], {}
    for row in tables.get("enrollments", {"rows": []})["rows"]:
        if text(row, "primary", profile).lower() != "true":
            continue
        role, group = text(row, "role", profile), text(row, "classSourcedId", profile)
        begin = text(row, "beginDate", profile) or "0000"
        end = text(row, "endDate", profile) or "9999"
        if role == "teacher":
            if any(begin <= last and first <= end for first, last in seen.get(group, [])):
                found.append(("W-PRIMARY-TEACHER", "enrollments", row["primary"].line, "primary", group))
            seen.setdefault(group, []).append((begin, end))
        elif role == "student" and not japanese(profile):
            found.append(("W-PRIMARY", "enrollments", row["primary"].line, "primary", "true"))
    return found

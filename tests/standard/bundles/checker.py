"""Lists every deviation of a OneRoster bundle from the fact sheets.

Call it as  python checker.py BUNDLE PROFILE [--delta]  or as  checker.check(path, profile, delta=False).
Each finding is (severity, rule, file, physical line, column, value).
"""

import sys

from tests.standard.bundles import crossfile, package
from tests.standard.bundles.cells import judge_bulk, judge_delta, judge_japan, judge_value
from tests.standard.bundles.reader import decode, parse
from tests.standard.bundles.sheets import PROFILES, columns, japanese, skipped


def check(path, profile, delta=False):
    """Give all findings for the bundle at path, judged by the profile."""
    members, found = package.load(path)
    if members:
        found = found + package.judge_layout(path, members, profile)
        stopping = {"E-FOLDER", "E-ZIP"} & {rule for rule, *_ in found}
        found += [] if stopping else check_members(members, profile, delta)
    elif not found:
        found = [("E-MANIFEST", "manifest", None, None, "")]
    found = [("error" if rule[0] == "E" else "warning", rule, *rest) for rule, *rest in found]
    return sorted(found, key=lambda entry: (entry[2] or "", entry[3] or 0, entry[1], entry[4] or ""))


def check_members(members, profile, delta):
    """Judge the manifest, each file, and then the files against one another."""
    dialect, rows = check_dialect("manifest", members.get("manifest.csv", b""), profile)
    other = package.judge_version(members)
    if rows is None or other:
        return other or dialect
    found, modes = package.judge_manifest(members, profile, delta)
    found += package.judge_files(members, modes, profile) + dialect
    tables, unknown = {}, set(skipped(profile))
    unknown |= {file for file, (_, mode) in modes.items() if mode != "absent" and file + ".csv" not in members}
    unknown |= {rest[0] for rule, *rest in found if rule == "E-MANDATORY"}
    for file, (line, mode) in modes.items():
        if file + ".csv" in members and file not in skipped(profile):
            problems, table = check_file(file, members[file + ".csv"], mode, profile)
            found += problems
            if table:
                tables[file] = table
                if table["mode"] != mode and mode in ("bulk", "delta"):
                    found.append(("W-MODE", "manifest", line, "value", mode))
            else:
                unknown.add(file)
    return found + check_across(tables, unknown, profile)


def check_dialect(file, data, profile):
    """Judge encoding, line ends and quoting; return problems and the rows (None when unreadable)."""
    text, problems = decode(data)
    found = [(code, file, line, None, value) for code, line, _, value in problems]
    if text is None:
        return found, None
    rows, ends, stop = parse(text)
    if stop:
        code, line, place, value = stop
        names = [cell.text for cell in rows[0]] if rows else []
        return [*found, (code, file, line, names[place] if place < len(names) else None, value)], None
    if japanese(profile):
        wrong = [line for line, end in ends if end not in ("\r\n", "")]
        found += [("W-EOL", file, line, None, "") for line in wrong[:1]]
        for row in rows[1:]:
            if len(row) == len(rows[0]):
                found += [
                    ("W-UNQUOTED", file, cell.line, name.text, cell.text)
                    for name, cell in zip(rows[0], row, strict=False)
                    if not cell.quoted
                ]
    return found, rows


def check_file(file, data, mode, profile):
    """Judge one data file by itself; return problems and its table (None when it is not to be trusted)."""
    found, rows = check_dialect(file, data, profile)
    if rows is None:
        return found, None
    if len(rows) < 2:
        return [*found, ("E-EMPTY", file, None, None, "")], {"rows": [], "mode": mode}
    header = [cell.text for cell in rows[0]]
    found += package.judge_header(file, header, profile)
    table = {"rows": [], "mode": mode}
    for row in rows[1:]:
        if len(row) == len(header):
            table["rows"].append(dict(reversed(list(zip(header, row, strict=False))), bad=set()))
        else:
            found.append(("E-COLUMNS", file, row[0].line, None, str(len(row))))
    table["mode"] = mode_of(table["rows"], mode)
    for row in table["rows"]:
        found += check_row(file, row, table["mode"], profile)
    broken = "sourcedId" not in header
    return found, None if broken else table


def mode_of(rows, hint):
    """Tell a file's mode from its rows; where they disagree among themselves the manifest's hint holds."""
    filled = [[bool(row[name].text) for name in ("status", "dateLastModified") if name in row] for row in rows]
    if filled and all(pair == [True, True] for pair in filled):
        return "delta"
    return "bulk" if not any(map(any, filled)) else hint


def check_row(file, row, mode, profile):
    """Judge the values of one row; note in the row which columns are bad, so that no rule judges them twice."""
    found = []
    if "status" in row and "dateLastModified" in row:
        pairs = judge_delta(row) if mode == "delta" else judge_bulk(row)
        found += [(code, name) for code, name in pairs]
    for name, kind, required in columns(file, profile):
        if name in row and kind not in ("status", "instant"):
            code = judge_value(file, name, kind, required, row[name].text, profile)
            if code:
                found.append((code, name))
                row["bad"] |= {name} if code[0] == "E" else set()
    if japanese(profile):
        value = {
            name: crossfile.text(row, name, profile)
            for name, _, _ in columns(file, profile)
            if name in row and name not in row["bad"]
        }
        found += judge_japan(file, value)
    return [(code, file, row[name].line, name, row[name].text) for code, name in found]


def check_across(tables, unknown, profile):
    """Judge everything that needs more than one row."""
    found = crossfile.judge_duplicates(tables, profile) + crossfile.judge_references(tables, unknown, profile)
    found += crossfile.judge_cycles(tables, profile) + crossfile.judge_pairs(tables, profile)
    found += crossfile.judge_primary_teachers(tables, profile)
    if tables.get("roles", {"rows": []})["rows"] and tables["roles"]["mode"] == "bulk":
        found += crossfile.judge_roles(tables, profile)
        found += crossfile.judge_home_classes(tables, profile) if japanese(profile) else []
    return found


def main(arguments):
    """Print the findings for a bundle, one a line, and exit with 1 when there are errors."""
    words = [word for word in arguments if word != "--delta"]
    if len(words) != 2 or words[1] not in PROFILES:
        sys.exit(f"usage: checker.py BUNDLE {{{'|'.join(PROFILES)}}} [--delta]")
    found = check(words[0], words[1], "--delta" in arguments)
    for entry in found:
        print(
            "\t".join(
                "" if part is None else repr(part)[1:-1] if isinstance(part, str) else str(part) for part in entry
            )
        )
    sys.exit(1 if any(severity == "error" for severity, *_ in found) else 0)


if __name__ == "__main__":
    main(sys.argv[1:])

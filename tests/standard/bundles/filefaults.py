"""Puts faults into whole files or the whole package of a bundle.

Each kind is a function of (state, fault) that gives places [(code, file, line or row, column)]; a line may be a
number, a row, None (any line will do), or the words "bad byte" (the line of the first byte that is not UTF-8).
"""

from tests.standard.bundles.board import identifier
from tests.standard.bundles.rowfaults import get, put, table

OLD_FILES = [
    "academicSessions",
    "categories",
    "classes",
    "classResources",
    "courses",
    "courseResources",
    "demographics",
    "enrollments",
    "lineItems",
    "orgs",
    "resources",
    "results",
    "users",
]
OLD_USERS = [
    "sourcedId",
    "status",
    "dateLastModified",
    "enabledUser",
    "orgSourcedIds",
    "role",
    "username",
    "userIds",
    "givenName",
    "familyName",
    "middleName",
    "identifier",
    "email",
    "sms",
    "phone",
    "agentSourcedIds",
    "grades",
    "password",
]
SDS = {
    "orgs": "sourcedId name type parentSourcedId",
    "users": "sourcedId username givenName familyName password activeDirectoryMatchId email phone sms",
    "roles": "userSourcedId orgSourcedId role sessionSourcedId grade isPrimary roleStartDate roleEndDate",
    "classes": "sourcedId orgSourcedId title sessionSourcedIds courseSourcedId",
    "enrollments": "classSourcedId userSourcedId role",
}


def manifest_row(state, name):
    """Find a property's row in the manifest."""
    return next(row for row in state["bundle"]["manifest"]["rows"] if row[0] == name)


def whole(fault, line=None, column=None, file=""):
    """Give the one place of a fault of a whole file."""
    return [(fault["code"], fault["file"] if file == "" else file, line, column)]


def late(make, line=None):
    """Turn a function from bytes to bytes into a kind that changes a file after it was written."""

    def kind(state, fault):
        """Change the bytes of the fault's file."""
        state["bundle"]["late"][fault["file"]] = make
        return whole(fault, line)

    return kind


def to_cp932(data):
    """Write a file in CP932."""
    return data.decode("utf-8").encode("cp932", "replace")


def line_ends(ends):
    """Turn a choice of line ends into a kind."""

    def kind(state, fault):
        """Change the line ends of the fault's file, of all lines or of one."""
        rows = table(state, fault["file"])["rows"]
        number = state["rng"].randrange(1, len(rows)) if ends == "once" else 0
        state["bundle"]["ends"][fault["file"]] = "\n" if ends == "all" else {number: "\n"}
        if ends != "once":
            return whole(fault, 1)
        state["kept"].append(rows[number - 1])
        return whole(fault, rows[number - 1])

    return kind


def swap_columns(state, fault):
    """Let two neighbouring columns, with their values, change places."""
    data = table(state, fault["file"])
    where = state["rng"].randrange(3, 8)
    for row in [data["header"]] + data["rows"]:
        row[where], row[where + 1] = row[where + 1], row[where]
    return whole(fault, 1)


def drop_column(state, fault):
    """Take a column and its values away."""
    data = table(state, fault["file"])
    where = data["header"].index(fault["column"])
    for row in [data["header"]] + data["rows"]:
        row.pop(where)
    return whole(fault, 1, fault["column"])


def add_column(state, fault):
    """Add a column at the right: a new one, or one that is there already with the same values."""
    data = table(state, fault["file"])
    where = data["header"].index(fault["column"]) if fault["kind"] == "double column" else None
    for row in data["rows"]:
        row.append("" if where is None else row[where])
    data["header"].append(fault["column"])
    return whole(fault, 1, fault["column"])


def rename_column(state, fault):
    """Write a header in another case."""
    data = table(state, fault["file"])
    data["header"][data["header"].index(fault["column"])] = fault["values"][0]
    found = whole(fault, 1, fault["column"])
    if "E-HEADER-UNKNOWN" in fault.get("also", []):
        found.append(("E-HEADER-UNKNOWN", fault["file"], 1, fault["values"][0]))
    return found


def empty(state, fault):
    """Leave nothing but the header, or nothing at all."""
    table(state, fault["file"])["rows"].clear()
    if fault["kind"] == "no bytes":
        state["bundle"]["late"][fault["file"]] = lambda data: b""
    return whole(fault)


def remove_file(state, fault):
    """Take a file away; leave_out also says so in the manifest."""
    del state["bundle"]["files"][fault["file"]]
    if fault["kind"] == "leave out":
        manifest_row(state, "file." + fault["file"])[1] = "absent"
    return whole(fault)


def add_file(state, fault):
    """Add a file with two rows, and its mode in the manifest when the fault has one."""
    names = {
        "categories": "title weight",
        "scoreScales": "title type orgSourcedId courseSourcedId classSourcedId scoreScaleValue",
    }.get(fault["file"], "name")
    header = ["sourcedId", "status", "dateLastModified", *names.split()]
    rows = [[identifier(state["rng"], state["profile"], "more"), "", ""] + ["1"] * len(names.split()) for _ in "ab"]
    state["bundle"]["files"][fault["file"]] = {"header": header, "rows": rows}
    if fault["values"][0]:
        manifest_row(state, "file." + fault["file"])[1] = fault["values"][0]
    return whole(fault)


def put_manifest(state, fault):
    """Change the mode of a file in the manifest."""
    manifest_row(state, "file." + fault["file"])[1] = fault["values"][0]
    return whole(fault)


def property_rows(state, fault):
    """Take a property's row out of the manifest, or write it twice."""
    rows, row = state["bundle"]["manifest"]["rows"], manifest_row(state, fault["where"]["propertyName"])
    if fault["kind"] == "drop property":
        rows[:] = [other for other in rows if other is not row]
        return whole(fault)
    rows.append(list(row))
    return whole(fault, rows[-1], "propertyName")


def package(state, fault):
    """Spoil the package: its name, its folder, its manifest, or everything but the manifest."""
    bundle = state["bundle"]
    if fault["kind"] == "zip name":
        bundle["zip_name"] = "oneroster_bulk_20260401040000.zip"
    elif fault["kind"] == "folder":
        bundle["folder"] = "OneRoster/"
    elif fault["kind"] == "no manifest":
        bundle["manifest"] = None
    elif fault["kind"] == "only manifest":
        for row in bundle["manifest"]["rows"]:
            row[1] = "absent" if row[0].startswith("file.") else row[1]
        bundle["files"].clear()
    return whole(fault)


def older_version(state, fault):
    """Turn the bundle into a OneRoster 1.1 or 1.0 one."""
    bundle, users = state["bundle"], table(state, "users")
    extra = {"orgSourcedIds": get(state, "orgs", table(state, "orgs")["rows"][0], "sourcedId"), "role": "student"}
    rows = [
        [extra.get(name) or get(state, "users", row, name) if name not in extra else extra[name] for name in OLD_USERS]
        for row in users["rows"]
    ]
    bundle["files"]["users"] = {"header": list(OLD_USERS), "rows": rows}
    for file in ("roles", "userProfiles"):
        bundle["files"].pop(file, None)
    if fault["kind"] == "version 1.0":
        bundle["manifest"] = None
    else:
        manifest_row(state, "oneroster.version")[1] = "1.1"

        def kept(name):
            return not name.startswith("file.") or name[5:] in OLD_FILES

        bundle["manifest"]["rows"] = [row for row in bundle["manifest"]["rows"] if kept(row[0])]
    return whole(fault)


def microsoft(state, fault):
    """Turn the bundle into a Microsoft SDS 2.1 one, which has no manifest."""
    bundle, old = state["bundle"], state["bundle"]["files"]
    bundle["manifest"], bundle["files"] = None, {}
    for file, names in SDS.items():
        there = old[file]["header"]
        rows = [
            [row[there.index(name)] if name in there else "" for name in names.split()] for row in old[file]["rows"]
        ]
        bundle["files"][file] = {"header": names.split(), "rows": rows}
    return whole(fault)


def raw_cell(state, fault):
    """Write one value so that it cannot be read: a bad byte, a stray quote, or a quote that is never closed."""
    data, kind = table(state, fault["file"]), fault["kind"]
    row = data["rows"][-1] if kind == "unclosed" else state["rng"].choice(data["rows"])
    name = data["header"][-1] if kind == "unclosed" else fault.get("column_of", fault["column"])
    where, text = data["header"].index(name), get(state, fault["file"], row, name).replace('"', "").encode("utf-8")
    state["bundle"]["raw"][id(row), where] = {
        "bad byte": b'"' + text + state["rng"].choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\x93\x8c"]) + b'"',
        "unclosed": b'"' + text + b"x",
        "stray": b'"' + text + b'"b"',
    }[kind]
    return whole(fault, row, None if kind == "bad byte" else name)


def ring(state, fault):
    """Make two schools each other's parent."""
    schools = [row for row in table(state, "orgs")["rows"] if get(state, "orgs", row, "type") == "school"]
    pair = state["rng"].sample(schools, 2)
    for row, other in (pair, pair[::-1]):
        put(state, "orgs", row, "parentSourcedId", get(state, "orgs", other, "sourcedId"))
    return [(fault["code"], "orgs", row, "parentSourcedId") for row in pair]


KINDS = {
    "bom": late(lambda data: b"\xef\xbb\xbf" + data, 1),
    "cp932": late(to_cp932, "bad byte"),
    "utf16": late(lambda data: b"\xff\xfe" + data.decode("utf-8").encode("utf-16-le")),
    "lf": line_ends("all"),
    "lf header": line_ends("header"),
    "lf once": line_ends("once"),
    "swap columns": swap_columns,
    "drop column": drop_column,
    "double column": add_column,
    "add column": add_column,
    "rename column": rename_column,
    "no rows": empty,
    "no bytes": empty,
    "remove file": remove_file,
    "leave out": remove_file,
    "add file": add_file,
    "put manifest": put_manifest,
    "drop property": property_rows,
    "double property": property_rows,
    "zip name": package,
    "folder": package,
    "no manifest": package,
    "only manifest": package,
    "version 1.1": older_version,
    "version 1.0": older_version,
    "sds": microsoft,
    "bad byte": raw_cell,
    "stray": raw_cell,
    "unclosed": raw_cell,
    "ring": ring,
}

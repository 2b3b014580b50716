"""Puts single faults into the rows of a bundle, so that no fault masks or causes another.

A state is a dict: "bundle", "rng", "profile", "marks" {(id(row), column): "fault" or "pin"}, "referenced" (ids that
others refer to), "count" {(kind, file): number} and "prefer" (None, or a (row, column) behind which to stay).
Each kind is a function of (state, fault) that gives the places [(code, file, row, column)], or None when none is free.
"""

import datetime

from tests.standard.bundles.board import identifier
from tests.standard.bundles.sheets import columns

# Columns of a row that are judged together: a fault in one keeps all of them from further faults.
TOGETHER = {
    "roles": [["userSourcedId", "roleType", "role", "orgSourcedId"], ["beginDate", "endDate"]],
    "enrollments": [["role", "primary"], ["beginDate", "endDate"]],
    "orgs": [["sourcedId", "type", "identifier", "parentSourcedId"]],
    "academicSessions": [["sourcedId", "type", "startDate", "endDate", "parentSourcedId", "schoolYear"]],
    "courses": [["subjects", "subjectCodes"]],
    "classes": [["subjects", "subjectCodes"]],
}


def table(state, file):
    """Give the header and rows of a file, the manifest included."""
    return state["bundle"]["manifest"] if file == "manifest" else state["bundle"]["files"][file]


def get(state, file, row, column):
    """Read one cell."""
    return row[table(state, file)["header"].index(column)]


def put(state, file, row, column, value):
    """Write one cell."""
    row[table(state, file)["header"].index(column)] = value


def group(file, column):
    """Give the columns judged together with this one."""
    groups = [*TOGETHER.get(file, []), ["status", "dateLastModified"]]
    return next((names for names in groups if column in names), [column])


def is_free(state, file, row, column, pin=False):
    """Say whether a cell and those judged with it hold no fault (and no pin, unless only a pin is wanted)."""
    marks = {state["marks"].get((id(row), name)) for name in group(file, column)}
    return "fault" not in marks and (pin or "pin" not in marks)


def mark(state, file, row, column, word="fault"):
    """Keep a cell and those judged with it from further faults."""
    for name in group(file, column):
        state["marks"][id(row), name] = word


def untouched(state, file, row):
    """Say whether no cell of a row is marked."""
    return not any((id(row), name) in state["marks"] for name in table(state, file)["header"])


def close(state, file, row):
    """Keep a whole row from further faults."""
    for name in table(state, file)["header"]:
        state["marks"][id(row), name] = "fault"


def fits(state, fault, row):
    """Say whether a row meets the fault's conditions: where, where_not, free and the preferred row."""
    file, prefer = fault["file"], state["prefer"]
    if prefer and row is not prefer[0]:
        return False
    value = {name: get(state, file, row, name) for name in (*fault.get("where", {}), *fault.get("where_not", {}))}
    return (
        all(value[name] == word for name, word in fault.get("where", {}).items())
        and all(value[name] != word for name, word in fault.get("where_not", {}).items())
        and not (fault.get("free") and get(state, file, row, "sourcedId") in state["referenced"])
    )


def choose(state, fault, also=lambda row: True):
    """Pick a random row whose cell is free for the fault and mark it; None when there is none."""
    file, column = fault["file"], fault["column"]
    rows = list(table(state, file)["rows"])
    state["rng"].shuffle(rows)
    for row in rows:
        if fits(state, fault, row) and is_free(state, file, row, column) and also(row):
            mark(state, file, row, column)
            return row
    return None


def choose_whole(state, fault, also=lambda row: True):
    """Pick a random untouched row for the fault; None when there is none."""
    rows = list(table(state, fault["file"])["rows"])
    state["rng"].shuffle(rows)
    fitting = (row for row in rows if fits(state, fault, row) and untouched(state, fault["file"], row) and also(row))
    return next(fitting, None)


def insert_copy(state, file, row, renew):
    """Insert a copy of a row somewhere below it, with new identifiers in the columns to renew."""
    rows, copy = table(state, file)["rows"], list(row)
    start = next(place for place, other in enumerate(rows) if other is row)
    rows.insert(state["rng"].randint(start + 1, len(rows)), copy)
    for column in renew:
        put(state, file, copy, column, identifier(state["rng"], state["profile"], "copy"))
    return copy


def place(fault, row, column=None):
    """Give the single place of a fault."""
    return [(fault["code"], fault["file"], row, column or fault["column"])]


def change(make):
    """Turn a function from an old to a new value into a kind; it may refuse a value by giving None."""

    def kind(state, fault):
        """Change one free cell."""

        def old(row):
            return get(state, fault["file"], row, fault["column"])

        row = choose(state, fault, lambda row: make(state, fault, old(row)) is not None)
        if row is None:
            return None
        put(state, fault["file"], row, fault["column"], make(state, fault, old(row)))
        return place(fault, row)

    return kind


def put_value(state, fault):
    """Put one of the fault's values, or a dangling identifier, into a cell; with "copy", into a row of its own."""
    make = new_id if fault["kind"] == "dangle" else one_value
    if not fault.get("copy"):
        return change(make)(state, fault)
    original = choose_whole(state, fault)
    if original is None:
        return None
    row = insert_copy(state, fault["file"], original, ["sourcedId"])
    put(state, fault["file"], row, fault["column"], make(state, fault, None))
    close(state, fault["file"], row)
    return place(fault, row)


def one_value(state, fault, old):
    """Give one of the fault's values that differs from the old one."""
    values = [value for value in fault["values"] if value != old]
    return state["rng"].choice(values) if values else None


def new_id(state, fault, old):
    """Give an identifier that leads nowhere."""
    return identifier(state["rng"], state["profile"], "gone")


def new_item(state, fault, old):
    """Add an identifier that leads nowhere to a list, at any place in it."""
    listed = old.split(",") if old else []
    listed.insert(state["rng"].randint(0, len(listed)), new_id(state, fault, old))
    return ",".join(listed)


def spoil_item(state, fault, old):
    """Replace one item of a list by one of the fault's values."""
    listed = old.split(",")
    listed[state["rng"].randrange(len(listed))] = state["rng"].choice(fault["values"])
    return ",".join(listed) if old else None


def break_line(state, fault, old):
    """Put one or two line breaks into a text."""
    rng = state["rng"]
    tail = rng.choice(["続き", '"続", 終', "b,c"])
    return (old or "東棟") + rng.choice(["\n", "\r\n", "\n\n", "\n一\r\n"]) + tail


def control(state, fault, old):
    """Put a control character into a text."""
    return (old or "東棟") + state["rng"].choice(["\x01", "\x07", "\x1b", "\x7f"]) + "後"


def pad(state, fault, old):
    """Put a blank, half or full width, at one end of a text."""
    return state["rng"].choice([" {}", "{} ", "　{}", "{}　"]).format(old) if old else None


def lengthen(state, fault, old):
    """Add a good subject code to a list that has subjects beside it."""
    return old + ",P050" if old else None


def wrong_digit(state, fault, old):
    """Change the check digit of a school code."""
    return old[:12] + str((int(old[12]) + state["rng"].randint(1, 9)) % 10) if len(old) == 13 else None


def other_id(state, fault, old):
    """Give an identifier of its own that is no UUID of version 4."""
    number = state["rng"].getrandbits(32)
    return state["rng"].choice([f"koumu-{number}", f"{number:08d}"[:8], f"{number:08x}-5f2a-11f0-9c3d-0242ac120002"])


def upper(state, fault, old):
    """Write a UUID in upper case."""
    return old.upper() if old != old.upper() else None


def self_parent(state, fault):
    """Make a record its own parent."""
    row = choose(state, fault)
    if row is not None:
        put(state, fault["file"], row, fault["column"], get(state, fault["file"], row, "sourcedId"))
    return None if row is None else place(fault, row)


def status(state, fault):
    """Fill or blank status or dateLastModified in at most two rows of a file that has enough others."""
    seen = state["count"].get(("status", fault["file"]), 0)
    if seen == 2 or len(table(state, fault["file"])["rows"]) < 6:
        return None
    state["count"]["status", fault["file"]] = seen + 1
    return change(one_value)(state, fault)


def earlier_value(state, fault):
    """Give a row the value that an earlier row has in the same column."""
    file, column = fault["file"], fault["column"]
    rows = table(state, file)["rows"]
    later = choose(state, fault, lambda row: any(is_free(state, file, other, column) for other in before(rows, row)))
    if later is None:
        return None
    first = state["rng"].choice([row for row in before(rows, later) if is_free(state, file, row, column)])
    mark(state, file, first, column)
    put(state, file, later, column, get(state, file, first, column))
    return place(fault, later)


def before(rows, row):
    """Give the rows that stand before a row."""
    return rows[: next(place for place, other in enumerate(rows) if other is row)]


def copy_row(state, fault):
    """Let a whole row come a second time further down."""
    file = fault["file"]
    row = choose_whole(state, fault)
    if row is None:
        return None
    copy = insert_copy(state, file, row, [])
    if file == "users":
        put(state, file, copy, "userMasterIdentifier", identifier(state["rng"], "jp-1.2", ""))
    close(state, file, row)
    close(state, file, copy)
    return place(fault, copy)


def point(state, fault):
    """Let a reference lead to a record of another type."""
    file, column, word = fault["to"]
    targets = [
        row
        for row in table(state, file)["rows"]
        if word in get(state, file, row, column) and is_free(state, file, row, "sourcedId", pin=True)
    ]
    row = choose(state, fault) if targets else None
    if row is None:
        return None
    target = state["rng"].choice(targets)
    if target is not row:
        mark(state, file, target, "sourcedId", "pin")
    put(state, fault["file"], row, fault["column"], get(state, file, target, "sourcedId"))
    return place(fault, row)


def roles_of(state, row):
    """Give all roles rows of the user of one roles row."""
    user = get(state, "roles", row, "userSourcedId")
    return [other for other in table(state, "roles")["rows"] if get(state, "roles", other, "userSourcedId") == user]


def second_primary(state, fault):
    """Give a user a second primary role in the same organisation."""
    row = choose_whole(state, fault, lambda row: get(state, "roles", row, "roleType") == "primary")
    if row is None:
        return None
    copy = insert_copy(state, "roles", row, ["sourcedId"])
    close(state, "roles", row)
    close(state, "roles", copy)
    return place(fault, copy)


def no_primary(state, fault):
    """Make a user's only role secondary."""
    row = choose_whole(state, fault, lambda row: len(roles_of(state, row)) == 1)
    if row is None:
        return None
    put(state, "roles", row, "roleType", "secondary")
    close(state, "roles", row)
    return place(fault, row)


def no_role(state, fault):
    """Take away the only role of a guardian or teacher."""
    rows = table(state, "roles")["rows"]
    for row in state["rng"].sample(rows, len(rows)):
        role, user = get(state, "roles", row, "role"), get(state, "roles", row, "userSourcedId")
        owner = [one for one in table(state, "users")["rows"] if get(state, "users", one, "sourcedId") == user]
        alone = len(roles_of(state, row)) == 1 and untouched(state, "roles", row) and role in ("guardian", "teacher")
        if alone and len(owner) == 1 and is_free(state, "users", owner[0], "sourcedId"):
            rows[:] = [other for other in rows if other is not row]
            state["kept"].append(row)
            mark(state, "users", owner[0], "sourcedId")
            return place(fault, owner[0], "sourcedId")
    return None


def second_teacher(state, fault):
    """Make a second teacher of a class primary; the fault is at the later of the two rows."""
    rows = table(state, "enrollments")["rows"]

    def read(row, column):
        return get(state, "enrollments", row, column)

    for row in state["rng"].sample(rows, len(rows)):
        if read(row, "role") != "teacher" or read(row, "primary") != "false":
            continue
        first = [
            other
            for other in rows
            if read(other, "primary") == "true"
            and read(other, "role") == "teacher"
            and read(other, "classSourcedId") == read(row, "classSourcedId")
        ]
        if len(first) == 1 and all(untouched(state, "enrollments", one) for one in (row, first[0])):
            put(state, "enrollments", row, "primary", "true")
            close(state, "enrollments", row)
            close(state, "enrollments", first[0])
            return place(fault, first[0] if any(one is row for one in before(rows, first[0])) else row)
    return None


def end_first(state, fault):
    """Let a period end one or more days before it begins."""
    row = choose(state, fault)
    if row is None:
        return None
    begin = get(state, fault["file"], row, fault["begin"]) or "2026-04-08"
    end = datetime.date.fromisoformat(begin) - datetime.timedelta(state["rng"].randint(1, 400))
    put(state, fault["file"], row, fault["begin"], begin)
    put(state, fault["file"], row, fault["column"], end.isoformat())
    return place(fault, row)


def ragged(state, fault):
    """Take the last value of a row away or add one."""
    row = choose_whole(state, fault)
    if row is None:
        return None
    close(state, fault["file"], row)
    if fault["kind"] == "drop cell":
        row.pop()
    else:
        row.append("余り")
    return [(fault["code"], fault["file"], row, None)]


def unquote(state, fault):
    """Write one value of a file without its quotes."""
    file, column = fault["file"], fault["column"]
    if state["count"].get(("unquote", file)):
        return None
    row = choose(state, fault, lambda row: not set(get(state, file, row, column)) & set(',"\r\n'))
    if row is None:
        return None
    state["count"]["unquote", file] = 1
    where = table(state, file)["header"].index(column)
    state["bundle"]["raw"][id(row), where] = row[where].encode("utf-8")
    return place(fault, row)


KINDS = {
    "put": put_value,
    "dangle": put_value,
    "dangle item": change(new_item),
    "spoil item": change(spoil_item),
    "line break": change(break_line),
    "control": change(control),
    "pad": change(pad),
    "lengthen": change(lengthen),
    "half width": change(lambda state, fault, old: old + "ﾎﾝｶﾝ"),
    "check digit": change(wrong_digit),
    "upper": change(upper),
    "other id": change(other_id),
    "empty": change(lambda state, fault, old: "" if old else None),
    "self": self_parent,
    "status": status,
    "earlier value": earlier_value,
    "copy row": copy_row,
    "point": point,
    "second primary": second_primary,
    "no primary": no_primary,
    "no role": no_role,
    "second teacher": second_teacher,
    "end first": end_first,
    "drop cell": ragged,
    "extra cell": ragged,
    "unquote": unquote,
}


def references(bundle):
    """Give all identifiers that some record refers to."""
    found = set()
    for file, data in bundle["files"].items():
        kinds = {name: kind for name, kind, _ in columns(file, bundle["profile"])}
        places = [place for place, name in enumerate(data["header"]) if kinds.get(name, "").startswith("ref")]
        for row in data["rows"]:
            for place in places:
                found |= set(row[place].split(","))
            if file == "demographics":
                found.add(row[0])
    return found - {""}

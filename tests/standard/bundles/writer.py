"""Writes a bundle byte-exactly and notes the physical line on which each cell begins.

A bundle is a dict: "profile", "zip_name", "files" {file: {"header", "rows"}}, "manifest" (a file of that shape),
"dialect" (see dialect), "raw" {(id(row), place): bytes written as they are}, "ends" {file: line end, or
{row number: line end}}, "late" {file: function from bytes to bytes} and "folder" (a prefix of member names).
"""

import random
import re
import zipfile

BREAK = re.compile(rb"\r\n|\r|\n")


def dialect(profile, rng):
    """Choose how a clean bundle is written: Japan quotes every value and ends lines with CR-LF; the base is free."""
    if profile != "base-1.2":
        return {"quote": "all", "header": rng.random() < 0.2, "end": "\r\n", "last": True}
    return {
        "quote": rng.choice(["all", "need", "need"]),
        "header": rng.random() < 0.3,
        "end": rng.choice(["\n", "\r\n"]),
        "last": rng.random() < 0.8,
    }


def cell_bytes(value, always):
    """Write one value, in quotes when asked for or needed."""
    if always or any(letter in value for letter in ',"\r\n'):
        value = '"' + value.replace('"', '""') + '"'
    return value.encode("utf-8")


def render(bundle, file, table):
    """Write one file; return its bytes and {(id(row), place): physical line}."""
    style, places, parts, line = bundle["dialect"], {}, [], 1
    ends = bundle["ends"].get(file, style["end"])
    rows = [table["header"]] + table["rows"]
    for number, row in enumerate(rows):
        always = style["header"] if number == 0 else style["quote"] == "all"
        for place, value in enumerate(row):
            data = bundle["raw"].get((id(row), place))
            data = cell_bytes(value, always) if data is None else data
            places[id(row), place] = line
            parts += [data, b","]
            line += len(BREAK.findall(data))
        end = ends if isinstance(ends, str) else ends.get(number, style["end"])
        parts[-1] = end.encode() if number < len(rows) - 1 or style["last"] else b""
        line += 1
    return b"".join(parts), places


def write(path, bundle):
    """Write the bundle as a zip; return the bytes of each member and the places of all cells."""
    members, places = {}, {}
    tables = dict(bundle["files"], **({"manifest": bundle["manifest"]} if bundle["manifest"] else {}))
    for file, table in tables.items():
        data, found = render(bundle, file, table)
        members[file] = bundle["late"].get(file, lambda same: same)(data)
        places.update(found)
    names = list(members)
    random.Random(len(places)).shuffle(names)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(f"{bundle['folder']}{name}.csv", (2026, 4, 1, 4, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, members[name])
    return members, places

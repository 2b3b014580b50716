"""Opens a bundle (zip or folder) and judges its layout, its manifest and its set of files."""

import os
import re
import zipfile

from tests.standard.bundles.reader import decode, parse
from tests.standard.bundles.sheets import MANDATORY, MANIFEST_FILES, VERSIONS, columns, japanese, skipped

ZIP_NAME = re.compile(r"RO_\d{8}_[0-9A-Za-z]+\.zip")


def load(path):
    """Read every member of a zip or folder; return {name: bytes} and problems as (rule, file, line, column, value)."""
    if os.path.isdir(path):
        return load_folder(path), []
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            twice = [("E-FILE-EXTRA", stem(name), None, None, name) for name in set(names) if names.count(name) > 1]
            return {name: archive.read(name) for name in names}, twice
    except (zipfile.BadZipFile, RuntimeError, OSError) as error:
        return {}, [("E-ZIP", None, None, None, str(error))]


def load_folder(path):
    """Read every file below a folder by its name relative to it."""
    members = {}
    for folder, _, names in os.walk(path):
        for name in names:
            full = os.path.join(folder, name)
            with open(full, "rb") as stream:
                members[os.path.relpath(full, path).replace(os.sep, "/")] = stream.read()
    return members


def stem(name):
    """Take the .csv off a member's name."""
    return name[:-4] if name.endswith(".csv") else name


def judge_layout(path, members, profile):
    """Judge the zip's name, folders inside it and unknown files."""
    found = []
    base = os.path.basename(path)
    if japanese(profile) and not os.path.isdir(path) and not ZIP_NAME.fullmatch(base):
        found.append(("W-ZIP-NAME", None, None, None, base))
    nested = sorted(name for name in members if "/" in name and name.endswith(".csv"))
    if nested:
        found.append(("E-FOLDER", None, None, None, nested[0]))
    for name in members:
        if "/" not in name and name.endswith(".csv") and stem(name) not in [*MANIFEST_FILES, "manifest"]:
            found.append(("E-FILE-UNKNOWN", stem(name), None, None, name))
    return found


def header_of(members, file):
    """Give the column names of a file, or an empty list when it is not there or not readable."""
    text, _ = decode(members.get(file + ".csv", b""))
    rows = parse(text.split("\n")[0])[0] if text else []
    return [cell.text for cell in rows[0]] if rows else []


def judge_version(members):
    """Recognise bundles of another kind: OneRoster 1.0 and 1.1, Microsoft SDS, or one without a manifest."""
    users = header_of(members, "users")
    if "manifest.csv" in members:
        version = manifest_rows(members["manifest.csv"])[0].get("oneroster.version", [(0, "")])[0][1]
        if "orgSourcedIds" in users or version == "1.1":
            return [("E-OR11", None, None, None, version)]
        return []
    if users and "status" not in users:
        return [("E-SDS", None, None, None, ",".join(users))]
    if not users or "orgSourcedIds" in users:
        return [("E-OR10", None, None, None, "")]
    return [("E-MANIFEST", "manifest", None, None, "")]


def manifest_rows(data):
    """Read the manifest as {property: [(line, value), ...]} and the rows as the reader gave them."""
    text, _ = decode(data)
    rows = parse(text)[0] if text else []
    properties = {}
    for row in rows[1:]:
        if len(row) == 2:
            properties.setdefault(row[0].text, []).append((row[0].line, row[1].text))
    return properties, rows


def judge_manifest(members, profile, delta):
    """Judge every row of the manifest; return problems and the mode of each file."""
    properties, rows = manifest_rows(members["manifest.csv"])
    found = []
    if not rows or [cell.text for cell in rows[0]] != ["propertyName", "value"]:
        found.append(("E-MANIFEST", "manifest", 1, None, ""))
    found += [("E-COLUMNS", "manifest", row[0].line, None, "") for row in rows[1:] if len(row) != 2]
    wanted = ["manifest.version", "oneroster.version"] + ["file." + file for file in MANIFEST_FILES]
    for name in wanted:
        if name not in properties:
            found.append(("E-MANIFEST", "manifest", None, "propertyName", name))
    for name, places in properties.items():
        found += [("E-MANIFEST", "manifest", line, "propertyName", name) for line, _ in places[1:]]
        for line, value in places:
            found += judge_property(name, line, value, profile, delta)
    modes = {file: properties.get("file." + file, [(None, "absent")])[0] for file in MANIFEST_FILES}
    return found, modes


def judge_property(name, line, value, profile, delta):
    """Judge the value of one manifest row."""
    if name.startswith("file.") and name[5:] in MANIFEST_FILES:
        allowed = ("absent", "bulk", "delta") if delta or not japanese(profile) else ("absent", "bulk")
    elif name == "manifest.version":
        allowed = ("1.0",)
    elif name == "oneroster.version":
        return [] if value in VERSIONS[profile] else [("W-VERSION", "manifest", line, "value", value)]
    else:
        return []
    return [] if value in allowed else [("E-MANIFEST-VALUE", "manifest", line, "value", value)]


def judge_files(members, modes, profile):
    """Compare the files that are there with what the manifest says."""
    found = []
    present = {stem(name) for name in members}
    for file, (_, mode) in modes.items():
        if mode in ("bulk", "delta") and file not in present:
            found.append(("E-FILE-MISSING", file, None, None, mode))
        elif mode == "absent" and file in present:
            found.append(("E-FILE-EXTRA", file, None, None, mode))
        elif file in present and file in skipped(profile):
            found.append(("W-SKIPPED", file, None, None, mode))
        elif japanese(profile) and mode == "absent" and file in MANDATORY:
            found.append(("E-MANDATORY", file, None, None, mode))
    if not japanese(profile) and present == {"manifest"}:
        found.append(("W-NO-ROWS", None, None, None, ""))
    return found


def judge_header(file, header, profile):
    """Compare a header with the profile's exact list of columns."""
    wanted = [name for name, _, _ in columns(file, profile)]
    found = [("E-HEADER-MISSING", file, 1, name, "") for name in wanted if name not in header]
    found += [("E-HEADER-TWICE", file, 1, name, "") for place, name in enumerate(header) if name in header[:place]]
    found += [
        ("E-HEADER-UNKNOWN", file, 1, name, "")
        for name in dict.fromkeys(header)
        if name not in wanted and not name.startswith("metadata.")
    ]
    known = [name for name in dict.fromkeys(header) if name in wanted or name.startswith("metadata.")]
    right = [name for name in wanted if name in known] + [name for name in known if name not in wanted]
    if known != right:
        first = next(name for name, other in zip(known, right, strict=False) if name != other)
        found.append(("W-HEADER-ORDER", file, 1, first, ""))
    return found

"""Bundles as files: the same content in many spellings, drawn by lot."""

import csv
import hashlib
import io
import zipfile
from pathlib import Path
from random import Random

from tests.machine.model import Bundle, File
from tests.machine.records import COLUMNS, METADATA

STEMS = [
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
"""Of the files that a manifest names."""


def write(files: dict[str, File], day: str, target: Path, chance: Random) -> Bundle:
    """Write the bundle as a zip, in a spelling drawn by lot."""
    members = {"manifest.csv": _manifest(files, chance)}
    for stem, file in files.items():
        members[f"{stem}.csv"] = _text(stem, file, chance)
    names = list(members)
    chance.shuffle(names)
    with zipfile.ZipFile(target, "w", chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, (2026, 4, 1, 0, 0, 0)), members[name])
    return Bundle(files, day, hashlib.sha256(target.read_bytes()).hexdigest(), _content(target))


def _manifest(files: dict[str, File], chance: Random) -> str:
    """With a mode for each file, now and then a wrong one: rows that are there are believed, not the manifest."""
    modes = dict.fromkeys(STEMS, "absent") | {stem: file.mode for stem, file in files.items()}
    for stem, file in files.items():
        if file.rows and chance.random() < 0.05:
            modes[stem] = "delta" if file.mode == "bulk" else "bulk"
    lines = ["propertyName,value", "manifest.version,1.0", "oneroster.version,1.2"]
    return "\n".join(lines + [f"file.{stem},{mode}" for stem, mode in modes.items()]) + "\n"


def _text(stem: str, file: File, chance: Random) -> str:
    header = ["sourcedId", "status", "dateLastModified", *(one.header for one in COLUMNS[stem]), *METADATA]
    rows = [dict(row) for row in file.rows]
    if chance.random() < 0.3:
        chance.shuffle(header)
    if chance.random() < 0.3:
        rows.reverse()
    if chance.random() < 0.3:
        lists = [one.header for one in COLUMNS[stem] if one.many and one.header in header]
        for row in rows:
            row |= {name: row[name].replace(",", ", ") for name in lists if row.get(name)}
            if "dateLastModified" in row:
                row["dateLastModified"] = row["dateLastModified"].replace("00:00:00.000Z", "09:00:00+09:00")
    out = io.StringIO()
    writer = csv.DictWriter(
        out,
        header,
        restval="",
        extrasaction="raise",
        quoting=chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
        lineterminator=chance.choice(("\r\n", "\n")),
    )
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _content(target: Path) -> tuple[tuple[str, bytes], ...]:
    """What the bundle holds besides its manifest."""
    with zipfile.ZipFile(target) as archive:
        return tuple((name, archive.read(name)) for name in sorted(archive.namelist()) if name != "manifest.csv")

"""Bundles as rows that a test can change: read, written, and cut down so that they stay consistent."""

import csv
import io
import random
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Files = dict[str, list[dict[str, str]]]
"""Rows by file, without manifest; each row by header, all of a file with the same headers."""


def read(bundle: Path) -> Files:
    """The rows of a bundle."""
    with zipfile.ZipFile(bundle) as opened:
        return {
            name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(opened.read(name).decode("utf-8-sig"))))
            for name in opened.namelist()
            if name != "manifest.csv"
        }


def write(
    bundle: Path, files: Files, version: str = "1.2", delta: Sequence[str] = (), raw: Mapping[str, str | bytes] = {}
) -> Path:
    """Write a bundle of these files, bulk unless they are named in `delta`; `raw` ones are given as they are."""
    known = (
        "academicSessions categories classes classResources courses courseResources demographics enrollments"
        " lineItemLearningObjectiveIds lineItems lineItemScoreScales orgs resources resultLearningObjectiveIds results"
        " resultScoreScales roles scoreScales userProfiles userResources users"
    )
    modes = {name: "delta" if name in delta else "bulk" for name in {*files, *raw}}
    manifest = [["propertyName", "value"], ["manifest.version", "1.0"], ["oneroster.version", version]]
    manifest += [[f"file.{name}", modes.get(name, "absent")] for name in known.split()]
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.csv", _text(manifest))
        for name, rows in files.items():
            if name not in raw:
                made.writestr(f"{name}.csv", _text([list(rows[0]), *(list(row.values()) for row in rows)]))
        for name, text in raw.items():
            made.writestr(f"{name}.csv", text)
    return bundle


def _text(rows: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
    return stream.getvalue()


def without(files: Files, gone: set[str]) -> Files:
    """The roster without some people, and without all that hangs on them."""
    owner = {"users": "sourcedId", "demographics": "sourcedId"}
    left = {
        name: [dict(row) for row in rows if row.get(owner.get(name, "userSourcedId")) not in gone]
        for name, rows in files.items()
    }
    for row in left["users"]:
        agents = row["agentSourcedIds"].split(",")
        row["agentSourcedIds"] = ",".join(one for one in agents if one not in gone)
    return left


def having(files: Files, role: str) -> list[str]:
    """The ids of the people with a role."""
    return [row["userSourcedId"] for row in files["roles"] if row["role"] == role]


def some(items: Sequence[Any], count: int, seed: int = 1) -> list[Any]:
    """A few of many, always the same."""
    return random.Random(seed).sample(list(items), min(count, len(items)))

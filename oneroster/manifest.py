"""manifest.csv: which files a bundle has, in which mode (CSV binding section 3)."""

import csv
import io
from collections.abc import Collection, Sequence
from typing import IO

import msgspec

from oneroster import entities, vocabularies
from oneroster.encodings import Foreign, Lines
from oneroster.problems import Problem

NAME = "manifest.csv"
STEMS = (
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
)
"""What a manifest names, in the order of the standard (CSV binding section 3), which follows no rule."""
MOST_BYTES = 1 << 20

Row = tuple[int, list[str]]
"""The line a row begins on, and its cells."""


class Manifest(msgspec.Struct, frozen=True):
    """What the manifest says."""

    version: str
    """`oneroster.version`."""
    version_line: int
    modes: dict[str, str]
    """File stem (`users`, `lineItems`) to absent, bulk or delta."""
    lines: dict[str, int]
    """File stem to the line of the manifest that names it."""
    system: str = ""


def rows(stream: IO[bytes], encoding: str = "auto") -> tuple[list[Row] | None, list[Problem]]:
    """The rows of the file, and what is wrong with its bytes; None when they cannot be made out."""
    lines = Lines(io.BytesIO(stream.read(MOST_BYTES)), NAME, encoding)
    found: list[Row] = []
    while True:
        start = lines.reader.line_num + 1
        try:
            row = next(lines.reader, None)
        except Foreign as foreign:
            return None, [*lines.take(), foreign.problem]
        except csv.Error as error:
            problem = Problem("E-CSV", NAME, start, "", "", f"{str(error).capitalize()}.")
            return None, [*lines.take(), problem]
        if row is None:
            break
        if lines.signs and not found:
            return None, lines.take()
        if not lines.signs:
            found.append((start, row))
        lines.signs.clear()
    return found, lines.take()


def read(rows: Sequence[Row]) -> tuple[Manifest | None, list[Problem]]:
    """The manifest of parsed CSV rows, and what is wrong with it; None when it cannot be used.

    The order of properties is free and unknown properties are ignored: both occur (CSV binding section 3).
    """
    header = rows[0][1] if rows else []
    if [cell.strip() for cell in header] != ["propertyName", "value"]:
        detail = "The header is propertyName,value."
        return None, [Problem("E-MANIFEST-VALUE", NAME, 1, "", ",".join(header)[:500], detail)]
    problems: list[Problem] = []
    found: dict[str, tuple[str, int]] = {}
    for line, row in rows[1:]:
        if not any(row):
            continue
        name, value = row[0].strip(), (row[1].strip() if len(row) > 1 else "")
        if name in found:
            problems.append(_wrong(line, name, value, "The property stands twice."))
        else:
            found[name] = (value, line)
    problems += _versions(found)
    modes: dict[str, str] = {}
    lines: dict[str, int] = {}
    for name, (value, line) in found.items():
        if not name.startswith("file."):
            continue
        stem = name.removeprefix("file.")
        if stem not in STEMS:
            problems.append(_wrong(line, name, value, "There is no such file."))
        elif value not in vocabularies.FILE_MODES.words:
            problems.append(_wrong(line, name, value, "Use absent, bulk or delta."))
        else:
            modes[stem] = value
        lines[stem] = line
    version, version_line = found.get("oneroster.version", ("", 0))
    system = found.get("source.systemName", ("", 0))[0]
    return Manifest(version, version_line, modes, lines, system), problems


def _versions(found: dict[str, tuple[str, int]]) -> list[Problem]:
    """Both versions have to be there. That of OneRoster 1.1 and 1.0 is judged with the files."""
    problems = []
    for name in ("manifest.version", "oneroster.version"):
        value, line = found.get(name, ("", 0))
        if not value:
            problems.append(_wrong(line, name, value, "It is missing."))
        elif name == "manifest.version" and value not in ("1.0", "1"):
            problems.append(_wrong(line, name, value, "It is 1.0."))
        elif name == "oneroster.version" and not value.startswith(("1.0", "1.1", "1.2")):
            problems.append(_wrong(line, name, value, "RosterHub reads OneRoster 1.2; export in that version."))
    return problems


def _wrong(line: int, name: str, value: str, detail: str) -> Problem:
    return Problem("E-MANIFEST-VALUE", NAME, line, name[:500], value[:500], detail)


def compare(manifest: Manifest, present: Collection[str], refused: Collection[str] = ()) -> list[Problem]:
    """Manifest against the file names present (CSV binding section 1: a difference is an import error).

    A file that was `refused` is there, but not to be read. A row that is missing counts as absent.
    """
    problems = []
    for stem in STEMS:
        file, mode, line = f"{stem}.csv", manifest.modes.get(stem, ""), manifest.lines.get(stem, 0)
        there = file in present
        if line == 0 and there:
            problems.append(Problem("E-FILE-EXTRA", file, 0, "", "", "The manifest does not name it."))
        elif line == 0:
            problems.append(Problem("W-MANIFEST", NAME, 0, f"file.{stem}", "", f"{file} counts as absent."))
        elif mode == "absent" and there:
            problems.append(Problem("E-FILE-EXTRA", file, 0, "", mode))
        elif mode in ("bulk", "delta") and not there and file not in refused:
            problems.append(Problem("E-FILE-MISSING", NAME, line, f"file.{stem}", mode, f"Expected {file}."))
        elif there and file in entities.SKIPPED_FILES:
            problems.append(Problem("W-SKIPPED", file, 0, "", ""))
    known = {NAME, *entities.BY_FILE, *entities.SKIPPED_FILES}
    problems += [Problem("E-FILE-UNKNOWN", file, 0, "", file) for file in sorted(set(present) - known)]
    return problems

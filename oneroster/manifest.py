"""manifest.csv: which files a bundle has, in which mode (CSV binding section 3)."""

import msgspec

from oneroster import entities, vocabularies
from oneroster.problems import Problem

NAME = "manifest.csv"


class Manifest(msgspec.Struct, frozen=True):
    """What the manifest says."""

    version: str
    """`oneroster.version`."""
    modes: dict[str, str]
    """File stem (`users`, `lineItems`) to absent, bulk or delta."""
    lines: dict[str, int]
    """File stem to the line of the manifest that names it."""
    system: str = ""


def read(rows: list[list[str]]) -> tuple[Manifest | None, list[Problem]]:
    """The manifest of parsed CSV rows, and what is wrong with it; None when it cannot be used.

    The order of properties is free and unknown properties are ignored: both occur (CSV binding section 3).
    """
    problems: list[Problem] = []
    if not rows or [cell.strip() for cell in rows[0]] != ["propertyName", "value"]:
        value = ",".join(rows[0]) if rows else ""
        return None, [Problem("E-MANIFEST-VALUE", NAME, 1, "", value, "The header is propertyName,value.")]
    found: dict[str, tuple[str, int]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        name, value = row[0].strip(), (row[1].strip() if len(row) > 1 else "")
        if name in found:
            problems.append(Problem("E-MANIFEST-VALUE", NAME, line, name, value, "The property stands twice."))
        found[name] = (value, line)
    version, version_line = found.get("oneroster.version", ("", 0))
    if not version:
        problems.append(Problem("E-MANIFEST-VALUE", NAME, version_line, "oneroster.version", version, "It is missing."))
    elif not version.startswith("1.2"):
        problems.append(
            Problem(
                "E-MANIFEST-VALUE",
                NAME,
                version_line,
                "oneroster.version",
                version,
                "RosterHub reads OneRoster 1.2; export in that version.",
            )
        )
    modes: dict[str, str] = {}
    lines: dict[str, int] = {}
    for name, (value, line) in found.items():
        if not name.startswith("file."):
            continue
        stem = name.removeprefix("file.")
        if value not in vocabularies.FILE_MODES.words:
            problems.append(Problem("E-MANIFEST-VALUE", NAME, line, name, value, "Use absent, bulk or delta."))
            continue
        if stem + ".csv" not in entities.BY_FILE and stem + ".csv" not in entities.SKIPPED_FILES:
            problems.append(Problem("E-MANIFEST-VALUE", NAME, line, name, value, "There is no such file."))
            continue
        modes[stem], lines[stem] = value, line
    system = found.get("source.systemName", ("", 0))[0]
    return Manifest(version, modes, lines, system), problems


def compare(manifest: Manifest, present: set[str]) -> list[Problem]:
    """Manifest against the file names present (CSV binding section 1: a difference is an import error)."""
    problems = []
    for stem, mode in manifest.modes.items():
        file, line = f"{stem}.csv", manifest.lines[stem]
        if mode == "absent" and file in present:
            problems.append(Problem("E-FILE-EXTRA", file, 0, "", mode))
        elif mode != "absent" and file not in present:
            problems.append(Problem("E-FILE-MISSING", NAME, line, f"file.{stem}", mode, f"Expected {file}."))
    for file in sorted(present - {NAME}):
        stem = file.removesuffix(".csv")
        if file in entities.BY_FILE or file in entities.SKIPPED_FILES:
            if stem not in manifest.modes:
                problems.append(Problem("E-FILE-EXTRA", file, 0, "", "", "The manifest does not name it."))
            elif file in entities.SKIPPED_FILES and manifest.modes[stem] != "absent":
                problems.append(Problem("W-SKIPPED", file, 0, "", ""))
        else:
            problems.append(Problem("E-FILE-UNKNOWN", file, 0, "", file))
    return problems

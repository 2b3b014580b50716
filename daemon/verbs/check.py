"""rosterhub check: is a bundle right? Without a hub."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import printing
from daemon.verbs.bundle import NoBundle, NoProfile
from oneroster import profiles
from oneroster.refused import Refused
from sql import shown

if TYPE_CHECKING:
    from daemon.check import Verdict

REJECTED = 65
ENCODINGS = ("auto", "cp932")


class NoEncoding(Refused):
    """There is no such encoding."""

    hint = f"Encodings are {', '.join(ENCODINGS)}."
    exit_code = 64


def check(bundle: Path, *, profile: str = "auto", encoding: str = "auto", json: bool = False) -> int:
    """Say what is wrong with a bundle. Needs no hub and touches none: exit 0 when it is right, 65 when not.

    Example: rosterhub check RO_20260401_011002.zip

    Parameters
    ----------
    bundle
        A zip, or a folder of CSV files.
    profile
        auto, base-1.2, jp-1.2, jp-1.2.1 or jp-k12-1.0.
    encoding
        auto, or cp932 for files in Shift_JIS.
    json
        Print verdict, profile, problems and rows as JSON.
    """
    if profile not in ("auto", *profiles.BY_NAME):
        raise NoProfile(profile)
    if encoding not in ENCODINGS:
        raise NoEncoding(encoding)
    if not os.access(bundle, os.R_OK):
        raise NoBundle(str(bundle))
    from daemon import check as checking

    found = checking.check(bundle, profile=profile, encoding=encoding)
    if json:
        printing.data(
            {
                "verdict": found.verdict,
                "profile": found.profile,
                "problems": [shown.problem(one) for one in found.problems],
                "rows": found.rows,
            }
        )
    else:
        _tell(found)
    return 0 if found.verdict == "ok" else REJECTED


def _tell(found: "Verdict") -> None:
    """For people: the verdict and what it rests on, the problems, the rows."""
    printing.line(f"{found.verdict}: errors {found.errors:,}, warnings {found.warnings:,}")
    if found.profile is not None:
        printing.line(f"profile {found.profile}, {found.reason}")
    if found.problems:
        printing.line("")
        printing.problems(found.problems)
        if more := found.errors + found.warnings - len(found.problems):
            printing.line(f"and {more:,} more")
    if found.rows:
        printing.line("")
        printing.table(("FILE", "ROWS"), [(f"{name}.csv", f"{count:,}") for name, count in found.rows.items()])

"""R10: errors name file, line, column and rule. Bundles with seeded faults, and clean ones, through staging and checks.

The faults, their places and the bundles come from tests/standard/bundles, which was written from the sheets of the
standard and shares nothing with what is judged here.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec

from daemon import check
from oneroster.codes import details
from sql import jobs, migrate
from tests.proofs.verdict import Report, Verdict, judged
from tests.standard.bundles import seed as bundles
from tests.standard.bundles.sheets import PROFILES

SEEDED = {"short": 8, "full": 32}
"""Bundles with seventeen faults each."""
FAULTS = 17
ALONE = {"short": 12, "full": 48}
"""Bundles with one fault of a file or of the package."""
CLEAN = {"short": 2, "full": 100}
"""Clean bundles of each profile."""

Finding = tuple[str, str, str, int, str]
"""Severity, code, file, line, column, as the judge wants them."""


class Tally(msgspec.Struct):
    """What came of so many bundles."""

    bundles: int = 0
    faults: int = 0
    missing: int = 0
    extra: int = 0
    details: list[str] = msgspec.field(default_factory=list)

    def add(self, name: str, expected: list[tuple], found: list[Finding]) -> None:
        missing, extra = bundles.compare(expected, found)
        self.bundles += 1
        self.faults += len(expected)
        self.missing += len(missing)
        self.extra += len(extra)
        self.details += [f"{name}: not found {one}" for one in missing] + [f"{name}: not seeded {one}" for one in extra]


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """Seeded faults are found where they are and nothing else is; clean bundles are clean."""
    seeded, clean = Tally(), Tally()
    with check.throwaway() as conninfo:
        asyncio.run(migrate.migrate(conninfo))
        for path, profile, expected in made(scale, seed, folder):
            seeded.add(f"{profile} {path.name}", expected, judgement(conninfo, path, profile))
            report(f"{seeded.bundles} bundles, {seeded.missing} missing, {seeded.extra} extra")
        for number in range(CLEAN[scale]):
            for profile in PROFILES:
                path = Path(bundles.clean(str(folder), profile, seed * 1000 + number))
                clean.add(f"{profile} clean {number}", [], judgement(conninfo, path, profile))
                path.unlink()
    figures = (
        f"{seeded.faults - seeded.missing}/{seeded.faults} seeded faults found in {seeded.bundles} bundles,"
        f" {seeded.missing} missing or misplaced, {seeded.extra} extra; {clean.extra} in {clean.bundles} clean bundles"
    )
    good = not seeded.missing and not seeded.extra and not clean.extra
    return judged(good, figures, seeded.details[:40] + clean.details[:20])


def made(scale: str, seed: int, folder: Path) -> Iterator[tuple[Path, str, list[tuple]]]:
    """The bundles with faults, and what is expected of each."""
    for number in range(SEEDED[scale] + ALONE[scale]):
        profile = PROFILES[number % len(PROFILES)]
        faults = FAULTS if number < SEEDED[scale] else 1
        inner = folder / f"{number}"
        inner.mkdir()
        path, expected = bundles.seed_bundle(str(inner), profile, seed * 1000 + number, faults)
        yield Path(path), profile, expected


def judgement(conninfo: str, path: Path, profile: str) -> list[Finding]:
    """What RosterHub finds, in the judge's terms."""
    found = check.judge(conninfo, path, profile=profile).problems
    untold = [one.detail for one in found if one.detail and one.code != "E-ZIP" and _only_english(one.detail)]
    if untold:
        raise AssertionError(f"no Japanese for {untold}")
    return [
        (one.severity, one.code, one.file.removesuffix(".csv"), one.line, one.column)
        for one in found
        if not closing(one)
    ]


def _only_english(detail: str) -> bool:
    """Whether a reader of Japanese gets nothing of it; what is said of a broken zip are the words of its library."""
    return details.in_japanese(detail) == detail


def closing(one: jobs.Fault) -> bool:
    """Whether it only says how many more there are of a code."""
    return (one.file, one.line) == ("", 0) and one.detail.endswith(" more like this are not listed.")

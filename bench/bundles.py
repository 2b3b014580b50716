"""The bundles a tenant might send after each other: a full one, and what comes the next night."""

import datetime
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from oneroster import manifest, profiles, sample

PROFILE = profiles.BY_NAME["jp-1.2.1"]
LEVEL = 6
"""At which the samples are packed, zlib's own default."""
DAY = datetime.date(2026, 4, 1)


class Bundles(msgspec.Struct, frozen=True):
    """Each a zip; all but the first are meant for a tenant that has loaded the first."""

    full: Path
    again: Path
    """The same files in a zip of another time and order, as the same exporter makes it the next night."""
    repacked: Path
    """The same files, packed by another program."""
    shuffled: Path
    """The same rows in another order."""
    changed: Path
    """One in a hundred of users, classes and enrollments changed, gone or new."""
    tenth: Path
    """A tenth of the users: for an empty tenant."""


def write(folder: Path, users: int) -> Bundles:
    """Write them all. They all bear the same day, so that none supersedes another."""
    name = sample.bundle_name(users, day=DAY)
    places = Bundles(*(folder / kind / name for kind in Bundles.__struct_fields__))
    for kind in Bundles.__struct_fields__:
        (folder / kind).mkdir()
    sample.write_sample(places.full, users, profile=PROFILE)
    sample.write_sample(places.changed, users, profile=PROFILE, change=1)
    sample.write_sample(places.tenth, max(1, users // 10), profile=PROFILE)
    _rewrite(places.full, places.again, lambda name, lines: lines, LEVEL)
    _rewrite(places.full, places.repacked, lambda name, lines: lines, 4)
    _rewrite(places.full, places.shuffled, _shuffled, LEVEL)
    return places


def _rewrite(source: Path, target: Path, change: Callable[[str, list[bytes]], list[bytes]], level: int) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as new:
        for name in reversed(old.namelist()):
            lines = old.read(name).splitlines(keepends=True)
            new.writestr(name, b"".join(change(name, lines)))


def _shuffled(name: str, lines: list[bytes]) -> list[bytes]:
    """The lines below the header in a random order, the same each time; a sample has no line breaks in its cells."""
    if name == manifest.NAME:
        return lines
    header, *rows = lines
    random.Random(1).shuffle(rows)
    return [header, *rows]

"""What in a folder is complete, for all doors: zips, and loose CSV files with their manifest.

Notifications are hints; a look at the folder is the truth. A look takes nothing and changes nothing; how long a file
has been as it is, is known from earlier looks and never from its time stamps, which may say anything.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from daemon import archive
from daemon.doors import names
from oneroster import bundle, manifest

Holding = Literal["open", "closed", "unknown", "done"]
"""Of a file: being written, closed by its writer, not known to us, or delivered already."""


class Rules(msgspec.Struct, frozen=True):
    """Seconds that things must lie unchanged before they are taken."""

    settle: float = 2.0
    """What is complete."""
    broken: float = 60.0
    """A zip that cannot be read, or loose files that do not fit their manifest: taken as they are, to be answered."""
    unannounced: float = 600.0
    """CSV files without any manifest: the same."""


class Mark(msgspec.Struct, frozen=True):
    """What tells that a file is still the same."""

    inode: int
    size: int
    modified: int
    changed: int


class Found(msgspec.Struct, frozen=True):
    """A bundle that is to be delivered: files by name, all in the folder `below` the root, "" being the root."""

    kind: Literal["zip", "loose"]
    below: str
    files: dict[str, Mark]
    whole: bool
    """False for what is taken although it is broken."""

    @property
    def bundle(self) -> str:
        """What the sender calls it: the zip's name or the folder's; of loose files at the top, their manifest's."""
        if self.kind == "loose" and self.below:
            return names.shown(self.below)
        return names.shown(manifest.NAME if manifest.NAME in self.files else min(self.files))

    @property
    def folder(self) -> tuple[str, ...]:
        return (self.below,) if self.below else ()


class Look(msgspec.Struct, frozen=True):
    """What a look found, and in how many seconds something else may be complete at the soonest; None: nothing waits."""

    found: list[Found]
    soonest: float | None


class _Seen(msgspec.Struct):
    mark: Mark
    since: float
    whole: bool | None = None


def mark(found: os.stat_result) -> Mark:
    """The mark of a file."""
    return Mark(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def unchanged(root: Path, found: Found) -> bool:
    """Whether the files of a bundle are still those that were found."""
    try:
        with names.entered(root, *found.folder) as folder:
            return all(
                mark(os.stat(name, dir_fd=folder, follow_symlinks=False)) == known
                for name, known in found.files.items()
            )
    except OSError:
        return False


def whole(descriptor: int) -> bool:
    """Whether an open zip has arrived whole."""
    return bundle.whole(Path(f"/proc/self/fd/{descriptor}"))


class Scan:
    """The looks at one folder."""

    def __init__(
        self, root: Path, rules: Rules, holding: Callable[[os.stat_result], Holding] = lambda _: "unknown"
    ) -> None:
        self._root, self._rules, self._holding = root, rules, holding
        self._seen: dict[tuple[str, str], _Seen] = {}

    def look(self, now: float) -> Look:
        """The bundles that are complete; `now` in seconds of a clock that never steps. Raises OSError for the root."""
        last, self._seen = self._seen, {}
        found: list[Found] = []
        waits: list[float] = []
        with names.entered(self._root) as top:
            files, folders = _entries(top)
            self._judge("", top, files, last, now, found, waits)
            for below in folders:
                try:
                    with names.entered(self._root, below) as folder:
                        inside, _ = _entries(folder)
                        self._judge(below, folder, inside, last, now, found, waits)
                except OSError:
                    continue  # gone or replaced since it was listed
        return Look(found, min(waits, default=None))

    def _judge(
        self,
        below: str,
        folder: int,
        files: dict[str, os.stat_result],
        last: dict[tuple[str, str], _Seen],
        now: float,
        found: list[Found],
        waits: list[float],
    ) -> None:
        loose: dict[str, _Seen] = {}
        held = False
        for name, status in files.items():
            holding = self._holding(status)
            if holding == "done":
                continue
            seen = self._remember((below, name), mark(status), last, now)
            if name.lower().endswith(".csv"):
                loose[name] = seen
                held = held or holding == "open"
            elif holding != "open":
                wait = self._zip_wait(folder, name, seen, now - seen.since, closed=holding == "closed")
                if wait > 0:
                    waits.append(wait)
                else:
                    found.append(Found("zip", below, {name: seen.mark}, bool(seen.whole)))
        if loose and not held:
            fits = manifest.NAME in loose and _fits(folder, set(loose))
            limit = self._rules.broken if manifest.NAME in loose else self._rules.unannounced
            wait = (self._rules.settle if fits else limit) - (now - max(seen.since for seen in loose.values()))
            if wait > 0:
                waits.append(wait)
            else:
                found.append(Found("loose", below, {name: seen.mark for name, seen in loose.items()}, fits))

    def _remember(self, key: tuple[str, str], known: Mark, last: dict[tuple[str, str], _Seen], now: float) -> _Seen:
        seen = last.get(key)
        if seen is None or seen.mark != known:
            seen = _Seen(known, now)
        self._seen[key] = seen
        return seen

    def _zip_wait(self, folder: int, name: str, seen: _Seen, age: float, *, closed: bool) -> float:
        """Seconds until the zip is to be taken, 0 or less for now."""
        # Some clients make an empty file first, close it, and come back to fill it.
        sure = closed and seen.mark.size > 0
        if not sure and age < self._rules.settle:
            return self._rules.settle - age
        if seen.whole is None:
            try:
                with archive.read_regular(name, folder) as stream:
                    seen.whole = whole(stream.fileno())
            except OSError:
                return self._rules.settle  # gone or unreadable: the next look decides
        return 0.0 if seen.whole or sure else self._rules.broken - age


def _entries(folder: int) -> tuple[dict[str, os.stat_result], list[str]]:
    """The plain files that can be part of a bundle, and the folders, in order of name."""
    files: dict[str, os.stat_result] = {}
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if names.unfinished(entry.name) or names.CONTROL.search(entry.name):
                continue
            if entry.name.lower().endswith((".zip", ".csv")):
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if names.is_plain(found):
                    files[entry.name] = found
                elif stat.S_ISDIR(found.st_mode):
                    folders.append(entry.name)
            elif entry.name != names.REPORTS and entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
    return dict(sorted(files.items())), sorted(folders)


def _fits(folder: int, present: set[str]) -> bool:
    """Whether the manifest names exactly the files that are there."""
    try:
        with archive.read_regular(manifest.NAME, folder) as stream:
            rows, _ = manifest.rows(stream)
    except OSError:
        return False
    found, _ = manifest.read(rows or [])
    return found is not None and not any(one.severity == "error" for one in manifest.compare(found, present))

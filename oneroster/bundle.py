"""Opening a bundle safely: a zip (by path or as an open file) or a folder of CSV files, read and never unpacked.

CSV binding section 1: all CSVs lie at the root, `manifest.csv` is one of them. Names that lead elsewhere, doubled,
encrypted or monstrous entries are refused before a byte of them is read.
"""

import csv
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from oneroster import manifest
from oneroster.manifest import Manifest
from oneroster.problems import Problem

MOST_BYTES = 16 * 2**30
"""Of all entries together, unpacked: thirty times the largest bundle we promise to take."""
MOST_RATIO = 200
"""Of one entry's size to its packed size, counted from a megabyte up; rosters pack about 6 to 12 times."""
MOST_ENTRIES = 200

UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
"""What zipfile raises on broken or foreign archives, in all their variety."""


class Bundle:
    """An open bundle: its files, its manifest, and what is wrong with it so far."""

    def __init__(self, files: dict[str, "Path | zipfile.ZipInfo"], archive: zipfile.ZipFile | None) -> None:
        self._files = files
        self._archive = archive
        self.problems: list[Problem] = []
        self.manifest: Manifest | None = None

    @property
    def names(self) -> set[str]:
        return set(self._files)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The bytes of one file, buffered for reading by lines."""
        entry = self._files[name]
        if isinstance(entry, Path):
            with entry.open("rb", buffering=1 << 20) as stream:
                yield stream
        else:
            assert self._archive is not None
            with self._archive.open(entry) as raw, io.BufferedReader(cast(io.RawIOBase, raw), 1 << 20) as stream:
                yield stream

    def header(self, name: str) -> tuple[str, ...]:
        """The header row of a file as far as it can be read, for recognising the profile; () when it cannot."""
        with self.open(name) as stream:
            line = stream.readline(1 << 20)
        text = line.decode("utf-8-sig", errors="replace").strip("\r\n")
        return tuple(next(csv.reader([text]), ()))


@contextmanager
def open_bundle(source: Path | IO[bytes]) -> Iterator[Bundle]:
    """A zip or a folder, opened; `problems` tells what is wrong, `manifest` is None when it cannot be used.

    Raises FileNotFoundError when the path does not exist. Nothing is written anywhere.
    """
    if isinstance(source, Path) and source.is_dir():
        files = {path.name: path for path in source.iterdir() if path.suffix == ".csv" and path.is_file()}
        bundle = Bundle(dict(files), None)
        _read_manifest(bundle)
        yield bundle
        return
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        bundle = Bundle({}, None)
        bundle.problems.append(Problem("E-ZIP", "", 0, "", "", str(error)))
        yield bundle
        return
    with archive:
        entries, problems = _entries(archive)
        bundle = Bundle(dict(entries), archive)
        bundle.problems.extend(problems)
        if not problems:
            _read_manifest(bundle)
        yield bundle


def whole(path: Path) -> bool:
    """Whether a zip has arrived whole: its directory reads and the CRC of every entry holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            _, problems = _entries(archive)
            # What will be refused anyway need not be unpacked to be known complete.
            return bool(problems) or archive.testzip() is None
    except UNREADABLE:
        return False


def _entries(archive: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], list[Problem]]:
    found: dict[str, zipfile.ZipInfo] = {}
    problems: list[Problem] = []
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES:
        return {}, [Problem("E-ZIP-ENTRY", "", 0, "", str(len(infos)), f"More than {MOST_ENTRIES} entries.")]
    if sum(info.file_size for info in infos) > MOST_BYTES:
        return {}, [Problem("E-ZIP-SIZE", "", 0, "", str(sum(info.file_size for info in infos)))]
    for info in infos:
        name = info.filename
        if name.startswith("__MACOSX/") or name.endswith("/.DS_Store") or name == ".DS_Store":
            continue
        if info.flag_bits & 1:
            problems.append(Problem("E-ZIP-ENTRY", name, 0, "", name, "It is encrypted."))
        elif info.is_dir() or "/" in name or "\\" in name:
            if not info.is_dir():
                problems.append(Problem("E-FOLDER", name, 0, "", name))
        elif stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            problems.append(Problem("E-ZIP-ENTRY", name, 0, "", name, "It is not a plain file."))
        elif info.file_size > 1 << 20 and info.file_size > MOST_RATIO * max(1, info.compress_size):
            problems.append(Problem("E-ZIP-SIZE", name, 0, "", str(info.file_size)))
        elif name in found:
            problems.append(Problem("E-ZIP-ENTRY", name, 0, "", name, "The name stands twice."))
        else:
            found[name] = info
    return found, problems


def _read_manifest(bundle: Bundle) -> None:
    if manifest.NAME not in bundle.names:
        bundle.problems.append(Problem("E-MANIFEST", "", 0, "", ""))
        return
    try:
        with bundle.open(manifest.NAME) as stream:
            text = stream.read(1 << 20).decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except UnicodeDecodeError as error:
        bundle.problems.append(Problem("E-ENC", manifest.NAME, 0, "", "", f"Byte {error.start + 1}."))
        return
    except csv.Error as error:
        bundle.problems.append(Problem("E-CSV", manifest.NAME, 0, "", "", str(error)))
        return
    except UNREADABLE as error:
        bundle.problems.append(Problem("E-ZIP", manifest.NAME, 0, "", "", str(error)))
        return
    bundle.manifest, problems = manifest.read(rows)
    bundle.problems.extend(problems)
    if bundle.manifest is not None:
        bundle.problems.extend(manifest.compare(bundle.manifest, bundle.names))

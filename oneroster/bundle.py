"""Opening a bundle safely: a zip (by path or as an open file) or a folder of CSV files, read and never unpacked.

CSV binding section 1: all CSVs lie at the root, `manifest.csv` is one of them. Names that lead elsewhere, doubled,
encrypted or monstrous entries are refused before a byte of them is read.
"""

import errno
import hashlib
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from oneroster import encodings, entities, manifest
from oneroster.manifest import Manifest
from oneroster.problems import Problem

MOST_BYTES = 16 * 2**30
"""Of all entries together, unpacked: thirty times the largest bundle we promise to take."""
MOST_RATIO = 200
"""Of one entry's size to its packed size, counted from a megabyte up; rosters pack about 6 to 12 times."""
MOST_ENTRIES = 200
MOST_DIRECTORY = 1 << 20
"""Bytes of the zip's directory: millions of entries fill the memory before they can be counted."""

_LOCAL_HEADER = struct.Struct("<26xHH")
"""The lengths of name and extra, which lie between it and the packed bytes (PKWARE APPNOTE 4.3.7)."""
_PACKED_PIECE = 1 << 20

UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    ValueError,
)
"""What zipfile raises on broken or foreign archives, in all their variety; and OSError for a seek to before the
beginning, while every other OSError is the machine's trouble and no fault of the zip."""


class Broken(Exception):
    """A file of a bundle cannot be unpacked, which shows only when it is read."""

    def __init__(self, file: str, error: Exception) -> None:
        super().__init__(str(error))
        self.problem = Problem("E-ZIP", file, 0, "", "", str(error))


class Bundle:
    """An open bundle: its files, its manifest, and what is wrong with it so far."""

    def __init__(
        self, files: dict[str, "Path | zipfile.ZipInfo"], archive: zipfile.ZipFile | None, encoding: str
    ) -> None:
        self._files = files
        self._archive = archive
        self.encoding = encoding
        """What the tenant says of files without a byte order mark."""
        self.problems: list[Problem] = []
        self.manifest: Manifest | None = None
        self.bytes_read = 0
        """Of files in a zip, unpacked, since it was opened: tells how far a reader is."""

    def size(self, name: str) -> int:
        """Bytes of one file, unpacked."""
        entry = self._files[name]
        return entry.stat().st_size if isinstance(entry, Path) else entry.file_size

    @property
    def names(self) -> set[str]:
        return set(self._files)

    @property
    def content(self) -> str:
        """The same for bundles of the same files, whatever the zip: SHA-256 of names, sizes and CRCs, in hex.

        The manifest does not count. "" for a folder. It tells what a person should look at, and decides nothing else.
        """
        entries = [entry for name, entry in sorted(self._files.items()) if name != manifest.NAME]
        lines = [f"{one.filename} {one.file_size} {one.CRC}\n" for one in entries if isinstance(one, zipfile.ZipInfo)]
        return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""

    def packed_alike(self, other: "Bundle", name: str) -> bool:
        """Whether both hold the same packed bytes of a file, and so the same file: told without unpacking it.

        False where it lies in a folder.
        """
        mine, theirs = self._files[name], other._files[name]
        if isinstance(mine, Path) or isinstance(theirs, Path):
            return False
        same = [(one.compress_type, one.CRC, one.file_size, one.compress_size) for one in (mine, theirs)]
        if same[0] != same[1]:
            return False
        pairs = zip(self._packed(mine), other._packed(theirs), strict=True)
        return all(left == right for left, right in pairs)

    def _packed(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """The bytes of an entry as they are packed, as far as there are any."""
        assert self._archive is not None and self._archive.fp is not None
        stream = self._archive.fp
        stream.seek(entry.header_offset)
        head = stream.read(_LOCAL_HEADER.size)
        if len(head) == _LOCAL_HEADER.size:
            stream.seek(sum(_LOCAL_HEADER.unpack(head)), os.SEEK_CUR)
        for start in range(0, entry.compress_size, _PACKED_PIECE):
            yield stream.read(min(_PACKED_PIECE, entry.compress_size - start))

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The bytes of one file, buffered for reading by lines. Opening and reading raise Broken."""
        entry = self._files[name]
        if isinstance(entry, Path):
            with entry.open("rb", buffering=1 << 20) as stream:
                yield stream
        else:
            assert self._archive is not None
            with _Unpacked(self, self._archive, entry) as raw, io.BufferedReader(raw, 1 << 20) as stream:
                yield stream

    def header(self, name: str) -> tuple[str, ...]:
        """The header row of a file as far as it can be read, for recognising the dialect; () when it cannot."""
        try:
            with self.open(name) as stream:
                return encodings.header(stream, name, self.encoding)
        except Broken:
            return ()  # which is told where its rows are read

    def headers(self) -> dict[str, tuple[str, ...]]:
        """File name to header row, in the order of dependence; files that nobody knows come last."""
        known = [entity.file for entity in entities.ALL if entity.file in self._files]
        return {name: self.header(name) for name in (*known, *sorted(self.names - set(known)))}


class _Unpacked(io.RawIOBase):
    """The bytes of one entry; what zipfile raises on the way is Broken."""

    def __init__(self, bundle: Bundle, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        super().__init__()
        self._bundle = bundle
        self._name = entry.filename
        self._raw: IO[bytes] | None = None
        with self._telling():
            self._raw = archive.open(entry)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        assert self._raw is not None
        with self._telling():
            piece = self._raw.read(len(buffer))
        buffer[: len(piece)] = piece
        self._bundle.bytes_read += len(piece)
        return len(piece)

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()
        super().close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (*UNREADABLE, OSError) as error:
            if _of_the_machine(error):
                raise
            raise Broken(self._name, error) from error


def _of_the_machine(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno != errno.EINVAL


@contextmanager
def open_bundle(source: Path | IO[bytes], encoding: str = "auto") -> Iterator[Bundle]:
    """A zip or a folder, opened; `problems` tells what is wrong, `manifest` is None when it cannot be used.

    Raises OSError when the path does not exist or cannot be read. Nothing is written anywhere.
    """
    if isinstance(source, Path) and source.is_dir():
        found = (path for path in source.iterdir() if path.suffix == ".csv" and not path.is_symlink())
        files = {path.name: path for path in found if path.is_file()}
        bundle = Bundle(dict(files), None, encoding)
        _read_manifest(bundle, set())
        yield bundle
        return
    archive, fault = _opened(source)
    if archive is None:
        bundle = Bundle({}, None, encoding)
        if fault is not None:
            bundle.problems.append(fault)
        yield bundle
        return
    with archive:
        entries, problems = _entries(archive)
        bundle = Bundle(dict(entries), archive, encoding)
        bundle.problems.extend(problems)
        if entries or not problems:
            _read_manifest(bundle, {one.file.replace("\\", "/").rpartition("/")[2] for one in problems})
        yield bundle


def whole(path: Path) -> bool:
    """Whether a zip has arrived whole: its directory reads and the CRC of every entry holds."""
    try:
        archive, fault = _opened(path)
        if archive is None:
            return fault is not None and fault.code != "E-ZIP"
        with archive:
            _, problems = _entries(archive)
            # What will be refused anyway need not be unpacked to be known complete.
            return bool(problems) or archive.testzip() is None
    except (*UNREADABLE, OSError):
        return False


def _opened(source: Path | IO[bytes]) -> tuple[zipfile.ZipFile | None, Problem | None]:
    """The archive, or what is wrong with its directory."""
    try:
        with source.open("rb") if isinstance(source, Path) else nullcontext(source) as stream:
            # The same reading of the end that zipfile goes by, which has no limit of its own.
            end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]
        if end is not None and end[zipfile._ECD_SIZE] > MOST_DIRECTORY:  # type: ignore[attr-defined]
            return None, Problem("E-ZIP-ENTRY", "", 0, "", "", f"More than {MOST_ENTRIES} entries.")
        return zipfile.ZipFile(source), None
    except (*UNREADABLE, OSError) as error:
        if _of_the_machine(error):
            raise
        return None, Problem("E-ZIP", "", 0, "", "", str(error))


def _entries(archive: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], list[Problem]]:
    found: dict[str, zipfile.ZipInfo] = {}
    doubled: set[str] = set()
    problems: list[Problem] = []
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES:
        return {}, [Problem("E-ZIP-ENTRY", "", 0, "", str(len(infos)), f"More than {MOST_ENTRIES} entries.")]
    if sum(info.file_size for info in infos) > MOST_BYTES:
        return {}, [Problem("E-ZIP-SIZE", "", 0, "", str(sum(info.file_size for info in infos)))]
    if sum(info.compress_size for info in infos) > archive.start_dir:
        return {}, [Problem("E-ZIP-ENTRY", "", 0, "", "", "Entries overlap.")]
    for info in infos:
        name = info.filename
        if info.file_size > 1 << 20 and info.file_size > MOST_RATIO * max(1, info.compress_size):
            problems.append(Problem("E-ZIP-SIZE", name, 0, "", str(info.file_size)))
            continue
        if name.startswith("__MACOSX/") or name.endswith("/.DS_Store") or name == ".DS_Store":
            continue
        if info.flag_bits & 1:
            problems.append(Problem("E-ZIP-ENTRY", name, 0, "", name, "It is encrypted."))
        elif "/" in name or "\\" in name:
            if not name.endswith("/"):
                problems.append(Problem("E-FOLDER", name, 0, "", name))
        elif stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            problems.append(Problem("E-ZIP-ENTRY", name, 0, "", name, "It is not a plain file."))
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            problems.append(Problem("E-ZIP-ENTRY", name, 0, "", name, "It is packed by a method other than DEFLATE."))
        elif name in found:
            problems.append(Problem("E-ZIP-ENTRY", name, 0, "", name, "The name stands twice."))
            doubled.add(name)
        else:
            found[name] = info
    return {name: info for name, info in found.items() if name not in doubled}, problems


def _read_manifest(bundle: Bundle, refused: set[str]) -> None:
    """The manifest, held against the files there are; those that were refused are not missed again."""
    if manifest.NAME not in bundle.names:
        if manifest.NAME not in refused:
            bundle.problems.append(Problem("E-MANIFEST", "", 0, "", ""))
        return
    try:
        with bundle.open(manifest.NAME) as stream:
            rows, problems = manifest.rows(stream, bundle.encoding)
    except Broken as broken:
        bundle.problems.append(broken.problem)
        return
    bundle.problems.extend(problems)
    if rows is None:
        return
    bundle.manifest, problems = manifest.read(rows)
    bundle.problems.extend(problems)
    if bundle.manifest is not None:
        bundle.problems.extend(manifest.compare(bundle.manifest, bundle.names, refused))

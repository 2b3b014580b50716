"""Writing a bundle: rows of cells become a zip, or a folder, of CSV files with their manifest.

The dialect is the profile's: Japanese files have every value in quotes, base files only where it must be
(Japan sheet section 2, CSV binding section 2). Rows stream; no file is ever held whole.
"""

import itertools
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from oneroster import entities, manifest
from oneroster.profiles import Profile

BATCH = 2_000
"""Rows that are encoded and written at once."""
STEMS = manifest.STEMS

Opener = Callable[[str], AbstractContextManager[IO[bytes]]]
Table = tuple[str, Sequence[str], Iterator[Sequence[str]]]
"""A file's name, its header, its rows."""


def write(
    target: Path,
    profile: Profile,
    files: Mapping[str, Iterable[Sequence[str]]],
    *,
    mode: Mapping[str, str] | str = "bulk",
    extra: Mapping[str, Sequence[str]] = {},
    source: str = "RosterHub",
) -> None:
    """Write the rows of `files` (entity name to rows of cells in the order of the profile's header) as a bundle.

    A target that ends in `.zip` is a zip, entries at its root; else it is a folder. The same rows make the same
    bytes. The target is there when it is complete: a zip is renamed to its name, and of a folder that existed only
    the files of the standard are replaced. A file without rows is left out, for a data file of none is not
    permitted (CSV binding section 1). `mode` is bulk or delta, for all files or by entity name; `extra` names, by
    entity, `metadata.` columns that a file has after those of the profile.
    Raises KeyError for a name that is no entity, ValueError for a row that does not fit its header or a line break
    in a cell, OSError.
    """
    filled = {entity.name: rows for entity in entities.ALL if (rows := _filled(files.get(entity.name, ()))) is not None}
    if unknown := set(files) - set(entities.BY_NAME):
        raise KeyError(f"no entity: {', '.join(sorted(unknown))}")
    modes = {name: mode if isinstance(mode, str) else mode.get(name, "bulk") for name in filled}
    tables: list[Table] = [(manifest.NAME, ("propertyName", "value"), _manifest_rows(profile, modes, source))]
    for name, rows in filled.items():
        entity = entities.BY_NAME[name]
        tables.append((entity.file, (*profile.header(entity), *extra.get(name, ())), rows))
    if target.suffix.lower() == ".zip":
        _write_zip(target, tables, quoted=profile.japanese)
    else:
        _write_folder(target, tables, quoted=profile.japanese)


def _filled(rows: Iterable[Sequence[str]]) -> Iterator[Sequence[str]] | None:
    """The rows, or None when there are none: the manifest comes first and must know."""
    iterator = iter(rows)
    for first in iterator:
        return itertools.chain((first,), iterator)
    return None


def _write_zip(target: Path, tables: Sequence[Table], *, quoted: bool) -> None:
    part = target.with_name(target.name + ".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:

            def open_entry(name: str) -> IO[bytes]:
                info = zipfile.ZipInfo(name)  # dated 1980-01-01, so that equal rows are equal bytes
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                # How large an entry gets is not known before it is written, and 2 GiB may be passed.
                return archive.open(info, "w", force_zip64=True)

            _write_files(open_entry, tables, quoted=quoted)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _write_folder(target: Path, tables: Sequence[Table], *, quoted: bool) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in {f"{stem}.csv" for stem in STEMS} - {name for name, _, _ in tables}:
        (target / name).unlink(missing_ok=True)
    _write_files(lambda name: (target / name).open("wb"), tables, quoted=quoted)


def _write_files(open_file: Opener, tables: Sequence[Table], *, quoted: bool) -> None:
    for name, header, rows in tables:
        with open_file(name) as file:
            _write_rows(file, header, rows, quoted=quoted)


def _manifest_rows(profile: Profile, modes: Mapping[str, str], source: str) -> Iterator[tuple[str, str]]:
    """The properties in the order of the standard (CSV binding section 3)."""
    yield "manifest.version", "1.0"
    yield "oneroster.version", profile.versions[0]
    for stem in STEMS:
        yield f"file.{stem}", modes.get(stem, "absent")
    yield "source.systemName", source


def _write_rows(file: IO[bytes], header: Sequence[str], rows: Iterator[Sequence[str]], *, quoted: bool) -> None:
    render = _render_quoted if quoted else _render_bare
    file.write((_join_bare(header) + "\r\n").encode())
    while batch := list(itertools.islice(rows, BATCH)):
        if any(len(row) != len(header) for row in batch):
            raise ValueError(f"a row does not have the {len(header)} cells of its header: {header[0]},{header[-1]}")
        text = render(batch)
        if text.count("\n") != len(batch) or text.count("\r") != len(batch):
            raise ValueError("a cell holds a line break, which OneRoster has no way to write")
        file.write(text.encode())


def _render_quoted(batch: Sequence[Sequence[str]]) -> str:
    return "".join(['"' + _join_quoted(row) + '"\r\n' for row in batch])


def _join_quoted(row: Sequence[str]) -> str:
    joined = '","'.join(row)
    if joined.count('"') == 2 * (len(row) - 1):
        return joined
    return '","'.join([cell.replace('"', '""') for cell in row])


def _render_bare(batch: Sequence[Sequence[str]]) -> str:
    return "".join([_join_bare(row) + "\r\n" for row in batch])


def _join_bare(row: Sequence[str]) -> str:
    joined = ",".join(row)
    if '"' not in joined and joined.count(",") == len(row) - 1:
        return joined
    quoted = ['"' + cell.replace('"', '""') + '"' if "," in cell or '"' in cell else cell for cell in row]
    return ",".join(quoted)

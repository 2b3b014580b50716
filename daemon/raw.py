"""The row of a bundle that a problem is about, as it came: its physical lines, with the faulty cell marked."""

import codecs
import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from daemon import archive
from oneroster.bundle import Broken, Bundle, open_bundle
from oneroster.encodings import Foreign, Lines
from sql import masking, settings
from sql.jobs import Job
from sql.tenants import Tenant
from tui.hands import Raw

MOST_LINES = 50
"""A row over more lines is shown so far."""


def read(
    state: Path, master: bytes, tenant: Tenant, job: Job, file: str, line: int, column: str, *, bare: bool = True
) -> Raw | None:
    """The row that holds a physical line of a file; None when the bundle is no longer kept, or has no such line.

    Names of persons are masked, that in the faulty cell too unless it is to be shown `bare`.
    """
    encoding = settings.read(tenant.settings).encoding
    try:
        with (
            archive.open(state / "archive", tenant.id, tenant.sealer(master), job.sha256) as stream,
            open_bundle(stream, encoding) as bundle,
        ):
            return _row(bundle, file, line, column, bare) if file in bundle.names and line > 0 else None
    except (FileNotFoundError, Broken):
        return None


def _row(bundle: Bundle, file: str, line: int, column: str, bare: bool) -> Raw | None:
    header = bundle.header(file)
    with bundle.open(file) as stream:
        first, last = _span(stream, file, bundle.encoding, line)
    with bundle.open(file) as stream:
        lines = list(itertools.islice(_text(stream, bundle.encoding), first - 1, min(last, first - 1 + MOST_LINES)))
    return _shown(lines, first, header, file, column, bare) if lines else None


def _span(stream: IO[bytes], file: str, encoding: str, line: int) -> tuple[int, int]:
    """The first and the last line of the row that holds this line; the line alone where it cannot be read as CSV."""
    lines = Lines(stream, file, encoding)
    before = 0
    try:
        for _ in lines.reader:
            if lines.count >= line:
                return before + 1, lines.count
            before = lines.count
    except (Foreign, csv.Error, Broken):
        return line, line
    return line, line


def _text(stream: IO[bytes], encoding: str) -> Iterator[str]:
    """The lines of a file with their ends; bytes that are no text as `\\x83`."""
    head = cast(io.BufferedReader, stream).peek(4)[:4]
    codec = encoding if encoding == "cp932" else "utf-8"
    if head.startswith(codecs.BOM_UTF8):
        codec = "utf-8-sig"
    elif head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = "utf-16"
    return iter(io.TextIOWrapper(stream, codec, errors="backslashreplace", newline=""))


def _shown(lines: list[str], first: int, header: tuple[str, ...], file: str, column: str, bare: bool) -> Raw:
    """The lines without their ends, cells that nobody may see masked, and where the cell of the column stands."""
    shown: list[str] = [""]
    marks: list[tuple[int, int, int]] = []
    sourced_id = ""
    for place, cell in enumerate(_cells("".join(lines))):
        name = header[place] if place < len(header) else ""
        if name == "sourcedId" and first > 1:
            sourced_id = cell.removeprefix('"').removesuffix('"')
        if place:
            shown[-1] += ","
        pieces = cell.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if first > 1:
            pieces = [_masked(piece, file, name, bare and name == column) for piece in pieces]
        for number, piece in enumerate(pieces):
            if number:
                shown.append("")
            if name and name == column:
                marks.append((len(shown) - 1, len(shown[-1]), len(shown[-1]) + len(piece)))
            shown[-1] += piece
    return Raw(first, tuple(shown), tuple(marks), sourced_id)


def _masked(piece: str, file: str, name: str, bare: bool) -> str:
    """A cell, or a line of it, within its quotes; one to be shown bare only where it is sealed."""
    if bare and (file, name) not in masking.DROPPED:
        return piece
    value = piece.removeprefix('"').removesuffix('"')
    return piece.replace(value, masking.cell(file, name, value)) if value else piece


def _cells(text: str) -> Iterator[str]:
    """The cells of a row as they are written, quotes and all."""
    begin, quoted = 0, False
    end = len(text) - (len(text) - len(text.rstrip("\r\n")))
    for at, sign in enumerate(text[:end]):
        if sign == '"':
            quoted = not quoted
        elif sign == "," and not quoted:
            yield text[begin:at]
            begin = at + 1
    yield text[begin:end]

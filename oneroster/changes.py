"""What differs between two files of the same kind, line by line, in whatever order the lines stand.

Hardly anything changes from one night to the next, and a line that has not changed need not be read again. Two passes:
lines are told apart by Python's keyed 64-bit hash of their bytes, which costs a tenth of reading them as CSV; then
those that differ are picked out. A file in which a line may not be a row is given up: it is read whole.
"""

import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO

import msgspec

from oneroster import encodings

BLOCK = 1 << 20
MOST_KEPT = 2_000_000
"""Hashes kept at once, of about 100 bytes each: lines of one file that the other had not yet."""
MOST_SHARE = 0.25
"""Where more of the rows differ, it is quicker to read all of them."""
FEW = 1_000
"""So many may differ however small the files are."""

Opener = Callable[[], AbstractContextManager[IO[bytes]]]


class Picked(msgspec.Struct, frozen=True):
    """Some rows of a file."""

    text: bytes
    """The header line and theirs: a file of its own."""
    lines: list[int]
    """The physical line of each in the file it is from."""


class Changes(msgspec.Struct, frozen=True):
    """What the new file has that the old one has not, and the other way round."""

    rows: int
    """Of the new file."""
    came: Picked
    went: Picked


class Unlike(Exception):
    """The files cannot be compared by lines, or differ too much."""


def between(old: Opener, new: Opener, rows: int) -> Changes:
    """Compare a file with its forerunner, which held so many rows. Raises Unlike, Broken."""
    with old() as left, new() as right:
        header = left.readline(encodings.LONGEST_LINE)
        if right.readline(encodings.LONGEST_LINE) != header or not header.endswith(b"\n"):
            raise Unlike
        went, came, before, after = _differing(_lines(left), _lines(right))
    if before != rows or not after:  # a row over several lines, or a blank line; or nothing at all
        raise Unlike
    if len(went) + len(came) > max(FEW, MOST_SHARE * (before + after)):
        raise Unlike
    found = Changes(after, _picked(new, header, came), _picked(old, header, went))
    if after - len(found.came.lines) != before - len(found.went.lines):
        raise Unlike
    return found


def _differing(old: Iterator[list[bytes]], new: Iterator[list[bytes]]) -> tuple[set[int], set[int], int, int]:
    """Hashes of the lines that only one of them has, and how many lines each has."""
    went: set[int] = set()
    came: set[int] = set()
    before = after = 0
    nothing: list[bytes] = []
    for left, right in itertools.zip_longest(old, new, fillvalue=nothing):
        before, after = before + len(left), after + len(right)
        if left == right:
            continue
        lost, found = set(map(hash, left)), set(map(hash, right))
        if len(lost) != len(left) or len(found) != len(right):
            raise Unlike  # the same line twice
        both = lost & found
        lost -= both
        found -= both
        _cancel(lost, came)
        _cancel(found, went)
        went |= lost
        came |= found
        if len(went) + len(came) > MOST_KEPT:
            raise Unlike
    return went, came, before, after


def _cancel(lines: set[int], others: set[int]) -> None:
    both = lines & others
    lines -= both
    others -= both


def _picked(source: Opener, header: bytes, wanted: set[int]) -> Picked:
    numbers: list[int] = []
    text = io.BytesIO()
    text.write(header)
    if wanted:
        with source() as stream:
            stream.readline(encodings.LONGEST_LINE)
            at = 2
            for lines in _lines(stream):
                for number, line in enumerate(lines, at):
                    if hash(line) in wanted:
                        _check_is_row(line)
                        numbers.append(number)
                        text.write(line + b"\n")
                at += len(lines)
    return Picked(text.getvalue(), numbers)


def _check_is_row(line: bytes) -> None:
    """Raises Unlike where a line may be less or more than a row."""
    if not line.strip() or line.count(b'"') % 2 or b"\r" in line[:-1]:
        raise Unlike


def _lines(stream: IO[bytes]) -> Iterator[list[bytes]]:
    """The lines without their LF, in lists of about the same number of bytes."""
    rest = b""
    while block := stream.read(BLOCK):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if len(rest) > encodings.LONGEST_LINE:
            raise Unlike
        if lines:
            yield lines
    if rest:
        yield [rest]

"""What differs between two files of the same kind, line by line, in whatever order the lines stand.

Hardly anything changes from one night to the next, and a line that has not changed need not be read again. Lines are
told apart by Python's keyed 64-bit hash of their bytes, which costs a tenth of reading them as CSV. A file in which a
line may not be a row is given up: it is to be read whole.
"""

import itertools
import operator
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO

import msgspec

from oneroster import encodings

BLOCK = 1 << 20
LOOK = 128
"""Lines looked at together."""
MOST_LOOK = 4096
"""So many where hardly any stands in its old place."""
MOST_KEPT = 2_000_000
"""Hashes kept at once, of about 100 bytes each: lines of one file that the other had not yet."""
MOST_HELD = 50_000
"""Lines held at once, of each file."""
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
        if right.readline(encodings.LONGEST_LINE) != header or not header.endswith(b"\n") or b"\r" in header[:-2]:
            raise Unlike
        went, came = _Unmatched(), _Unmatched()
        _match(left, right, went, came)
    if went.rows != rows or not came.rows:  # a row over several lines, or a blank line; or nothing at all
        raise Unlike
    if len(went.hashes) + len(came.hashes) > max(FEW, MOST_SHARE * (went.rows + came.rows)):
        raise Unlike
    found = Changes(came.rows, came.picked(new, header), went.picked(old, header))
    if came.rows - len(found.came.lines) != went.rows - len(found.went.lines):
        raise Unlike
    return found


def only_moved(old: Opener, new: Opener, rows: int) -> bool:
    """Whether a file has the lines of its forerunner, which held so many rows, in whatever order. Raises Broken.

    Told by the sum of their hashes, in half the time that it takes to find what differs.
    """
    try:
        return (found := _summed(new))[1] == rows and found == _summed(old)
    except Unlike:
        return False


def _summed(source: Opener) -> tuple[bytes, int, int]:
    with source() as stream:
        header = stream.readline(encodings.LONGEST_LINE)
        count = total = 0
        for lines in _lines(stream):
            count += len(lines)
            total += sum(map(hash, lines))
    if not header.endswith(b"\n") or b"\r" in header[:-2]:
        raise Unlike
    return header, count, total


def _match(old: IO[bytes], new: IO[bytes], went: "_Unmatched", came: "_Unmatched") -> None:
    """Go through both side by side: most lines stand in the same order, between a few that have come or gone."""
    left, right = _Ahead(old), _Ahead(new)
    look = LOOK
    while left.more() | right.more():
        same = _alike(left.next(LOOK), right.next(LOOK))
        left.at += same
        right.at += same
        went.rows += same
        came.rows += same
        if same == LOOK:
            continue
        lost, found = _until_alike(left.next(look), right.next(look))
        # Where the order is another one, it is no use to look for where it is the same again.
        look = LOOK if not lost or not found or len(lost) + len(found) < look else min(2 * look, MOST_LOOK)
        left.at += len(lost)
        right.at += len(found)
        _cross_out(lost, found, went, came)


def _alike(left: list[bytes], right: list[bytes]) -> int:
    """How many lines both begin with."""
    if left == right:
        return len(left)
    return next(itertools.compress(itertools.count(), map(operator.ne, left, right)), min(len(left), len(right)))


def _until_alike(left: list[bytes], right: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The lines before the first of the left that stands on the right too; all of them if none does."""
    places = {line: place for place, line in enumerate(right)}
    for place, line in enumerate(left):
        if line in places:
            return left[:place], right[: places[line]]
    return left, right


def _cross_out(left: list[bytes], right: list[bytes], went: "_Unmatched", came: "_Unmatched") -> None:
    lost, found = set(map(hash, left)), set(map(hash, right))
    if len(lost) != len(left) or len(found) != len(right):
        raise Unlike  # the same line twice
    both = lost & found
    went.add(left, came.cancel(lost - both))
    came.add(right, went.cancel(found - both))
    if len(went.hashes) + len(came.hashes) > MOST_KEPT:
        raise Unlike


class _Ahead:
    """The lines of a file from where it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._blocks = _lines(stream)
        self._lines: list[bytes] = []
        self.at = 0

    def more(self) -> bool:
        """Have the next `MOST_LOOK` lines at hand, or all that are left; whether there are any."""
        while len(self._lines) - self.at < MOST_LOOK and (block := next(self._blocks, None)):
            self._lines = self._lines[self.at :] + block
            self.at = 0
        return self.at < len(self._lines)

    def next(self, count: int) -> list[bytes]:
        return self._lines[self.at : self.at + count]


class _Unmatched:
    """The lines of one file that the other has not, or not yet."""

    def __init__(self) -> None:
        self.rows = 0
        """All lines below the header."""
        self.hashes: set[int] = set()
        self._held: dict[int, tuple[int, bytes]] | None = {}
        """Number and text of each line, as long as these are few; else they are looked up in the end."""

    def add(self, lines: list[bytes], hashes: set[int]) -> None:
        """Add these of the next lines of the file."""
        if hashes and self._held is not None:
            for number, line in enumerate(lines, self.rows + 2):
                if hash(line) in hashes:
                    self._held[hash(line)] = number, line
            if len(self._held) > MOST_HELD:
                self._held = None
        self.hashes |= hashes
        self.rows += len(lines)

    def cancel(self, hashes: set[int]) -> set[int]:
        """Take away those that the other file has; what is left of these is in neither."""
        both = hashes & self.hashes
        self.hashes -= both
        if self._held is not None:
            for one in both:
                del self._held[one]
        return hashes - both

    def picked(self, source: Opener, header: bytes) -> Picked:
        """The lines themselves. Raises Unlike where one may be less or more than a row."""
        found = self._looked_up(source) if self._held is None else sorted(self._held.values())
        for _, line in found:
            _check_is_row(line)
        return Picked(b"".join([header, *(line + b"\n" for _, line in found)]), [number for number, _ in found])

    def _looked_up(self, source: Opener) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        if not self.hashes:
            return found
        with source() as stream:
            stream.readline(encodings.LONGEST_LINE)
            at = 2
            for lines in _lines(stream):
                found += [(number, line) for number, line in enumerate(lines, at) if hash(line) in self.hashes]
                at += len(lines)
        return found


def _check_is_row(line: bytes) -> None:
    """Raises Unlike where a line may be less or more than a row."""
    if not line.strip() or line.count(b'"') % 2 or b"\r" in line[:-1]:
        raise Unlike


def _lines(stream: IO[bytes]) -> Iterator[list[bytes]]:
    """The lines without their LF, in lists of about the same number of bytes. Raises Unlike."""
    rest = b""
    while block := stream.read(BLOCK):
        data = rest + block
        lines = data.split(b"\n")
        rest = lines.pop()
        # A CR that stands alone ends a line, too, and then lines are counted otherwise.
        if len(rest) > encodings.LONGEST_LINE or data.count(b"\r") not in (0, len(lines) + rest.count(b"\r")):
            raise Unlike
        if lines:
            yield lines
    if b"\r" in rest:
        raise Unlike
    if rest:
        yield [rest]

"""The physical lines of a file as text, whatever it is encoded in; what cannot be decoded is named by line and byte.

UTF-8 with or without a byte order mark, UTF-16 by its mark, and CP932 where the tenant says so: Python's `cp932`, that
is Windows-31J, in which 0x8160 is U+FF5E and not the wave dash U+301C. Nothing is guessed, nothing is normalised.
A line ends in CR LF, LF or CR, also mixed (CSV binding section 2).
"""

import codecs
import csv
import functools
import io
import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from typing import IO

import msgspec

from oneroster.habits import Habits
from oneroster.pieces import Alike, Piece, first_line
from oneroster.problems import Problem

SETTINGS = ("auto", "cp932")
"""What a tenant may say of files without a byte order mark: that they are UTF-8, or CP932."""

LONGEST_LINE = 1 << 20
"""Bytes; a longer physical line is not read as CSV."""
BATCH_BYTES = 4 << 20
"""Monstrous rows come in smaller batches, and a row over lines enough for two of them is not read as CSV."""
MOST_LINES = 20
"""Lines of a file that are named one by one where they cannot be decoded; the others are counted."""
PIECE = 1 << 18

csv.field_size_limit(LONGEST_LINE)
_ISO_2022_JP = re.compile(rb"\x1b(?:\$[@B]|\$\([@-D]|\([BIJ])")
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_FOREIGN_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_CUT = b"\xff"
_NO_CHARACTER = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
_READABLE = re.compile(rb'(?:"(?:[^"]|"")*+"|[^",\r\n][^,\r\n]*+)?,')
"""A value with the comma behind it."""
_CP932 = "If the file is CP932 (Shift_JIS), `rosterhub tenant set CODE --encoding cp932` reads it."
_NOT_CP932 = "The tenant's setting is cp932; `rosterhub tenant set CODE --encoding auto` reads UTF-8."


class Foreign(Exception):
    """The file is in an encoding that is not read, or the rest of it is; the problem says in which."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class Lines:
    """The lines of one file, read by `reader`; raises Foreign and csv.Error on the way.

    A line that cannot be decoded is handed out all the same, with U+FFFD for what is no text, and told in `signs`.
    Whoever sets `width`, and `ended` behind each row, is given rows that are written alike without reading CSV: where
    these begin, the reader comes to its end.
    """

    def __init__(self, stream: IO[bytes], file: str, encoding: str = "auto", habits: Habits | None = None) -> None:
        self.file = file
        self.signs: list[int] = []
        """What is to be heeded after a row: lines that could not be decoded; 0 when so many bytes have been handed out
        that a batch should end. Whoever heeds it removes it."""
        self.unlisted = 0
        """Lines that could not be decoded beyond those named one by one."""
        self.habits = habits
        self.width = 0
        """Values in a row."""
        self.ended = 0
        """The line that ends the last row."""
        self.before = 0
        """Lines before those of the reader."""
        self._alike: Alike | None = None
        self._stream = stream
        self._codec = encoding if encoding == "cp932" else "utf-8"
        self._wide = ""
        self._mark = 0
        self._cut = 0
        self._told = 0
        self._piece, self._begun = b"", 1
        self._looked_cp932 = False
        self._problems: list[Problem] = []
        self._held = 0
        self._rest = self._read()
        self.reader = csv.reader(self._all(), strict=True)

    @property
    def count(self) -> int:
        """Lines handed out."""
        return self.before + self.reader.line_num

    def alike(self) -> Alike | None:
        """The rows before which the reader has come to its end; None where that is the end of the file.

        Behind them reads another reader.
        """
        found, self._alike = self._alike, None
        if found is not None:
            self.before = self.ended = self.count + len(found.columns[0])
            self.reader = csv.reader(self._all(), strict=True)
        return found

    def take(self, last: int | None = None) -> list[Problem]:
        """What has been found since it was last asked; of habits up to a line, or else as far as rows are read."""
        found, self._problems = self._problems, []
        if self.habits is not None:
            found += self.habits.take(self.count if last is None else last)
        return found

    def unread(self, start: int) -> tuple[int, int]:
        """Where the row that begins on a line cannot be read as CSV: the line and the place of the value.

        The place is beyond all columns where the row began too long ago to say.
        """
        rows = self._piece.splitlines(keepends=True)[start - self._begun :] if start >= self._begun else []
        at = column = 0
        text = b"".join(rows)
        while found := _READABLE.match(text, at):
            at, column = found.end(), column + 1
        lines = len((text[:at] + b".").splitlines())
        return start + lines - 1, column if rows else sys.maxsize

    def _all(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self._pieces())

    def _pieces(self) -> Iterator[Iterable[str]]:
        """What is to be read as CSV, up to the next rows that need not."""
        for piece in self._rest:
            at = self.count
            if self.habits is not None:
                self.habits.look(piece, at)
            foreign = b"\x1b" in piece.data and _ISO_2022_JP.search(piece.data) is not None
            if self.width and self.ended == at and not foreign:
                self._alike = piece.alike(self.width, self._codec)
                if self._alike is not None:
                    self._held = 0
                    return
            self._hold(len(piece.data))
            self._piece, self._begun = piece.data, at + 1
            yield self._one_by_one(piece.data, foreign=True) if foreign else self._lines(piece.data)

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > BATCH_BYTES:
            if 0 in self.signs:  # still: no row has ended since
                raise csv.Error(f"row longer than {BATCH_BYTES} bytes")
            self.signs.append(0)
            self._held = 0

    def _lines(self, piece: bytes) -> Iterable[str]:
        try:
            # Also of these lines the ends are CR LF, LF and CR, and nothing else.
            return io.StringIO(piece.decode(self._codec), newline="")
        except UnicodeDecodeError:
            return self._one_by_one(piece, foreign=False)

    def _one_by_one(self, piece: bytes, foreign: bool) -> Iterator[str]:
        codec = self._codec
        for raw in piece.splitlines(keepends=True):
            if foreign and (found := _ISO_2022_JP.search(raw)):
                raise Foreign(self._problem("0x1b", found.start(), "It is ISO-2022-JP. Export UTF-8."))
            try:
                yield raw.decode(codec)
            except UnicodeDecodeError as error:
                self._tell(error, raw)
                yield raw.decode(codec, errors="replace")

    def _tell(self, error: UnicodeDecodeError, raw: bytes) -> None:
        self.signs.append(self.count + 1)
        looks_cp932 = self._codec == "utf-8" and not self._wide and _is_cp932(raw)
        # One line that may be CP932 tells of a whole file in the wrong encoding.
        repeated, self._looked_cp932 = looks_cp932 and self._looked_cp932, self._looked_cp932 or looks_cp932
        self._told += not repeated
        if repeated or self._told > MOST_LINES:
            self.unlisted += 1
            return
        at, value = error.start, f"0x{raw[error.start]:02x}"
        if self._wide:
            # What could not be said in UTF-8 is half of a pair, or half of a unit at the end.
            at = len(raw[:at].decode().encode(self._wide))
            if raw[error.start : error.start + 1] == _CUT:
                what, value = "The file ends in the middle of a character.", f"0x{self._cut:02x}"
            else:
                unit = raw[error.start : error.start + 3].decode(errors="surrogatepass")
                what, value = "It is a lone surrogate.", f"0x{ord(unit):04x}"
            self._problems.append(self._problem(value, at, what))
        elif self._codec == "cp932":
            hint = f"It is not CP932. {_NOT_CP932}" if _is(raw, "utf-8") else "It is not CP932."
            self._problems.append(self._problem(value, at, hint))
        else:
            hint = f" {_CP932}" if looks_cp932 else ""
            self._problems.append(self._problem(value, at, _what(raw[at : at + 2]) + hint))

    def _problem(self, value: str, at: int, detail: str) -> Problem:
        line = self.count + 1
        place = at + 1 + (self._mark if line == 1 else 0)
        return Problem("E-ENC", self.file, line, "", value, f"Byte {place} of the line is {value}. {detail}")

    def _read(self) -> Iterator[Piece]:
        """The whole file. A header of one line stands alone: it is often written otherwise than the rows."""
        pieces = _whole_lines(self._blocks())
        for first in pieces:
            head = Piece(first[: first_line(first)])
            if head.alike(head.shape.count(b",") + 1, self._codec) is not None:
                yield head
                first = first[len(head.data) :]
            if first:
                yield Piece(first)
            break
        yield from map(Piece, pieces)

    def _blocks(self) -> Iterator[bytes]:
        """The bytes of the file without its mark, as UTF-8 where they were UTF-16."""
        first = self._stream.read(PIECE)
        more = iter(functools.partial(self._stream.read, PIECE), b"")
        if first.startswith(_FOREIGN_MARKS):
            raise Foreign(self._problem(f"0x{first[0]:02x}", 0, "It is UTF-32. Export UTF-8."))
        if first.startswith(codecs.BOM_UTF8):
            self._codec, self._mark = "utf-8", len(codecs.BOM_UTF8)
            self._problems.append(Problem("W-BOM", self.file, 1, "", ""))
            return itertools.chain([first[self._mark :]], more)
        for mark, codec in _MARKS:
            if first.startswith(mark):
                self._codec, self._wide, self._mark = "utf-8", codec, len(mark)
                self._problems.append(Problem("W-UTF16", self.file, 1, "", ""))
                return self._narrowed(itertools.chain([first[self._mark :]], more))
        if len(first) >= 4 and b"\0" in first[:4] and (first[:4:2] == b"\0\0" or first[1:4:2] == b"\0\0"):
            detail = "It is UTF-16 or UTF-32 without a byte order mark. Export UTF-8."
            raise Foreign(self._problem("0x00", first.index(0), detail))
        if self._codec == "cp932" and _is_japanese_utf_8(first):
            at = next(index for index, byte in enumerate(first) if byte >= 0x80)
            *before, start = first[: at + 1].splitlines(keepends=True)
            found = self._problem(f"0x{first[at]:02x}", len(start) - 1, f"It is UTF-8, not CP932. {_NOT_CP932}")
            raise Foreign(msgspec.structs.replace(found, line=len(before) + 1))
        return itertools.chain([first], more)

    def _narrowed(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """UTF-16 as UTF-8; halves of pairs go through, to be named where their line is read."""
        decoder = codecs.getincrementaldecoder(self._wide)("surrogatepass")
        for block in blocks:
            yield decoder.decode(block).encode(errors="surrogatepass")
        rest = decoder.getstate()[0]
        if len(rest) > 1:
            yield rest[:2].decode(self._wide, errors="surrogatepass").encode(errors="surrogatepass")
        if len(rest) % 2:
            self._cut = rest[-1]
            yield _CUT


def header(stream: IO[bytes], file: str, encoding: str = "auto") -> tuple[str, ...]:
    """The header row of a file as far as it can be read; () when it cannot."""
    try:
        return tuple(next(Lines(stream, file, encoding).reader, ()))
    except (Foreign, csv.Error):
        return ()


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut behind ends of lines."""
    rest = b""
    for block in blocks:
        data = rest + block
        # A CR at the very end may be half of CR LF.
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        if rest and len(data) > LONGEST_LINE and _first_line(data, len(rest)) > LONGEST_LINE:
            raise csv.Error(f"line longer than {LONGEST_LINE} bytes")
        rest = data[end:]
        if end:
            yield data[:end]
    if len(rest) > LONGEST_LINE:
        raise csv.Error(f"line longer than {LONGEST_LINE} bytes")
    if rest:
        yield rest


def _first_line(data: bytes, known: int) -> int:
    """The length of the first line, of which so many bytes are known to hold no end."""
    start = max(known - 1, 0)
    ends = [at for at in (data.find(b"\n", start), data.find(b"\r", start)) if at >= 0]
    return min(ends, default=len(data)) + 1


def _is(raw: bytes, codec: str) -> bool:
    try:
        raw.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _is_cp932(raw: bytes) -> bool:
    """Whether it may be CP932, without the bytes that Python reads though no character stands for them."""
    return _is(raw, "cp932") and not _NO_CHARACTER.search(raw.decode("cp932"))


def _is_japanese_utf_8(first: bytes) -> bool:
    """Whether a piece of a file is UTF-8 beyond doubt: it decodes, and has characters of three bytes."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(first)
    except UnicodeDecodeError:
        return False
    return not text.isascii() and max(text) >= "\u0800"


def _what(pair: bytes) -> str:
    """What is wrong with a byte that UTF-8 does not allow there, told by it and the one behind it."""
    lead, follows = pair[0], pair[1] if len(pair) > 1 else 0
    if (
        lead in (0xC0, 0xC1) or (lead == 0xE0 and follows < 0xA0) or (lead == 0xF0 and follows < 0x90)
    ) and follows >= 0x80:
        return "An overlong form."
    if lead == 0xED and follows >= 0xA0:
        return "A lone surrogate."
    if (lead == 0xF4 and follows >= 0x90) or 0xF5 <= lead <= 0xF7:
        return "Beyond U+10FFFF."
    return "It is not UTF-8 there."

"""The first kind of trouble: the data is wrong. A fault is a value that names file, line, column and value.

Its code stands in one list with what is said of it; see `oneroster/codes`.
"""

import msgspec

from oneroster.codes import CODES, Severity, details

__all__ = ["CODES", "Problem"]


class Problem(msgspec.Struct, frozen=True):
    """One fault of a bundle."""

    code: str
    file: str
    """The file in the bundle, "" for the bundle itself."""
    line: int
    """The physical line, the header being 1; 0 where no line can be named."""
    column: str
    """The header's name, or ""."""
    value: str
    detail: str = ""
    """What the sentence of the code leaves open: the expected words, the missing file."""

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    @property
    def message(self) -> str:
        sentence = CODES[self.code].english
        return f"{sentence} {self.detail}" if self.detail else sentence

    @property
    def japanese(self) -> str:
        sentence, more = CODES[self.code].japanese, details.in_japanese(self.detail)
        return f"{sentence} {more}" if more.isascii() and more else sentence + more

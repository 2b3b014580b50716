"""What was found out about a bundle: its problems, counted, capped and in the order in which they are told."""

from collections import Counter
from collections.abc import Sequence

from oneroster import entities, manifest, rows
from oneroster.problems import CODES, Problem
from oneroster.rows import Places, Rows
from sql import masking, prospect

FILES = {name: place for place, name in enumerate(("", manifest.NAME, *(entity.file for entity in entities.ALL)))}
"""The order in which files are told of."""


SEALED_COLUMNS = masking.DROPPED
"""Columns whose values are not to be shown, not even where they are wrong."""


class Findings:
    """What is wrong with a bundle: everything is counted, and so many of each code are kept.

    They are told in the order of reading: the bundle, its manifest, its files in the order of dependence, so that the
    fault comes before what follows from it; in a file by line and column; at the end how many more there are.
    """

    MOST = prospect.MOST

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        """Errors and warnings."""
        self.faulty: set[str] = set()
        """Files that could not be read to their end: whoever refers to a row of theirs is not blamed."""
        self.wrong: set[tuple[str, str]] = set()
        """Files and columns with an error in any row."""
        self._kept: list[Problem] = []
        self._by_code: Counter[str] = Counter()
        self._listed: Counter[str] = Counter()
        self._headers: dict[str, dict[str, int]] = {}
        self._places: dict[str, Places] = {}

    def add(self, problems: Sequence[Problem], total: int | None = None) -> None:
        """Add problems; `total` is their number where only the first of them are given."""
        for one in problems:
            self._by_code[one.code] += 1
            if self._listed[one.code] < self.MOST:
                self._listed[one.code] += 1
                self._kept.append(rows.placed(one, self._places.get(one.file, {})))
            if one.severity == "error":
                self.wrong.add((one.file, one.column))
        self.total.update(one.severity for one in problems)
        if problems and total is not None:
            self.more(problems[0].code, total - len(problems))

    def more(self, code: str, number: int) -> None:
        """So many more of a code, that are not listed."""
        if number:
            self._by_code[code] += number
            self.total[CODES[code].severity] += number

    def read(self, reader: Rows) -> None:
        """A file has been read: the order of its columns, where its cells begin, whether it came to its end."""
        self._headers[reader.file] = {name: place for place, name in enumerate(reader.header, start=1)}
        self._places[reader.file] = reader.places
        if not reader.usable or not reader.whole:
            self.faulty.add(reader.file)
        self.more("E-ENC", reader.unlisted)

    @property
    def kept(self) -> list[Problem]:
        """The problems in order, and one entry a code for those that are not listed."""
        more = {code: number - self._listed[code] for code, number in self._by_code.items()}
        rest = [
            Problem(code, "", 0, "", "", f"{number:,} more like this are not listed.")
            for code, number in more.items()
            if number
        ]
        return sorted(self._kept, key=self._order) + rest

    @property
    def spotless(self) -> bool:
        """Whether nothing is wrong with any row; what is said of the bundle as such does not count."""
        return not self.faulty and not any(one.file not in ("", manifest.NAME) for one in self._kept)

    @property
    def errors(self) -> bool:
        return self.total["error"] > 0

    def _order(self, one: Problem) -> tuple[int, str, int, int]:
        return FILES.get(one.file, len(FILES)), one.file, one.line, self._headers.get(one.file, {}).get(one.column, 0)

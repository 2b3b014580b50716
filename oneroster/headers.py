"""The header of a file held against its profile: which columns there are, and what is wrong with them."""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from oneroster import kinds
from oneroster.entities import Entity, Field
from oneroster.kinds import Kind
from oneroster.problems import Problem
from oneroster.profiles.profile import Metadata, Profile
from oneroster.vocabularies import Vocabulary

LONGEST_SHOWN = 500
"""Characters of a faulty value or header that its problem repeats."""

_METADATA = re.compile(r"metadata\.[^\x00-\x1f\x7f]{1,246}")
"""Its dots become levels of JSON, hence the limit."""
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", "\u3001": "Japanese commas", "\uff0c": "full-width commas"}


class Column(msgspec.Struct, frozen=True):
    """A column of a file as its reader sees it: a field of the table, or metadata."""

    header: str
    kind: Kind
    field: Field | None
    metadata: Metadata | None
    words: Vocabulary | None

    @property
    def required(self) -> bool:
        return self.field is not None and self.field.required

    def fits(self, cell: str) -> str | None:
        """The code of what is wrong with the cell, or None."""
        if not cell or (self.required and not cell.strip()):
            return "E-REQUIRED" if self.required else None
        if not matcher(self.words.pattern if self.words else self.kind.pattern)(cell):
            return self.kind.code
        return None if _in_calendar(self.kind, cell) else self.kind.code

    def expected(self, code: str) -> str:
        """What should stand there, where the sentence of the code leaves it open."""
        if code != "E-ENUM" or self.words is None:
            return ""
        more = " or ext:NAME" if self.words.extensible else ""
        return f"Expected {', '.join(self.words.words)}{more}."


@functools.cache
def matcher(pattern: str) -> Callable[[str], object]:
    """Whether a whole text is of a pattern."""
    return re.compile(pattern).fullmatch


def shown(text: str) -> str:
    """As much of a value as its problem repeats."""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def _in_calendar(kind: Kind, cell: str) -> bool:
    if kind is kinds.DATE:
        return kinds.is_date(cell)
    return kinds.is_instant(cell) if kind is kinds.INSTANT else True


def check(
    header: Sequence[str], file: str, entity: Entity, profile: Profile, hint: str = ""
) -> tuple[tuple[Column, ...], list[Problem]]:
    """The columns in the order of the profile, and what is wrong with the header; no columns when it cannot be used.

    `hint` is added where columns are missing or unknown: why this profile is expected.
    """
    if not header or list(header) == [""]:
        return (), [Problem("E-EMPTY", file, 1, "", "")]
    if len(header) == 1:
        for separator, name in _SEPARATORS.items():
            if "sourcedId" in header[0].split(separator):
                return (), [Problem("E-SEPARATOR", file, 1, "", separator, f"They are separated by {name}.")]
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    problems = [Problem("E-HEADER-TWICE", file, 1, shown(name), shown(name)) for name in twice]
    wanted, missing = _wanted(header, file, entity, profile, hint)
    known = {column.header for column in wanted}
    alike = {one.value for one in missing if one.value}
    problems += missing
    for name in header:
        if name in known:
            continue
        if _METADATA.fullmatch(name):
            wanted.append(Column(name, kinds.TEXT, None, Metadata(name, kinds.TEXT), None))
        elif shown(name) not in alike:
            problems.append(Problem("E-HEADER-UNKNOWN", file, 1, shown(name), shown(name), hint))
    if problems:
        return (), problems
    place = {name: index for index, name in enumerate(header)}
    order = [place[column.header] for column in wanted]
    if order != sorted(order):
        problems.append(Problem("W-HEADER-ORDER", file, 1, "", ""))
    return tuple(wanted), problems


def _wanted(
    header: Sequence[str], file: str, entity: Entity, profile: Profile, hint: str
) -> tuple[list[Column], list[Problem]]:
    """The columns of the profile that the header has, and the problems of those it lacks."""
    there = set(header)
    may_lack = profile.may_lack.get(entity.name, ())
    wanted: list[Column] = []
    missing: list[str] = []
    for field in profile.fields(entity):
        if field.name in there:
            wanted.append(Column(field.name, field.kind, field, None, profile.words(entity, field)))
        elif field.name not in may_lack:
            missing.append(field.name)
    for one in profile.metadata(entity):
        if one.header in there:
            wanted.append(Column(one.header, one.kind, None, one, None))
        else:
            missing.append(one.header)
    if not missing:
        return wanted, []
    bare: dict[str, str] = {}
    for name in header:
        bare.setdefault(_bare(name), name)
    return wanted, [_missing(file, name, bare.get(_bare(name), ""), hint) for name in missing]


def _missing(file: str, name: str, near: str, hint: str) -> Problem:
    detail = ""
    if near:
        only_case = near.lower() == name.lower()
        why = "headers are case-sensitive" if only_case else "blanks, full-width and invisible characters count"
        detail = f"There is {near if near.isprintable() else ascii(shown(near))[1:-1]}; {why}."
    return Problem("E-HEADER-MISSING", file, 1, name, shown(near), " ".join(filter(None, (detail, hint))))


def _bare(name: str) -> str:
    """A name without what the eye passes over: case, blanks, width, invisible characters."""
    text = unicodedata.normalize("NFKC", name[:LONGEST_SHOWN]).lower()
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc"))

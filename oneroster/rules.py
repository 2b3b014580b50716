"""Rules on the values of a row beyond kind and vocabulary (CSV binding section 5, Japan sheet sections 2 to 4).

A rule looks at one cell or at a few of the same row, and at each combination once per file: grades, codes and names
repeat, rows do not. What holds for whole files is in `sql/checks.py`.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from oneroster import kinds, school_codes, vocabularies
from oneroster.entities import Entity
from oneroster.pieces import Columns
from oneroster.problems import Problem
from oneroster.profiles.profile import Profile
from oneroster.vocabularies import Vocabulary

KNOWN = 10_000
"""So many good combinations are remembered for each set of columns."""
SHOWN = 500
"""Characters of a faulty value that its problem repeats."""

Cells = str | tuple[str, ...]
"""What a rule looks at: the cell, or the cells if they are several."""


class Fault(NamedTuple):
    """What a rule finds wrong: which of its columns, and the value if it is not the whole cell."""

    place: int = 0
    value: str | None = None
    detail: str = ""


Judge = Callable[..., Iterator[Fault]]
"""A function of as many cells as the rule has columns. To be blank is no fault here: that is for the field to say."""


class Rule(msgspec.Struct, frozen=True):
    """What must hold of some columns of a row."""

    code: str
    columns: tuple[str, ...]
    judge: Judge
    quick: Callable[[Sequence[str]], bool] | None = None
    """A fast word for all cells of a batch, where hardly a cell is like another; false where it cannot tell."""


def in_order(begin: str, end: str) -> Iterator[Fault]:
    """Days of the form YYYY-MM-DD compare as texts."""
    if begin and end and end < begin:
        yield Fault(1, detail=f"The beginning is {begin}.")


def equally_many(subjects: str, codes: str) -> Iterator[Fault]:
    names, numbers = len(kinds.items(subjects)), len(kinds.items(codes))
    if names and numbers and names != numbers:
        yield Fault(1, detail=f"{names} subjects and {numbers} codes.")


def primary_of_teachers(role: str, primary: str) -> Iterator[Fault]:
    if role == "student" and primary == "true":
        yield Fault(1)


def blank(cell: str) -> Iterator[Fault]:
    if cell:
        yield Fault()


def filled(cell: str) -> Iterator[Fault]:
    if not cell:
        yield Fault(detail="It is to be filled: true or false for teachers, false for pupils.")


def no_district(parent: str, kind: str) -> Iterator[Fault]:
    if parent and kind == "district":
        yield Fault()


def enabled(cell: str) -> Iterator[Fault]:
    if cell and cell != "true":
        yield Fault()


def known(words: Vocabulary) -> Judge:
    """A judge of lists: each item is a word of the vocabulary."""

    def judge(cell: str) -> Iterator[Fault]:
        for item in kinds.items(cell):
            if item not in words.words:
                yield Fault(value=item)

    return judge


def japanese_role(role: str, role_type: str) -> Iterator[Fault]:
    """Who manages a school is teacher on the primary row, and what he is besides on a secondary one."""
    if role in vocabularies.JAPAN_UNUSED_ROLES.words:
        yield Fault()
    elif role_type == "primary" and role in vocabularies.JAPAN_MANAGEMENT_ROLES.words:
        yield Fault(detail="The primary row is teacher, the management role a secondary one.")


def matching(pattern: str) -> Judge:
    """A judge of texts: the whole of it is like that."""
    fullmatch = re.compile(pattern).fullmatch

    def judge(cell: str) -> Iterator[Fault]:
        if cell and not fullmatch(cell):
            yield Fault()

    return judge


def trimmed(cell: str) -> Iterator[Fault]:
    """Full-width blanks count."""
    if cell != cell.strip():
        yield Fault()


def official_code(identifier: str, kind: str) -> Iterator[Fault]:
    """A code of the Ministry, where a school or district has one at all."""
    if identifier and kind == "school" and not school_codes.is_school(identifier):
        yield Fault(detail="A school has 13 characters.")
    if identifier and kind == "district" and not school_codes.is_board(identifier):
        yield Fault(detail="A board of education has 6 digits.")


def japanese_year(title: str, start: str, end: str, year: str) -> Iterator[Fault]:
    """2026年度 runs from 2026-04-01 to 2027-03-31 and is 2026; the year that most of the cells name is believed."""
    named = [
        int(title[:4]) if _YEAR_TITLE(title) else None,
        int(start[:4]) if start else None,
        int(end[:4]) - 1 if end else None,
        int(year) if year else None,
    ]
    said = Counter(one for one in named if one is not None)
    if not said:
        return
    meant = said.most_common(1)[0][0]
    expected = (f"{meant:04}年度", f"{meant:04}-04-01", f"{meant + 1:04}-03-31", f"{meant:04}")
    for place, cell in enumerate((title, start, end, year)):
        # A title of another form is the business of W-TITLE.
        if named[place] is not None and cell != expected[place]:
            yield Fault(place, detail=f"Expected {expected[place]}.")


_YEAR_TITLE = re.compile(r"[0-9]{4}年度").fullmatch
_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_UUID4 = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}"
_KATAKANA = "[\u30a0-\u30ff\u31f0-\u31ff\u3099\u309a \u3000]*"
"""With the prolonged sound mark, the middle dot, blanks, and the marks of decomposed kana."""
_NO_HALF_WIDTH = "[^\uff61-\uff9f]*"

_HOME_CLASS = "metadata.jp.homeClass"
_SUBJECTS = ("subjects", "subjectCodes")
_STAY = ("beginDate", "endDate")
_KANA = tuple(
    f"metadata.jp.kana{preferred}{name}Name"
    for preferred in ("", "Preferred")
    for name in ("Family", "Given", "Middle")
)
_TEXTS = {
    "orgs": ("name",),
    "academicSessions": ("title",),
    "courses": ("title",),
    "classes": ("title", "location"),
    "users": (
        *("givenName", "familyName", "middleName"),
        *("preferredGivenName", "preferredMiddleName", "preferredFamilyName"),
    ),
    "userProfiles": ("description",),
}
_ANY_UUID = re.compile(_UUID).fullmatch


def are_uuids(cells: Iterable[str]) -> bool:
    """Whether all filled cells are UUIDs in lower case or lists of them. A wrong no costs a walk."""
    return _uuids(",".join(filter(None, cells)).encode(), b",") is not None


def each_is_uuid(cells: Iterable[str]) -> bool:
    """The same where a list is none."""
    filled = [*filter(None, cells)]
    return _uuids("\n".join(filled).encode(), b"\n") == len(filled)


def _uuids(text: bytes, between: bytes) -> int | None:
    """How many UUIDs there are, if there is nothing else, told by the looks of all of them in a row.

    36 characters each, hyphens in four places and nowhere else: there is no wrong yes.
    """
    count = (len(text) + 1) // 37
    right = not text or (
        len(text) == 37 * count - 1
        and text[36::37] == between * (count - 1)
        and text[8::37] == text[13::37] == text[18::37] == text[23::37] == b"-" * count
        and text.translate(None, b"0123456789abcdef") == between.join([b"----"] * count)
    )
    return count if right else None


def each_of_version_4(cells: Sequence[str]) -> bool:
    """The same of UUIDs of version 4."""
    if not each_is_uuid(cells):
        return False
    text = "".join(cells)
    return {*text[14::36]} <= {"4"} and {*text[19::36]} <= {*"89ab"}


ALWAYS: Mapping[str, tuple[Rule, ...]] = {
    "academicSessions": (Rule("E-DATE-ORDER", ("startDate", "endDate"), in_order),),
    "roles": (Rule("E-DATE-ORDER", _STAY, in_order),),
    "enrollments": (Rule("E-DATE-ORDER", _STAY, in_order),),
}

BASE: Mapping[str, tuple[Rule, ...]] = {
    "courses": (Rule("E-SUBJECTS", _SUBJECTS, equally_many),),
    "classes": (Rule("E-SUBJECTS", _SUBJECTS, equally_many),),
    "enrollments": (Rule("W-PRIMARY", ("role", "primary"), primary_of_teachers),),
}

JAPAN: Mapping[str, tuple[Rule, ...]] = {
    "orgs": (
        Rule("W-ORG-TYPE", ("type",), matching("|".join(vocabularies.JAPAN_ORG_TYPES.words))),
        Rule("W-SCHOOL-CODE", ("identifier", "type"), official_code),
        Rule("E-PARENT", ("parentSourcedId", "type"), no_district),
    ),
    "academicSessions": (
        Rule("W-TITLE", ("title",), matching("[0-9]{4}年度")),
        Rule("W-SCHOOL-YEAR", ("title", "startDate", "endDate", "schoolYear"), japanese_year),
        Rule("W-PARENT", ("parentSourcedId",), blank),
    ),
    "courses": (
        Rule("W-TITLE", ("title",), matching("[0-9]{4}年度.*")),
        Rule("W-COURSE-CODE", ("courseCode",), blank),
        Rule("W-GRADE", ("grades",), known(vocabularies.JAPAN_GRADES)),
        Rule("W-SUBJECTS", _SUBJECTS, equally_many),
        Rule("W-SUBJECT-CODE", ("subjectCodes",), known(vocabularies.JAPAN_SUBJECT_CODES)),
    ),
    "classes": (
        Rule("W-GRADE", ("grades",), known(vocabularies.JAPAN_GRADES)),
        Rule("W-SUBJECTS", _SUBJECTS, equally_many),
        Rule("W-SUBJECT-CODE", ("subjectCodes",), known(vocabularies.JAPAN_SUBJECT_CODES)),
    ),
    "users": (
        Rule("W-ENABLED", ("enabledUser",), enabled),
        Rule("W-GRADE", ("grades",), known(vocabularies.JAPAN_GRADES)),
        Rule("W-MASTER-ID", ("userMasterIdentifier",), matching(_UUID4), quick=each_of_version_4),
        *(Rule("W-KANA", (name,), matching(_KATAKANA)) for name in _KANA),
        *(Rule("W-BLANKS", (name,), trimmed) for name in _KANA),
    ),
    "roles": (Rule("W-ROLE", ("role", "roleType"), japanese_role),),
    "enrollments": (Rule("E-PRIMARY", ("role", "primary"), primary_of_teachers),),
}


def of(entity: Entity, profile: Profile) -> list[Rule]:
    """The rules for a file of the profile."""
    rules = [*ALWAYS.get(entity.name, ()), *(JAPAN if profile.japanese else BASE).get(entity.name, ())]
    if entity.name == "enrollments" and profile.primary_filled:
        rules.append(Rule("W-PRIMARY", ("primary",), filled))
    if profile.japanese:
        for name in _TEXTS.get(entity.name, ()):
            rules += [Rule("W-KANA", (name,), matching(_NO_HALF_WIDTH)), Rule("W-BLANKS", (name,), trimmed)]
    return rules


class Rules:
    """The rules of one file, with what they have seen of it."""

    def __init__(self, entity: Entity, profile: Profile, header: Sequence[str]) -> None:
        at = {name: index for index, name in enumerate(header)}
        self._file = entity.file
        self._status = at["status"]
        self._groups: dict[tuple[int, ...], list[Rule]] = {}
        for rule in of(entity, profile):
            if all(name in at for name in rule.columns):
                self._groups.setdefault(tuple(at[name] for name in rule.columns), []).append(rule)
        self._good: dict[tuple[int, ...], set[Cells]] = {places: set() for places in self._groups}
        self._ids: list[tuple[str, int]] = []
        if profile.japanese:
            refers = {one.name for one in entity.fields if one.refers}
            refers |= {one.header for one in profile.metadata(entity) if one.refers}
            self._ids = [(name, index) for name, index in at.items() if name == "sourcedId" or name in refers]

    def judge(self, lines: Sequence[int], columns: Columns, uuids: Collection[int] = ()) -> list[Problem]:
        """What is wrong with a batch. UUIDs come out in lower case, references that are none are blanked.

        A row of a delta that is to be deleted says nothing but its id. `uuids`: columns of which is known already that
        they hold UUIDs in lower case and nothing else.
        """
        problems: list[Problem] = []
        for name, index in self._ids:
            # References repeat, ids do not.
            if index not in uuids and not are_uuids(columns[index] if name == "sourcedId" else {*columns[index]}):
                problems += self._sort_out_ids(name, lines, columns[index])
        if "tobedeleted" in columns[self._status]:
            living = [status != "tobedeleted" for status in columns[self._status]]
            lines = list(itertools.compress(lines, living))
            columns = [list(itertools.compress(column, living)) for column in columns]
        for places, rules in self._groups.items():
            problems += self._look(places, rules, lines, columns)
        return problems

    def _look(
        self, places: tuple[int, ...], rules: list[Rule], lines: Sequence[int], columns: Columns
    ) -> list[Problem]:
        chosen = [columns[at] for at in places]
        rules = [rule for rule in rules if not (rule.quick and rule.quick(chosen[0]))]
        if not rules:
            return []
        good = self._good[places]
        bad: dict[Cells, list[tuple[Rule, Fault]]] = {}
        met: set[Cells] = set(zip(*chosen, strict=True)) if len(chosen) > 1 else set(chosen[0])
        for cells in met - good:
            arguments = (cells,) if isinstance(cells, str) else cells
            if faults := [(rule, fault) for rule in rules for fault in rule.judge(*arguments)]:
                bad[cells] = faults
            elif len(good) < KNOWN:
                good.add(cells)
        if not bad:
            return []
        return [
            self._problem(rule, fault, line, cells)
            for line, *row in zip(lines, *chosen, strict=True)
            for cells in (tuple(row) if len(row) > 1 else row[0],)
            for rule, fault in bad.get(cells, ())
        ]

    def _problem(self, rule: Rule, fault: Fault, line: int, cells: Cells) -> Problem:
        cell = cells if isinstance(cells, str) else cells[fault.place]
        value = cell if fault.value is None else fault.value
        return Problem(rule.code, self._file, line, rule.columns[fault.place], value[:SHOWN], fault.detail)

    def _sort_out_ids(self, name: str, lines: Sequence[int], column: list[str]) -> Iterator[Problem]:
        for row, (line, cell) in enumerate(zip(lines, column, strict=True)):
            kept = []
            for item in kinds.items(cell):
                if not _ANY_UUID(item):
                    detail = "Not the title but the sourcedId of the class." if name == _HOME_CLASS else ""
                    yield Problem("E-UUID", self._file, line, name, item, detail)
                    # The record keeps its name, so that those who refer to it are not blamed for more.
                    if name != "sourcedId":
                        continue
                elif item != item.lower():
                    yield Problem("W-UUID-CASE", self._file, line, name, item)
                    item = item.lower()
                kept.append(item)
            column[row] = ",".join(kept)

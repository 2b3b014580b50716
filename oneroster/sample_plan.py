"""The plan of a sample: which schools, groups and people there are, and what becomes of them when it changes.

Everything about a record follows from the seed and its place in the plan by hashing, so nothing is remembered
between files: each file walks the plan again, one school in memory at a time.
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator
from typing import Literal

import msgspec

from oneroster import sample_words
from oneroster.sample_words import Kind, Subject

GROUP_SIZE = 33
"""Pupils of a homeroom at most."""
SCHOOL_SIZE = 450
"""Pupils of a school on average."""


class Plan(msgspec.Struct, frozen=True):
    """The arguments of a sample and the head counts that follow."""

    seed: int
    users: int
    year: int
    """In which the school year begins."""
    change: float
    """Percent of users, classes and enrollments that differ from the plan without change."""
    schools: int
    staff: int
    guardians: int
    pupils: int


class School(msgspec.Struct, frozen=True):
    """A school and its share of the people, as ranges of their numbers."""

    id: str
    number: int
    kind: Kind
    pupils: range
    staff: range


class Person(msgspec.Struct, frozen=True):
    """A user: who, not yet what the cells say."""

    id: str
    part: Literal["pupil", "staff", "guardian"]
    username: str
    digest: bytes
    """32 bytes that everything by chance about the person is taken from."""
    school: School
    changed: bool = False
    girl: bool = False
    family: int = 0
    agents: tuple[str, ...] = ()
    home: str = ""
    """The class that is the homeroom."""
    grade: int = 0
    """Pupils: the year in their school, from 1."""
    number: int = 0
    """Pupils: in the register of the homeroom. Staff: in the school, 0 being the principal. Guardians: of the pupil."""
    heads_district: bool = False


class Class(msgspec.Struct, frozen=True):
    """A homeroom, where subject is None, or a subject taught to a group."""

    id: str
    slot: str
    """What stays the same when the class is replaced by another."""
    course: str
    digest: bytes
    subject: Subject | None
    changed: bool


class Group(msgspec.Struct, frozen=True):
    """The pupils of a homeroom, and what they are taught."""

    school: School
    grade: int
    number: int
    """Within the grade, from 1."""
    index: int
    """Within the school, from 0."""
    pupils: range


def make(users: int, *, seed: int, year: int, change: float) -> Plan:
    """Share `users` out among pupils (about 80 %), guardians and staff, in schools of about 450 pupils."""
    if users < 1:
        raise ValueError(f"a sample needs at least one user, not {users}")
    if not 0 <= change <= 100:
        raise ValueError(f"change is a percentage, not {change}")
    schools = max(3, users * 80 // 100 // SCHOOL_SIZE) if users >= 20 else 1
    staff = max(users * 7 // 100, min(2 * schools, users // 3))
    guardians = (users - staff) * 14 // 100
    return Plan(seed, users, year, change, schools, staff, guardians, users - staff - guardians)


def digest(plan: Plan, what: str) -> bytes:
    """32 bytes for that thing of that seed."""
    return hashlib.blake2b(f"{plan.seed}/{what}".encode(), digest_size=32).digest()


def pick(chance: bytes, at: int, below: int) -> int:
    """A number below `below` out of two of the 32 bytes."""
    return (chance[at] << 8 | chance[at + 1]) % below


def uuid(text: str) -> str:
    """32 hexadecimal digits in the shape of a UUID of version 4."""
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def identify(plan: Plan, what: str) -> str:
    """The sourcedId of that thing."""
    return uuid(hashlib.blake2b(f"{plan.seed}:{what}".encode(), digest_size=16).hexdigest())


def happens(plan: Plan, chance: bytes) -> Literal["", "changed", "gone", "new"]:
    """Half of PERCENT change, a quarter go, a quarter get a newcomer beside them."""
    if not plan.change:
        return ""
    lot = int.from_bytes(chance[28:32]) / 2**32 * 100 / plan.change
    if lot < 0.5:
        return "changed"
    return "gone" if lot < 0.75 else "new" if lot < 1 else ""


@functools.lru_cache(maxsize=4)
def schools(plan: Plan) -> tuple[School, ...]:
    """The schools, of uneven size."""
    weights = [60 + digest(plan, f"size {number}")[0] % 80 for number in range(plan.schools)]
    ends = [0, *itertools.accumulate(weights)]
    pupils = [plan.pupils * end // ends[-1] for end in ends]
    staff = [plan.staff * number // plan.schools for number in range(plan.schools + 1)]
    return tuple(
        School(
            id=identify(plan, f"school {number}"),
            number=number,
            kind=sample_words.KINDS[number % len(sample_words.KINDS)],
            pupils=range(pupils[number], pupils[number + 1]),
            staff=range(staff[number], staff[number + 1]),
        )
        for number in range(plan.schools)
    )


def groups(school: School) -> Iterator[Group]:
    """The homerooms of a school, year by year; a year may have none."""
    first, size, index = school.pupils.start, len(school.pupils), 0
    for grade in range(1, school.kind.years + 1):
        begin, end = (first + size * (grade - 1 + step) // school.kind.years for step in (0, 1))
        count = -(-(end - begin) // GROUP_SIZE)
        for number in range(count):
            start, stop = (begin + (end - begin) * (number + step) // count for step in (0, 1))
            yield Group(school, grade, number + 1, index, range(start, stop))
            index += 1


def subjects(school: School, grade: int) -> Iterator[Subject | None]:
    """What a year is taught, None being the homeroom."""
    yield None
    for subject in school.kind.subjects:
        if str(grade) in subject.years:
            yield subject


def course_id(plan: Plan, school: School, grade: int, subject: Subject | None) -> str:
    return identify(plan, f"course {school.number} {grade} {subject.name if subject else ''}")


def homeroom_id(plan: Plan, school: School, index: int) -> str:
    return identify(plan, f"class {school.number} {index} ")


def classes(plan: Plan, group: Group) -> Iterator[Class]:
    """The homeroom of a group and its subjects.

    A scheduled class that goes is replaced at once by a new one, which takes over its enrollments: these change.
    """
    for subject in subjects(group.school, group.grade):
        slot = f"{group.school.number} {group.index} {subject.name if subject else ''}"
        chance = digest(plan, f"class {slot}")
        fate = happens(plan, chance)
        replaced = fate == "gone" and subject is not None
        yield Class(
            id=identify(plan, f"class {slot}{'+' if replaced else ''}"),
            slot=slot,
            course=course_id(plan, group.school, group.grade, subject),
            digest=chance,
            subject=subject,
            changed=fate == "changed",
        )


def staff(plan: Plan, school: School) -> tuple[Person, ...]:
    """Principal, deputy, teachers. Who goes is replaced at once."""
    return tuple(_member(plan, school, number, place) for place, number in enumerate(school.staff))


def teachers(people: tuple[Person, ...]) -> tuple[Person, ...]:
    """Those who teach: all but principal and deputy, where there are others."""
    return people[2:] or people


def _member(plan: Plan, school: School, number: int, place: int) -> Person:
    slot = f"staff {number}"
    fate = happens(plan, digest(plan, slot))
    replaced = fate == "gone"
    chance = digest(plan, f"{slot}{'+' if replaced else ''}")
    leads = place - (2 if len(school.staff) > 2 else 0)
    heads = number == 1 and plan.users >= 100
    return Person(
        id=identify(plan, f"{slot}{'+' if replaced else ''}"),
        part="staff",
        username=f"t{number:06d}{'n' if replaced else ''}",
        digest=chance,
        school=school,
        changed=fate == "changed",
        girl=chance[0] < 140,
        family=pick(chance, 1, len(sample_words.FAMILY)),
        home=homeroom_id(plan, school, leads) if 0 <= leads < _group_count(school) else "",
        number=place,
        heads_district=heads,
    )


@functools.lru_cache(maxsize=64)
def _group_count(school: School) -> int:
    return sum(1 for _ in groups(school))


def pupils(plan: Plan, group: Group) -> list[Person]:
    """The pupils of a group, numbered by their reading as Japanese registers are; newcomers come last."""
    home = homeroom_id(plan, group.school, group.index)
    stayed = [(number, digest(plan, f"pupil {number}")) for number in group.pupils]
    stayed.sort(key=lambda one: (_reading(one[1]), one[0]))
    found: list[Person] = []
    new: list[Person] = []
    for place, (number, chance) in enumerate(stayed, start=1):
        fate = happens(plan, chance) if number else ""  # the first pupil stays, so that no file is ever empty
        if fate != "gone":
            found.append(_pupil(plan, group, f"{number}", chance, home, place, fate == "changed"))
        if fate == "new":
            place = len(stayed) + len(new) + 1
            new.append(_pupil(plan, group, f"{number}+", digest(plan, f"pupil {number}+"), home, place, False))
    return found + new


def _reading(chance: bytes) -> tuple[str, str]:
    given = sample_words.GIRLS if chance[0] < 128 else sample_words.BOYS
    family = sample_words.FAMILY[pick(chance, 1, len(sample_words.FAMILY))]
    return family.kana, given[pick(chance, 3, len(given))].kana


def _pupil(plan: Plan, group: Group, slot: str, chance: bytes, home: str, place: int, changed: bool) -> Person:
    number = int(slot.removesuffix("+"))
    return Person(
        id=identify(plan, f"pupil {slot}"),
        part="pupil",
        username=f"s{number:06d}{'n' if slot.endswith('+') else ''}",
        digest=chance,
        school=group.school,
        changed=changed,
        girl=chance[0] < 128,
        family=pick(chance, 1, len(sample_words.FAMILY)),
        agents=tuple(identify(plan, f"guardian {slot} {one}") for one in range(_guardian_count(plan, number))),
        home=home,
        grade=group.grade,
        number=place,
    )


def _guardian_count(plan: Plan, number: int) -> int:
    """None, one, two or three for pupil `number`; in all exactly `plan.guardians`."""
    pairs = plan.guardians // 3
    singles = plan.guardians - 2 * pairs

    def due(all_: int) -> int:
        return all_ * (number + 1) // plan.pupils - all_ * number // plan.pupils

    return 2 * due(pairs) + due(singles)


def guardians(plan: Plan, pupil: Person) -> Iterator[Person]:
    """The guardians of a pupil: they come and go with the child, and each is the agent of the other."""
    for number, id_ in enumerate(pupil.agents):
        chance = digest(plan, f"guardian {id_}")
        yield Person(
            id=id_,
            part="guardian",
            username=f"g{pupil.username[1:]}{'abc'[number]}",
            digest=chance,
            school=pupil.school,
            changed=happens(plan, chance) == "changed",
            girl=number != 1,
            family=pupil.family,
            agents=(pupil.id,),
            number=number,
        )


def people(plan: Plan) -> Iterator[Person]:
    """Every user, school by school."""
    for school in schools(plan):
        yield from staff(plan, school)
        for group in groups(school):
            for pupil in pupils(plan, group):
                yield pupil
                yield from guardians(plan, pupil)

"""Samples: believable, seeded bundles of any size and profile, for demonstrations, tests and benchmarks.

One district with elementary, junior high and high schools. The same arguments make the same bytes; `change` makes
the same roster some time later. No person, school or town in it exists; mail domains are reserved ones and phone
numbers are never assigned. `sample_plan` says who there is, `sample_schools` and `sample_people` what the cells say.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path

from oneroster import entities, sample_people, sample_plan, sample_schools, write
from oneroster.entities import Entity
from oneroster.profiles import Profile

YEAR = 2026


def sample(
    users: int, *, profile: Profile, seed: int = 1, change: float = 0.0, year: int = YEAR
) -> dict[str, Iterator[tuple[str, ...]]]:
    """Rows by entity name, cells in the order of the profile's header; each iterator makes its rows as it is read.

    There are exactly `users` users and about ten times as many enrollments. With `change`, about that percentage of
    users, classes and enrollments differ from the sample without: half changed, a quarter gone, a quarter new.
    `year` is that in which the school year begins. Raises ValueError for users < 1 or change outside 0..100.
    """
    plan = sample_plan.make(users, seed=seed, year=year, change=change)
    japanese = profile.japanese
    rows = {
        entities.ORGS: sample_schools.orgs(plan),
        entities.ACADEMIC_SESSIONS: sample_schools.sessions(plan, japanese),
        entities.COURSES: sample_schools.courses(plan, japanese),
        entities.CLASSES: sample_schools.classes(plan, japanese),
        entities.USERS: sample_people.users(plan, japanese),
        entities.USER_PROFILES: sample_people.profiles(plan, japanese),
        entities.ROLES: sample_people.roles(plan, japanese),
        entities.DEMOGRAPHICS: sample_people.demographics(plan, japanese),
        entities.ENROLLMENTS: sample_schools.enrollments(plan, japanese),
    }
    return {entity.name: _in_order(profile, entity, cells) for entity, cells in rows.items()}


def write_sample(
    target: Path, users: int, *, profile: Profile, seed: int = 1, change: float = 0.0, year: int = YEAR
) -> None:
    """Write a sample as a zip (target ends in `.zip`) or a folder. Raises ValueError as `sample` does, OSError."""
    rows = sample(users, profile=profile, seed=seed, change=change, year=year)
    write.write(target, profile, rows, source="RosterHub sample")


def bundle_name(users: int, *, day: datetime.date, seed: int = 1) -> str:
    """`RO_YYYYMMDD_<code>.zip` (Japan sheet section 2): the code of the board, or of the only school there is."""
    plan = sample_plan.make(users, seed=seed, year=YEAR, change=0)
    schools = sample_plan.schools(plan)
    code = sample_schools.board_code(plan) if len(schools) > 1 else sample_schools.code_of(plan, schools[0])
    return f"RO_{day:%Y%m%d}_{code}.zip"


def _in_order(profile: Profile, entity: Entity, rows: Iterator[dict[str, str]]) -> Iterator[tuple[str, ...]]:
    names = [field.name for field in profile.fields(entity)] + [one.key for one in profile.metadata(entity)]
    for row in rows:
        get = row.get
        yield tuple([get(name, "") for name in names])

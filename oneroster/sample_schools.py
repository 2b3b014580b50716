"""What the cells of a sample say about schools: orgs, sessions, courses, classes, and who is enrolled in them.

Rows are dictionaries of column to cell, `metadata.` columns by their key; what is not there is blank.
"""

from collections.abc import Iterator

from oneroster import sample_plan, sample_words, school_codes
from oneroster.sample_plan import Class, Group, Person, Plan, School

Cells = dict[str, str]


def school_code(kind: str, prefecture: int, founder: int, serial: int) -> str:
    """The 13 characters of a school code, the last a check digit (Japan sheet section 3)."""
    body = f"{kind}{prefecture:02d}{founder}{serial:07d}"
    return body + school_codes.check_digit(body)


def _prefecture(plan: Plan) -> int:
    return sample_plan.digest(plan, "district")[0] % 47 + 1


def board_code(plan: Plan) -> str:
    return f"{_prefecture(plan):02d}9{sample_plan.pick(sample_plan.digest(plan, 'district'), 1, 1000):03d}"


def code_of(plan: Plan, school: School) -> str:
    return school_code(school.kind.code, _prefecture(plan), 2, 9_000_000 + school.number)


def district_id(plan: Plan) -> str:
    return sample_plan.identify(plan, "district")


def last_day(plan: Plan, japanese: bool) -> str:
    """Inclusive in Japan, exclusive in the base (Japan sheet section 3)."""
    return f"{plan.year + 1}-03-31" if japanese else f"{plan.year + 1}-04-01"


def grade_of(school: School, year: int) -> str:
    return f"{school.kind.letter}{year}"


def orgs(plan: Plan) -> Iterator[Cells]:
    city = sample_words.CITIES[sample_plan.digest(plan, "district")[3] % len(sample_words.CITIES)]
    district = district_id(plan)
    yield {
        "sourcedId": district,
        "name": f"{city}教育委員会",
        "type": "district",
        "identifier": board_code(plan),
    }
    for school in sample_plan.schools(plan):
        quarter, place = divmod(school.number, len(sample_words.PLACES))
        name = sample_words.PLACES[place] + sample_words.QUARTERS[quarter % len(sample_words.QUARTERS)]
        if quarter >= len(sample_words.QUARTERS):
            name += f"第{school.number}"
        yield {
            "sourcedId": school.id,
            "name": f"{city}立{name}{school.kind.name}",
            "type": "school",
            "identifier": code_of(plan, school),
            "parentSourcedId": district,
        }


def sessions(plan: Plan, japanese: bool) -> Iterator[Cells]:
    """One school year in Japan; in the base also its terms, their grading periods, and semesters for high schools."""
    year, after = plan.year, plan.year + 1
    school_year = {
        "sourcedId": sample_plan.identify(plan, "session schoolYear"),
        "title": f"{year}年度",
        "type": "schoolYear",
        "startDate": f"{year}-04-01",
        "endDate": last_day(plan, japanese),
        "parentSourcedId": "NULL" if japanese else "",
        "schoolYear": str(year if japanese else after),
    }
    yield school_year
    if japanese:
        return
    spans = (
        ("term", 1, "1学期", f"{year}-04-01", f"{year}-09-01"),
        ("term", 2, "2学期", f"{year}-09-01", f"{after}-01-01"),
        ("term", 3, "3学期", f"{after}-01-01", f"{after}-04-01"),
        ("semester", 1, "前期", f"{year}-04-01", f"{year}-10-01"),
        ("semester", 2, "後期", f"{year}-10-01", f"{after}-04-01"),
    )
    halves = {1: f"{year}-06-01", 2: f"{year}-11-01", 3: f"{after}-02-15"}
    for kind, number, title, start, end in spans:
        parent = sample_plan.identify(plan, f"session {kind} {number}")
        span = {"title": title, "type": kind, "startDate": start, "endDate": end, "schoolYear": str(after)}
        yield span | {"sourcedId": parent, "parentSourcedId": school_year["sourcedId"]}
        if kind == "semester":
            continue
        for half, begins, ends in (("前半", start, halves[number]), ("後半", halves[number], end)):
            yield span | {
                "sourcedId": sample_plan.identify(plan, f"session {title}{half}"),
                "title": f"{title}{half}",
                "type": "gradingPeriod",
                "startDate": begins,
                "endDate": ends,
                "parentSourcedId": parent,
            }


def _terms(plan: Plan, school: School, japanese: bool) -> str:
    """The sessions a class of the school runs in: the year in Japan, else terms or, in high schools, semesters."""
    if japanese:
        return sample_plan.identify(plan, "session schoolYear")
    kind, count = ("semester", 2) if school.kind is sample_words.HIGH else ("term", 3)
    return ",".join(sample_plan.identify(plan, f"session {kind} {number + 1}") for number in range(count))


def courses(plan: Plan, japanese: bool) -> Iterator[Cells]:
    school_year = sample_plan.identify(plan, "session schoolYear")
    for school in sample_plan.schools(plan):
        for year in sorted({group.grade for group in sample_plan.groups(school)}):
            for number, subject in enumerate(sample_plan.subjects(school, year)):
                yield {
                    "sourcedId": sample_plan.course_id(plan, school, year, subject),
                    "schoolYearSourcedId": school_year,
                    "title": f"{plan.year}年度{subject.name if subject else 'ホームルーム'}",
                    "courseCode": "" if japanese else f"{grade_of(school, year)}-{number:02d}",
                    "grades": grade_of(school, year),
                    "orgSourcedId": school.id,
                    "subjects": subject.name if subject else "",
                    "subjectCodes": subject.code if subject else "",
                }


def classes(plan: Plan, japanese: bool) -> Iterator[Cells]:
    for school in sample_plan.schools(plan):
        terms = _terms(plan, school, japanese)
        for group in sample_plan.groups(school):
            for one in sample_plan.classes(plan, group):
                yield _class(group, one) | {"termSourcedIds": terms}


def _class(group: Group, one: Class) -> Cells:
    code = f"{group.grade:02d}{group.number:02d}"
    title = f"{group.grade}年{group.number}組"
    room = one.digest[0] % 40 + 1
    cells = {
        "sourcedId": one.id,
        "title": title if one.subject is None else f"{title} {one.subject.name}",
        "grades": grade_of(group.school, group.grade),
        "courseSourcedId": one.course,
        "classCode": code,
        "classType": "homeroom",
        "location": f"{'北' if room % 2 else '南'}校舎{room // 15 + 1}階,第{room}教室",
        "schoolSourcedId": group.school.id,
    }
    if one.subject is None:
        cells["metadata.jp.specialNeeds"] = "true" if one.digest[2] < 12 else "false"
    else:
        first = one.digest[4] % 5 + 1
        cells |= {
            "classCode": "" if one.digest[5] < 60 else f"{code}-{one.digest[5] % 90 + 10}",
            "classType": "scheduled",
            "subjects": one.subject.name,
            "subjectCodes": one.subject.code,
            "periods": f"{first},{first + 1}" if one.digest[6] < 100 else str(first),
        }
    if one.changed:
        cells |= {"title": cells["title"] + "（改）", "location": "多目的室"}
    return cells


def enrollments(plan: Plan, japanese: bool) -> Iterator[Cells]:
    last = last_day(plan, japanese)
    for school in sample_plan.schools(plan):
        pool = sample_plan.teachers(sample_plan.staff(plan, school))
        for group in sample_plan.groups(school):
            pupils = sample_plan.pupils(plan, group)
            for one in sample_plan.classes(plan, group):
                for person, primary in _members(group, one, pool, pupils):
                    yield _enrollment(plan, one, person, primary, last)


def _members(group: Group, one: Class, pool: tuple[Person, ...], pupils: list[Person]) -> Iterator[tuple[Person, str]]:
    """Who is in a class, and whether as its primary teacher: a homeroom teacher takes most of an elementary school."""
    if pool:
        leads = group.index % len(pool)
        elementary = group.school.kind is sample_words.ELEMENTARY
        if one.subject is not None and (not elementary or one.subject.special):
            leads = sample_plan.pick(one.digest, 8, len(pool))
        yield pool[leads], "true"
        if one.digest[10] < 32 and len(pool) > 1:
            yield pool[(leads + 1) % len(pool)], "false"
    for pupil in pupils:
        yield pupil, "false"


def _enrollment(plan: Plan, one: Class, person: Person, primary: str, last: str) -> Cells:
    # A teacher who is replaced leaves the enrollment to the next one, so the place counts and not the person.
    who = person.id if person.part == "pupil" else f"teacher {person.school.number} {person.number}"
    chance = sample_plan.digest(plan, f"enrollment {one.slot} {who}")
    cells = {
        "sourcedId": sample_plan.uuid(chance.hex()),
        "classSourcedId": one.id,
        "schoolSourcedId": person.school.id,
        "userSourcedId": person.id,
        "role": "student" if person.part == "pupil" else "teacher",
        "primary": primary,
        "beginDate": f"{plan.year}-04-01",
        "endDate": last,
        "metadata.jp.publicFlg": "true" if chance[20] < 250 else "false",
    }
    if person.part == "pupil":
        cells["metadata.jp.shussekiNo"] = str(person.number)
    # A quarter changes with its class, which is replaced; this is the other quarter, and what overlaps.
    if plan.change and int.from_bytes(chance[28:32]) / 2**32 * 100 < plan.change * 0.3:
        cells["beginDate"] = f"{plan.year}-09-01"
    return cells

"""R8: mass changes wait for a person. Every boundary of the guard, tried from both sides through the real daemon."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from psycopg.sql import SQL, Identifier

from tests.proofs import rosters
from tests.proofs.rosters import changed, people, renamed, roster, without
from tests.proofs.standing import active, checksum, database, differences, standing, wanted
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import Files, write
from tests.story.hub import Hub

Edit = Callable[[Files], Files]


class Case(msgspec.Struct, frozen=True):
    """A change, and whether it is due to be held."""

    name: str
    edit: Edit
    due: str
    raw: Mapping[str, str] = {}
    """Files given as text."""


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """Each case on the same state, which is restored after those that are let through. Both scales are alike."""
    base = roster(1000, 1000, 1000, 1000)
    base["courses"] += [base["courses"][0] | {"sourcedId": f"co-{number}"} for number in range(2, 13)]
    troubles: list[str] = []
    tried = {"held": 0, "applied": 0, "rejected": 0}
    with standing(folder) as hub:
        desk = Desk(hub, folder, base)
        for case in cases(base):
            found = desk.attempt(case)
            troubles += [f"{case.name}: {one}" for one in found]
            tried[case.due] += not found
            report(f"{case.name}: {found or case.due}")
    figures = (
        f"{tried['held']} bundles held, {tried['applied']} let through and {tried['rejected']} rejected exactly when"
        f" due, 0 rows changed and the old state served" if not troubles else f"{len(troubles)} deviations"
    )  # fmt: skip
    return judged(not troubles, figures, troubles)


def cases(base: Files) -> Iterator[Case]:
    """All boundaries. There are 1,000 students, teachers, guardians, classes and demographics."""
    students, teachers, guardians = (people(base, kind) for kind in ("st", "te", "gu"))
    for count, share, due in ((297, "9.9", "applied"), (300, "10.0", "applied"), (303, "10.1", "held")):
        yield Case(f"{share} % of users gone, of students and teachers none", _gone(guardians[:count]), due)
    for count, share, due in ((99, "9.9", "applied"), (100, "10.0", "applied"), (101, "10.1", "held")):
        yield Case(f"{share} % of students gone", _gone(students[:count]), due)
        yield Case(f"{share} % of teachers gone", _gone(teachers[:count]), due)
        yield Case(f"{share} % of demographics gone", _rows_gone("demographics", count), due)
        yield Case(f"{share} % of enrollments gone", _rows_gone("enrollments", count * 2), due)
    yield Case("5 of 12 courses gone", _courses_gone(5), "applied")
    yield Case("6 of 12 courses gone", _courses_gone(6), "held")
    for count, share, due in ((749, "74.9", "applied"), (750, "75.0", "applied"), (751, "75.1", "held")):
        yield Case(f"{share} % of students changed", _renamed(students[:count]), due)
        yield Case(f"{share} % of teachers changed", _renamed(teachers[:count]), due)
        everyone = guardians + students[: (count * 3 - 1000) // 2] + teachers[: (count * 3 - 999) // 2]
        yield Case(f"{share} % of users changed, of students and teachers less", _renamed(everyone), due)
        yield Case(f"{share} % of enrollments changed", _cells("enrollments", count * 2, endDate="2027-03-31"), due)
        yield Case(f"{share} % of classes changed", _cells("classes", count, location="二階"), due)
        yield Case(f"{share} % of demographics changed", _cells("demographics", count, sex="male"), due)
    for name in ("enrollments", "demographics"):
        yield Case(f"{name} with a header only", lambda files: files, "held", {name: _header(name)})
    yield Case("every file with a header only", lambda files: {}, "held", {name: _header(name) for name in base})
    yield Case("all ids of enrollments new", _new_ids("enrollments"), "held")
    yield Case("all ids of users new", _new_people, "held")
    yield Case("enrollments of 0 bytes", lambda files: files, "rejected", {"enrollments": ""})
    yield Case("users of 0 bytes", lambda files: files, "rejected", {"users": ""})


def _gone(ids: list[str]) -> Edit:
    return lambda files: without(files, ids)


def _renamed(ids: list[str]) -> Edit:
    return lambda files: renamed(files, ids, "新")


def _rows_gone(name: str, count: int) -> Edit:
    return lambda files: {**files, name: files[name][count:]}


def _courses_gone(count: int) -> Edit:
    return lambda files: {**files, "courses": files["courses"][:-count]}


def _cells(name: str, count: int, **cells: str) -> Edit:
    return lambda files: changed(files, name, [row["sourcedId"] for row in files[name][:count]], cells)


def _new_ids(name: str) -> Edit:
    return lambda files: {**files, name: [row | {"sourcedId": f"new-{row['sourcedId']}"} for row in files[name]]}


def _new_people(files: Files) -> Files:
    """As after a change of the school's system: everybody is there, and nobody is called as before."""
    return {
        name: [row | {column: f"new-{row[column]}"} for row in rows] if column else rows
        for name, rows in files.items()
        for column in [rosters.OF_PEOPLE.get(name, "")]
    }


def _header(name: str) -> str:
    return ",".join(rosters.COLUMNS[name]) + "\r\n"


class Desk:
    """A tenant with a roster, at which one bundle after another is tried."""

    def __init__(self, hub: Hub, folder: Path, base: Files) -> None:
        self._hub, self._folder, self._base = hub, folder, base
        self._number = 0
        hub.tenant("guards")
        self._lms = hub.client("guards")
        self._deliver(base, {}, "applied")

    def attempt(self, case: Case) -> list[str]:
        """What is not as it must be."""
        files = case.edit(self._base)
        before, served = self._facts(), checksum(self._lms.everything())
        found = self._deliver(files, case.raw, case.due)
        if case.due == "applied":
            found += differences(active(self._lms.everything()), wanted(files, self._lms))[:3]
            return found + self._deliver(self._base, {}, "applied")
        if self._facts() != before:
            found.append("rows changed")
        if checksum(self._lms.everything()) != served:
            found.append("the old state is not served")
        return found

    def _deliver(self, files: Files, raw: Mapping[str, str], due: str) -> list[str]:
        self._number += 1
        # A name of its own each, so that the time of two names never decides.
        bundle = write(self._folder / f"guards-{self._number}.zip", files, raw=raw)
        code = {"applied": 0, "held": 10, "rejected": 65}[due]
        done = self._hub.call("ingest", "guards", str(bundle), "--wait", "--json")
        return [] if done.code == code else [f"exit {done.code} instead of {code}: {done.out}{done.err}"]

    def _facts(self) -> list[object]:
        """Which version of each row stands where, and the newest revision: an idle UPDATE shows, too."""
        with database(self._hub) as conn:
            tables = conn.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '_t1$'").fetchall()
            versions = SQL("SELECT md5(string_agg(xmin::text || ctid::text, ',' ORDER BY ctid)) FROM {}")
            found = {name: conn.execute(versions.format(Identifier(name))).fetchone() for (name,) in tables}
            revision = conn.execute("SELECT max(revision) FROM revisions").fetchone()
            return [found, revision]

"""The student information system: a small roster that lives, and the files it would export."""

from collections.abc import Iterable
from random import Random

from tests.machine import records
from tests.machine.model import File
from tests.machine.records import COLUMNS, METADATA, Row, Stored

Roster = dict[str, dict[str, Row]]
"""Rows by id by file."""

DATES = [f"2026-04-0{day}T00:00:00.000Z" for day in range(1, 6)]
"""What the rows of a delta are dated."""

VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "orgs": {"name": ("North", "South", "緑ヶ丘"), "type": ("school", "district"), "identifier": ("", "N1", "n1")},
    "academicSessions": {
        "title": ("Spring", "Autumn"),
        "type": ("term", "gradingPeriod"),
        "schoolYear": ("2026", "2027"),
    },
    "courses": {
        "title": ("国語", "Maths"),
        "courseCode": ("", "M-1"),
        "grades": ("", "P1", "P1,P2"),
        "subjects": ("", "国語,書写"),
    },
    "classes": {
        "title": ("1-1", "1-2"),
        "classType": ("homeroom", "scheduled"),
        "periods": ("", "1,2", "2,1"),
        "location": ("", "Room 1"),
    },
    "users": {
        "givenName": ("太郎", "花子", "O'Neil"),
        "familyName": ("山田", 'The "Best"'),
        "middleName": ("", "M\\N"),
        "email": ("", "a@example.jp", "A@example.jp"),
        "phone": ("", "03-0000-0001"),
        "grades": ("", "P1", "P1,P2"),
        "userIds": ("", "{LDAP:abc}", "{LDAP:abc},{LTI:x1}"),
        "enabledUser": ("true", "false"),
        "password": ("", "x", "y"),
        "preferredGivenName": ("", "Taro"),
        "resourceSourcedIds": ("", "r-1"),
        "pronouns": ("", "they/them"),
    },
    "userProfiles": {
        "profileType": ("LMS", "SIS"),
        "description": ("", "for all"),
        "username": ("one", "two"),
        "password": ("", "x", "y"),
    },
    "roles": {
        "role": ("student", "teacher", "parent"),
        "roleType": ("primary", "secondary"),
        "beginDate": ("", "2026-04-01", "2026-05-01"),
        "endDate": ("", "2027-03-31"),
    },
    "demographics": {
        "birthDate": ("", "2019-05-06", "2019-05-07"),
        "sex": ("", "male", "female"),
        "asian": ("", "true", "false"),
        "cityOfBirth": ("", "Leeds"),
    },
    "enrollments": {
        "role": ("student", "teacher"),
        "primary": ("", "true", "false"),
        "beginDate": ("", "2026-04-01"),
    },
}
"""What columns that refer to nothing may hold."""


class Sender:
    """One school board's system."""

    def __init__(self, chance: Random) -> None:
        self.rows: Roster = {stem: {} for stem in COLUMNS}
        self.gone: Roster = {stem: {} for stem in COLUMNS}
        """What was removed and may return."""
        self.touched: set[tuple[str, str]] = set()
        """What changed since the last delivery."""
        self._number = 0
        self._begin(chance)

    def _begin(self, chance: Random) -> None:
        self._put("orgs", "d-1", name="Board", type="district")
        for one in ("s-1", "s-2"):
            self._put("orgs", one, name=one, type="school", parentSourcedId="d-1")
        self._put("academicSessions", "y-1", title="2026", type="schoolYear", **_TIMES)
        self._put("academicSessions", "t-1", title="Spring", type="term", parentSourcedId="y-1", **_TIMES)
        for one in ("co-1", "co-2"):
            self._put("courses", one, title=one, orgSourcedId="s-1", schoolYearSourcedId="y-1")
        for one in ("c-1", "c-2", "c-3"):
            self._put(
                "classes",
                one,
                title=one,
                courseSourcedId="co-1",
                classType="homeroom",
                schoolSourcedId="s-1",
                termSourcedIds="t-1,y-1",
            )
        for _ in range(chance.randint(8, 26)):
            self.join(chance)

    def _put(self, stem: str, sourced_id: str, **cells: str) -> None:
        self.rows[stem][sourced_id] = {"sourcedId": sourced_id} | cells
        self.gone[stem].pop(sourced_id, None)
        self.touched.add((stem, sourced_id))

    def follow(self, stored: Stored) -> None:
        """Take over what the hub holds, as far as it can be exported whole."""
        self.rows = {stem: {one: dict(v.cells) for one, v in stored[stem].items() if v.active} for stem in COLUMNS}
        self.gone = {stem: {one: dict(v.cells) for one, v in stored[stem].items() if not v.active} for stem in COLUMNS}
        self.touched = set()
        self.prune()

    def change(self, chance: Random) -> None:
        """Something happens at the board."""
        chance.choice(
            (
                self.alter,
                self.alter,
                self.alter,
                self.refer,
                self.refer,
                self.join,
                self.leave,
                self.come_back,
                self.drop,
                self.add_part,
                self.rename_role,
                self.enroll,
                self.open_school,
            )
        )(chance)

    def alter(self, chance: Random) -> None:
        """A value changes."""
        stem = chance.choice(list(VALUES))
        if self.rows[stem]:
            one = chance.choice(sorted(self.rows[stem]))
            choices = VALUES[stem] | dict.fromkeys(METADATA, ("", "kept", "other"))
            header = chance.choice(list(choices))
            if header == "type" and self._is_typed(one):
                return
            self._put(stem, one, **self.rows[stem][one] | {header: chance.choice(choices[header])})

    def _is_typed(self, number: str) -> bool:
        """Whether any row refers or referred to it that may refer to a school, or a school year, only."""
        rows = [row for there in (self.rows, self.gone) for found in there.values() for row in found.values()]
        return any(number in (row.get("schoolSourcedId"), row.get("schoolYearSourcedId")) for row in rows)

    def refer(self, chance: Random) -> None:
        """A reference changes."""
        stem = chance.choice([stem for stem in COLUMNS if stem != "demographics"])
        if not self.rows[stem]:
            return
        one = chance.choice(sorted(self.rows[stem]))
        column = chance.choice([column for column in COLUMNS[stem] if column.refers])
        kind = {"schoolYearSourcedId": "schoolYear", "schoolSourcedId": "school"}.get(column.header)
        there = [other for other, row in sorted(self.rows[column.refers].items()) if kind in (None, row.get("type"))]
        if column.many:
            chosen = chance.sample(there, min(len(there), chance.randint(1, 2)))
        else:
            chosen = [chance.choice(there)] if there else []
        if not column.required and chance.random() < 0.3:
            chosen = []
        row = self.rows[stem][one] | {column.header: ",".join(chosen)}
        wrong = {"roles": self._primary_twice, "orgs": self._cycle, "academicSessions": self._cycle}.get(stem)
        if (chosen or not column.required) and not (wrong and wrong(stem, one, row)):
            self._put(stem, one, **row)

    def _cycle(self, stem: str, number: str, row: Row) -> bool:
        above = row["parentSourcedId"]
        while above and above != number:
            above = self.rows[stem][above].get("parentSourcedId", "")
        return above == number

    def _primary_twice(self, stem: str, number: str, role: Row) -> bool:
        same = ("userSourcedId", "orgSourcedId", "roleType")
        return role["roleType"] == "primary" and any(
            other != number and all(row[name] == role[name] for name in same) for other, row in self.rows[stem].items()
        )

    def join(self, chance: Random) -> None:
        """A user comes, with all that is his."""
        number = self._next()
        one = f"u-{number}"
        self._put("users", one, enabledUser="true", username=one, givenName="太郎", familyName="山田")
        self._put(
            "roles",
            f"r-{number}",
            userSourcedId=one,
            roleType="primary",
            role=chance.choice(("student", "student", "student", "teacher", "parent")),
            orgSourcedId="s-1",
        )
        if chance.random() < 0.7:
            self.enroll(chance, one)
        if chance.random() < 0.4:
            self._put("demographics", one, sex="female", birthDate="2019-05-06")
        if chance.random() < 0.2:
            self._add_profile(one)
        self.prune()

    def leave(self, chance: Random) -> None:
        """A user goes, with all that is his."""
        if self.rows["users"]:
            self._remove("users", chance.choice(sorted(self.rows["users"])))

    def leave_in_droves(self, chance: Random) -> None:
        """So many go that somebody should look."""
        for _ in range(chance.randint(4, 9)):
            self.leave(chance)

    def come_back(self, chance: Random) -> None:
        """A record that was removed returns, and of a user's what was his."""
        stem = chance.choice(list(COLUMNS))
        if not self.gone[stem]:
            return
        one = chance.choice(sorted(self.gone[stem]))
        if stem != "roles" or not self._primary_twice(stem, one, self.gone[stem][one]):
            self._put(stem, one, **self.gone[stem][one])
        if stem == "users":
            for file in ("userProfiles", "roles", "demographics", "enrollments"):
                for number, row in sorted(self.gone[file].items()):
                    twice = file == "roles" and self._primary_twice(file, number, row)
                    if one in (row.get("userSourcedId"), number) and not twice:
                        self._put(file, number, **row)
        self.prune()

    def drop(self, chance: Random) -> None:
        """A record goes, and what refers to it."""
        stem = chance.choice(
            ("classes", "courses", "roles", "userProfiles", "demographics", "enrollments", "enrollments")
        )
        if self.rows[stem]:
            self._remove(stem, chance.choice(sorted(self.rows[stem])))

    def add_part(self, chance: Random) -> None:
        """A user gets a second role or a profile."""
        if not self.rows["users"]:
            return
        one = chance.choice(sorted(self.rows["users"]))
        if chance.random() < 0.5:
            self._add_profile(one)
        elif self.rows["orgs"]:
            self._put(
                "roles",
                f"r-{self._next()}",
                userSourcedId=one,
                roleType="secondary",
                role=chance.choice(("student", "teacher")),
                orgSourcedId=chance.choice(sorted(self.rows["orgs"])),
            )

    def _add_profile(self, user: str) -> None:
        self._put(
            "userProfiles",
            f"p-{self._next()}",
            userSourcedId=user,
            profileType="LMS",
            vendorId="v",
            credentialType="plain",
            username=user,
        )

    def rename_role(self, chance: Random) -> None:
        """A role comes under another id."""
        if self.rows["roles"]:
            one = chance.choice(sorted(self.rows["roles"]))
            row = self.rows["roles"][one]
            self._remove("roles", one)
            number = f"r-{self._next()}"
            self._put("roles", number, **row | {"sourcedId": number})

    def enroll(self, chance: Random, user: str = "") -> None:
        """A user is put into a class."""
        if self.rows["classes"] and self.rows["users"]:
            user = user or chance.choice(sorted(self.rows["users"]))
            where = chance.choice(sorted(self.rows["classes"]))
            school = self.rows["classes"][where]["schoolSourcedId"]
            self._put(
                "enrollments",
                f"e-{self._next()}",
                classSourcedId=where,
                schoolSourcedId=school,
                userSourcedId=user,
                role="student",
            )

    def open_school(self, chance: Random) -> None:
        """A school or a term comes; or one goes, with what refers to it, when there are enough."""
        stem = chance.choice(("orgs", "academicSessions"))
        if len(self.rows[stem]) > 3 or (len(self.rows[stem]) > 1 and chance.random() < 0.1):
            self._remove(stem, sorted(self.rows[stem])[-1])
            return
        number = self._next()
        parent = chance.choice(["", *sorted(self.rows[stem])])
        if stem == "orgs":
            self._put(stem, f"s-{number}", name="New", type="school", parentSourcedId=parent)
        else:
            self._put(stem, f"t-{number}", title="New", type="term", parentSourcedId=parent, **_TIMES)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _remove(self, stem: str, sourced_id: str) -> None:
        self.gone[stem][sourced_id] = self.rows[stem].pop(sourced_id)
        self.touched.add((stem, sourced_id))
        self.prune()

    def prune(self) -> None:
        """No row refers to what is not there: optional references are blanked, other rows go."""
        changed = True
        while changed:
            changed = False
            for stem in COLUMNS:
                for one in sorted(self.rows[stem]):
                    changed = self._prune_row(stem, one) or changed

    def _prune_row(self, stem: str, one: str) -> bool:
        row = self.rows[stem][one]
        for column, target, other in records.references(stem, row):
            if other in self.rows[target]:
                continue
            self.touched.add((stem, one))
            left = [item for item in records.items(column, row.get(column.header, "")) if item != other]
            if column.required and not (column.many and left):
                self.gone[stem][one] = self.rows[stem].pop(one)
            else:
                row[column.header] = ",".join(left)
            return True
        return False

    def bulk(self, stems: Iterable[str]) -> dict[str, File]:
        """Those files as the full truth."""
        return {stem: File("bulk", list(self.rows[stem].values())) for stem in stems}

    def delta(self, stems: Iterable[str], chance: Random, dates: list[str]) -> dict[str, File]:
        """What changed, some of what did not, and now and then the removal of something nobody knows."""
        files = {}
        for stem in stems:
            chosen = sorted(one for file, one in self.touched if file == stem)
            chosen += chance.sample(sorted(self.rows[stem]), min(len(self.rows[stem]), chance.randint(0, 2)))
            chosen += chance.sample(sorted(self.gone[stem]), min(len(self.gone[stem]), chance.randint(0, 1)))
            rows = [self._delta_row(stem, one, chance.choice(dates)) for one in dict.fromkeys(chosen)]
            if self.rows[stem] and chance.random() < 0.1:
                model = next(iter(self.rows[stem].values()))
                rows.append(model | {"sourcedId": "nobody", "status": "tobedeleted", "dateLastModified": dates[-1]})
            files[stem] = File("delta", rows)
        return files

    def _delta_row(self, stem: str, one: str, date: str) -> Row:
        there = one in self.rows[stem]
        row = self.rows[stem][one] if there else self.gone[stem][one]
        return row | {"status": "active" if there else "tobedeleted", "dateLastModified": date}


_TIMES = {"startDate": "2026-04-01", "endDate": "2027-03-31", "schoolYear": "2026"}

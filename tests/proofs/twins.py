"""Two rosters of which one has half of the other's ids, with other content, and ids that it alone has.

Every row says in its metadata whose it is, so that a foreign one is known wherever it turns up.
"""

import json
import random
import secrets
from collections.abc import Collection

from tests.proofs import rosters
from tests.story import oracle
from tests.story.bundles import Files

OPERATIONS = json.loads((oracle.FACTS / "operations.json").read_text())
OWNERS = {
    "class": "classes", "course": "courses", "school": "schools", "student": "students", "teacher": "teachers",
    "term": "terms", "user": "users",
}  # fmt: skip
"""Where the ids of a path parameter such as classSourcedId come from."""
ONLY = "b-"
"""How ids begin that only the second roster has."""


class Twins:
    """`ours` and `theirs`, with a word in each row of theirs that nothing of ours has."""

    def __init__(self, students: int, chance: random.Random) -> None:
        self.mark = f"zq{secrets.token_hex(8)}"
        base = with_terms(rosters.roster(students, students // 10, 10, 20))
        taken = [row["sourcedId"] for rows in base.values() for row in rows]
        # Of each kind at least one is foreign and one shared: districts, years and the first of all others stay.
        foreign = set(chance.sample(taken, len(taken) // 2)) | {"s-2", "co-2", "t-2", "g-2"}
        foreign -= {"d-1", "s-1", "y-1", "co-1", "t-1", "g-1", "c-000", "st-00000", "te-00000"}
        self.ours = _marked(base, "ours")
        self.theirs = _marked(_renamed(base, foreign), self.mark)


def with_terms(files: Files) -> Files:
    """Two terms with a grading period each, which the classes run in, and a second course."""
    blank = dict.fromkeys(rosters.COLUMNS["academicSessions"], "")
    dates = {"startDate": "2026-04-01", "endDate": "2026-10-01", "schoolYear": "2027"}
    terms = [
        blank | dates | {"sourcedId": f"t-{one}", "title": f"{one}学期", "type": "term", "parentSourcedId": "y-1"}
        for one in (1, 2)
    ]
    periods = [
        blank | dates
        | {"sourcedId": f"g-{one}", "title": f"{one}期", "type": "gradingPeriod", "parentSourcedId": f"t-{one}"}
        for one in (1, 2)
    ]  # fmt: skip
    places = {"t-1": ("co-1", "t-1"), "t-2": ("co-2", "t-2")}
    classes = [
        row | dict(zip(("courseSourcedId", "termSourcedIds"), places[f"t-{number % 2 + 1}"], strict=True))
        for number, row in enumerate(files["classes"])
    ]
    return files | {
        "academicSessions": [*files["academicSessions"], *terms, *periods],
        "courses": [*files["courses"], files["courses"][0] | {"sourcedId": "co-2", "orgSourcedId": "s-2"}],
        "classes": classes,
    }


def _renamed(files: Files, foreign: Collection[str]) -> Files:
    """The roster with another id for some records, wherever it stands."""

    def cell(column: str, text: str) -> str:
        if not column.lower().endswith(("sourcedid", "sourcedids")):
            return text
        return ",".join(f"{ONLY}{one}" if one in foreign else one for one in text.split(","))

    return {
        name: [{column: cell(column, text) for column, text in row.items()} for row in rows]
        for name, rows in files.items()
    }


def _marked(files: Files, mark: str) -> Files:
    return {name: [row | {"metadata.whose": mark} for row in rows] for name, rows in files.items()}


def owners(path: str) -> list[str]:
    """The collections that the ids in a path come from, in its order."""
    parts = path.split("/")
    named = [part[1:-1].removesuffix("SourcedId") for part in parts if part.startswith("{")]
    return [OWNERS.get(one) or parts[1] for one in named]


def address(path: str, ids: list[str]) -> str:
    """The path with these ids."""
    given = iter(ids)
    return "/".join(next(given) if part.startswith("{") else part for part in path.split("/"))

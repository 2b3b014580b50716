"""What is seen while files are read, against what a look at all of them at once says."""

import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneroster import entities, met, profiles
from oneroster.entities import CLASSES, ENROLLMENTS, ORGS, USERS, Entity
from oneroster.met import Looking, Met, Modes
from oneroster.rows import Rows

JAPAN = profiles.BY_NAME["jp-1.2.1"]
WHEN = "2026-04-01T00:00:00.000Z"


def looked_at(seen: Met, entity: Entity, rows: Sequence[dict[str, str]], batch: int = 2) -> Looking:
    """A file of these rows, which need not be right, shown a few at a time."""
    header = ",".join(JAPAN.header(entity))
    columns = Rows(io.BytesIO(header.encode()), entity.file, entity, JAPAN).columns
    looking = seen.look_at(entity, columns)
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        looking.see([[row.get(column.header, "") for row in some] for column in columns])
    return looking


ids = st.sampled_from(["", "a", "b", "c", "d", "e", "f", "g"])


@given(st.lists(ids, max_size=12))
def test_an_id_that_stands_twice_or_is_blank_is_seen(given: list[str]) -> None:
    looking = looked_at(Met(JAPAN), USERS, [{"sourcedId": one} for one in given])
    assert looking.unique == ("" not in given and len(given) == len(set(given)))


@given(st.lists(ids, max_size=6), st.lists(ids, max_size=6), st.lists(st.tuples(ids, ids), max_size=12))
def test_a_column_leads_to_what_was_met_exactly_where_every_id_of_it_does(
    users: list[str], classes: list[str], enrollments: list[tuple[str, str]]
) -> None:
    seen = Met(JAPAN)
    for entity, stored in ((CLASSES, classes), (USERS, users)):
        looked_at(seen, entity, [{"sourcedId": one} for one in stored])
    rows = [
        {"sourcedId": str(at), "userSourcedId": user, "classSourcedId": of} for at, (user, of) in enumerate(enrollments)
    ]
    led = looked_at(seen, ENROLLMENTS, rows).led
    assert ("userSourcedId" in led) == ({user for user, _ in enrollments} - {""} <= {*users})
    assert ("classSourcedId" in led) == ({of for _, of in enrollments} - {""} <= {*classes})


def test_what_leads_to_a_file_that_was_not_read_is_not_told() -> None:
    seen = Met(JAPAN)
    looked_at(seen, USERS, [{"sourcedId": "u"}])
    assert looked_at(seen, ENROLLMENTS, [{"userSourcedId": "u", "classSourcedId": "k"}]).led == {"userSourcedId"}


def test_what_leads_to_its_own_file_is_not_told() -> None:
    looking = looked_at(Met(JAPAN), ORGS, [{"sourcedId": "a"}, {"sourcedId": "b", "parentSourcedId": "a"}])
    assert looking.led == set()


def test_where_there_are_too_many_ids_nothing_is_told_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(met, "MOST", 4)
    seen = Met(JAPAN)
    # The ids that were kept are as many as the rows that were, then come two rows of one id.
    looking = looked_at(seen, USERS, [{"sourcedId": one} for one in ("a", "b", "c", "d", "e", "f", "g", "g")])
    assert not looking.unique
    assert "userSourcedId" not in looked_at(seen, ENROLLMENTS, [{"userSourcedId": "g"}]).led
    assert "userSourcedId" in looked_at(seen, ENROLLMENTS, [{"userSourcedId": "a"}]).led


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "active", "tobedeleted", "?"]), st.sampled_from(["", WHEN, "-infinity"])),
        max_size=9,
    )
)
def test_rows_that_carry_status_and_date_are_counted_but_for_unread_ones(given: list[tuple[str, str]]) -> None:
    rows = [{"sourcedId": "a", "status": status, "dateLastModified": date} for status, date in given]
    told = [(bool(status), bool(date)) for status, date in given if status != "?" and date != "-infinity"]
    assert looked_at(Met(JAPAN), USERS, rows).modes == Modes(
        rows=len(told),
        blank=told.count((False, False)),
        filled=told.count((True, True)),
        half=told.count((True, False)) + told.count((False, True)),
    )


def test_every_entity_comes_after_those_it_refers_to() -> None:
    order = [entity.name for entity in entities.ALL]
    led = looked_at_all()
    assert led["enrollments"] == {"classSourcedId", "schoolSourcedId", "userSourcedId"}
    assert led["demographics"] == {"sourcedId"}
    assert led["users"] == {"primaryOrgSourcedId", "metadata.jp.homeClass"}
    assert order.index("users") < order.index("enrollments")


def looked_at_all() -> dict[str, set[str]]:
    """Every file of one row, which refers to the one row of each other file."""
    seen = Met(JAPAN)
    return {
        entity.name: looked_at(seen, entity, [dict.fromkeys(JAPAN.header(entity), "x")]).led for entity in entities.ALL
    }

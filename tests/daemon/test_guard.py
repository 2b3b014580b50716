"""The guard: strictly more than the limit is held, exactly the limit is not."""

import datetime

import pytest

from daemon import guard
from sql.jobs import Count
from sql.settings import Limits, Settings, Window

DAY = datetime.date(2026, 6, 1)


def word(
    *,
    before: int,
    inserted: int = 0,
    updated: int = 0,
    deleted: int = 0,
    entity: str = "users",
    rows: int | None = 1,
    bulk: bool = True,
    limits: Limits | None = None,
) -> str:
    count = Count(entity, before, before + inserted - deleted, inserted, updated, deleted)
    given = {} if rows is None else {entity: rows}
    settings = Settings(guard=limits or Limits())
    (judged,) = guard.judge([count], given, frozenset({entity} if bulk else ()), settings, DAY)
    return judged.guard


@pytest.mark.parametrize(
    "before, deleted, expected",
    [(1000, 99, "ok"), (1000, 100, "ok"), (1000, 101, "hold:deleted"), (20, 2, "ok"), (20, 3, "hold:deleted"),
     (2_000_000, 200_000, "ok"), (2_000_000, 200_001, "hold:deleted"), (1009, 100, "ok"), (1009, 101, "hold:deleted"),
     (1000, 1000, "hold:deleted")],
)  # fmt: skip
def test_more_than_a_tenth_deleted_is_held(before: int, deleted: int, expected: str) -> None:
    assert word(before=before, deleted=deleted) == expected


@pytest.mark.parametrize(
    "before, updated, expected",
    [(1000, 749, "ok"), (1000, 750, "ok"), (1000, 751, "hold:updated"), (20, 15, "ok"), (20, 16, "hold:updated"),
     (2_000_000, 1_500_000, "ok"), (2_000_000, 1_500_001, "hold:updated"), (1000, 1000, "hold:updated")],
)  # fmt: skip
def test_more_than_three_quarters_updated_is_held(before: int, updated: int, expected: str) -> None:
    assert word(before=before, updated=updated) == expected


@pytest.mark.parametrize("before", [1, 5, 6, 19])
def test_below_twenty_records_five_may_go_and_six_may_not_and_all_may_change(before: int) -> None:
    assert word(before=before, deleted=min(5, before)) == "ok"
    assert word(before=before, updated=before) == "ok"
    if before > 5:
        assert word(before=before, deleted=6) == "hold:deleted"


def test_all_ids_new_is_held_and_one_that_stays_makes_it_a_deletion() -> None:
    assert word(before=1000, deleted=1000, inserted=1000) == "hold:ids"
    assert word(before=19, deleted=19, inserted=1) == "hold:ids"
    assert word(before=1000, deleted=999, inserted=999) == "hold:deleted"


def test_an_empty_bulk_file_is_held_where_there_are_records() -> None:
    assert word(before=1, deleted=1, rows=0) == "hold:empty"
    assert word(before=1000, deleted=1000, rows=0) == "hold:empty"
    assert word(before=0, rows=0) == "ok"
    assert word(before=1000, rows=0, bulk=False) == "ok"
    assert word(before=1000, rows=None) == "ok"


def test_students_are_judged_by_their_own_number() -> None:
    assert word(entity="students", before=100, deleted=11, rows=None, bulk=False) == "hold:deleted"


def test_first_loads_and_additions_are_never_held() -> None:
    assert word(before=0, inserted=100_000) == "ok"
    assert word(before=20, inserted=100_000) == "ok"


def test_a_tenants_limits_count_to_the_per_mille() -> None:
    limits = Limits(deleted=0.005, updated=1.0)
    assert word(before=1000, deleted=5, limits=limits) == "ok"
    assert word(before=1000, deleted=6, limits=limits) == "hold:deleted"
    assert word(before=1000, updated=1000, limits=limits) == "ok"


def test_nothing_held_is_no_reason() -> None:
    assert guard.held_because(guard.judge([Count("users", 10, 10, 0, 0, 0)], {}, frozenset(), Settings(), DAY)) is None
    assert guard.held_because([]) is None


@pytest.mark.parametrize(
    "held, sentence",
    [("hold:empty", "The bulk file users has no rows, but 1,000 active records are stored."),
     ("hold:ids", "Every id in users is new: all 1,000 active records would go."),
     ("hold:deleted", "101 of 1,000 active users would go (10.1%)."),
     ("hold:updated", "751 of 1,000 active users would change (75.1%).")],
)  # fmt: skip
def test_the_reason_is_a_sentence_with_the_numbers(held: str, sentence: str) -> None:
    said = guard.held_because([Count("users", 1000, 0, 0, 751, 101, held)])
    assert said is not None
    assert said.english == sentence
    assert "利用者" in said.japanese or "users.csv" in said.japanese


def test_the_reason_names_the_worst() -> None:
    counts = [
        Count("orgs", 100, 100, 0, 99, 0, "hold:updated"),
        Count("users", 100, 80, 0, 0, 20, "hold:deleted"),
        Count("classes", 100, 50, 0, 0, 50, "hold:deleted"),
        Count("courses", 100, 100, 0, 0, 0, "ok"),
    ]
    said = guard.held_because(counts)
    assert said is not None
    assert said.english == "50 of 100 active classes would go (50.0%)."
    assert said.japanese == "クラス100件のうち50件（50.0%）が削除されます。"


def test_at_the_change_of_school_years_classes_turn_over_and_people_may_go_by_half() -> None:
    day = datetime.date(2026, 4, 1)
    window = Settings(window=Window(datetime.date(2026, 3, 25), datetime.date(2026, 4, 10)))

    def judged(entity: str, deleted: int, when: datetime.date = day) -> str:
        count = Count(entity, 1000, 1000, deleted, 0, deleted)
        return guard.judge([count], {entity: 1000}, frozenset({entity}), window, when)[0].guard

    assert judged("enrollments", 1000) == judged("classes", 1000) == "ok"
    assert (judged("users", 500), judged("users", 501)) == ("ok", "hold:deleted")
    assert judged("users", 1000) == "hold:ids"
    assert judged("classes", 101, datetime.date(2026, 4, 11)) == "hold:deleted"


def test_an_empty_file_is_held_in_the_window_too() -> None:
    window = Settings(window=Window(DAY, DAY))
    count = Count("classes", 1000, 0, 0, 0, 1000)
    assert guard.judge([count], {"classes": 0}, frozenset({"classes"}), window, DAY)[0].guard == "hold:empty"

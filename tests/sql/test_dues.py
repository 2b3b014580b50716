"""When a delivery is overdue, on a clock that is set by hand."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sql import dues
from sql.settings import Settings

JAPAN = datetime.timezone(datetime.timedelta(hours=9))
DUE = Settings(due="02:00", grace=7200)
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=JAPAN)


def at(text: str) -> datetime.datetime:
    """A moment of April 2026 in Japan, said as `01 02:00`, held in UTC as the database gives it."""
    return datetime.datetime.fromisoformat(f"2026-04-{text}").replace(tzinfo=JAPAN).astimezone(datetime.UTC)


@pytest.mark.parametrize(
    ("last", "now", "missed"),
    [
        ("01 01:30", "02 01:00", None),
        ("01 01:30", "02 03:59", None),
        ("01 01:30", "02 04:00", "02 02:00"),
        ("01 01:30", "03 01:59", "02 02:00"),
        ("01 01:30", "03 04:01", "03 02:00"),
        ("01 03:59", "02 04:00", "02 02:00"),
        ("01 22:00", "02 12:00", None),
        ("02 05:00", "02 12:00", None),
        (None, "02 12:00", "02 02:00"),
    ],
)
def test_a_delivery_is_overdue_once_due_time_and_grace_have_passed(
    last: str | None, now: str, missed: str | None
) -> None:
    found = dues.missed(DUE, LONG_AGO, at(last) if last else None, at(now))
    assert found == (at(missed) if missed else None)


def test_nothing_is_overdue_where_nothing_is_due_or_nobody_could_deliver_yet() -> None:
    assert dues.missed(Settings(), LONG_AGO, None, at("02 12:00")) is None
    assert dues.missed(DUE, at("02 10:00"), None, at("02 12:00")) is None
    assert dues.missed(DUE, at("02 10:00"), None, at("03 04:00")) == at("03 02:00")


@given(st.integers(0, 23), st.integers(0, 86_399), st.integers(0, 7 * 86_400))
def test_who_delivered_just_now_is_never_overdue_and_who_did_not_for_two_days_always(
    hour: int, grace: int, seconds: int
) -> None:
    settings = Settings(due=f"{hour:02d}:30", grace=grace)
    now = at("01 00:00") + datetime.timedelta(seconds=seconds)
    assert dues.missed(settings, LONG_AGO, now, now) is None
    found = dues.missed(settings, LONG_AGO, now - datetime.timedelta(days=2), now)
    assert found is not None
    assert found <= now - datetime.timedelta(seconds=grace)

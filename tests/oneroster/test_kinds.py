"""Kinds of value: what a filled cell may look like, what is stored of it, and that it comes back the same."""

import datetime
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneroster import kinds

texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=12)
names = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="{}:"), min_size=1).map(str.strip)
items = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters=","), min_size=1).map(str.strip)
ids = st.from_regex(r"[A-Za-z0-9.\-_/@]{1,255}", fullmatch=True)
instants = st.datetimes(
    min_value=datetime.datetime(1, 1, 2), max_value=datetime.datetime(9999, 12, 30),
    timezones=st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=9))]),
)  # fmt: skip


def fits(kind: kinds.Kind, cell: str) -> bool:
    return re.fullmatch(kind.pattern, cell) is not None


def elements(literal: str) -> list[str]:
    """What PostgreSQL reads in an array literal whose every element is quoted."""
    return [
        re.sub(r"\\(.)", r"\1", one, flags=re.DOTALL)
        for one in re.findall(r'"((?:[^"\\]|\\.)*)"', literal[1:-1], re.DOTALL)
    ]


@given(st.lists(items.filter(bool), min_size=1, max_size=5))
def test_a_list_of_texts_comes_back_the_same(values: list[str]) -> None:
    cell = kinds.csv_text(kinds.TEXTS, values)
    assert fits(kinds.TEXTS, cell)
    assert elements(kinds.stored(kinds.TEXTS, cell)) == kinds.items(cell) == values


@given(st.lists(ids, min_size=1, max_size=5))
def test_a_list_of_ids_comes_back_the_same_whatever_blanks_stand_around_them(values: list[str]) -> None:
    assert fits(kinds.GUIDS, kinds.csv_text(kinds.GUIDS, values))
    cell = " " + " , ".join(values) + "  "
    assert fits(kinds.GUIDS, cell)
    assert elements(kinds.stored(kinds.GUIDS, cell)) == values


@given(st.lists(st.tuples(names.filter(bool), names.filter(bool)), min_size=1, max_size=4))
def test_user_ids_come_back_the_same(values: list[tuple[str, str]]) -> None:
    read = [{"type": kind, "identifier": identifier} for kind, identifier in values]
    cell = kinds.csv_text(kinds.USER_IDS, read)
    assert fits(kinds.USER_IDS, cell)
    assert json.loads(kinds.stored(kinds.USER_IDS, cell)) == kinds.user_ids(cell) == read


@given(st.dates())
def test_every_day_of_the_calendar_is_a_date(day: datetime.date) -> None:
    cell = kinds.csv_text(kinds.DATE, day)
    assert fits(kinds.DATE, cell)
    assert kinds.is_date(cell)
    assert kinds.stored(kinds.DATE, cell) == cell
    assert datetime.date.fromisoformat(cell) == day


@given(instants)
def test_an_instant_is_written_in_utc_and_comes_back_the_same(instant: datetime.datetime) -> None:
    cell = kinds.csv_text(kinds.INSTANT, instant)
    assert cell.endswith("Z")
    assert fits(kinds.INSTANT, cell)
    assert kinds.is_instant(cell)
    assert datetime.datetime.fromisoformat(kinds.stored(kinds.INSTANT, cell)) == instant


def test_an_instant_of_whole_milliseconds_is_written_as_the_standard_shows_it() -> None:
    instant = datetime.datetime(2012, 4, 23, 18, 25, 43, 511_000, datetime.UTC)
    assert kinds.csv_text(kinds.INSTANT, instant) == "2012-04-23T18:25:43.511Z"


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_written_in_small_letters(value: bool) -> None:
    assert kinds.csv_text(kinds.BOOLEAN, value) == str(value).lower()
    assert kinds.csv_text(kinds.BOOLEAN, None) == ""


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "2026-13-01", "0000-01-01", "2025-02-29", "２０２６-01-01", "2026-1-1", "20260101",
             "2026-W01-1", "令和8-04-01", "2026-01-01\n", "2026/01/01"]
)  # fmt: skip
def test_what_is_no_day_is_no_date(cell: str) -> None:
    assert not (fits(kinds.DATE, cell) and kinds.is_date(cell))


@pytest.mark.parametrize(
    "cell",
    ["2026-04-01T00:00:00Z", "2026-04-01T00:00:00.5Z", "2026-04-01T00:00:00.123456789Z", "2026-04-01T09:00:00+09:00",
     "2026-04-01T00:00:00.000-15:59"],
)  # fmt: skip
def test_instants_of_the_w3c_profile_are_read(cell: str) -> None:
    assert fits(kinds.INSTANT, cell)
    assert kinds.is_instant(cell)


@pytest.mark.parametrize(
    "cell",
    ["2026-04-01T24:00:00Z", "2026-04-01T00:00:60Z", "2026-04-01", "2026-04-01 00:00:00Z", "2026-04-01T00:00:00",
     "2026-04-01T00:00:00+16:00", "2026-04-01T00:00:00+09:75", "0001-01-01T00:00:00+14:00",
     "9999-12-31T23:59:59-14:00", "２026-04-01T00:00:00Z", "2026-02-30T00:00:00Z"],
)  # fmt: skip
def test_an_instant_that_the_database_cannot_keep_is_none(cell: str) -> None:
    assert not (fits(kinds.INSTANT, cell) and kinds.is_instant(cell))


@pytest.mark.parametrize("kind", [kinds.YEAR, kinds.INTEGER])
def test_full_width_digits_are_no_digits(kind: kinds.Kind) -> None:
    assert fits(kind, "2026")
    assert not fits(kind, "２０２６")


@pytest.mark.parametrize("kind", [one for one in kinds.ALL if one is not kinds.WORD], ids=lambda kind: kind.name)
@pytest.mark.parametrize("character", ["\x00", "\x01", "\n", "\r", "\x1f", "\x7f"])
def test_no_kind_takes_a_control_character(kind: kinds.Kind, character: str) -> None:
    good = {kinds.GUID: "a", kinds.BOOLEAN: "true", kinds.DATE: "2026-04-01", kinds.INSTANT: "2026-04-01T00:00:00Z",
            kinds.YEAR: "2026", kinds.INTEGER: "1", kinds.USER_IDS: "{a:b}"}.get(kind, "a")  # fmt: skip
    for at in range(len(good) + 1):
        assert not fits(kind, good[:at] + character + good[at:])


@pytest.mark.parametrize("cell", ["a,,b", ",", "a,", "a b", "a,b c", "é"])
def test_a_list_with_what_is_no_id_is_refused(cell: str) -> None:
    assert not fits(kinds.GUIDS, cell)


@pytest.mark.parametrize(
    "kind, unit, end",
    [(kinds.GUIDS, "a , ", "!"), (kinds.USER_IDS, "{a:b} , ", "{"), (kinds.GUIDS, " ", "!"), (kinds.USER_IDS, " ", "x"),
     (kinds.USER_IDS, "{a:", "{"), (kinds.GUIDS, "a" * 255 + ",", "!"), (kinds.TEXT, "a", "\x00")],
)  # fmt: skip
@pytest.mark.timeout(10)
def test_a_pattern_needs_time_in_proportion_to_the_cell(kind: kinds.Kind, unit: str, end: str) -> None:
    assert not fits(kind, unit * ((1 << 20) // len(unit)) + end)


@given(texts)
def test_a_text_is_stored_as_it_stands(value: str) -> None:
    assert kinds.stored(kinds.TEXT, value) == value == kinds.csv_text(kinds.TEXT, value)

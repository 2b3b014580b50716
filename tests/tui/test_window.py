"""A long log, two pages at a time."""

import datetime

from sql.audit import Entry
from sql.search import Asked, Found
from tests.tui.hub import NOW
from tui import window
from tui.window import PAGE, START, Window


def log(newest: int, count: int = PAGE) -> list[Entry]:
    """Entries from number `newest` down, a second apart."""
    return [
        Entry(number, NOW + datetime.timedelta(seconds=number), None, "sato", "operator", "", "x", "", True, {})
        for number in range(newest, max(0, newest - count), -1)
    ]


def ids(held: Window) -> list[int]:
    return [one.id for one in held.entries]


def test_two_pages_are_held_at_most_and_none_is_lost_on_the_way_back():
    held = window.with_newest(Window(Asked()), Found(log(1000)))
    for _ in range(4):
        held = window.with_older(held, Found(log(held.entries[-1].id - 1)))
    assert ids(held) == list(range(400, 0, -1))
    assert len(held.above) == 3
    assert not held.ended
    held = window.with_older(held, Found([]))
    assert held.ended
    while len(held.above) > 1:
        top = held.entries[0].id
        held = window.with_newer(held, Found(log(held.above[-1][1] - 1)))
        assert ids(held) == list(range(top + 200, top - 200, -1))
    assert held.above == (START,)
    held = window.with_newer(held, Found(log(1003)))
    assert ids(held) == list(range(1003, 803, -1))


def test_new_entries_come_in_above_without_a_gap_below():
    held = window.with_newest(Window(Asked()), Found(log(1000)))
    held = window.with_older(held, Found(log(800)))
    held = window.with_newest(held, Found(log(1010)))
    assert ids(held) == list(range(1010, 600, -1))


def test_a_burst_longer_than_a_page_starts_anew():
    held = window.with_older(window.with_newest(Window(Asked()), Found(log(1000))), Found(log(800)))
    held = window.with_newest(held, Found(log(5000)))
    assert ids(held) == list(range(5000, 4800, -1))
    assert not held.ended


def test_an_entry_committed_late_finds_its_place():
    entries = log(10, 10)
    held = window.with_newest(Window(Asked()), Found([one for one in entries if one.id != 7]))
    assert ids(window.with_newest(held, Found(entries))) == list(range(10, 0, -1))


def test_a_short_log_has_ended():
    assert window.with_newest(Window(Asked()), Found(log(3))).ended
    assert not window.with_newest(Window(Asked()), Found(log(1000))).ended


def test_a_search_that_was_broken_off_goes_on_where_it_was():
    asked = Asked(words=("rare",))
    entries = log(1000, 8)
    there = [window.place(one) for one in log(900, 3)]
    held = window.with_newest(Window(asked), Found(entries[:2], there[0]))
    assert (held.ended, held.searched, window.end(held)) == (False, there[0], there[0])
    held = window.with_older(held, Found([], there[1]))
    held = window.with_older(held, Found(entries[2:6], there[2]))
    assert ids(held) == list(range(1000, 994, -1))
    assert len(held.pages) == 1
    newer = log(1003, 3)
    held = window.with_recent(held, [*newer, *entries[:1]])
    assert ids(held) == list(range(1003, 994, -1))
    assert held.searched == there[2]
    held = window.with_older(held, Found(entries[6:]))
    assert ids(held) == list(range(1003, 992, -1))
    assert held.ended

"""The table that processes share: what is put there by name is found there, and nothing else."""

import errno

import pytest

from api import slots
from api.slots import Slots


@pytest.fixture
def now(monkeypatch):
    moment = [1000.0]
    monkeypatch.setattr(slots.time, "monotonic", lambda: moment[0])
    return moment


def get(table, name):
    with table.of(name) as slot:
        return slot.values


def put(table, name, *values):
    with table.of(name) as slot:
        slot.put(*values)


def test_what_is_put_is_found_with_its_age(now):
    table = Slots("qd")
    assert get(table, "a") is None
    put(table, "a", 7, 0.5)
    now[0] += 3
    with table.of("a") as slot:
        assert (slot.values, slot.age) == ((7, 0.5), 3)
        slot.clear()
    assert get(table, "a") is None
    with table.of("b") as slot:
        slot.clear()


def test_in_a_full_set_what_rested_longest_gives_way(now, monkeypatch):
    monkeypatch.setattr(slots, "SETS", 1)
    table = Slots("q")
    names = [f"n{number}" for number in range(slots.WAYS + 2)]
    for number, name in enumerate(names):
        now[0] += 1
        put(table, name, number)
        put(table, "again", -1)
    assert get(table, "again") == (-1,)
    known = [name for name in names if get(table, name) is not None]
    assert known == names[-slots.WAYS + 1 :]
    for name in known:
        assert get(table, name) == (names.index(name),)


def test_where_the_disk_is_full_the_table_is_ones_own(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(slots.os, "posix_fallocate", full)
    table = Slots("q", tmp_path / "slots")
    put(table, "a\udcff", 1)
    assert get(table, "a\udcff") == (1,)


def test_a_file_is_shared_and_outlives_who_made_it(now, tmp_path):
    first, second = (Slots("q", tmp_path / "slots") for _ in range(2))
    put(first, "a", 1)
    assert get(second, "a") == (1,)
    del first, second
    third = Slots("q", tmp_path / "slots")
    assert get(third, "a") == (1,)
    assert (tmp_path / "slots").stat().st_mode & 0o777 == 0o600
    now[0] = 10.0  # the machine was started anew
    assert get(third, "a") is None
    put(third, "a", 2)
    assert get(third, "a") == (2,)

"""What differs between two files, against lists of lines that are counted."""

import contextlib
import io
import random
from collections import Counter
from collections.abc import Iterator
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneroster import changes

HEADER = b'"sourcedId","name"\r\n'


def opener(text: bytes) -> changes.Opener:
    @contextlib.contextmanager
    def opened() -> Iterator[IO[bytes]]:
        yield io.BytesIO(text)

    return opened


def between(old: bytes, new: bytes, rows: int) -> changes.Changes:
    return changes.between(opener(old), opener(new), rows)


def lines(numbers: list[int], end: bytes = b"\r\n") -> list[bytes]:
    return [b'"id-%d","name %d"%s' % (number, number * 7, end) for number in numbers]


@given(
    st.lists(st.integers(0, 60), unique=True, min_size=1, max_size=60),
    st.lists(st.integers(0, 60), unique=True, min_size=1, max_size=60),
    st.sampled_from([1, 20, 90, 1000]),
    st.sampled_from([1, 2, 7, 128]),
    st.sampled_from([1, 5, 50_000]),
    st.booleans(),
)
def test_what_came_and_went_is_the_difference_of_the_lines(
    before: list[int], after: list[int], block: int, look: int, held: int, ended: bool
) -> None:
    end = b"\r\n" if ended else b"\n"
    old, new = lines(before, end), lines(after, end)
    text = HEADER + b"".join(new)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "BLOCK", block)
        patch.setattr(changes, "LOOK", look)
        patch.setattr(changes, "MOST_LOOK", 4 * look)
        patch.setattr(changes, "MOST_HELD", held)
        found = between(HEADER + b"".join(old), text if ended else text[:-1], len(before))
    assert found.rows == len(after)
    came = [(place, line) for place, line in enumerate(new, start=2) if line not in old]
    went = [(place, line) for place, line in enumerate(old, start=2) if line not in new]
    assert found.came == changes.Picked(HEADER + b"".join(line for _, line in came), [place for place, _ in came])
    assert found.went == changes.Picked(HEADER + b"".join(line for _, line in went), [place for place, _ in went])


@given(
    st.lists(st.integers(0, 20), unique=True, min_size=1, max_size=20),
    st.lists(st.integers(0, 20), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_lines_only_moved_where_both_have_the_same(
    before: list[int], after: list[int], chance: random.Random, moved: bool
) -> None:
    if moved:
        after = chance.sample(before, len(before))
    texts = [HEADER + b"".join(lines(numbers)) for numbers in (before, after)]
    found = changes.only_moved(opener(texts[0]), opener(texts[1]), len(before))
    assert found == (Counter(before) == Counter(after))


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=40), st.sampled_from([1, 30, 1000]), st.sampled_from([1, 3, 128])
)
def test_a_line_that_stands_twice_is_never_lost(after: list[int], block: int, look: int) -> None:
    before = list(range(10))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "BLOCK", block)
        patch.setattr(changes, "LOOK", look)
        patch.setattr(changes, "MOST_LOOK", 2 * look)
        try:
            found = between(HEADER + b"".join(lines(before)), HEADER + b"".join(lines(after)), len(before))
        except changes.Unlike:
            assert max(Counter(after).values()) > 1
            return
    came = found.came.text.splitlines(keepends=True)[1:]
    kept = Counter(lines(before)) - Counter(found.went.text.splitlines(keepends=True)[1:])
    # What stands twice comes at least once beside what is known.
    assert {*came} | {*kept} == {*lines(after)}
    assert all(line in came for line, times in Counter(lines(after)).items() if times > 1)


@pytest.mark.parametrize(
    ("old", "new", "rows"),
    [
        (b'"a","1"\r\n', b'"a","1\r\n2"\r\n', 1),
        (b'"a","1\r\n2"\r\n', b'"a","1\r\n3"\r\n', 1),
        (b'"a","1"\r\n', b'"a","1"\r\n\r\n', 1),
        (b'"a","1"\r\n', b'"a","1"\r"b","2"\r\n', 1),
        (b'"a","1"\r\n', b'"a","1"\r', 1),
        (b'"a","1"\r\r\n"b","2"\r\n', b'"a","1"\r\r\n"b","3"\r\n', 2),
        (b'"a","1"\r\n', b"", 1),
        (b'"a","1"\r\n"b","2"\r\n', b'"a","1"\r\n', 1),
    ],
    ids=[
        "a break comes",
        "a break stays",
        "a blank line",
        "a bare CR",
        "half an end",
        "a CR too many",
        "no rows",
        "another number of rows",
    ],
)
def test_where_a_line_may_be_no_row_nothing_is_said(old: bytes, new: bytes, rows: int) -> None:
    with pytest.raises(changes.Unlike):
        between(HEADER + old, HEADER + new, rows)


def test_files_with_other_columns_are_not_compared() -> None:
    with pytest.raises(changes.Unlike):
        between(HEADER + b'"a","1"\r\n', b'"name","sourcedId"\r\n"a","1"\r\n', 1)


def test_files_that_differ_much_are_not_compared() -> None:
    before, after = list(range(4000)), list(range(2000, 6000))
    with pytest.raises(changes.Unlike):
        between(HEADER + b"".join(lines(before)), HEADER + b"".join(lines(after)), len(before))

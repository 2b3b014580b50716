"""What strangers write stays within its cells and steers nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui import text


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("users.csv", "users.csv"),
        ("\x1b]52;c;eA==\x07", "^[]52;c;eA==^G"),
        ("a\nb\tc\x00\x7f", "a^Jb^Ic^@^?"),
        ("\x9b31m", "\\x9b31m"),
        ("山田\u202e太郎\u2066", "山田\\u202e太郎\\u2066"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028end", "line\\u2028end"),
        ("外字\ue000", "外字\\ue000"),
        ("葛\U000e0100城", "葛\U000e0100城"),
        ("ガ\u3099", "ガ\u3099"),
        ("no\u00a0break", "no break"),
        ("lone\udc83", "lone\\udc83"),
        ("☎\ufe0f", "☎"),
    ],
)
def test_what_steers_or_hides_is_shown_as_an_escape(raw, seen):
    assert text.clean(raw) == seen


def test_wide_characters_count_twice_and_are_never_halved():
    assert text.fit("札幌市教育委員会", 10) == "札幌市教~ "
    assert text.fit("札幌", 5) == "札幌 "
    assert text.fit("札幌", 5, right=True) == " 札幌"
    assert text.fit("札幌", 4) == "札幌"
    assert text.fit("札幌", 1) == "~"


@given(st.text(), st.integers(0, 40), st.booleans())
def test_whatever_comes_takes_exactly_its_cells(value, width, right):
    shown = text.fit(value, width, right)
    assert cell_len(shown) == width
    assert not any(ord(one) < 32 or 0x7F <= ord(one) < 0xA0 or 0x202A <= ord(one) <= 0x202E for one in shown)


@given(st.text(), st.integers(4, 40), st.integers(1, 3))
def test_a_wrapped_message_keeps_to_its_lines(value, width, lines):
    wrapped = text.wrap(value, width, lines)
    assert 1 <= len(wrapped) <= lines
    assert all(cell_len(line) <= width for line in wrapped)


def test_a_message_is_wrapped_at_spaces_and_says_when_it_is_cut():
    assert text.wrap("The text holds a line break or worse.", 20, 2) == ["The text holds a", "line break or worse."]
    assert text.wrap("The text holds a line break or worse.", 20, 1) == ["The text holds a   ~"]


def test_figures_drop_their_commas_before_they_are_cut():
    assert text.figure(1_204_511, 9) == "1,204,511"
    assert text.figure(1_204_511, 7) == "1204511"

"""Line ends and quotes as Japan asks for them: told once a file, with the line of the first occurrence."""

import pytest

from oneroster.habits import Habits
from oneroster.pieces import Piece


def told(*pieces: bytes) -> list[tuple[str, int]]:
    habits = Habits("users.csv")
    before = 0
    for piece in pieces:
        habits.look(Piece(piece), before)
        before += len(piece.splitlines())
    return [(one.code, one.line) for one in habits.take()]


GOOD = [
    b'h,i\r\n"a","b"\r\n',
    b'"h","i"\r\n"a","b"',
    b'h,i\r\n"a,b","c,,d"\r\n"","P1,P2"\r\n',
    b'h,i\r\n"a""b","""",\r\n"x","y"\r\n'.replace(b'"""",', b'""""'),
    b'h,i\r\n"a","x\ny"\r\n"b","c"\r\n',
    b'h,i\r\n"a","x\r\ny,z"\r\n"b","c"\r\n',
    b'h,i\r\n"a","b"\r\n\r\n"c","d"\r\n',
    b"h,i",
    b"",
]


@pytest.mark.parametrize("text", GOOD, ids=repr)
def test_what_is_written_as_japan_asks_is_passed_over(text: bytes) -> None:
    assert told(text) == []
    lines = text.splitlines(keepends=True)
    assert told(*lines) == []


@pytest.mark.parametrize(
    "text, expected",
    [
        (b'h,i\n"a","b"\n', [("W-EOL", 1)]),
        (b'h,i\r"a","b"\r', [("W-EOL", 1)]),
        (b'h,i\r\n"a","b"\r\n"c","d"\n"e","f"\n', [("W-EOL", 3)]),
        (b'h,i\r\n"a","x\ny"\n', [("W-EOL", 3)]),
        (b'h,i\r\n"a","b"\r\n"c",d\r\n"e",f\r\n', [("W-UNQUOTED", 3)]),
        (b'h,i\r\n"a",\r\n', [("W-UNQUOTED", 2)]),
        (b'h,i\r\n,"a"\r\n', [("W-UNQUOTED", 2)]),
        (b'h,i\r\n"a","x\r\ny"\r\n1,"a"\r\n', [("W-UNQUOTED", 4)]),
        (b"h,i\na,b\n", [("W-EOL", 1), ("W-UNQUOTED", 2)]),
    ],
)
def test_the_first_occurrence_is_told_by_its_line(text: bytes, expected: list[tuple[str, int]]) -> None:
    assert told(text) == expected
    assert told(*text.splitlines(keepends=True)) == expected


@pytest.mark.parametrize(
    "text, column",
    [
        (b'h,"i",j\r\n"a","b",c\r\n', "j"),
        (b'h,i,j\r\n"a","b",\r\n', "j"),
        (b'h,i,j\r\n"a",b,"c"\r\n', "i"),
        (b'h,i,j\r\n"a,""b""",,"c"\r\n', "i"),
        (b'h,i,j\r\n"a","b","c"\r\na,"b","c"\r\n', "h"),
        (b'h,i,j\r\n,"b","c"\r\n', "h"),
        (b'h,i,j\r\n"a","x\r\n,y",c\r\n', "j"),
        (b'h,i,j\r\n"a","b","c",d\r\n', ""),
        (b"h,i,j\r\n\r\n1,2,3\r\n", "h"),
    ],
)
def test_the_first_value_without_quotes_is_told_by_its_column(text: bytes, column: str) -> None:
    habits = Habits("users.csv")
    habits.look(Piece(text), 0)
    assert [(one.code, one.column) for one in habits.take()] == [("W-UNQUOTED", column)]


def test_what_stands_behind_a_line_is_kept_until_it_is_asked_for() -> None:
    habits = Habits("users.csv")
    habits.look(Piece(b'h,i\n"a","b"\n"c",d\n'), 0)
    assert [[one.code for one in habits.take(last)] for last in (1, 2, 3, 4)] == [["W-EOL"], [], ["W-UNQUOTED"], []]

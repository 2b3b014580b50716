"""Rows that are written alike are read without CSV: nobody can tell but by the time it takes."""

import codecs
import io
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneroster import entities, profiles, rows
from oneroster.encodings import Lines
from oneroster.pieces import Alike, Piece

HEADER = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId"
ID = "dda362e9-32d9-4940-a11d-65f06ac5c84a"
WIDTH = HEADER.count(",") + 1


class Cut(io.BytesIO):
    """Hands the bytes out in pieces of given sizes, over and over; the first is enough to tell the encoding by."""

    def __init__(self, data: bytes, sizes: Sequence[int]) -> None:
        super().__init__(data)
        self._sizes, self._turn = sizes, 0

    def read(self, size: int | None = -1, /) -> bytes:
        self._turn += 1
        return super().read(self._sizes[self._turn % len(self._sizes)] if self._turn > 1 else len(HEADER))


def read(stream: io.BytesIO, profile: str, encoding: str) -> tuple[object, ...]:
    """All that is to be known of a file, whichever way it is cut into batches."""
    reader = rows.Rows(stream, "orgs.csv", entities.ORGS, profiles.BY_NAME[profile], encoding)
    found, problems, lost = [], list(reader.problems), 0
    if reader.usable:
        for batch in reader.batches():
            cells = list(zip(*batch.columns, strict=True))
            found += zip(batch.lines, cells, strict=True)
            problems += batch.problems
            lost += batch.lost
            assert not batch.plain or not any(set('"\\\t') & set("".join(row)) for row in cells)
    # Rows that could not be read whole stand at the end of their batch.
    return sorted(found), sorted(problems, key=lambda one: one.line), lost, reader.unlisted, reader.whole, reader.places


texts = st.one_of(
    st.sampled_from(["", "o1", "school", "North", "NULL", "active", "tobedeleted", ID, ID.upper()]),
    st.text(st.sampled_from('ab ,"\r\n\\\té𠮷表\u2028\x1c\x00'), max_size=4),
)


@st.composite
def blocks(draw: st.DrawFn) -> str:
    """A few rows in the same hand, which is now and then a strange one."""
    end = draw(st.sampled_from(["\r\n", "\r\n", "\n", "\r", "x\r\n", "\r\n\r\n", "\rx\n"]))
    quote = draw(st.sampled_from(['"', '"', ""]))
    between = draw(st.sampled_from([f"{quote},{quote}"] * 4 + [f'{quote},"', f"{quote} ,{quote}"]))
    width = draw(st.sampled_from([WIDTH] * 6 + [1, WIDTH - 1, WIDTH + 1]))
    clean = draw(st.booleans())
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        cells = [draw(texts) for _ in range(width)]
        if clean:
            cells = ["".join(one for one in cell if one not in '"\r\n' + ("" if quote else ",")) for cell in cells]
        elif quote and draw(st.booleans()):
            cells = [cell.replace('"', '""') for cell in cells]
        lines.append(quote + between.join(cells) + quote + end)
    return "".join(lines)


@settings(max_examples=400, deadline=None)
@given(
    body=st.lists(blocks(), max_size=5).map("".join),
    head=st.sampled_from([HEADER + "\r\n", HEADER + "\n", '"' + HEADER.replace(",", '","') + '"\r\n']),
    profile=st.sampled_from(["base-1.2", "jp-1.2.1"]),
    codec=st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "cp932", "utf-16"]),
    told=st.sampled_from(["auto", "auto", "cp932"]),
    stray=st.sampled_from([b"", b"", b"", b"\xff", b"\x81", b"\x1b$B"]),
    at=st.integers(0, 400),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=6) | st.just([1 << 18]),
)
def test_a_piece_reads_the_same_with_and_without_csv(
    body: str, head: str, profile: str, codec: str, told: str, stray: bytes, at: int, sizes: list[int]
) -> None:
    data = (head + body).encode(codec, errors="replace")
    data = data[: len(head) + at] + stray + data[len(head) + at :]
    found = read(Cut(data, sizes), profile, told)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lines, "width", property(lambda _: 0, lambda *_: None), raising=False)
        assert read(Cut(data, sizes), profile, told) == found
        assert read(Cut(data, [1 << 18]), profile, told)[0] == found[0]


def line(*cells: str, quote: str = '"', end: str = "\r\n") -> bytes:
    return (quote + f"{quote},{quote}".join(cells) + quote + end).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("mark", [b"", b"h\xc3\xa9"])
def test_rows_in_one_hand_need_no_csv(quote: str, end: str, mark: bytes) -> None:
    given_cells = [["a", "", "c"], ["", "", ""], ["d", mark.decode(), "f g"]]
    piece = Piece(b"".join(line(*row, quote=quote, end=end) for row in given_cells))
    assert piece.alike(3, "utf-8") == Alike(list(map(list, zip(*given_cells, strict=True))), True)
    assert piece.alike(2, "utf-8") is None
    assert piece.alike(4, "utf-8") is None


def test_commas_in_quotes_are_no_separators() -> None:
    found = Piece(line("a,b", ",", ",,") + line(",", "", '",'.strip('"')) + line("x", "y", "z")).alike(3, "utf-8")
    assert found is not None
    assert found.columns == [["a,b", ",", "x"], [",", "", "y"], [",,", ",", "z"]]


def test_what_copy_has_its_own_meaning_for_is_not_plain() -> None:
    for cell, plain in (("a", True), ("\\", False), ("a\tb", False)):
        found = Piece(line("x", cell)).alike(2, "utf-8")
        assert found is not None and found.plain is plain


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b'"a","b"',
        b'"a","b"\r',
        b'x"a","b"\r\n',
        b'"a"x,"b"\r\n',
        b'"a","b"x\r\n',
        b'"a", "b"\r\n',
        b'"a","b"\r\n"c","d"\n',
        b'"a","b"\r\n\r\n',
        b'"a""b",c\r\n',
        b'"a""b"\r\n',
        b'"a\r\n","b"\r\n',
        b'"a\r","b"\n',
        b'"a","b"\rx\n"c","d"\r\n',
        b"a,b\rx\nc,d\r\n",
        b"a,b\r\n,\n",
        b"a\r\nb\r\n",
        b'a,"b"\r\n',
        b'"a,b"\r\n"c,d"\r\n',
        b'"a","\xff"\r\n',
        b'"a","b\xc3"\r\n',
        codecs.BOM_UTF16_LE + '"a","b"\r\n'.encode("utf-16-le"),
    ],
    ids=repr,
)
def test_whatever_is_not_in_one_hand_is_left_to_csv(data: bytes) -> None:
    assert Piece(data).alike(2, "utf-8") is None

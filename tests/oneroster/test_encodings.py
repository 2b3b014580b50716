"""The sixty files of `encoded.py` are read true to the byte, or refused with line and byte; and how lines are found."""

import io
from collections.abc import Sequence

import pytest

from oneroster import encodings, entities, profiles, rows
from oneroster.encodings import Lines
from oneroster.problems import Problem
from tests.oneroster.encoded import AS_CP932, BOM, CORPUS, HEADER, Case, file, wide


def read(data: bytes, setting: str = "auto") -> tuple[list[tuple[int, list[str]]], list[Problem]]:
    reader = rows.Rows(io.BytesIO(data), "orgs.csv", entities.ORGS, profiles.BY_NAME["base-1.2"], setting)
    found: list[tuple[int, list[str]]] = []
    problems = list(reader.problems)
    if reader.usable:
        for batch in reader.batches():
            found += zip(batch.lines, map(list, zip(*batch.columns, strict=True)), strict=True)
            problems += batch.problems
    return found, problems


def test_the_corpus_has_sixty_files() -> None:
    assert len({case.name for case in CORPUS}) == len(CORPUS) == 60


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_file_is_true_to_the_byte_or_refused_with_line_and_byte(case: Case) -> None:
    found, problems = read(case.data, case.setting)
    assert tuple(one.code for one in problems if one.severity == "warning") == case.warnings
    errors = [one for one in problems if one.severity == "error"]
    if case.value is not None:
        assert found == [
            (2, ["o0", "", "", "North", "school", "", ""]),
            (3, ["o1", "", "", case.value, "school", "", ""]),
        ]
        assert errors == []
        return
    assert case.place is not None
    (problem,) = errors
    line, value, place = case.place
    assert (problem.code, problem.file, problem.line, problem.value) == ("E-ENC", "orgs.csv", line, value)
    assert f"Byte {place} of the line is {value}." in problem.detail
    assert case.words in problem.detail
    assert all(not cells[3] for number, cells in found if number == line)


def test_a_nul_is_a_fault_of_its_row() -> None:
    _, problems = read(file("610062"))
    assert [(one.code, one.line, one.column) for one in problems] == [("E-TEXT", 3, "name")]


def test_a_byte_in_the_first_line_is_counted_with_the_mark() -> None:
    _, problems = read(BOM + b"a\xff,b\r\n")
    assert [(one.code, one.line) for one in problems] == [("W-BOM", 1), ("E-ENC", 1)]
    assert "Byte 5 of the line is 0xff" in problems[1].detail


def test_lines_are_named_one_by_one_up_to_a_limit_and_reading_goes_on() -> None:
    bad = b"".join(b"o%d,,,\xff,school,,\n" % number for number in range(5_000))
    reader = rows.Rows(
        io.BytesIO(HEADER + bad + b"o9,,,South,school,,"), "orgs.csv", entities.ORGS, profiles.BY_NAME["base-1.2"]
    )
    batches = list(reader.batches())
    told = [one for batch in batches for one in batch.problems]
    assert [(one.code, one.line) for one in told] == [("E-ENC", line) for line in range(2, 22)]
    assert reader.unlisted == 4_980
    assert reader.whole
    ids = sorted(one for batch in batches for one in batch.columns[0])
    assert ids == sorted(["o9", *(f"o{number}" for number in range(5_000))])


def test_a_whole_file_in_cp932_is_told_of_once_and_stray_bytes_each() -> None:
    lines = [b"o%d,,,\x8e\x52,school,,\n" % number for number in range(30)]
    lines[10] = b"o10,,,\xff,school,,\n"
    reader = rows.Rows(io.BytesIO(HEADER + b"".join(lines)), "orgs.csv", entities.ORGS, profiles.BY_NAME["base-1.2"])
    told = [one for batch in reader.batches() for one in batch.problems]
    assert [(one.code, one.line) for one in told] == [("E-ENC", 2), ("E-ENC", 12)]
    assert AS_CP932 in told[0].detail
    assert AS_CP932 not in told[1].detail
    assert reader.unlisted == 28


def lines_of(data: bytes) -> list[str]:
    taken: list[str] = []
    for piece in Lines(io.BytesIO(data), "orgs.csv")._pieces():
        taken += piece
    return taken


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_a_line_is_one(end: str) -> None:
    given = [f"{'x' * (number % 700)}{number}{end}" for number in range(3_000)]
    data = "".join(given).encode()
    assert len(data) > 3 * encodings.PIECE
    assert lines_of(data) == given
    assert lines_of(data.removesuffix(end.encode())) == [*given[:-1], given[-1].removesuffix(end)]


def test_ends_of_lines_may_be_mixed() -> None:
    assert lines_of(b"a\nb\r\nc\rd\r\r\ne\n\rf") == ["a\n", "b\r\n", "c\r", "d\r", "\r\n", "e\n", "\r", "f"]


class Trickle(io.BytesIO):
    """Hands out few bytes at a time, so that every character and line end is cut somewhere."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3)


@pytest.mark.parametrize("case", [one for one in CORPUS if one.value is not None], ids=lambda case: case.name)
def test_where_the_bytes_are_cut_does_not_matter(case: Case) -> None:
    lines = Lines(Trickle(case.data + b""), "orgs.csv", case.setting)
    assert [row[3] for row in lines.reader] == ["name", "North", case.value]


def test_the_header_is_read_in_every_encoding() -> None:
    names: Sequence[str] = HEADER.decode().strip().split(",")
    assert encodings.header(io.BytesIO(wide("5c71", big=True)), "orgs.csv") == tuple(names)
    assert encodings.header(io.BytesIO(HEADER), "orgs.csv", "cp932") == tuple(names)
    assert encodings.header(io.BytesIO(b"\xff\xfe\0\0"), "orgs.csv") == ()

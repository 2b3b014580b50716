"""Reading rows: every cell true to the byte, every fault named with its physical line, nothing hostile believed."""

import csv
import io
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneroster import encodings, entities, headers, kinds, profiles, rows
from oneroster.entities import Entity
from oneroster.problems import Problem
from oneroster.profiles import Profile

BASE = profiles.BY_NAME["base-1.2"]
JAPANESE = profiles.BY_NAME["jp-1.2.1"]
ORGS = entities.ORGS
HEADER = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId"
GOOD = "o1,,,North,school,,"

Read = tuple[list[tuple[int, list[str]]], list[Problem]]


def open_rows(data: bytes | str, entity: Entity = ORGS, profile: Profile = BASE) -> rows.Rows:
    return rows.Rows(io.BytesIO(data.encode() if isinstance(data, str) else data), entity.file, entity, profile)


def read(data: bytes | str, entity: Entity = ORGS, profile: Profile = BASE) -> Read:
    reader = open_rows(data, entity, profile)
    found: list[tuple[int, list[str]]] = []
    problems: list[Problem] = []
    if reader.usable:
        for batch in reader.batches():
            found += zip(batch.lines, map(list, zip(*batch.columns, strict=True)), strict=True)
            problems += batch.problems
    return found, reader.problems + problems


def told(problems: Sequence[Problem]) -> list[tuple[str, int, str]]:
    return [(one.code, one.line, one.column) for one in problems]


def line(cells: Sequence[str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_byte_order_mark_and_a_last_line_without_end_are_all_read(end: str, mark: str) -> None:
    found, problems = read(mark + end.join([HEADER, GOOD, "o2,,,South,school,S2,o1"]))
    assert found == [
        (2, ["o1", "", "", "North", "school", "", ""]),
        (3, ["o2", "", "", "South", "school", "S2", "o1"]),
    ]
    assert told(problems) == ([("W-BOM", 1, "")] if mark else [])


def test_blank_lines_and_line_breaks_in_quotes_count_as_lines() -> None:
    found, problems = read(f'{HEADER}\n\n{GOOD}\n\r\no2,,,"So\nuth\r\n",school,,\n\no3,,,East,school,,\no4,,,x\n')
    assert [number for number, _ in found] == [3, 5, 9, 10]
    assert sorted(told(problems)) == [("E-COLUMNS", 10, ""), ("E-TEXT", 5, "name")]


def test_a_fault_is_told_on_the_line_where_its_cell_begins_in_the_order_of_the_file() -> None:
    header = "parentSourcedId,name,type,identifier,sourcedId,status,dateLastModified"
    found, problems = read(f'{header}\nö,"a\r\nb\rc",castle,"d\ne\x07",ü,,\n,x,school,,o2,,\n')
    assert told(problems) == [
        ("W-HEADER-ORDER", 1, ""),
        ("E-GUID", 2, "parentSourcedId"),
        ("E-TEXT", 2, "name"),
        ("E-ENUM", 4, "type"),
        ("E-TEXT", 4, "identifier"),
        ("E-GUID", 5, "sourcedId"),
    ]
    assert [number for number, _ in found] == [2, 6]


def test_line_ends_of_any_kind_are_counted_alike() -> None:
    for end in ("\n", "\r\n", "\r"):
        text = end.join([HEADER, "", GOOD, "   ", f'o2,,,"a{end}b",school,,', "o3,,,East,castle,,", ""])
        found, problems = read(text)
        assert [number for number, _ in found] == [3, 5, 7]
        assert told(problems) == [("E-TEXT", 5, "name"), ("E-ENUM", 7, "type")]


def test_a_row_of_another_width_is_kept_with_its_id_when_that_is_clean() -> None:
    reader = open_rows(f"{HEADER}\no1,,x\nö,,x\no2\n")
    (batch,) = reader.batches()
    assert list(zip(batch.lines, batch.columns[0], strict=True)) == [(2, "o1"), (4, "o2")]
    assert batch.lost == 1


def test_a_separator_that_is_no_comma_is_named() -> None:
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        (one,) = open_rows(HEADER.replace(",", separator)).problems
        assert (one.code, one.line) == ("E-SEPARATOR", 1)
        assert name in one.message


def test_a_header_that_only_looks_right_is_missed_with_the_reason() -> None:
    for header, why in (
        ("Name", "case-sensitive"),
        (" name", "invisible"),
        ("na\u200bme", "u200b"),
        ("ｎａｍｅ", "width"),
    ):
        (one,) = open_rows(HEADER.replace("name", header)).problems
        assert (one.code, one.column, one.value) == ("E-HEADER-MISSING", "name", header)
        assert why in one.detail


def test_reordered_columns_come_in_the_order_of_the_profile_with_a_warning() -> None:
    header = HEADER.split(",")
    found, problems = read(",".join(reversed(header)) + "\n" + ",".join(reversed(GOOD.split(","))) + "\n")
    assert found == [(2, GOOD.split(","))]
    assert told(problems) == [("W-HEADER-ORDER", 1, "")]


def test_a_japanese_profile_reads_null_as_blank_and_true_with_a_warning() -> None:
    one = "dda362e9-32d9-4940-a11d-65f06ac5c84a"
    text = f"{HEADER}\r\n{line([one, '', '', 'North', 'school', 'NULL', 'NULL'])}\r\n"
    found, problems = read(text, profile=JAPANESE)
    assert found == [(2, [one, "", "", "North", "school", "NULL", ""])]
    assert told(problems) == [("W-SCHOOL-CODE", 2, "identifier")]
    header = ",".join(JAPANESE.header(entities.CLASSES))
    good = f"{one},,,1-1,,{one},,homeroom,,{one},{one},,,,"
    found, problems = read(f"{header}\n{good}True\n{good}FALSE\n{good}yes\n{good}\n", entities.CLASSES, JAPANESE)
    assert [cells[-1] for _, cells in found] == ["true", "false", "", ""]
    assert [one for one in told(problems) if one[0] not in ("W-EOL", "W-UNQUOTED")] == [
        (code, number, "metadata.jp.specialNeeds")
        for code, number in [("W-BOOL-CASE", 2), ("W-BOOL-CASE", 3), ("E-BOOL", 4)]
    ]


def test_a_base_profile_reads_neither_null_nor_true() -> None:
    assert read(f"{HEADER}\no1,,,North,school,,NULL\n")[0][0][1][-1] == "NULL"
    header = ",".join(BASE.header(entities.ENROLLMENTS))
    assert told(read(f"{header}\ne1,,,c1,s1,u1,student,True,,\n", entities.ENROLLMENTS)[1]) == [
        ("E-BOOL", 2, "primary")
    ]


def test_every_fault_of_a_row_is_named_and_what_is_left_of_it_is_kept() -> None:
    found, problems = read(f"{HEADER}\nö 1,gone,yesterday, ,castle,a\x00b,{'x' * 256}\n")
    assert found == [(2, ["", "?", "-infinity", "", "", "", ""])]
    assert told(problems) == [
        (code, 2, column)
        for code, column in zip(
            ["E-GUID", "E-ENUM", "E-INSTANT", "E-REQUIRED", "E-ENUM", "E-TEXT", "E-GUID"],
            HEADER.split(","),
            strict=True,
        )
    ]
    assert "ext:NAME" in problems[4].detail


@pytest.mark.parametrize("at", [0, 1, 1_998, 1_999, 2_000, 2_001, 3_999, 4_000, 4_499])
def test_a_fault_is_found_wherever_it_stands_in_a_batch(at: int) -> None:
    lines = [f"o{number},,,North,school,," for number in range(4_500)]
    lines[at] = f"o{at},,,North,castle,,"
    found, problems = read("\n".join([HEADER, *lines]))
    assert told(problems) == [("E-ENUM", at + 2, "type")]
    assert [number for number, _ in found] == list(range(2, 4_502))
    assert found[at][1] == [f"o{at}", "", "", "North", "", "", ""]


def test_rows_of_other_widths_are_named_in_batches_of_their_own() -> None:
    reader = open_rows(HEADER + "\n" + "a,b\n" * 5_000 + GOOD)
    batches = list(reader.batches())
    assert [len(one.problems) for one in batches] == [2_000, 2_000, 1_000]
    assert batches[-1].lines == [5_002, *range(4_002, 5_002)]
    assert [column[0] for column in batches[0].columns] == ["a", "?", "-infinity", "", "", "", ""]
    assert (batches[0].problems[0].value, batches[0].problems[0].detail) == ("2", "The header has 7 columns.")


def test_a_line_of_a_mebibyte_is_read_and_a_longer_one_is_not() -> None:
    room = encodings.LONGEST_LINE - len("o1,,,,school,,\n")
    found, problems = read(f"{HEADER}\no1,,,{'x' * room},school,,\n")
    assert len(found[0][1][3]) == room
    assert not problems
    found, problems = read(f"{HEADER}\n{GOOD}\no1,,,{'x' * room}x,school,,\n{GOOD}\n")
    assert [number for number, _ in found] == [2]
    assert told(problems) == [("E-CSV", 3, "")]


def test_a_file_that_is_cut_off_within_a_value_is_said_to_be() -> None:
    _, problems = read(f'{HEADER}\n{GOOD}\no2,,,"cut')
    assert [(one.code, one.line, one.detail) for one in problems] == [
        ("E-CSV", 3, "The file ends in the middle of a value.")
    ]


class Endless(io.RawIOBase):
    """A header, then one piece over and over."""

    def __init__(self, head: bytes, piece: bytes, size: int) -> None:
        self._head, self._piece, self.left = head, piece, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._head:
            data, self._head = self._head, b""
        else:
            data = (self._piece * (len(buffer) // len(self._piece)))[: max(self.left, 0)]
        self.left -= len(data)
        buffer[: len(data)] = data
        return len(data)


@pytest.mark.parametrize("piece", [b"x", b'x\n","', b"x,", b'\n', b'"x\n",'], ids=repr)  # fmt: skip
def test_a_gigabyte_in_one_row_is_refused_without_being_held(piece: bytes) -> None:
    raw = Endless(f'{HEADER}\n{GOOD}\no2,,,"'.encode(), piece, 1 << 30)
    reader = rows.Rows(io.BufferedReader(raw, 1 << 20), ORGS.file, ORGS, BASE)
    batches = list(reader.batches())
    assert (1 << 30) - raw.left <= 2 * encodings.BATCH_BYTES + encodings.LONGEST_LINE
    assert [line for batch in batches for line in batch.lines] == [2]
    assert [(one.code, one.line) for batch in batches for one in batch.problems] == [("E-CSV", 3)]


def test_rows_of_half_a_mebibyte_come_in_small_batches() -> None:
    data = (HEADER + "\n" + f"o1,,,{'x' * (1 << 19)},school,,\n" * 40).encode()
    batches = list(open_rows(data).batches())
    assert sum(len(one.lines) for one in batches) == 40
    assert max(len(one.lines) for one in batches) <= 10


def test_what_is_wrong_with_the_quotes_ends_the_reading_at_the_value_that_is_meant() -> None:
    for bad in ('"open\nup to\nthe end', '"shut" late,x', '"x"y'):
        found, problems = read(f"{HEADER}\n{GOOD}\n\no2,,,{bad},school,,\n{GOOD}\n")
        assert [number for number, _ in found] == [2]
        assert told(problems) == [("E-CSV", 4, "name")]


def test_the_line_of_what_cannot_be_read_is_that_of_the_value_in_a_row_over_several_lines() -> None:
    _, problems = read(f'{HEADER}\n{GOOD}\no2,,,"North ""a"", b\r\nand\rc",school,"x"y,\n{GOOD}\n')
    assert told(problems) == [("E-CSV", 5, "identifier")]


def test_behind_a_row_that_cannot_be_read_nobody_asks_for_quotes() -> None:
    header = ",".join(JAPANESE.header(ORGS))
    _, problems = read(f'{header}\r\n"o1","","","North"x,"school","",""\r\no2,,,South,school,,\n', ORGS, JAPANESE)
    assert told(problems) == [("E-CSV", 2, "name")]


def test_rules_name_the_line_on_which_the_value_begins() -> None:
    one = "dda362e9-32d9-4940-a11d-65f06ac5c84a"
    header = ",".join(JAPANESE.header(entities.COURSES))
    row = f'"{one}","","","","2026年度\n国語","C1","P9","{one}","",""'
    _, problems = read(f"{header}\r\n{row}\r\n", entities.COURSES, JAPANESE)
    assert told(problems) == [("E-TEXT", 2, "title"), ("W-COURSE-CODE", 3, "courseCode"), ("W-GRADE", 3, "grades")]


def test_of_a_value_with_an_error_no_rule_says_more() -> None:
    profile = profiles.BY_NAME["jp-k12-1.0"]
    header = profile.header(entities.ENROLLMENTS)
    one = "dda362e9-32d9-4940-a11d-65f06ac5c84a"
    cells = dict.fromkeys(header, "") | dict.fromkeys(
        ("sourcedId", "classSourcedId", "schoolSourcedId", "userSourcedId"), one
    )
    for primary, code in (("yes", "E-BOOL"), ("", "W-PRIMARY")):
        row = ",".join(f'"{cell}"' for cell in (cells | {"role": "teacher", "primary": primary}).values())
        _, problems = read(f"{','.join(header)}\r\n{row}\r\n", entities.ENROLLMENTS, profile)
        assert told(problems) == [(code, 2, "primary")]


def test_of_a_row_that_could_not_be_read_whole_no_rule_asks_for_a_value() -> None:
    profile = profiles.BY_NAME["jp-k12-1.0"]
    header = ",".join(profile.header(entities.ENROLLMENTS))
    _, problems = read(f'{header}\r\n"dda362e9-32d9-4940-a11d-65f06ac5c84a","x"\r\n', entities.ENROLLMENTS, profile)
    assert told(problems) == [("E-COLUMNS", 2, "")]


def test_an_id_with_letters_that_no_id_has_is_no_uuid_in_japan() -> None:
    header = ",".join(JAPANESE.header(ORGS))
    _, problems = read(f'{header}\r\n"1111111１","","","North","school","",""\r\n', ORGS, JAPANESE)
    assert told(problems) == [("E-UUID", 2, "sourcedId")]


def test_a_file_without_ends_of_lines_is_refused() -> None:
    found, problems = read("\x00".join([HEADER, GOOD]))
    assert not found
    assert {one.severity for one in problems} == {"error"}


@pytest.mark.parametrize(
    "value",
    [
        "ﾃｽﾄ",
        "𠮷野家",
        "葛\U000e0100城",
        "が",
        "〜～",
        "\u200b\u202e",
        "=1+1",
        "\\",
        "\\.",
        "\\N",
        "a\tb",
        "'; --",
        "　",
        "<&>",
    ],
)
def test_a_text_is_true_to_the_byte(value: str) -> None:
    found, problems = read(f"{HEADER}\no1,,,x{value},school,{value},\n\\.\n{GOOD}\n")
    assert found == [(2, ["o1", "", "", "x" + value, "school", value, ""]), (4, GOOD.split(","))]
    assert told(problems) == [("E-COLUMNS", 3, "")]


def test_free_metadata_columns_stand_behind_those_of_the_profile() -> None:
    found, problems = read(f"{HEADER},metadata.b,metadata.a.c\n{GOOD},1,2\n")
    assert found[0][1][-2:] == ["1", "2"]
    assert not problems
    reader = open_rows(f"metadata.b,{HEADER}\n")
    assert [one.header for one in reader.columns] == [*HEADER.split(","), "metadata.b"]
    assert told(reader.problems) == [("W-HEADER-ORDER", 1, "")]


@pytest.mark.parametrize(
    "header, expected",
    [
        ("", [("E-EMPTY", "")]),
        ("\n" + HEADER, [("E-EMPTY", "")]),
        (HEADER.replace(",name", ""), [("E-HEADER-MISSING", "name")]),
        (HEADER.replace("name", "Name"), [("E-HEADER-MISSING", "name")]),
        (HEADER + ",name", [("E-HEADER-TWICE", "name")]),
        (HEADER + ",Name", [("E-HEADER-UNKNOWN", "Name")]),
        (HEADER + ",colour", [("E-HEADER-UNKNOWN", "colour")]),
        (HEADER + ",metadata.", [("E-HEADER-UNKNOWN", "metadata.")]),
        (HEADER + ',"metadata.a\nb"', [("E-HEADER-UNKNOWN", "metadata.a\nb")]),
        (HEADER + ",metadata." + "a." * 130, [("E-HEADER-UNKNOWN", "metadata." + "a." * 130)]),
        (HEADER.replace(",", "\t"), [("E-SEPARATOR", "")]),
        (HEADER.replace(",", ";"), [("E-SEPARATOR", "")]),
        (HEADER + ',"open', [("E-CSV", "")]),
    ],
)
def test_what_is_wrong_with_a_header_is_named(header: str, expected: list[tuple[str, str]]) -> None:
    reader = open_rows(header)
    errors = [(one.code, one.column) for one in reader.problems]
    assert [one for one in errors if one in expected] == expected
    assert not reader.usable


def test_a_column_that_may_lack_is_missed_when_it_is_spelled_otherwise() -> None:
    header = ",".join(BASE.header(entities.USERS))
    assert open_rows(header.replace("resourceSourcedIds,", ""), entities.USERS).usable
    reader = open_rows(header.replace("resourceSourcedIds", "resourcesourcedids"), entities.USERS)
    assert told(reader.problems) == [("E-HEADER-UNKNOWN", 1, "resourcesourcedids")]


@pytest.mark.parametrize("name", ["a{}", "metadata.a{}"])
def test_a_header_of_a_hundred_thousand_columns_takes_no_time(name: str) -> None:
    data = HEADER + "".join("," + name.format(number) for number in range(50_000))
    began = time.process_time()
    reader = open_rows(data + "\n" + GOOD + "," * 50_000 + "\n")
    if reader.usable:
        assert len(next(reader.batches()).columns) == 50_007
    assert time.process_time() - began < 5


def test_a_faulty_value_is_repeated_only_so_far() -> None:
    _, (problem,) = read(f"{HEADER}\n{'ö' * 100_000},,,North,school,,\n")
    assert len(problem.value) == headers.LONGEST_SHOWN


@pytest.mark.parametrize("kind", [kinds.GUID, kinds.INSTANT, kinds.WORD])
def test_blanks_where_a_value_may_lack_are_no_value(kind: kinds.Kind) -> None:
    index = {kinds.WORD: 1, kinds.INSTANT: 2, kinds.GUID: 6}[kind]
    cells = GOOD.split(",")
    found, problems = read(f"{HEADER}\n{line([*cells[:index], '  ', *cells[index + 1 :]])}\n")
    assert found == [(2, cells)]
    assert not problems
    for other in ("\n", "\x1f", "\t", "　"):
        found, problems = read(f"{HEADER}\n{line([*cells[:index], other, *cells[index + 1 :]])}\n")
        blanked = [*cells[:index], rows.UNREAD.get(ORGS.fields[index].name, ""), *cells[index + 1 :]]
        assert (found, [one.code for one in problems]) == ([(2, blanked)], [kind.code])


# Of every kind: right ones, nearly right ones, blanks of all sorts, and whatever comes.
cells = st.sampled_from(
    ["", " ", "  ", "\n", "\x1f", "\x0b", "　", "\x00", "\t", "a", "a b", "a\n", "x" * 255, "x" * 256, "true", "True",
     "active", "tobedeleted", "student", "ext:a", "ext:", "primary", "school", "2026-04-01", "2026-02-30", "２０２６",
     "2026", "2026-04-01T00:00:00Z", "2026-04-01T00:00:00+15:59", "a,b", "a,", " a , b ", "{a:b}", "{a:b},{c:d}",
     "{a:\n}", "{a}", "7", "-1", "NULL", "𠮷"]
) | st.text(max_size=5)  # fmt: skip


def check_of(entity: Entity, profile: Profile) -> tuple[rows.Rows, rows.Check]:
    reader = open_rows(",".join(profile.header(entity)), entity, profile)
    return reader, rows.Check(reader.columns)


@pytest.mark.parametrize("profile", [BASE, JAPANESE], ids=lambda profile: profile.name)
@pytest.mark.parametrize("entity", entities.ALL, ids=lambda entity: entity.name)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_row_passes_as_a_whole_exactly_when_no_cell_of_it_is_at_fault(
    data: st.DataObject, entity: Entity, profile: Profile
) -> None:
    reader, check = check_of(entity, profile)
    for index, column in enumerate(reader.columns):
        good = {kinds.GUID: "a", kinds.GUIDS: "a,b", kinds.TEXT: "a", kinds.TEXTS: "a", kinds.DATE: "2026-04-01",
                kinds.BOOLEAN: "true", kinds.YEAR: "2026"}  # fmt: skip
        words = column.words.words[0] if column.words else ""
        row = [
            (words_of.words[0] if (words_of := one.words) else good[one.kind]) if one.required else ""
            for one in reader.columns
        ]
        assert check.passes([[cell] for cell in row])
        for cell in (data.draw(cells), words + data.draw(cells)):
            row[index] = cell
            mended = list(row)
            faults = list(reader._faults(2, mended))
            assert check.passes([[cell] for cell in row]) == (not faults and mended == row), (column.header, cell)
            assert all(one.line == 2 and one.column == column.header for one in faults)
            if all(one.severity == "warning" for one in faults):
                # What was mended is right now: nothing reaches the database unchecked.
                assert check.passes([[cell] for cell in mended])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=8))
def test_what_is_kept_and_what_is_refused_are_all_the_rows(values: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER.split(","))
    for name, identifier in values:
        writer.writerow(["o1", "", "", name, "school", identifier, ""])
    found, _ = read(text.getvalue())
    starts = dict(zip((1 + number for number in _starts(text.getvalue())), values, strict=True))
    assert [number for number, _ in found] == list(starts)
    for number, row in found:
        assert all(now in (was, "") for was, now in zip(starts[number], (row[3], row[5]), strict=True))


def _starts(text: str) -> list[int]:
    """The lines before each data row, counted by hand: a row begins where the count of quotes is even."""
    starts, quotes = [], 0
    for number, one in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]):
        if quotes % 2 == 0:
            starts.append(number)
        quotes += one.count('"')
    return starts[1:]

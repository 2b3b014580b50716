"""The manifest: in any order, with unknown properties, and everything wrong with it named by line."""

import io

import pytest

from oneroster import entities, manifest, write

HEADER = ["propertyName", "value"]


def numbered(given: list[list[str]]) -> list[manifest.Row]:
    return list(enumerate(given, start=1))


def rows(**modes: str) -> list[list[str]]:
    stems = [[f"file.{stem}", modes.get(stem, "absent")] for stem in write.STEMS]
    return [HEADER, ["manifest.version", "1.0"], ["oneroster.version", "1.2"], *stems, ["source.systemName", "SIS"]]


def test_version_modes_lines_and_system_are_read() -> None:
    found, problems = manifest.read(numbered(rows(orgs="bulk", users="delta")))
    assert found is not None
    assert not problems
    assert (found.version, found.system, found.modes["orgs"], found.modes["users"]) == ("1.2", "SIS", "bulk", "delta")
    assert set(found.modes) == set(write.STEMS)
    assert found.lines["academicSessions"] == 4


def test_order_unknown_properties_blank_lines_and_blanks_do_not_matter() -> None:
    given = rows(orgs="bulk")
    head, *rest = given
    strange = [head, *reversed(rest), [], ["", ""], ["digitalkoumu.oneroster.version", "1"], [" file.x.y ", " absent "]]
    found, problems = manifest.read(numbered([[f" {cell}" for cell in row] for row in strange[:-1]]))
    assert found is not None
    assert not problems
    assert found.modes == manifest.read(numbered(given))[0].modes  # type: ignore[union-attr]


@pytest.mark.parametrize("version", ["1.2", "1.2.1", "1.2_JP"])
def test_every_version_in_use_is_taken(version: str) -> None:
    found, problems = manifest.read(numbered([[cell.replace("1.2", version) for cell in row] for row in rows()]))
    assert found is not None
    assert (found.version, problems) == (version, [])


@pytest.mark.parametrize(
    "change, line, column",
    [
        (["oneroster.version", "2.0"], 3, "oneroster.version"),
        (["manifest.version", "1.2"], 3, "manifest.version"),
        (["oneroster.version"], 3, "oneroster.version"),
        (["file.orgs", "Bulk"], 3, "file.orgs"),
        (["file.orgs", ""], 3, "file.orgs"),
        (["file.planets", "bulk"], 3, "file.planets"),
        (["file.", "bulk"], 3, "file."),
    ],
)
def test_a_wrong_value_is_named_with_its_line(change: list[str], line: int, column: str) -> None:
    given = [row for row in rows() if row[0] != change[0]]
    given[2:2] = [change]
    _, problems = manifest.read(numbered(given))
    assert [(one.code, one.line, one.column) for one in problems] == [("E-MANIFEST-VALUE", line, column)]


def test_a_version_that_is_missing_and_a_property_that_stands_twice_are_named() -> None:
    given = [row for row in rows() if row[0] not in ("oneroster.version", "manifest.version")]
    _, problems = manifest.read(numbered([*given, ["file.orgs", "bulk"]]))
    assert [(one.code, one.column, one.line) for one in problems] == [
        ("E-MANIFEST-VALUE", "file.orgs", 24),
        ("E-MANIFEST-VALUE", "manifest.version", 0),
        ("E-MANIFEST-VALUE", "oneroster.version", 0),
    ]


@pytest.mark.parametrize("given", [[], [[]], [["value", "propertyName"]], [["propertyName;value"]]])
def test_without_its_header_a_manifest_cannot_be_used(given: list[list[str]]) -> None:
    found, problems = manifest.read(numbered(given))
    assert found is None
    assert [one.code for one in problems] == ["E-MANIFEST-VALUE"]


def compared(present: set[str], **modes: str) -> set[tuple[str, str]]:
    found, _ = manifest.read(numbered(rows(**modes)))
    assert found is not None
    return {(one.code, one.file) for one in manifest.compare(found, present | {manifest.NAME})}


def test_the_files_are_those_the_manifest_names() -> None:
    assert compared({"orgs.csv"}, orgs="bulk") == set()
    assert compared(set()) == set()
    assert compared(set(), orgs="bulk") == {("E-FILE-MISSING", "manifest.csv")}
    assert compared({"orgs.csv"}) == {("E-FILE-EXTRA", "orgs.csv")}
    assert compared({"orgs.txt"}) == {("E-FILE-UNKNOWN", "orgs.txt")}


def test_files_of_other_services_are_skipped_with_a_notice() -> None:
    for file in entities.SKIPPED_FILES:
        stem = file.removesuffix(".csv")
        assert compared({file}, **{stem: "bulk"}) == {("W-SKIPPED", file)}
        assert compared({file}) == {("E-FILE-EXTRA", file)}


def test_a_file_that_the_manifest_passes_over_is_named() -> None:
    found, _ = manifest.read(numbered([row for row in rows() if row[0] != "file.orgs"]))
    assert found is not None
    problems = manifest.compare(found, {manifest.NAME, "orgs.csv"})
    assert [(one.code, one.file) for one in problems] == [("E-FILE-EXTRA", "orgs.csv")]
    (missing,) = manifest.compare(found, {manifest.NAME})
    assert (missing.code, missing.file, missing.line, missing.column) == ("W-MANIFEST", manifest.NAME, 0, "file.orgs")


def test_a_file_that_was_refused_is_not_missed_again() -> None:
    found, _ = manifest.read(numbered(rows(orgs="bulk")))
    assert found is not None
    assert manifest.compare(found, {manifest.NAME}, {"orgs.csv"}) == []


def read(data: bytes, encoding: str = "auto") -> tuple[list[manifest.Row] | None, list[str]]:
    found, problems = manifest.rows(io.BytesIO(data), encoding)
    return found, [one.code for one in problems]


def test_the_manifest_follows_the_encodings_and_line_ends_of_every_file() -> None:
    text = "propertyName,value\r\n\r\nsource.systemName,校務"
    expected = [(1, HEADER), (2, []), (3, ["source.systemName", "校務"])]
    assert read(text.encode()) == (expected, [])
    assert read(text.replace("\r\n", "\r").encode("utf-8-sig")) == (expected, ["W-BOM"])
    assert read(text.encode("utf-16")) == (expected, ["W-UTF16"])
    assert read(text.encode("cp932"), "cp932") == (expected, [])
    assert read(text.encode("cp932")) == (expected[:2], ["E-ENC"])
    assert read(text.encode("iso2022_jp")) == (None, ["E-ENC"])
    assert read("名前,値\n".encode("cp932")) == (None, ["E-ENC"])

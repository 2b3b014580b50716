"""From stored values back to cells: the columns of the profile, and nothing lost in silence."""

import datetime
from typing import Any

from oneroster import cells, entities, links
from oneroster.profiles import BY_NAME

BASE, JAPANESE = BY_NAME["base-1.2"], BY_NAME["jp-1.2.1"]
ENROLLMENT = ["e-1", "c-1", "s-1", "u-1", "student", False, datetime.date(2026, 4, 1), None]


def enrollment(made: cells.Cells, metadata: dict[str, Any], record: list[Any] = ENROLLMENT) -> list[str]:
    return list(made.row(record, ("", ""), {}, metadata))


def test_values_are_written_as_their_kinds_are() -> None:
    row = enrollment(cells.Cells(entities.ENROLLMENTS, BASE), {})
    assert row == ["e-1", "", "", "c-1", "s-1", "u-1", "student", "false", "2026-04-01", ""]


def test_metadata_is_spelled_as_the_profile_spells_it_and_what_it_does_not_know_comes_after() -> None:
    found = {"jp": {"shussekiNo": "12", "publicFlg": "true"}, "vendor": {"a": {"b": "x"}}}
    paths = set(cells.paths(found))
    assert paths == {"metadata.jp.shussekiNo", "metadata.jp.publicFlg", "metadata.vendor.a.b"}
    extra = cells.beyond(JAPANESE, entities.ENROLLMENTS, paths)
    assert extra == ("metadata.vendor.a.b",)
    assert enrollment(cells.Cells(entities.ENROLLMENTS, JAPANESE, extra), found)[-3:] == ["12", "true", "x"]
    extra = cells.beyond(BASE, entities.ENROLLMENTS, paths)
    assert extra == ("metadata.jp.publicFlg", "metadata.jp.shussekiNo", "metadata.vendor.a.b")
    assert enrollment(cells.Cells(entities.ENROLLMENTS, BASE, extra), found)[-3:] == ["true", "12", "x"]


def test_the_older_spelling_is_no_column_of_its_own() -> None:
    found = {"jp": {"ShussekiNo": "12"}}
    assert cells.beyond(JAPANESE, entities.ENROLLMENTS, set(cells.paths(found))) == ()
    assert enrollment(cells.Cells(entities.ENROLLMENTS, JAPANESE), found)[-2:] == ["12", ""]


def test_a_branch_is_no_value() -> None:
    made = cells.Cells(entities.ENROLLMENTS, BASE, ("metadata.a", "metadata.a.b"))
    assert enrollment(made, {"a": "x"})[-2:] == ["x", ""]
    assert enrollment(made, {"a": {"b": "y"}})[-2:] == ["", "y"]


def test_a_required_word_that_the_profile_does_not_have_is_written_and_counted() -> None:
    made = cells.Cells(entities.ENROLLMENTS, BASE)
    guardian = [*ENROLLMENT[:4], "guardian", *ENROLLMENT[5:]]
    assert [enrollment(made, {}, guardian)[6] for _ in range(2)] == ["guardian"] * 2
    assert made.left_out == {("role", cells.STRANGE_WORD): 2}


def test_references_are_pruned_wherever_they_lead_nowhere() -> None:
    ids = {"classes": frozenset({"c-1"}), "users": frozenset({"u-1"}), "orgs": frozenset[str]()}
    by_name = {one.column: one for one in links.of(entities.USERS, JAPANESE)}
    assert set(by_name) == {"agentSourcedIds", "primaryOrgSourcedId", "metadata.jp.homeClass"}
    names = ["sourcedId", *(field.name for field in entities.USERS.kept)]
    record: list[Any] = [None] * len(names)
    record[names.index("agentSourcedIds")] = ["u-9", "u-1"]
    record[names.index("primaryOrgSourcedId")] = "s-9"
    for home, left in (("c-1", {"jp": {"homeClass": "c-1"}}), ("c-9", {"jp": {}})):
        metadata = {"jp": {"homeClass": home}}
        assert links.prune(by_name["metadata.jp.homeClass"], record, metadata, ids) == (home == "c-9")
        assert metadata == left
    assert [links.prune(by_name[name], record, {}, ids) for name in ("agentSourcedIds", "primaryOrgSourcedId")] == [
        1,
        1,
    ]
    assert [value for value in record if value] == [["u-1"]]


def test_what_a_record_cannot_be_without_comes_first() -> None:
    required = [(one.column, one.required) for one in links.of(entities.CLASSES, BASE)]
    assert required == [("courseSourcedId", True), ("schoolSourcedId", True), ("termSourcedIds", True)]
    assert [one.column for one in links.of(entities.DEMOGRAPHICS, BASE)] == ["sourcedId"]

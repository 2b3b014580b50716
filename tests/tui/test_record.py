"""What becomes of a record, as it reads: what it is stands first, and nothing reads like JSON."""

from sql.samples import Sample
from tests.tui import hub
from tui import samples

PUPIL = {
    "status": ["active", None],
    "username": ["s**", None],
    "givenName": ["愛**", None],
    "familyName": ["谷**", None],
    "grades": [["P4"], None],
}


def test_a_sample_begins_with_what_a_person_knows_it_by():
    gone = samples.row(Sample("users", "deleted", "u-1", PUPIL))
    assert gone.cells[2][0] == "familyName 谷**, givenName 愛**, grades P4, status active, username s**"


def test_a_sample_of_a_change_tells_before_and_after():
    moved = samples.row(Sample("users", "updated", "u-1", {"agents": [["u-2", "u-3"], []], "grades": [["05"], ["06"]]}))
    assert moved.cells[2][0] == "grades 05 -> 06, agents u-2 u-3 -> -"


async def test_versions_tell_what_changed_and_not_all_that_was_made(still, shown):
    async with shown(still) as opened:
        await opened.press("2", *["down"] * 5, "enter", "tab", "down", "enter", "enter")
        assert opened.line(hub.PUPIL)
        assert opened.line(" changed ").split()[-1] == "grades"
        assert opened.line("grades: 05 -> 06")
        await opened.press("down")
        assert opened.line(" made ").split()[-2:] == ["all", "6"]
        shown_fields = [line.strip() for line in opened.lines if ": " in line][:3]
        assert shown_fields == ["familyName: 山**", "givenName: 太**", "grades: 05"]

"""The filter of the log, as a question to the database."""

import datetime

import pytest

from sql.search import Asked
from tests.tui.hub import NOW
from tui import conditions, times


def asked(text: str) -> Asked:
    return conditions.asked(text, None, None, NOW, times.JAPAN)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Asked()),
        ("ticket 118", Asked(words=("ticket", "118"))),
        ("who:Sato", Asked(who=("Sato*",))),
        ("who:sato,kita* action:job.", Asked(who=("sato*", "kita*"), action=("job.*",))),
        ("who:a who:b", Asked(who=("a*", "b*"))),
        ("target:lms-prod !reads", Asked(target=("lms-prod*",), without=("reads",))),
        ("result:no", Asked(ok=False)),
        ("RESULT:OK", Asked(ok=True)),
        ("result:n who: action:* !", Asked()),
        ("since:24h", Asked(since=NOW - datetime.timedelta(hours=24))),
        ("until:2026-04-01", Asked(until=datetime.datetime(2026, 3, 31, 15, tzinfo=datetime.UTC))),
        ("since:2026-04-01T09:00Z", Asked(since=datetime.datetime(2026, 4, 1, 9, tzinfo=datetime.UTC))),
        ("since:2026-04", Asked()),
        ("since:8:30", Asked(since=datetime.datetime(2026, 3, 31, 23, 30, tzinfo=datetime.UTC))),
        ("since:2026/04/01T09:00z", Asked(since=datetime.datetime(2026, 4, 1, 9, tzinfo=datetime.UTC))),
        (
            "期間:昨日　until:２０２６/４/１",
            Asked(
                since=datetime.datetime(2026, 3, 30, 15, tzinfo=datetime.UTC),
                until=datetime.datetime(2026, 3, 31, 15, tzinfo=datetime.UTC),
            ),
        ),
        ("result:refused", Asked(ok=False)),
        ("!result:no", Asked(ok=True)),
        ("!who:moodle !action:api.,job.", Asked(without=("moodle", "api.", "job."))),
        ("10:30 urn:x", Asked(words=("10:30", "urn:x"))),
        (
            "実行者：佐藤　結果：失敗 期間:24時間",
            Asked(who=("佐藤*",), ok=False, since=NOW - datetime.timedelta(hours=24)),
        ),
    ],
)
def test_what_is_typed_is_a_question(text: str, wanted: Asked) -> None:
    assert asked(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("since:18:43 until:24h result:no who:x !y since: since:昨日", []),
        ("who:a since:yesterdays until:2026-13-01 x", ["since:yesterdays", "until:2026-13-01"]),
        ("result:n result:maybe", ["result:n", "result:maybe"]),
        ("!since:24h", ["!since:24h"]),
    ],
)
def test_what_means_nothing_is_told(text: str, wanted: list[str]) -> None:
    assert conditions.misread(text, NOW, times.JAPAN) == wanted


def test_what_is_not_wanted_is_meant_by_the_name_that_is_shown() -> None:
    names = {"MEjPC": "Moodle prod", "x": "x"}
    assert conditions.named(Asked(without=("moodle",)), names).without == ("moodle", "MEjPC")
    assert conditions.named(Asked(who=("Moo*",)), names) == Asked(who=("Moo*", "MEjPC"))


def test_a_range_is_kept_unless_another_is_typed() -> None:
    since = NOW - datetime.timedelta(days=7)
    assert conditions.asked("x", "naha", since, NOW, None) == Asked(tenant="naha", since=since, words=("x",))
    assert conditions.asked("since:1h", None, since, NOW, None).since == NOW - datetime.timedelta(hours=1)

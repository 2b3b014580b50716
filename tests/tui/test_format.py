"""Structs in, words out."""

import datetime
import uuid

import msgspec
import pytest
from rich.cells import cell_len

from sql.jobs import Count, Fault, Job
from sql.tenants import Health
from tests.tui.hub import NOW
from tui import audit_rows, filters, findings, job_rows, rows, tenant_rows, times, words
from tui.format import Moment

AT = Moment(NOW, times.JAPAN)
JOB = Job(
    tenant_id=1,
    tenant="kita",
    tenant_name="Kita",
    tenant_state="active",
    id=uuid.UUID(int=0x7F3A91C2 << 96),
    kind="bundle",
    inbox=None,
    via="sftp",
    state="applied",
    reason=None,
    reason_japanese=None,
    bundle="RO_20260401_kita.zip",
    sha256="0" * 64,
    profile="jp-1.2.1",
    profile_reason=None,
    revision=1,
    received_at=NOW - datetime.timedelta(seconds=10),
    started_at=NOW - datetime.timedelta(seconds=8),
    finished_at=NOW - datetime.timedelta(seconds=6),
    attempts=1,
    phase=None,
    phase_rows=None,
    phase_of=None,
    phase_seconds=None,
    rows={"users": 1500, "orgs": 500},
    inserted=12,
    updated=340,
    deleted=3,
    errors=0,
    warnings=0,
    approved_at=None,
)
TENANT = Health(
    1, "kita", "Kita", "active", JOB.id, "applied", None, None, NOW, 4110, 0, 0, [None] * 7, {}, NOW, False, None
)


@pytest.mark.parametrize(
    ("ago", "age"),
    [
        (0, "<1m"),
        (59, "<1m"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86_399, "23h"),
        (86_400, "1d"),
        (302_400, "3d12h"),
        (604_800, "7d"),
        (8_640_000, "100d"),
        (-5, "<1m"),
    ],
)
def test_an_age_is_never_finer_than_minutes(ago, age):
    assert times.age(NOW - datetime.timedelta(seconds=ago), NOW) == age


def test_times_are_japanese_unless_the_terminal_says_otherwise(monkeypatch):
    assert times.clock(NOW, times.zone()) == "14:02:11"
    assert times.zone_name(NOW, times.zone()) == "JST"
    monkeypatch.setenv("TZ", "UTC")
    assert times.clock(NOW, times.zone()) == "05:02:11"


def test_an_older_moment_tells_its_day():
    assert times.moment(NOW, NOW, times.JAPAN) == "14:02:11.482"
    assert times.moment(NOW - datetime.timedelta(hours=15), NOW, times.JAPAN) == "03-31 23:02"
    assert times.moment(NOW - datetime.timedelta(days=400), NOW, times.JAPAN) == "2025-02-25"


@pytest.mark.parametrize(
    ("tenant", "job", "state"),
    [
        ("active", "applied", "OK"),
        ("active", "superseded", "OK"),
        ("active", "held", "HELD"),
        ("active", "rejected", "REJECTED"),
        ("active", "failed", "FAILED"),
        ("active", "loading", "LOADING"),
        ("active", None, "NONE"),
        ("paused", "held", "PAUSED"),
    ],
)
def test_a_tenant_has_one_word(tenant, job, state):
    one = msgspec.structs.replace(TENANT, state=tenant, job_state=job)
    assert tenant_rows.standing(one, NOW) == state
    assert tenant_rows.why(one, AT)[0].startswith(state)


def test_a_strip_tells_seven_days():
    days = [None, "applied", "held", "rejected", "failed", "duplicate", None]
    assert tenant_rows.strip(msgspec.structs.replace(TENANT, days=days)) == ".-!xx-."
    assert tenant_rows.strip(msgspec.structs.replace(TENANT, days=days, state="paused")) == ".-!xx-="


@pytest.mark.parametrize(
    ("changes", "progress"),
    [
        ({}, "+12 ~340 -3"),
        ({"inserted": 0, "updated": 0, "deleted": 0}, "nothing changed"),
        ({"state": "rejected", "errors": 37}, "37 errors, 0 rows"),
        ({"state": "rejected", "errors": 1}, "1 error, 0 rows"),
        ({"state": "held", "reason": "11.4% would go"}, "11.4% would go."),
        ({"state": "duplicate", "reason": "The same bytes as job 7f3a8d10."}, "same as 7f3a8d10"),
        ({"state": "received"}, "waits for a worker"),
        ({"state": "received", "tenant_state": "paused"}, "waits: tenant is paused"),
        ({"kind": "rollback", "bundle": "rollback of 7f3a8d10 RO_1.zip"}, "undoes 7f3a8d10: +12 ~340 -3"),
        ({"state": "received", "reason": "the database went away"}, "tries again: the database went away."),
        ({"state": "loading", "phase": "claim"}, "[#--------] claim"),
        ({"state": "loading", "phase": "apply", "phase_rows": 2000}, "[#####----] apply 2,000"),
        ({"state": "loading", "phase": "publish"}, "[#######--] publish"),
        ({"state": "loading", "phase": "else"}, "[---------] else"),
    ],
)
def test_a_job_says_how_far_it_is(changes, progress):
    assert job_rows.progress(msgspec.structs.replace(JOB, **changes)) == progress


def test_speed_is_rows_over_the_time_of_the_load():
    assert job_rows.rows_a_second(JOB, NOW) == 1000
    assert job_rows.rows_a_second(msgspec.structs.replace(JOB, state="loading", phase_rows=800), NOW) == 100
    assert job_rows.rows_a_second(msgspec.structs.replace(JOB, state="duplicate"), NOW) is None


def test_a_guard_that_holds_says_so_with_its_share():
    row = findings.count_row(Count("students", 91_204, 80_911, 110, 2_004, 10_403, "hold:deleted"))
    assert [value for value, _ in row.cells[-2:]] == ["11.4%", "HOLD deleted"]
    row = findings.count_row(Count("orgs", 100, 100, 0, 76, 0, "hold:updated"))
    assert row.cells[-2][0] == "76.0%"


def test_a_masked_value_stays_masked_everywhere():
    row = findings.problem_row(0, Fault("E-TEXT", "error", "users.csv", 2, "email", "***", ""))
    assert row.cells[-1][0] == row.copied == row.record["value"] == "***"


@pytest.mark.parametrize("width", [40, 80, 81, 120, 200])
@pytest.mark.parametrize(
    "columns",
    [tenant_rows.COLUMNS, job_rows.columns(False), findings.PROBLEM_COLUMNS, findings.COUNT_COLUMNS]
    + [audit_rows.columns("JST", wide) for wide in (False, True)],
)
def test_columns_never_take_more_than_the_line(columns, width):
    sizes = rows.widths(columns, width)
    shown = [size for size in sizes if size]
    assert sum(shown) + len(shown) - 1 + rows.MARKER <= width
    assert sizes[0] > 0
    if width >= 80 and "JST" not in columns[0].title:
        assert all(sizes), "everything is there at 80"


def test_the_list_of_jobs_says_how_old_they_are_and_how_fast_where_there_is_room():
    for wide, width, last in ((False, 80, "<1m"), (True, 90, "1,000")):
        columns = job_rows.columns(wide)
        row = job_rows.row(JOB, AT, wide)
        assert all(rows.widths(columns, width))
        assert (len(row.cells), row.cells[5][0]) == (len(columns), "<1m")
        assert row.cells[-1][0] == last


def test_a_hundred_japanese_names_keep_the_edges():
    names = ["札幌市教育委員会", "ｶﾅ学校", "A校", "那覇市立小学校ネットワーク推進室", "葛\U000e0100飾区", "か\u3099"]
    for number in range(100):
        one = msgspec.structs.replace(JOB, tenant_name=names[number % len(names)] * (1 + number % 4))
        row = job_rows.row(one, AT)
        line = rows.laid(row.cells, job_rows.COLUMNS, rows.widths(job_rows.COLUMNS, 80))
        before = "".join(value for value, _ in line).split("sftp")[0]
        assert cell_len(before) == 28
        assert sum(cell_len(value) for value, _ in line) == 80


@pytest.mark.parametrize(
    ("typed", "held"),
    [
        ("", True),
        ("kita", True),
        ("KITA applied", True),
        ("state:applied,held", True),
        ("state:held", False),
        ("!state:held", True),
        ("!kita", False),
        ("state:", True),
        ("tenant:*", True),
        ("since:1h", True),
        ("since:5s", True),
        ("since:0m", False),
        ("since:today", True),
        ("since:2026-03-01", True),
        ("since:23:59", False),
        ("nothing:like", False),
    ],
)
def test_a_filter_holds_when_all_its_words_do(typed, held):
    assert filters.holds(filters.parse(typed), job_rows.row(JOB, AT), AT) is held


def test_a_filter_on_states_is_asked_of_the_database():
    known = ("received", "loading", "applied", "held")
    assert filters.states(filters.parse("state:held,loading x"), known) == ["loading", "held"]
    assert filters.states(filters.parse("!state:held"), known) == ["received", "loading", "applied"]
    assert filters.states(filters.parse("word"), known) is None


def test_a_load_says_how_fast_it_is_and_how_long_it_will_take():
    loading = msgspec.structs.replace(
        JOB, state="loading", phase="stage", phase_rows=300_000, phase_of=1_200_000, phase_seconds=10.0
    )
    assert job_rows.line(loading, AT).endswith("LOADING: 300,000 of 1,200,000 rows, 30,000 rows/s, 30 s to go")
    assert job_rows.pace(msgspec.structs.replace(loading, phase_of=None)) == ""


def test_lines_beyond_a_million_are_marked_as_all_are():
    assert findings.PROBLEM_COLUMNS[1].width == cell_len("1,204,511")
    assert (
        findings.problem_row(0, Fault("E-TEXT", "error", "users.csv", 1_204_511, "", "", "")).cells[1][0] == "1,204,511"
    )


def test_what_there_is_one_of_is_called_so(monkeypatch):
    for what, one in words.ONE.items():
        assert words.counted(what, 1) == one
        assert words.counted(what, 0) == words.counted(what, 2) == what
    assert words.counted("the newest", 1) == "the newest"
    assert job_rows.tally(["a", "b", "c", "d"]) == "a 1, b 1, c 1, 1 other kind"
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert words.counted("jobs", 1) == words.counted("jobs", 2) == "ジョブ"


@pytest.mark.parametrize(
    ("state", "titles", "guard"),
    [
        ("held", ("NOW", "NEW"), "HOLD deleted"),
        ("applied", ("BEFORE", "AFTER"), "approved"),
        ("rolled_back", ("BEFORE", "AFTER"), "approved"),
        ("discarded", ("BEFORE", "NEW"), "turned down"),
    ],
)
def test_the_guard_holds_nothing_any_more_once_it_was_decided(state, titles, guard):
    assert tuple(one.title for one in findings.count_columns(state)[1:3]) == titles
    held = Count("students", 100, 80, 0, 0, 20, "hold:deleted")
    assert findings.count_row(held, state).cells[7][0] == guard
    assert findings.count_row(msgspec.structs.replace(held, guard="ok"), state).cells[7][0] == "ok"

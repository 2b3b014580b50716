"""What is done by keys: each deed as its rows in the database tell it, and what is refused."""

import datetime
import json
import re

import pytest
from textual.widgets import Input

from sql import audit, clients, database, settings, tenants, wishes
from tests.tui import hub
from tui.clients import Clients
from tui.dialog import Button, Dialog
from tui.job import JobDetail
from tui.picker import Picker
from tui.tenants import Tenants

HELD, REJECTED, APPLIED = (hub.job_id(number) for number in (0x7F3A90AA, 0x7F3A8F01, 0x7F3A8D10))


async def row(conninfo: str, statement: str, *params: object) -> tuple[object, ...]:
    async with database.connect(conninfo) as conn:
        cursor = await conn.execute(statement, params)
        found = await cursor.fetchone()
    assert found is not None
    return tuple(found)


async def deed(conninfo: str, action: str) -> dict[str, object]:
    """The one entry of an action that is no fixture's."""
    who, target, detail = await row(
        conninfo, "SELECT who, target, detail FROM audit WHERE action = %s ORDER BY id DESC LIMIT 1", action
    )
    return {"who": who, "target": target, "detail": detail}


async def at(opened, screen: str, key: str) -> None:
    """Put the cursor of a screen on a row."""
    await opened.press(screen)
    table = opened.app.screen.table
    table.move(next(place for place, one in enumerate(table.rows) if one.key.split(" ")[0] == key))
    await opened.settle()


async def test_a_held_bundle_is_approved_with_its_number_and_a_reason(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "2", str(HELD))
        await opened.press("A")
        assert isinstance(opened.app.screen, Dialog)
        assert opened.app.focused.id == "field-confirm"
        assert "This will soft-delete 19,742: orgs 4, users 10,420, enrollments 9,318." in opened.text
        assert "Same as: rosterhub job approve 7f3a90aa --confirm 19742" in opened.text
        assert "Undo: roll back" in opened.text
        await opened.type("19,742", "school merger, ticket 118")
        await opened.confirm()
        assert opened.line("Approved: 7f3a90aa")
    state, approved, deletes = await row(
        moving, "SELECT state, approved_at IS NOT NULL, approved_deletes FROM jobs WHERE id = %s", HELD
    )
    assert (state, approved, deletes) == ("held", True, 19742)
    entry = await deed(moving, "job.approve")
    assert entry["target"] == str(HELD)
    assert entry["detail"] == {"reason": "school merger, ticket 118", "deleted": 19742}


async def test_enter_alone_cancels_and_a_wrong_number_does_nothing(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "2", str(HELD))
        await opened.press("A", "enter", "enter")
        assert opened.app.focused.id == "cancel"
        await opened.press("enter")
        assert not isinstance(opened.app.screen, Dialog)
        await opened.press("A")
        await opened.type("19741", "a reason")
        assert opened.line("Type 19742 to go on.")
        assert opened.app.focused.id == "field-confirm", "and what is wrong has the cursor"
        await opened.press("up", "enter")
        assert isinstance(opened.app.screen, Dialog), "nor does the button do it"
        await opened.type("19742", "")
        assert opened.line("Something must stand here.")
        await opened.press("escape")
        assert not isinstance(opened.app.screen, Dialog)
        assert opened.line("Nothing was done.")
    assert await row(moving, "SELECT approved_at FROM jobs WHERE id = %s", HELD) == (None,)
    assert await row(moving, "SELECT count(*) FROM audit WHERE action LIKE 'job.app%%'") == (0,)


async def test_a_held_bundle_is_rejected(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "2", str(HELD))
        await opened.press("enter", "X")
        await opened.type("sapporo", "the export was cut off")
        await opened.confirm()
        assert isinstance(opened.app.screen, JobDetail)
        assert opened.line("Rejected: nothing of 7f3a90aa was applied.")
        assert opened.line("DISCARDED")
    assert await row(moving, "SELECT state, reason FROM jobs WHERE id = %s", HELD) == (
        "discarded",
        "the export was cut off",
    )
    assert (await deed(moving, "job.reject"))["detail"] == {"reason": "the export was cut off"}


async def test_a_rejected_job_is_tried_again(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "2", str(REJECTED))
        await opened.press("R")
        await opened.type("demo")
        await opened.confirm()
        assert opened.line("7f3a8f01 waits to be tried again.")
    assert await row(moving, "SELECT state, attempts FROM jobs WHERE id = %s", REJECTED) == ("received", 0)
    assert (await deed(moving, "job.retry"))["target"] == str(REJECTED)


async def test_a_job_is_rolled_back_with_those_that_came_since(moving, shown):
    async with database.connect(moving) as conn:
        await conn.execute(
            "UPDATE revisions SET job_id = %s WHERE tenant_id = (SELECT tenant_id FROM jobs WHERE id = %s)",
            (APPLIED, APPLIED),
        )
        await conn.execute(
            "INSERT INTO jobs (tenant_id, via, state, bundle, sha256, bytes, day, revision)"
            " SELECT tenant_id, 'sftp', 'applied', 'later.zip', '1', 1, day, 2 FROM jobs WHERE id = %s",
            (APPLIED,),
        )
        await conn.execute(
            "INSERT INTO revisions (tenant_id, revision, job_id) SELECT tenant_id, 2, id FROM jobs"
            " WHERE bundle = 'later.zip'"
        )
    async with shown(moving) as opened:
        await at(opened, "2", str(APPLIED))
        await opened.press("B")
        assert re.search(r"The roster becomes what it was before \d\d-\d\d \d\d:\d\d \(revision 1\)\.", opened.text)
        assert opened.line("Undone: ")
        assert opened.line("Tenant Kita High School (kita-high), bundle "), "its code is to be typed"
        assert opened.line("Later bundles are undone, too: 2 later.zip.")
        assert "--cascade" in opened.text
        await opened.type("kita-high", "1", "wrong school year")
        await opened.confirm()
        assert opened.line("rolls it back.")
    kind, undoes, undoes_to, state = await row(
        moving, "SELECT kind, undoes, undoes_to, state FROM jobs WHERE kind = 'rollback'"
    )
    assert (kind, undoes, undoes_to, state) == ("rollback", 1, 2, "received")
    entry = await deed(moving, "job.rollback")
    assert entry["target"] == str(APPLIED)
    assert entry["detail"]["reason"] == "wrong school year"


async def test_what_is_not_allowed_is_dim_says_why_and_opens_nothing(still, shown):
    async with shown(still) as opened:
        await at(opened, "2", str(HELD))
        await opened.press("a")
        assert isinstance(opened.app.screen, Picker)
        assert opened.line("Approve the held bundle").split()[-1] == "A"
        assert opened.line("Only an applied job can be rolled back; this~")
        table = opened.app.screen.table
        assert table.rows[3].cells[0][1] == "dim"
        await opened.press([*"roll"], "enter")
        assert isinstance(opened.app.screen, Picker)
        assert "this one is HELD" in opened.lines[-1]
        await opened.press("escape", "R")
        assert not isinstance(opened.app.screen, Dialog)
        assert opened.line("Only a failed or rejected job can be tried again; this one is HELD.")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"role": "viewer"}, "Your role is viewer; this takes operator."),
        ({"read_only": True}, "These screens were opened with --read-only."),
    ],
)
async def test_a_role_that_may_not_opens_no_dialog(options, why, still, shown):
    async with shown(still, **options) as opened:
        await at(opened, "2", str(HELD))
        for key in "AXRB":
            await opened.press(key)
            assert not isinstance(opened.app.screen, Dialog)
            assert opened.line(why)
            await opened.press("down", "up")


async def test_the_database_refuses_too(moving, shown):
    async with shown(moving, role="operator") as opened:
        await at(opened, "2", str(HELD))
        await opened.press("A")
        opened.app.source._role = "viewer"  # as if the screens had let a viewer come that far
        await opened.type("19742", "a reason")
        await opened.confirm()
        assert "The database does not allow this to the role operator. Nothing was changed." in " ".join(opened.lines)
    assert await row(moving, "SELECT approved_at FROM jobs WHERE id = %s", HELD) == (None,)


async def test_what_somebody_else_decided_meanwhile_is_told_in_the_dialog(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "2", str(HELD))
        await opened.press("A")
        async with database.connect(moving) as conn:
            await conn.execute("UPDATE jobs SET state = 'discarded' WHERE id = %s", (HELD,))
        await opened.type("19742", "a reason")
        await opened.confirm()
        assert isinstance(opened.app.screen, Dialog)
        assert "It is discarded." in opened.text


# Clients


async def test_clients_tell_of_last_use_and_secrets(still, shown):
    async with shown(still) as opened:
        await opened.press("4")
        assert isinstance(opened.app.screen, Clients)
        assert opened.line("lms-prod").split()[1:] == [
            "札幌市教育委員会",
            "roster-core",
            "2m",
            "1",
            "+",
            "1",
            "old",
        ]
        assert opened.line("old-sis").rstrip().endswith("REVOKED")
        assert opened.line("学習支援").rstrip().endswith("NO SECRET")
        await at(opened, "4", "bG1zLXByb2Q")
        assert opened.line("Old and new secret both work until 2026-04-08 14:02.")
        await at(opened, "4", "b2xkLXNpcw")
        assert opened.line("Revoked 2026-03-31 14:02: contract ended")


async def test_when_a_client_was_here_last_is_known_from_the_log(moving, shown):
    async with database.connect(moving) as conn:
        for ago, ok in ((600, True), (60, False)):  # a refused one was not let in
            await hub.add_entry(conn, ago, "bmFoYQ", "client", "203.0.113.9", "api.token", "", ok, "naha", {})
        await hub.add_entry(conn, 5, "bmFoYQ", "operator", "tty1", "job.approve", "", True, "naha", {})
    async with shown(moving) as opened:
        await opened.press("4")
        assert opened.line("学習支援").split()[-3:] == ["10m", "NO", "SECRET"]
        assert opened.line("old-sis").split()[-2:] == ["93d", "REVOKED"]


async def test_a_client_is_read_field_by_field_without_json(still, shown):
    async with shown(still) as opened:
        await at(opened, "4", "bG1zLXByb2Q")
        assert opened.line("bG1zLXByb2Q").split() == ["bG1zLXByb2Q", "roster-core.readonly"]
        await opened.press("enter")
        assert opened.line("last_used_at").split()[-2:] == ["2026-04-01", "14:00:11.482"]
        assert opened.line("scopes").split()[1:] == ["roster-core.readonly"]
        assert "revoked_at" not in opened.text, "what is empty is left out"


async def test_a_secret_is_rotated_and_shown_once(moving, shown, hands):
    async with shown(moving, hands=hands) as opened:
        await at(opened, "4", "a2l0YS1sbXM")
        await opened.press("a", [*"secret"], "enter")
        assert isinstance(opened.app.screen, Dialog)
        await opened.type("2d", "kita-high")
        await opened.confirm()
        lines = [line.strip() for line in opened.lines]
        secret = lines[lines.index("The new secret of kita-lms is shown this once only:") + 1]
        assert opened.app.focused.title == "Close"
        await opened.press("enter")
        assert secret not in opened.text
        assert "1 + 1 old" in opened.line("kita-lms")
    async with database.connect(moving) as conn:
        known = await clients.find(conn, "a2l0YS1sbXM")
        assert known is not None
        assert known.proves(hands.master, secret)
    assert (await deed(moving, "client.rotate"))["who"] == "hanako"
    ((dump,),) = [await row(moving, "SELECT string_agg(t::text, '') FROM audit t")]
    assert secret not in str(dump)


async def test_a_client_is_made_and_its_secret_shown_once(moving, shown, hands):
    async with shown(moving, hands=hands) as opened:
        await opened.press("4", "a", [*"make"], "enter")
        assert isinstance(opened.app.screen, Dialog)
        await opened.type("a new lms", "roster.everything", "kita-high")
        await opened.confirm()
        assert "There is no such scope. roster.everything" in opened.text
        await opened.press("up", "up", "up")
        await opened.type("roster-core.readonly", "kita-high")
        await opened.confirm()
        lines = [line.strip() for line in opened.lines]
        place = lines.index("The id and the secret of a new lms; the secret is shown this once only:")
        client_id, secret = lines[place + 1 : place + 3]
        assert opened.line(f"curl -u {client_id}:SECRET -d")
        assert opened.line("Then: curl -H")
        await opened.press("enter")
        assert secret not in opened.text
        assert opened.line("a new lms").startswith("> "), "what was made has the cursor"
    async with database.connect(moving) as conn:
        known = await clients.find(conn, client_id)
        assert known is not None
        assert known.proves(hands.master, secret)
        assert known.scopes == ["https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly"]
    assert (await deed(moving, "client.add"))["who"] == "hanako"


async def test_a_client_is_limited_and_revoked(moving, shown, hands):
    async with shown(moving, hands=hands) as opened:
        await at(opened, "4", "a2l0YS1sbXM")
        await opened.press("a", [*"limit"], "enter")
        await opened.type("fast", "", "", "any", "kita-high")
        await opened.confirm()
        assert "That is no number of requests." in opened.text
        await opened.press("shift+tab", "shift+tab", "shift+tab", "shift+tab", "shift+tab", "shift+tab")
        await opened.type("300/m", "50", "2027-03-31T00:00+09:00", "192.0.2.0/24", "kita-high")
        await opened.confirm()
        assert opened.line("kita-lms is bound by that within 5 seconds.")
        await opened.press("a", [*"revoke"], "enter")
        await opened.type("kita-high", "contract ended")
        await opened.confirm()
        assert opened.line("kita-lms is revoked.")
        assert opened.line("kita-lms  ").rstrip().endswith("REVOKED")
        await opened.press("a", [*"revoke"], "enter")
        assert "The client is revoked." in opened.lines[-1]
    rate, burst, expires, allow, why = await row(
        moving,
        "SELECT rate, burst, expires_at, allow::text[], revoked_reason FROM clients WHERE client_id = 'a2l0YS1sbXM'",
    )
    assert (rate, burst, allow, why) == (300, 50, ["192.0.2.0/24"], "contract ended")
    assert expires == datetime.datetime(2027, 3, 30, 15, tzinfo=datetime.UTC)
    assert (await deed(moving, "client.revoke"))["target"] == "a2l0YS1sbXM"


async def test_a_button_that_is_pressed_twice_does_it_once(moving, shown, hands):
    async with shown(moving, hands=hands) as opened:
        await at(opened, "4", "a2l0YS1sbXM")
        await opened.press("a", [*"limit"], "enter")
        await opened.type("300/m", "50", "", "any", "kita-high")
        dialog = opened.app.screen
        assert isinstance(dialog, Dialog)
        again = Button.Pressed(dialog.query_one("#do", Button))
        end = dialog._end

        def end_while_it_is_pressed(done):
            end(done)
            dialog.pressed(again)  # the message of the second key is handled before the dialog is gone

        dialog._end = end_while_it_is_pressed
        await opened.confirm()
        assert opened.line("kita-lms is bound by that within 5 seconds.")
        assert opened.app.is_running
    assert await row(moving, "SELECT count(*) FROM audit WHERE action = 'client.set'") == (1,)


# Tenants


async def test_tenants_tell_of_doors_due_times_and_guard(still, shown):
    async with shown(still) as opened:
        await opened.press("5")
        assert isinstance(opened.app.screen, Tenants)
        await at(opened, "5", "sapporo")
        assert opened.line("札幌市").split() == [
            ">", "札幌市教育委員会", "pull", "sftp://roster@sis.~", "02:00", "+2h", "10%", "/", "75%", "HELD"
        ]  # fmt: skip
        assert opened.line("On disk - of 2GB.")
        await at(opened, "5", "demo")
        assert opened.line("Trouble: There is no such folder.")
        assert " ! drop /srv/drop/demo " in opened.line("Demo School"), "not by its colour alone"
        await at(opened, "5", "kita-high")
        assert opened.line("tenant kita-high  School-year window 2026-03-25 to 2026-04-10.")
        assert opened.line("  4 inboxes  "), "two of the six tenants have none"


async def test_a_tenant_is_paused_and_resumed(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "5", "minato")
        await opened.press("a", [*"pause"], "enter")
        await opened.type("minato", "the export is being repaired")
        await opened.confirm()
        assert opened.line("Minato Ward: paused.")
        assert opened.line("Minato Ward  ").rstrip().endswith("PAUSED")
        assert await row(moving, "SELECT state FROM tenants WHERE code = 'minato'") == ("paused",)
        await at(opened, "1", "minato")
        assert "the export is being repaired. What arrives is" in opened.line("PAUSED by ")
        await at(opened, "5", "minato")
        await opened.press("a", [*"resume"], "enter")
        await opened.type("minato", "repaired")
        await opened.confirm()
        assert opened.line("Minato Ward: active.")
    assert await row(moving, "SELECT state FROM tenants WHERE code = 'minato'") == ("active",)
    assert (await deed(moving, "tenant.pause"))["detail"] == {"reason": "the export is being repaired"}
    assert (await deed(moving, "tenant.resume"))["detail"] == {"reason": "repaired"}


async def test_settings_are_saved_with_what_was_there_before_in_the_log(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "5", "sapporo")
        await opened.press("enter")
        assert isinstance(opened.app.screen, Dialog)
        assert "Settings of sapporo, version 1" in str(opened.app.screen.query_one("#box").border_title)
        await opened.press(*["enter"] * 3)
        await opened.type("12.5")
        await opened.press(*["enter"] * 6)
        await opened.type("3GB", "sapporo")
        await opened.confirm()
        assert opened.line("Saved. It holds for bundles loaded from now on.")
        assert opened.line("of 3GB.")
    kept, version = await row(moving, "SELECT settings, version FROM tenants WHERE code = 'sapporo'")
    assert version == 2
    assert kept == {"due": "02:00", "grace": 7200, "quota": 3_000_000_000, "guard": {"deleted": 0.125}}
    entry = await deed(moving, "tenant.set")
    assert entry["detail"]["before"]["settings"]["quota"] == 2_000_000_000
    assert entry["detail"]["after"]["settings"] == kept


async def test_two_admins_never_overwrite_each_other(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "5", "sapporo")
        await opened.press("enter")
        async with database.connect(moving) as conn, database.tenant_transaction(conn, 1, "admin"):
            read = await tenants.by_code(conn, "sapporo")
            await tenants.change(
                conn, read, None, None, lambda old: wishes.apply(old, {"grace": "3h"}), audit.Actor("taro")
            )
        await opened.type("Another Name")
        await opened.press(*["enter"] * 10)
        await opened.type("sapporo")
        await opened.confirm()
        assert isinstance(opened.app.screen, Dialog)
        assert "The tenant was changed since you looked at it. grace 7200 -> 10800." in " ".join(opened.lines)
    name, kept = await row(moving, "SELECT name, settings FROM tenants WHERE code = 'sapporo'")
    assert name == "札幌市教育委員会"
    assert settings.read(kept).grace == 10800


async def test_a_window_is_set_and_a_setting_that_cannot_be_is_refused(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "5", "minato")
        await opened.press("a", [*"window"], "enter")
        await opened.type("next week", "", "", "minato")
        await opened.confirm()
        assert "two days like 2026-03-25..2026-04-10" in " ".join(opened.lines)
        await opened.press(*["shift+tab"] * 5)
        await opened.type("2026-03-25..2026-04-10", "", "", "minato")
        await opened.confirm()
        assert opened.line("School-year window 2026-03-25 to 2026-04-10.")
    (kept,) = await row(moving, "SELECT settings FROM tenants WHERE code = 'minato'")
    assert kept == {"window": {"begin": "2026-03-25", "end": "2026-04-10"}}


async def test_an_inbox_is_removed(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "5", "demo")
        await opened.press("a", [*"inbox"], "enter")
        await opened.type("demo", "the folder is gone")
        await opened.confirm()
        assert opened.line("is removed.")
        assert "/srv/drop/demo" not in opened.text
    (removed,) = await row(moving, "SELECT removed_at IS NOT NULL FROM inboxes WHERE path = '/srv/drop/demo'")
    assert removed
    assert (await deed(moving, "inbox.remove"))["detail"] == {"reason": "the folder is gone"}


async def test_only_an_admin_may_touch_clients_and_tenants(moving, shown, hands):
    async with shown(moving, role="operator", hands=hands) as opened:
        for screen, key in (("4", "a2l0YS1sbXM"), ("5", "minato")):
            await at(opened, screen, key)
            await opened.press("a")
            rows = {one.key: one.cells[1][0] for one in opened.app.screen.table.rows}
            assert rows.pop("deliver", "") == ""
            assert all(why.startswith("Your role is operator") for why in rows.values())
            await opened.press("escape")
        await opened.press("enter")
        assert not isinstance(opened.app.screen, Dialog)


async def test_those_that_come_back_are_counted_apart(moving, shown):
    async with database.connect(moving) as conn:
        await conn.execute("UPDATE job_counts SET after = after + 4 WHERE job_id = %s AND entity = 'users'", [HELD])
    async with shown(moving) as opened:
        await at(opened, "2", str(HELD))
        await opened.press("enter", "tab", "j")
        assert opened.line("users").startswith("> ")
        assert opened.line("Of UPDATE, were removed before and come back: 4")
        await opened.press("j")
        assert "come back" not in opened.text


async def test_what_a_paused_tenant_was_sent_waits_and_says_why(moving, shown):
    async with database.connect(moving) as conn:
        await conn.execute("UPDATE jobs SET state = 'received', finished_at = NULL WHERE id = %s", [REJECTED])
        await conn.execute("UPDATE tenants SET state = 'paused' WHERE code = 'demo'")
    async with shown(moving) as opened:
        await at(opened, "2", str(REJECTED))
        assert "waits: tenant is paused" in opened.line(str(REJECTED)[:8] + " Demo")


async def test_a_held_bundle_stands_on_the_overview_whatever_came_since(moving, shown):
    async with database.connect(moving) as conn:
        await conn.execute(
            "INSERT INTO jobs (tenant_id, via, bundle, sha256, bytes, day, state, reason, received_at, finished_at)"
            " SELECT tenant_id, via, 'later.zip', sha256, bytes, day, 'rejected', 'x', received_at + interval '1 h',"
            " received_at + interval '1 h' FROM jobs WHERE id = %s",
            [HELD],
        )
    async with shown(moving) as opened:
        assert "HELD" in opened.line("札幌市教育委員会")
        await at(opened, "1", "sapporo")
        await opened.press("A")
        assert isinstance(opened.app.screen, Dialog)


async def test_a_missing_delivery_is_stale_until_one_comes(moving, shown):
    async with database.connect(moving) as conn:
        await conn.execute("UPDATE tenants SET settings = '{\"due\": \"12:00\"}' WHERE code = 'naha'")
        await conn.execute("UPDATE tenants SET created_at = '2026-01-01' WHERE code = 'naha'")
    async with shown(moving) as opened:
        assert "STALE" in opened.line("那覇市")
        await at(opened, "1", "naha")
        assert opened.line("STALE: a delivery was due 04-01 12:00, and none has come.")
        await at(opened, "5", "naha")
        assert opened.line("那覇市").rstrip().endswith("STALE")
        async with database.connect(moving) as conn:
            await conn.execute(
                "INSERT INTO jobs (tenant_id, via, state, bundle, sha256, bytes, day, received_at)"
                " SELECT id, 'sftp', 'received', 'a.zip', '2', 1, '2026-04-01', now() FROM tenants WHERE code = 'naha'"
            )
        await opened.look()
        assert opened.line("那覇市").rstrip().endswith("NONE")


# Export


async def test_a_dialog_leaves_its_fields_the_room_that_their_names_do_not_take(still, shown):
    async with shown(still) as opened:
        await opened.press("2", "e")
        file = opened.app.screen.query_one("#field-file", Input)
        assert file.size.width > len(file.value), "cut at its beginning, it is another name"
        opened.app.pop_screen()
        await opened.press("5", "enter")
        save = opened.app.screen.query_one("#do").region
        assert save.height == 1 and save.bottom < 24, "the longest dialog shows its buttons on 24 lines"


async def test_what_is_listed_is_exported_and_no_cell_computes(moving, shown, tmp_path):
    async with database.connect(moving) as conn:
        await conn.execute("UPDATE jobs SET bundle = %s WHERE id = %s", ("=1+1\x1b[2J.zip", HELD))
    async with shown(moving) as opened:
        await opened.press("2", "slash", [*"state:held"], "enter", "e")
        await opened.type(str(tmp_path / "jobs.csv"))
        await opened.confirm()
        assert opened.line("1 row is in")
        await opened.press("e")
        await opened.type(str(tmp_path / "jobs.jsonl"))
        await opened.confirm()
        await opened.press("e")
        await opened.type(str(tmp_path / "jobs.csv"))
        await opened.confirm()
        assert "File exists" in opened.text
    content = (tmp_path / "jobs.csv").read_text(encoding="utf-8")
    assert "'=1+1^[[2J.zip" in content
    assert "\x1b" not in content
    one = json.loads((tmp_path / "jobs.jsonl").read_text(encoding="utf-8"))
    assert (one["id"], one["bundle"]) == (str(HELD), "=1+1\x1b[2J.zip")


async def test_the_button_that_enter_would_press_is_marked_and_no_other(moving, shown):
    async with shown(moving) as opened:
        await at(opened, "2", str(HELD))
        await opened.press("A")
        buttons = list(opened.app.screen.query(Button))
        for _ in range(2 * (2 + len(buttons))):
            marked = [one.id for one in buttons if any(style == "mark" for line in one.lines for _, style in line)]
            focused = opened.app.focused.id
            assert marked == ([focused] if focused in ("cancel", "do") else [])
            await opened.press("tab")
        assert focused in ("cancel", "do")


async def test_the_wide_space_of_a_japanese_keyboard_is_typed_like_any_other(moving, shown, hands):
    async with shown(moving, hands=hands) as opened:
        await opened.press("1", "slash", [*"state:held\u3000札幌"], "enter")
        assert len(opened.app.screen.table.rows) == 1
        assert opened.line("札幌市教育委員会").startswith("> ")
        await opened.press("4", "a", [*"make"], "enter")
        await opened.type("北\u3000LMS")
        assert opened.app.screen.typed["name"] == "北\u3000LMS"

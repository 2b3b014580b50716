"""The whole story by keys alone, on the screens beside a running hub: what an administrator does on a bad morning."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon import config, screens
from daemon.here import Here
from tests.story.bundles import having, read, some, without, write
from tests.story.hub import PATIENCE, Hub
from tests.tui.conftest import Shown
from tui.app import RosterHub
from tui.dialog import Dialog
from tui.job import JobDetail
from tui.record import Record
from tui.samples import Samples

pytestmark = pytest.mark.xdist_group("story")


@asynccontextmanager
async def terminal(hub: Hub, url: str, size: tuple[int, int] = (100, 30)) -> AsyncIterator[Shown]:
    """The screens as `rosterhub tui` opens them."""
    here = Here(config.Settings(state=hub.state))
    person = await asyncio.to_thread(here.enter, url)
    app = RosterHub(url, role=person.role, state=hub.state, hands=screens.hands(here, url))
    async with app.run_test(size=size) as pilot:
        opened = Shown(app, pilot)
        await opened.settle()
        yield opened


async def until(opened: Shown, part: str) -> None:
    """Wait for the screens to come to show this by themselves."""
    end = time.monotonic() + PATIENCE
    while part not in opened.text:
        assert time.monotonic() < end, f"no {part!r} on\n{opened.text}"
        await opened.pilot.pause(0.1)


async def command(opened: Shown, name: str) -> None:
    await opened.press("colon", [*name], "enter")
    await opened.settle()
    assert isinstance(opened.app.screen, Dialog)


async def deliver(opened: Shown, bundle: Path, tenant: str, rehearsed: str) -> None:
    """By hand: rehearsed, looked at, delivered; its job is on the screen then."""
    await command(opened, "deliver")
    await opened.type(str(bundle), tenant)
    await opened.confirm()
    await until(opened, f"{bundle.name} would be: {rehearsed}.")
    await opened.type(tenant)
    await opened.confirm()
    await opened.settle()
    assert isinstance(opened.app.screen, JobDetail)


def active(lms, ids: list[str]) -> int:
    users = lms.walk("/users")
    return sum(users[one]["status"] == "active" for one in ids)


async def test_a_dangerous_bundle_is_held_understood_approved_and_undone(
    hub: Hub, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANG", "LC_ALL", "LC_MESSAGES", "NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    await asyncio.to_thread(hub.tenant, "tui-story")
    lms = await asyncio.to_thread(hub.client, "tui-story")
    good = await asyncio.to_thread(hub.sample, tmp_path / "good", 300)
    files = read(good)
    gone = some(having(files, "student"), len(having(files, "student")) // 4)
    (tmp_path / "few").mkdir()
    few = write(tmp_path / "few" / good.name, without(files, set(gone)))

    async with terminal(hub, url) as opened:
        await deliver(opened, good, "tui-story", "APPLIED")
        await until(opened, "APPLIED")
        assert await asyncio.to_thread(active, lms, gone) == len(gone)

        # held: the cause is read, the difference looked at, one of the pupils looked up
        await deliver(opened, few, "tui-story", "HELD")
        await until(opened, "HELD: ")
        assert re.search(r"HELD: \d+ of \d+ active students would go \(2\d\.\d%\)", opened.text)
        students = opened.line("  students").split()
        assert students[-2:] == ["HOLD", "deleted"]
        assert int(students[-4].replace(",", "")) == len(gone)
        place = next(number for number, row in enumerate(opened.app.screen.table.rows) if row.key == "users")
        await opened.press(*["down"] * place, "enter")
        assert isinstance(opened.app.screen, Samples)
        pupil = opened.app.screen.table.row.copied
        assert pupil in gone
        await opened.press("enter")
        assert isinstance(opened.app.screen, Record)
        await until(opened, "1 version")
        assert "users.csv line" in opened.text
        family = next(row["familyName"] for row in files["users"] if row["sourcedId"] == pupil)
        await opened.press("enter")
        assert opened.line("familyName").split() == ["familyName", f"{family[0]}**"]
        await opened.press("escape")
        await opened.press("escape", "escape")

        # approved with the number and a reason; the clients see it
        await opened.press("A")
        number = re.search(r"--confirm (\d+)", " ".join(opened.lines))
        assert number is not None
        await opened.type(number[1], "two schools merged")
        await opened.confirm()
        await until(opened, "APPLIED: ")
        assert await asyncio.to_thread(active, lms, gone) == 0

        # rolled back; the clients see that, too
        await opened.press("B")
        await opened.type("tui-story", "they did not merge")
        await opened.confirm()
        await until(opened, "ROLLED_BACK")
        assert await asyncio.to_thread(active, lms, gone) == len(gone)

        # both are found in the log
        await opened.press("3")
        for action, why in (("job.approve", "two schools merged"), ("job.rollback", "they did not merge")):
            await opened.press("slash", [*action], "enter")
            await until(opened, why[:8])
            await opened.press("escape")

        # the pupil's record tells all of it
        await command(opened, "record")
        await opened.type("tui-story", "users", pupil)
        await opened.confirm()
        await until(opened, "3 versions")
        changes = [row.cells[2][0] for row in opened.app.screen.table.rows]
        assert changes == ["undone", "removed", "made"]
        assert family not in opened.text
        await opened.press("a", "enter")
        await opened.type("tui-story", "parents ask")
        await opened.confirm()
        await opened.press("G")
        await until(opened, "NAMES SHOWN")
        await opened.look()
        await opened.press("enter")
        assert opened.line("familyName").split() == ["familyName", family]
    told = await asyncio.to_thread(hub.shown, "audit", "list", "--tenant", "tui-story")
    assert [one["target"] for one in told if one["action"] == "record.unmask"] == [f"users/{pupil}"]


async def test_the_line_of_a_problem_is_seen_as_it_came(
    hub: Hub, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LANG", raising=False)
    await asyncio.to_thread(hub.tenant, "tui-raw")
    good = await asyncio.to_thread(hub.sample, tmp_path / "good", 100)
    files = read(good)
    files["users"][4]["enabledUser"] = "perhaps"
    (tmp_path / "bad").mkdir()
    bad = write(tmp_path / "bad" / good.name, files)
    async with terminal(hub, url, (120, 40)) as opened:
        await deliver(opened, bad, "tui-raw", "REJECTED")
        await until(opened, "perhaps")
        await opened.press("shift+tab")
        await until(opened, "[Raw]")
        await opened.settle()
        lines = opened.lines
        at = next(number for number, line in enumerate(lines) if '"perhaps"' in line)
        assert lines[at + 1].index("^^^^^^^^^") == lines[at].index('"perhaps"')
        person = files["users"][4]
        assert person["sourcedId"] in "".join(lines)
        assert person["familyName"] not in opened.text
        if person["email"]:
            assert person["email"] not in opened.text
        await opened.press("a", [*"record"], "enter")
        await opened.settle()
        assert isinstance(opened.app.screen, Dialog)
        assert opened.app.screen.typed == {"tenant": "tui-raw", "entity": "users", "id": person["sourcedId"]}
        await opened.press(*["enter"] * 3)
        await opened.confirm()
        assert "There is no such record" in opened.text  # the bundle was rejected

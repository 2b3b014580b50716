"""The drop door: a folder that somebody else fills."""

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from daemon.doors.drop import Drop
from sql.inboxes import Door, Inbox
from tests.daemon.conftest import FILES, Keep, Site, until, zipped
from tests.daemon.doors.inbox_tests import InboxTests


class Share:
    """The folder, as its owner uses it."""

    via = "drop"

    def __init__(self, folder: Path, inbox: Inbox) -> None:
        self.folder, self.inbox = folder, inbox

    async def put(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    async def reports(self) -> Mapping[str, bytes]:
        folder = self.folder / "reports"
        return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


@pytest.fixture
async def sender(site: Site, tmp_path: Path, kept_open: Callable[[Keep], None]) -> Share:
    folder = tmp_path / "share"
    folder.mkdir(mode=0o750)
    inbox = await site.inbox(Door(kind="drop", path=str(folder)))
    kept_open(Drop(site.hub, inbox).keep)
    return Share(folder, inbox)


class TestDrop(InboxTests):
    """All that an inbox promises."""


async def gone(path: Path) -> None:
    async def missing() -> bool:
        return not path.exists()

    await until(missing)


async def test_what_was_taken_is_removed_with_its_folder(site: Site, sender: Share) -> None:
    shutil.copytree(_files(sender.folder.parent / "made"), sender.folder / "RO_20260401_1")
    (sender.folder / "a.zip").write_bytes(zipped())
    jobs = await site.arrived(2)
    assert {job.bundle for job in jobs} == {"a.zip", "RO_20260401_1"}
    await gone(sender.folder / "RO_20260401_1")
    await gone(sender.folder / "a.zip")


async def test_what_came_while_nobody_watched_is_found(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.zip").write_bytes(zipped(FILES | {"users.csv": b"%d" % number}))
        (folder / f"noise-{number}.log").write_text("noise")
    drop = Drop(site.hub, await site.inbox(Door(kind="drop", path=str(folder))))
    await drop.sweep()
    await asyncio.sleep(site.hub.settle)
    await drop.sweep()
    assert {job.bundle for job in await site.jobs()} == {f"{number}.zip" for number in range(20)}
    assert len(list(folder.iterdir())) == 20


async def test_a_file_that_still_grows_is_left_alone(site: Site, sender: Share) -> None:
    content = zipped({"manifest.csv": FILES["manifest.csv"], "users.csv": os.urandom(50_000)})
    with (sender.folder / "slow.zip").open("wb", buffering=0) as stream:
        for start in range(0, len(content), 2_000):
            stream.write(content[start : start + 2_000])
            await asyncio.sleep(0.05)
            assert await site.jobs() == []
    (job,) = await site.arrived()
    assert len(site.content(job)["users.csv"]) == 50_000


async def test_a_folder_that_is_missing_is_told_and_works_when_it_comes(
    site: Site, tmp_path: Path, kept_open: Callable[[Keep], None]
) -> None:
    folder = tmp_path / "late"
    inbox = await site.inbox(Door(kind="drop", path=str(folder)))
    kept_open(Drop(site.hub, inbox).keep)

    async def troubled() -> bool:
        return bool((await site.look_up(inbox.id)).trouble)

    await until(troubled)
    folder.mkdir()
    (folder / "a.zip").write_bytes(zipped())
    await site.arrived()

    async def well() -> bool:
        return (await site.look_up(inbox.id)).trouble is None

    await until(well)


async def test_what_could_not_be_removed_is_not_taken_again_and_again(
    site: Site, sender: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr("daemon.doors.take.os.unlink", refuse)
        (sender.folder / "a.zip").write_bytes(zipped())
        await site.arrived()
        assert len(await site.quiet(1.5)) == 1
        assert (await site.look_up(sender.inbox.id)).trouble


def _files(folder: Path) -> Path:
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder

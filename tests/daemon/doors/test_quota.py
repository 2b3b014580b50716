"""A tenant's room on our disk: what does not fit is refused, told of once, and harms nothing that is there."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from daemon import delivery, quota
from daemon.doors.drop import Drop
from sql import audit, database, tenants, wishes
from sql.inboxes import Door
from tests.daemon.conftest import FILES, MASTER, Keep, Site, until, zipped
from tests.daemon.doors.conftest import Account

HAND = audit.Actor("hanako")


def large() -> bytes:
    """A bundle of 300 kB that no zip makes smaller."""
    return zipped(FILES | {"users.csv": os.urandom(300_000)})


async def limit(site: Site, text: str) -> None:
    async with database.hub(site.pool, "admin") as conn:
        read = await tenants.lock(conn, "minato")
        site.tenant = await tenants.change(
            conn, read, None, None, lambda old: wishes.apply(old, {"quota": text}), audit.SYSTEM
        )


async def by_hand(site: Site, path: Path) -> None:
    await delivery.by_hand(site.pool, MASTER, site.state, site.tenant, path, HAND, "operator")


async def test_a_bundle_beyond_the_quota_is_refused_and_leaves_nothing(site: Site, tmp_path: Path) -> None:
    await limit(site, "350KB")
    for name in ("first", "second"):
        (tmp_path / f"{name}.zip").write_bytes(large())
    (tmp_path / "small.zip").write_bytes(zipped())
    await by_hand(site, tmp_path / "first.zip")
    before = sorted((site.state / "archive" / str(site.tenant.id)).iterdir())
    with pytest.raises(quota.OverQuota, match="350KB"):
        await by_hand(site, tmp_path / "second.zip")
    assert sorted((site.state / "archive" / str(site.tenant.id)).iterdir()) == before
    await by_hand(site, tmp_path / "small.zip")
    first, small = await site.jobs()
    assert site.content(small) == FILES
    assert len(site.content(first)["users.csv"]) == 300_000
    assert [one["ok"] for one in await site.audited("bundle.receive")] == [True, False, True]
    await limit(site, "none")
    await by_hand(site, tmp_path / "second.zip")
    assert len(await site.jobs()) == 3


async def test_a_watched_folder_keeps_what_found_no_room_and_tells_of_it_once(
    site: Site, tmp_path: Path, kept_open: Callable[[Keep], None]
) -> None:
    await limit(site, "200KB")
    folder = tmp_path / "drop"
    folder.mkdir()
    inbox = await site.inbox(Door(kind="drop", path=str(folder)))
    (folder / "a.zip").write_bytes(large())
    (folder / "b.zip").write_bytes(zipped())
    kept_open(Drop(site.hub, inbox).keep)
    (job,) = await site.arrived()
    assert job.bundle == "b.zip"

    async def told() -> bool:
        return "200KB" in str((await site.look_up(inbox.id)).trouble)

    await until(told)
    assert len(await site.quiet(1.5)) == 1
    assert sorted(one["ok"] for one in await site.audited("bundle.receive")) == [False, True]
    await limit(site, "2GB")
    assert {one.bundle for one in await site.arrived(2)} == {"a.zip", "b.zip"}


async def test_an_upload_beyond_the_quota_fails_and_the_next_one_is_not_begun(site: Site, account: Account) -> None:
    await limit(site, "200KB")
    client = await asyncio.to_thread(account.client)

    def put(name: str, content: bytes) -> None:
        with client.open(name, "wb") as stream:
            stream.write(content)

    with pytest.raises(OSError, match="Failure"):
        await asyncio.to_thread(put, "a.zip", large())
    await asyncio.to_thread(client.remove, "a.zip")
    await asyncio.to_thread(put, "small.zip", zipped())
    await site.arrived()
    await limit(site, "1KB")
    with pytest.raises(OSError, match="have taken all the room"):
        await asyncio.to_thread(put, "b.zip", zipped())
    assert "b.zip" not in await asyncio.to_thread(client.listdir, "/")
    assert [one["ok"] for one in await site.audited("sftp.upload")] == [False, False]
    assert isinstance(client, paramiko.SFTPClient)

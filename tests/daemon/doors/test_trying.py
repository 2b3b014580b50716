"""Doors that are tried out."""

import asyncio
import socket
from pathlib import Path

import msgspec
import paramiko

from daemon.doors import trying
from sql.inboxes import Door
from tests.daemon.conftest import Site
from tests.daemon.doors.conftest import Account


async def test_a_folder_is_there_or_not(site: Site, tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "a.zip").touch()
    inbox = await site.inbox(Door(kind="drop", path=str(tmp_path / "drop")))
    found = trying.try_out(inbox, "")
    assert found.ok
    assert "1 file in it" in found.found
    assert not trying.try_out(msgspec.structs.replace(inbox, path=str(tmp_path / "gone")), "").ok


async def test_our_server_answers_or_not(account: Account) -> None:
    assert (await asyncio.to_thread(trying.try_out, account.inbox, account.server.address)).ok
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
    assert not trying.try_out(account.inbox, nobody).ok
    assert not trying.try_out(account.inbox, "").ok


async def test_a_remote_account_lets_us_in_or_not(site: Site, account: Account, keys: list[paramiko.PKey]) -> None:
    user = f"sftp://{account.user}@{account.host}:{account.port}/"
    line = next(f"{one.get_name()} {one.get_base64()}" for one in keys if one.get_name() == "ssh-ed25519")
    door = Door(kind="pull", url=user, key_file=str(account.key_file), host_key=line, every_seconds=60)
    inbox = await site.inbox(door)
    found = await asyncio.to_thread(trying.try_out, inbox, "")
    assert found.ok, found.found
    other = msgspec.structs.replace(inbox, host_key=f"ssh-ed25519 {account.key.get_base64()}")
    found = await asyncio.to_thread(trying.try_out, other, "")
    assert not found.ok
    assert "another host key" in found.found

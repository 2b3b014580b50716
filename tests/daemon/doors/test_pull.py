"""The pull door, visiting our own SFTP server as the remote one."""

import asyncio
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import paramiko
import pytest

from daemon.doors import host_keys, remote
from daemon.doors.pull import Pull
from sql.inboxes import Door, Inbox
from tests.daemon.conftest import FILES, Keep, Site, until, zipped
from tests.daemon.doors.inbox_tests import InboxTests


class Remote(paramiko.SFTPServerInterface):
    """A plain SFTP server over a folder, as a school's information system may have one; it may also lie."""

    root = Path()
    lies: tuple[str, ...] = ()

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/").removeprefix("./")

    def list_folder(self, path: str) -> Any:
        found = []
        for entry in self._at(path).iterdir():
            found.append(paramiko.SFTPAttributes.from_stat(entry.stat(), entry.name))
        for name in self.lies:
            attributes = paramiko.SFTPAttributes()
            attributes.filename, attributes.st_size, attributes.st_mode = name, 10, stat.S_IFREG | 0o644
            found.append(attributes)
        return found

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._at(path).stat())
        except FileNotFoundError:
            return paramiko.sftp.SFTP_NO_SUCH_FILE

    def open(self, path: str, flags: int, attr: Any) -> Any:
        handle = paramiko.SFTPHandle(flags)
        number = os.open(self._at(path), flags, 0o600)
        stream = os.fdopen(number, "rb" if flags & 3 == os.O_RDONLY else "r+b" if flags & os.O_RDWR else "wb")
        handle.readfile = handle.writefile = stream
        handle.stat = lambda: paramiko.SFTPAttributes.from_stat(os.fstat(number))  # type: ignore[method-assign]
        return handle

    def mkdir(self, path: str, attr: Any) -> int:
        self._at(path).mkdir(exist_ok=True)
        return paramiko.sftp.SFTP_OK

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        self._at(oldpath).rename(self._at(newpath))
        return paramiko.sftp.SFTP_OK


class Guard(paramiko.ServerInterface):
    """Lets one key in."""

    def __init__(self, key: str) -> None:
        self._key = key

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        right = key.get_base64() == self._key and username == "rosterhub"
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class School:
    """The remote side: a folder, its server, and what the hub needs to know of it."""

    via = "pull"

    def __init__(self, folder: Path, host_key: paramiko.PKey, key_file: Path) -> None:
        self.folder, self.host_key, self.key_file = folder, host_key, key_file
        self.interface = type("RemoteHere", (Remote,), {"root": folder})
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        key = paramiko.Ed25519Key(filename=str(self.key_file)).get_base64()
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(sock)
            transport.set_log_channel("paramiko.doors")
            transport.add_server_key(self.host_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, self.interface)
            self._transports.append(transport)
            transport.start_server(event=threading.Event(), server=Guard(key))

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join(5)
        for transport in self._transports:
            transport.close()
            transport.sock.close()

    @property
    def door(self) -> Door:
        return Door(
            kind="pull",
            url=f"sftp://rosterhub@127.0.0.1:{self.port}/out",
            key_file=str(self.key_file),
            host_key=f"[127.0.0.1]:{self.port} {host_keys.line(self.host_key)}",
            every_seconds=1,
        )

    async def put(self, name: str, content: bytes) -> None:
        making = self.folder / f"making-{name}"
        making.write_bytes(content)
        making.rename(self.folder / "out" / name)

    async def reports(self) -> Mapping[str, bytes]:
        folder = self.folder / "out" / "reports"
        if not folder.exists():
            return {}
        return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.fixture
def school(tmp_path: Path, keys: list[paramiko.PKey]) -> Iterator[School]:
    (tmp_path / "school" / "out").mkdir(parents=True)
    host_keys._make(tmp_path / "id", host_keys.ed25519.Ed25519PrivateKey.generate)
    school = School(tmp_path / "school", keys[0], tmp_path / "id")
    yield school
    school.close()


@pytest.fixture
async def inbox(site: Site, school: School) -> Inbox:
    return await site.inbox(school.door)


@pytest.fixture
async def sender(site: Site, school: School, inbox: Inbox, kept_open: Callable[[Keep], None]) -> School:
    pull = Pull(site.hub, inbox)
    pull._scan._rules = msgspec.structs.replace(pull._scan._rules, broken=1.5)
    kept_open(pull.keep)
    return school


class TestPull(InboxTests):
    """All that an inbox promises."""


async def test_what_was_fetched_is_remembered_across_restarts(site: Site, school: School, inbox: Inbox) -> None:
    await school.put("a.zip", zipped())
    for _ in range(3):
        pull = Pull(site.hub, inbox)
        assert await pull._visit([]) is None
        await pull.sweep()
    assert len(await site.jobs()) == 1


async def test_all_loose_files_are_fetched_again_when_one_has_changed(site: Site, school: School, inbox: Inbox) -> None:
    pull = Pull(site.hub, inbox)
    for name, content in FILES.items():
        await school.put(name, content)
    await pull._visit([])
    await pull.sweep()
    await school.put("users.csv", b"sourcedId,givenName\r\nu2,Taro\r\n")
    await pull._visit([])
    await pull.sweep()
    first, second = await site.jobs()
    assert set(site.content(first)) == set(site.content(second)) == set(FILES)


async def test_another_host_key_is_refused_told_and_audited(
    site: Site, school: School, keys: list[paramiko.PKey]
) -> None:
    await school.put("a.zip", zipped())
    other = paramiko.ECDSAKey.generate()
    fresh = site.state / "other"
    host_keys.host_keys(fresh)
    changed = paramiko.Ed25519Key(filename=str(fresh / "ssh_host_ed25519_key"))
    for line in (host_keys.line(changed), host_keys.line(keys[1]), host_keys.line(other)):
        inbox = await site.inbox(msgspec.structs.replace(school.door, host_key=line))
        trouble = await Pull(site.hub, inbox)._visit([])
        assert trouble is not None
        assert "host key" in trouble
    assert await site.jobs() == []
    entries = await site.audited("pull.host-key")
    assert [entry["ok"] for entry in entries] == [False] * 3


async def test_names_that_lead_elsewhere_are_not_asked_for(site: Site, school: School, inbox: Inbox) -> None:
    school.interface.lies = ("../evil.zip", "a/b.zip", "..", "x\\y.zip", "line\nbreak.zip", "/etc/passwd.csv")
    await school.put("good.zip", zipped())
    pull = Pull(site.hub, inbox)
    assert await pull._visit([]) is None
    await pull.sweep()
    assert [job.bundle for job in await site.jobs()] == ["good.zip"]


async def test_an_endless_listing_is_given_up(
    site: Site, school: School, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MOST_LISTED", 100)
    school.interface.lies = tuple(f"{number}.txt" for number in range(200))
    assert "does not end" in str(await Pull(site.hub, inbox)._visit([]))


async def test_a_file_that_changes_under_the_fetch_is_left_for_the_next_visit(
    site: Site, school: School, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await school.put("a.zip", zipped()[:50])
    honest = remote._same
    grown = []

    def grow(client: Any, path: str, listed: Any) -> bool:
        found = honest(client, path, listed)
        if not grown:
            (school.folder / "out" / "a.zip").write_bytes(zipped())
            grown.append(path)
        return found

    monkeypatch.setattr(remote, "_same", grow)
    pull = Pull(site.hub, inbox)
    await pull._visit([])
    await pull.sweep()
    assert await site.jobs() == []
    await pull._visit([])
    await pull.sweep()
    (job,) = await site.jobs()
    assert site.content(job) == FILES


async def test_an_account_that_is_away_is_told_until_it_answers(
    site: Site, school: School, kept_open: Callable[[Keep], None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    inbox = await site.inbox(msgspec.structs.replace(school.door, url=f"sftp://rosterhub@127.0.0.1:{port}/out"))
    kept_open(Pull(site.hub, inbox).keep)

    async def troubled() -> bool:
        return "refused" in ((await site.look_up(inbox.id)).trouble or "")

    await until(troubled)


def test_a_host_key_may_stand_as_in_known_hosts(keys: list[paramiko.PKey]) -> None:
    for line in ("{}", "[sis.example.jp]:2222 {}", "sis.example.jp {} comment"):
        assert remote.host_key(line.format(host_keys.line(keys[0]))) == keys[0]
    for line in ("", "ssh-ed25519", "ssh-ed25519 AAAA", "hello world"):
        with pytest.raises(remote.BadAccount):
            remote.host_key(line)


async def test_reports_are_brought_once(site: Site, sender: School) -> None:
    await sender.put("a.zip", zipped())
    (job,) = await site.arrived()
    await site.end(job)

    async def answered() -> bool:
        return len(await sender.reports()) == 6

    await until(answered)
    for path in (sender.folder / "out" / "reports").iterdir():
        path.unlink()
    await asyncio.sleep(2.5)
    assert await sender.reports() == {}

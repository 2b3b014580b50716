"""The SFTP server, with paramiko's client and OpenSSH's."""

import asyncio
import io
import os
import random
import shutil
import socket
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko import sftp

from daemon.doors import host_keys, uploads
from daemon.doors.sftp import Limits, Server
from tests.daemon.conftest import FILES, Site, until, zipped
from tests.daemon.doors.conftest import PASSWORD, Account
from tests.daemon.doors.inbox_tests import InboxTests


class Client:
    """A client with one session."""

    via = "sftp"

    def __init__(self, client: paramiko.SFTPClient) -> None:
        self.client = client

    async def put(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(self.client.putfo, io.BytesIO(content), name)

    async def reports(self) -> Mapping[str, bytes]:
        return await asyncio.to_thread(self._reports)

    def _reports(self) -> dict[str, bytes]:
        found = {}
        for name in self.client.listdir("reports"):
            with self.client.open(f"/reports/{name}") as stream:
                found[name] = stream.read()
        return found


@pytest.fixture
async def sender(account: Account) -> Client:
    return Client(await asyncio.to_thread(account.client))


class TestSftp(InboxTests):
    """All that an inbox promises."""


async def test_a_zip_is_a_job_before_its_close_is_answered(site: Site, sender: Client) -> None:
    await sender.put("a.zip", zipped())
    assert len(await site.jobs()) == 1


async def test_a_delivered_file_stays_listed_until_its_job_has_ended(
    site: Site, account: Account, sender: Client
) -> None:
    content = zipped({"users.csv": os.urandom(300_000)})
    await sender.put("a.zip", content)
    await asyncio.to_thread(sender.client.utime, "a.zip", (1_700_000_000, 1_700_000_000))
    await asyncio.sleep(1.0)
    listed = {one.filename: one for one in await asyncio.to_thread(sender.client.listdir_attr, "/")}
    assert set(listed) == {"a.zip", "reports"}
    assert (listed["a.zip"].st_size, listed["a.zip"].st_mtime) == (len(content), 1_700_000_000)
    kept = site.hub.folder(account.inbox.id) / "upload" / "a.zip"
    assert kept.stat().st_blocks * 512 < 10_000
    with pytest.raises(PermissionError):
        await asyncio.to_thread(sender.client.open, "a.zip")
    with pytest.raises(PermissionError):
        await asyncio.to_thread(sender.client.open, "a.zip", "a")
    (job,) = await site.jobs()
    await site.end(job, "applied")

    async def unlisted() -> bool:
        return await asyncio.to_thread(sender.client.listdir, "/") == ["reports"]

    await until(unlisted)

    async def forgotten() -> bool:
        return not list((site.hub.folder(account.inbox.id) / "delivered").iterdir())

    await until(forgotten)


async def test_a_rename_to_the_final_name_completes(site: Site, sender: Client) -> None:
    await sender.put("a.zip.filepart", zipped())
    await asyncio.to_thread(sender.client.rename, "a.zip.filepart", "a.zip")
    assert [job.bundle for job in await site.jobs()] == ["a.zip"]
    await sender.put("b.tmp", zipped(FILES | {"users.csv": b"1"}))
    await asyncio.to_thread(sender.client.posix_rename, "b.tmp", "a.zip")
    assert [job.bundle for job in await site.jobs()] == ["a.zip", "a.zip"]


async def test_a_folder_of_loose_files_is_named_as_the_folder(site: Site, sender: Client) -> None:
    await asyncio.to_thread(sender.client.mkdir, "RO_20260401_1")
    for name, content in FILES.items():
        await sender.put(f"RO_20260401_1/{name}", content)
    (job,) = await site.arrived()
    assert (job.bundle, site.content(job)) == ("RO_20260401_1", FILES)


async def test_half_a_file_is_never_delivered(site: Site, account: Account) -> None:
    content = zipped({"manifest.csv": FILES["manifest.csv"], "users.csv": os.urandom(200_000)})
    chosen = random.Random(7)

    def cut() -> None:
        transport = account.log_in()
        client = transport.open_sftp_client()
        assert client is not None
        stream = client.open("cut.zip", "wb")
        stream.write(content[: chosen.randrange(len(content))])
        stream.flush()
        transport.sock.close()  # no close of the file, no goodbye

    for _ in range(5):
        await asyncio.to_thread(cut)
    whole_but_cut = content

    def cut_at_the_end() -> None:
        client = account.client()
        stream = client.open("cut.zip", "wb")
        stream.write(whole_but_cut)
        stream.flush()
        client.stat("cut.zip")
        client.get_channel().get_transport().sock.close()

    await asyncio.to_thread(cut_at_the_end)
    assert await site.quiet(2.0) == []
    kept = site.hub.folder(account.inbox.id) / "upload" / "cut.zip"
    assert stat.S_IMODE(kept.stat().st_mode) == uploads.OPEN


async def test_what_a_lost_session_left_is_removed_after_a_day(
    site: Site, account: Account, sender: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = site.hub.folder(account.inbox.id) / "upload" / "cut.zip"
    kept.write_bytes(zipped())
    kept.chmod(uploads.OPEN)
    assert await site.quiet() == []
    monkeypatch.setattr(uploads, "LEFTOVER", 0.5)

    async def removed() -> bool:
        return not kept.exists()

    await until(removed)


async def test_what_was_closed_before_a_crash_is_delivered_after_it(site: Site, account: Account) -> None:
    kept = site.hub.folder(account.inbox.id) / "upload" / "a.zip"
    kept.write_bytes(zipped())
    kept.chmod(uploads.CLOSED)
    await site.arrived()


async def test_a_broken_zip_can_be_resumed(site: Site, sender: Client) -> None:
    content = zipped()
    await sender.put("a.zip", content[:100])

    def resume() -> None:
        with sender.client.open("a.zip", "r+") as stream:
            stream.seek(100)
            stream.write(content[100:])

    await asyncio.to_thread(resume)
    _, second = await site.jobs()
    assert site.content(second) == FILES


async def test_two_writers_of_one_file_complete_it_when_the_last_has_closed(site: Site, sender: Client) -> None:
    def write() -> int:
        first, second = sender.client.open("a.zip", "w"), sender.client.open("a.zip", "r+")
        second.write(zipped())
        second.close()
        return 0 if first.close() is None else 1

    await asyncio.to_thread(write)
    assert len(await site.jobs()) == 1


@pytest.mark.parametrize(
    "path",
    ["../a.zip", "/../../etc/passwd.zip", "a\\b.zip", "a\nb.zip", "\x1b[2J.zip", "n" * 256, "reports/a.zip", "reports",
     "a/b/c.zip", "あ" * 100 + ".zip"],
)  # fmt: skip
async def test_odd_paths_are_refused(site: Site, sender: Client, path: str) -> None:
    with pytest.raises(OSError):
        await sender.put(path, zipped())
    assert await site.jobs() == []
    assert list((site.state / "doors").rglob("*.zip")) == []


async def test_a_client_can_walk_about_but_not_out(sender: Client) -> None:
    def walk() -> None:
        client = sender.client
        assert client.normalize(".") == "/"
        assert client.normalize("reports/../..") == "/"
        client.mkdir("below")
        client.chdir("below")
        assert client.listdir(".") == []
        client.chdir("/")
        client.rmdir("below")
        for refused in (
            lambda: client.symlink("/etc/passwd", "link"),
            lambda: client.readlink("reports"),
            lambda: client.mkdir("reports/more"),
            lambda: client.rmdir("reports"),
            lambda: client.remove("reports/latest.txt"),
            lambda: client.rename("reports", "others"),
            lambda: client.stat("/etc/passwd"),
            lambda: client.listdir("/etc"),
            lambda: client.mkdir("a/b"),
        ):
            with pytest.raises(OSError):
                refused()

    await asyncio.to_thread(walk)


async def test_links_in_the_folder_are_not_followed(
    site: Site, account: Account, sender: Client, tmp_path: Path
) -> None:
    secret = zipped()
    (tmp_path / "secret.zip").write_bytes(secret)
    root = site.hub.folder(account.inbox.id) / "upload"
    (root / "link.zip").symlink_to(tmp_path / "secret.zip")
    (root / "folder").symlink_to(tmp_path)
    for path in ("link.zip", "folder/secret.zip"):
        with pytest.raises(OSError):
            await asyncio.to_thread(sender.client.open, path)
        with pytest.raises(OSError):
            await asyncio.to_thread(sender.client.open, path, "r+")
    assert "link.zip" not in await asyncio.to_thread(sender.client.listdir, "/")
    assert await site.quiet() == []
    assert (tmp_path / "secret.zip").read_bytes() == secret


async def test_hashing_of_ranges_is_refused(sender: Client) -> None:
    await sender.put("notes.txt", b"x" * 1000)

    def check() -> None:
        with sender.client.open("notes.txt") as stream, pytest.raises(OSError, match="nsupported"):
            stream.check("md5", 2000, 10, 300)

    await asyncio.to_thread(check)


async def test_handles_and_packets_are_limited(account: Account, sender: Client) -> None:
    await sender.put("notes.txt", b"x")

    def open_many() -> int:
        opened = 0
        try:
            while opened < 100:
                sender.client._request(sftp.CMD_OPEN, "notes.txt", sftp.SFTP_FLAG_READ, paramiko.SFTPAttributes())
                opened += 1
        except OSError:
            return opened
        return opened

    assert await asyncio.to_thread(open_many) == 64

    def send_much() -> bytes:
        channel = account.log_in().open_session()
        channel.settimeout(10)
        channel.invoke_subsystem("sftp")
        channel.sendall((300 * 1024).to_bytes(4, "big") + b"\x01")
        return channel.recv(10)

    assert await asyncio.to_thread(send_much) == b""


async def test_a_user_has_four_sessions_and_a_fifth_when_one_ends(account: Account) -> None:
    def visit() -> None:
        clients = [account.client() for _ in range(4)]
        with pytest.raises((paramiko.SSHException, EOFError)):
            account.client()
        clients[0].close()
        end = time.monotonic() + 5
        while True:
            try:
                account.client().listdir("/")
                return
            except (paramiko.SSHException, EOFError):
                assert time.monotonic() < end
                time.sleep(0.1)

    await asyncio.to_thread(visit)


async def test_a_right_password_and_a_key_come_in_and_are_audited(site: Site, account: Account) -> None:
    for password in (PASSWORD, None):
        transport = await asyncio.to_thread(account.log_in, None, password)
        client = await asyncio.to_thread(transport.open_sftp_client)
        await asyncio.to_thread(client.listdir, "/")
    first, second = await site.audited("sftp.login")
    assert first == second
    assert (first["who"], first["origin"], first["ok"]) == ("minato-sis", "127.0.0.1", True)
    assert first["tenant_id"] == site.tenant.id


async def test_wrong_passwords_unknown_users_and_foreign_keys_stay_outside(
    site: Site, account: Account, tmp_path: Path
) -> None:
    def refused(log_in: Callable[[], Any]) -> float:
        began = time.monotonic()
        with pytest.raises(paramiko.AuthenticationException):
            log_in()
        return time.monotonic() - began

    times = {
        user: await asyncio.to_thread(refused, lambda user=user: account.log_in(user, "wrong"))
        for user in ("minato-sis", "nobody-here", "no\nname")
    }
    assert min(times.values()) >= account.server.limits.pause
    foreign = paramiko.RSAKey.generate(2048)
    await asyncio.to_thread(refused, lambda: account.transport().auth_publickey("minato-sis", foreign))

    async def noted() -> bool:
        return len(await site.audited("sftp.login")) == 4

    await asyncio.to_thread(account._closing.close)
    await until(noted)
    assert not any(entry["ok"] for entry in await site.audited("sftp.login"))


async def test_each_deed_is_in_the_log_once_and_so_is_each_refusal(site: Site, account: Account) -> None:
    def act() -> None:
        client = account.client()
        client.mkdir("/loose")
        client.putfo(io.BytesIO(b"x"), "/loose/users.csv")
        client.rename("/loose/users.csv", "/loose/other.csv")
        client.getfo("/loose/other.csv", io.BytesIO())
        client.remove("/loose/other.csv")
        client.rmdir("/loose")
        for refused in (
            lambda: client.mkdir("/a/b"),
            lambda: client.mkdir("/..\\x"),
            lambda: client.remove("/reports/latest.txt"),
            lambda: client.open("/reports/new.txt", "w"),
            lambda: client.rename("/reports/a", "/b"),
        ):
            with pytest.raises(OSError):
                refused()
        for absent in (lambda: client.open("/nothing.zip"), lambda: client.remove("/nothing.zip")):
            with pytest.raises(FileNotFoundError):
                absent()
        stream = client.open("/cut.zip", "w")
        stream.write(b"half")
        client.get_channel().get_transport().close()

    await asyncio.to_thread(act)

    async def audited() -> list[tuple[str, str, bool]]:
        names = ("mkdir", "upload", "rename", "read", "remove", "rmdir")
        return [(name, entry["target"], entry["ok"]) for name in names for entry in await site.audited(f"sftp.{name}")]

    async def all_of_it() -> bool:
        return ("upload", "cut.zip", False) in await audited()

    await until(all_of_it)
    assert await audited() == [
        ("mkdir", "loose", True),
        ("mkdir", "a/b", False),
        ("mkdir", "..\\x", False),
        ("upload", "loose/users.csv", True),
        ("upload", "reports/new.txt", False),
        ("upload", "cut.zip", False),
        ("rename", "loose/users.csv loose/other.csv", True),
        ("rename", "reports/a b", False),
        ("read", "loose/other.csv", True),
        ("remove", "loose/other.csv", True),
        ("remove", "reports/latest.txt", False),
        ("rmdir", "loose", True),
    ]


async def test_guessing_is_hopeless(account: Account) -> None:
    def guess() -> None:
        for _ in range(4):
            transport = account.transport()
            for number in range(5):
                with pytest.raises(paramiko.AuthenticationException):
                    transport.auth_password("minato-sis", f"guess {number}", fallback=False)

    account.server.logins._pause = 0.0
    await asyncio.to_thread(guess)
    assert account.server.logins.checks <= 10
    with pytest.raises(paramiko.AuthenticationException):
        await asyncio.to_thread(account.log_in, None, PASSWORD)
    await asyncio.to_thread(account.log_in)  # the key's owner is not harmed


async def test_only_modern_ciphers_are_offered(account: Account) -> None:
    def negotiate(**disabled: list[str]) -> paramiko.Transport:
        return account.transport(disabled_algorithms=disabled)

    offered = paramiko.Transport._preferred_ciphers
    transport = await asyncio.to_thread(negotiate)
    assert transport.remote_cipher in ("aes128-ctr", "aes256-gcm@openssh.com", "aes256-ctr")
    for disabled in (
        {"ciphers": [one for one in offered if "cbc" not in one]},
        {"macs": ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"]},
    ):
        with pytest.raises(paramiko.SSHException, match="Incompatible"):
            await asyncio.to_thread(negotiate, **disabled)


def test_host_keys_are_made_once_and_for_us_alone(tmp_path: Path) -> None:
    first, second = host_keys.host_keys(tmp_path / "keys"), host_keys.host_keys(tmp_path / "keys")
    assert [host_keys.line(key) for key in first] == [host_keys.line(key) for key in second]
    assert [(key.get_name(), key.get_bits()) for key in first] == [("ssh-ed25519", 256), ("ssh-rsa", 3072)]
    for path in (tmp_path / "keys").iterdir():
        private = not path.name.endswith(".pub")
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if private else 0o644)
        assert not private or b"OPENSSH PRIVATE KEY" in path.read_bytes()


class TestCrowds:
    """With small limits."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(strangers=20, login=2.0, idle=2.0, pause=0.1)

    async def test_silent_crowds_do_not_keep_a_real_log_in_out(self, account: Account, sftp_server: Server) -> None:
        socks = [socket.create_connection((account.host, account.port)) for _ in range(100)]
        try:
            await asyncio.sleep(0.3)
            began = time.monotonic()
            client = await asyncio.to_thread(account.client)
            assert await asyncio.to_thread(client.listdir, "/") == ["reports"]
            assert time.monotonic() - began < 2

            async def emptied() -> bool:
                return len(sftp_server.sessions) <= 1

            await until(emptied)
        finally:
            for sock in socks:
                sock.close()

    async def test_an_idle_session_is_ended(self, account: Account) -> None:
        client = await asyncio.to_thread(account.client)

        async def ended() -> bool:
            return not client.get_channel().get_transport().is_active()

        await until(ended)


@pytest.mark.skipif(shutil.which("sftp") is None, reason="OpenSSH's sftp is not there")
async def test_openssh_delivers_and_looks_after_it(site: Site, account: Account, tmp_path: Path) -> None:
    (tmp_path / "RO_20260401_1.zip").write_bytes(zipped())
    folder = tmp_path / "export"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    known = tmp_path / "known_hosts"
    known.write_text("".join(f"[127.0.0.1]:{account.port} {host_keys.line(key)}\n" for key in account.server._keys))
    process = await asyncio.create_subprocess_exec(
        "sftp", "-b", "-", "-F", "/dev/null", "-P", str(account.port), "-i", str(account.key_file),
        "-o", f"UserKnownHostsFile={known}", "-o", "IdentitiesOnly=yes", "minato-sis@127.0.0.1",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    commands = f"put -p {tmp_path}/RO_20260401_1.zip\nls -l\nput -r {folder}\ncd export\ncd ..\npwd\nls reports\nbye\n"
    output, _ = await process.communicate(commands.encode())
    assert process.returncode == 0, output.decode()
    assert f" {(tmp_path / 'RO_20260401_1.zip').stat().st_size} " in output.decode()
    jobs = await site.arrived(2)
    assert [job.bundle for job in jobs] == ["RO_20260401_1.zip", "export"]

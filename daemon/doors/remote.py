"""A remote SFTP account: log in with the host key pinned, list, fetch, bring. Blocking; for threads.

Nothing the server says is believed further than it can be checked.
"""

import contextlib
import itertools
import os
import socket
import stat
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

import paramiko

from daemon.doors import names
from oneroster.bundle import MOST_BYTES
from oneroster.refused import Refused
from sql.inboxes import Fetched, Inbox

PATIENCE = 30.0
"""Seconds without an answer after which the server is given up."""
MOST_LISTED = 10_000
LONGEST_LISTING = 60.0
LONGEST_FETCH = 3600.0
"""Seconds for one file, however steadily it trickles."""
PIECE = 1 << 20

DISABLED = {
    "ciphers": ["aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"],
    "macs": ["hmac-sha1", "hmac-md5", "hmac-sha1-96", "hmac-md5-96"],
}
RSA = ("rsa-sha2-512", "rsa-sha2-256")
TROUBLE = (OSError, EOFError, paramiko.SSHException)
"""What a remote account raises that is away, broken or hostile."""


class HostKeyChanged(Refused):
    """The remote server shows another host key than the one on record."""

    hint = "Ask its operator whether the key was changed. If so, remove the inbox and add it with the new --host-key."
    exit_code = 76


class BadAccount(Refused):
    """The address, key file or host key of the remote account cannot be used."""

    hint = "Give --url sftp://user@host:port/dir, --key FILE without passphrase, --host-key 'ssh-ed25519 AAAA...'."
    exit_code = 64


@contextlib.contextmanager
def connected(inbox: Inbox) -> Iterator[tuple[paramiko.SFTPClient, str]]:
    """A client that has logged in, and the remote folder. Raises HostKeyChanged, BadAccount, TROUBLE."""
    url = urllib.parse.urlsplit(inbox.url or "")
    if url.scheme != "sftp" or not url.hostname or not url.username:
        raise BadAccount(inbox.url or "")
    pinned = host_key(inbox.host_key or "")
    key = private_key(Path(inbox.key_file or ""))
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.create_connection((url.hostname, url.port or 22), PATIENCE))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(sock, disabled_algorithms=DISABLED)
        stack.callback(transport.close)
        transport.set_log_channel("paramiko.doors")
        # Only the pinned kind: a server with keys of several kinds must not show us another one.
        transport.get_security_options().key_types = RSA if pinned.get_name() == "ssh-rsa" else (pinned.get_name(),)
        try:
            transport.start_client(timeout=PATIENCE)
        except paramiko.IncompatiblePeer as error:
            if "host key" in str(error).lower():
                raise HostKeyChanged(f"It has none of type {pinned.get_name()}.") from error
            raise
        shown = transport.get_remote_server_key()
        if shown.asbytes() != pinned.asbytes():
            raise HostKeyChanged(f"{shown.get_name()} {shown.fingerprint}.")
        transport.auth_publickey(urllib.parse.unquote(url.username), key)
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise paramiko.SSHException("no SFTP there")
        stack.callback(client.close)
        channel = client.get_channel()
        if channel is not None:
            channel.settimeout(PATIENCE)
        yield client, urllib.parse.unquote(url.path).rstrip("/") or "."


def host_key(line: str) -> paramiko.PKey:
    """The key of a line such as `ssh-ed25519 AAAA...` or `[host]:port ssh-ed25519 AAAA...`. Raises BadAccount."""
    words = line.split()
    for kind, text in itertools.pairwise(words):
        if kind.startswith(("ssh-", "ecdsa-")):
            try:
                return paramiko.hostkeys.HostKeyEntry.from_line(f"pinned {kind} {text}").key
            except (paramiko.SSHException, AttributeError, ValueError) as error:
                raise BadAccount("Its host key cannot be read.") from error
    raise BadAccount("It has no host key.")


def private_key(path: Path) -> paramiko.PKey:
    """The key to log in with. Raises BadAccount."""
    try:
        return paramiko.PKey.from_path(path)
    except (OSError, ValueError, TypeError, paramiko.SSHException) as error:
        raise BadAccount(f"{path}: {error}") from error


def listing(client: paramiko.SFTPClient, folder: str) -> list[Fetched]:
    """The zips and CSV files of the remote folder, in order of name. Raises TROUBLE for one without end."""
    found: list[Fetched] = []
    until = time.monotonic() + LONGEST_LISTING
    for number, entry in enumerate(client.listdir_iter(folder), start=1):
        if number > MOST_LISTED or time.monotonic() > until:
            raise paramiko.SSHException(f"the listing does not end ({number} names)")
        plain = entry.st_mode is None or stat.S_ISREG(entry.st_mode)
        if not plain or entry.st_size is None or not entry.filename.lower().endswith((".zip", ".csv")):
            continue
        try:
            name = names.check(entry.filename)
        except names.BadName:
            continue  # no place in our folder, and no place we would ask for
        if not names.unfinished(name):
            found.append(Fetched(name, entry.st_size, entry.st_mtime or 0))
    return sorted(found, key=lambda one: one.name)


def fetch(client: paramiko.SFTPClient, path: str, listed: Fetched, target: Path) -> bool:
    """Bring a file to `target`; False when it is not, before and after, what was listed. Raises TROUBLE."""
    if listed.bytes > MOST_BYTES or not _same(client, path, listed):
        return False
    making = target.with_name(f".{target.name}.part")
    taken, until = 0, time.monotonic() + LONGEST_FETCH
    try:
        number = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "wb") as stream, client.open(path, "rb", bufsize=PIECE) as source:
            source.prefetch(listed.bytes, 64)
            # One byte more than listed, so that a growing file shows, and an endless one ends.
            while piece := source.read(min(PIECE, listed.bytes + 1 - taken)):
                stream.write(piece)
                taken += len(piece)
                if time.monotonic() > until:
                    raise TimeoutError(f"{listed.name} takes too long")
            stream.flush()
            os.fsync(number)
        if taken != listed.bytes or not _same(client, path, listed):
            return False
        making.rename(target)
    finally:
        making.unlink(missing_ok=True)
    return True


def bring(client: paramiko.SFTPClient, folder: str, files: Sequence[Path]) -> None:
    """Put files into a remote folder, made when it is missing, each under its name when it is whole. Raises TROUBLE."""
    with contextlib.suppress(OSError):
        client.mkdir(folder)
    for file in files:
        making = f"{folder}/.{file.name}.part"
        client.put(str(file), making)
        try:
            client.posix_rename(making, f"{folder}/{file.name}")
        except OSError:  # a server without that extension
            with contextlib.suppress(OSError):
                client.remove(f"{folder}/{file.name}")
            client.rename(making, f"{folder}/{file.name}")


def _same(client: paramiko.SFTPClient, path: str, listed: Fetched) -> bool:
    found = client.stat(path)
    return found.st_size == listed.bytes and (found.st_mtime or 0) == listed.modified

"""The files an SFTP client sees: `/` to upload, one level of folders below it, and `/reports` to read.

Runs in the connections' threads. A close is answered once what it completes has been delivered; a file whose session
is lost before the close is not complete. There are no links, neither made nor followed.
"""

import asyncio
import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from typing import Any

import paramiko
import structlog
from paramiko.sftp import SFTP_FAILURE, SFTP_OK, SFTP_OP_UNSUPPORTED, SFTP_PERMISSION_DENIED

from daemon import quota
from daemon.doors import logins, names, uploads
from daemon.doors.uploads import Uploads
from daemon.quota import OverQuota
from oneroster.bundle import MOST_BYTES
from sql import audit, database, tenants

MOST_PACKET = 256 * 1024
PATIENCE = 600.0
"""Seconds that a close may take: a large bundle is read through, encrypted and synced."""

Path = tuple[str, ...]
log = structlog.get_logger("daemon.doors")


class Visit:
    """One SFTP session of a client that has logged in."""

    def __init__(self, files: Uploads, actor: audit.Actor, loop: asyncio.AbstractEventLoop) -> None:
        self.files, self.actor, self.loop = files, actor, loop
        self.touched = time.monotonic()

    def note(self, action: str, target: str, *, ok: bool = True) -> None:
        """Audit a deed of the client."""
        logins.wait_for(self.loop, self._write(action, names.shown(target), ok), logins.PATIENCE)

    @contextlib.contextmanager
    def deed(self, action: str, target: str) -> Iterator[None]:
        """Audit what is done within, or that it was refused; where there was nothing, nothing was done."""
        try:
            yield
        except FileNotFoundError:
            raise
        except (OSError, names.BadName):
            self.note(action, target, ok=False)
            raise
        self.note(action, target)

    def closed(self, path: Path, *, noted: bool = False) -> int:
        """See to a file that its client says is complete, which may be in the log; the code of the answer."""
        found = self.files.complete(path)
        if found is None:
            if not noted:
                self.note("sftp.upload", "/".join(path))
            self.loop.call_soon_threadsafe(self.files.hint.set)
            return SFTP_OK
        logins.wait_for(self.loop, self.files.deliver(found, self.actor), PATIENCE)
        return SFTP_OK

    def room(self) -> int | None:
        """Bytes that may still be uploaded, None without a limit. Raises OverQuota where there are none."""
        free: int | None = logins.wait_for(self.loop, self._room(), logins.PATIENCE)
        if free is not None and free <= 0:
            raise OverQuota
        return free

    async def _room(self) -> int | None:
        hub = self.files.hub
        async with database.hub(hub.pool, "ingest", read_only=True) as conn:
            owner = await tenants.by_id(conn, self.files.tenant_id)
        return await quota.free(hub.pool, hub.state, owner)

    async def _write(self, action: str, target: str, ok: bool) -> None:
        async with database.hub(self.files.hub.pool, "ingest") as conn:
            await audit.write(conn, self.files.tenant_id, self.actor, action, target, ok=ok)


class Handle(paramiko.SFTPHandle):
    """An open file; `writes` for one that is being uploaded."""

    def __init__(self, visit: Visit, number: int, path: Path, *, writes: bool, room: int | None = None) -> None:
        super().__init__()
        self._visit, self._number, self._path, self.writes = visit, number, path, writes
        self._most = MOST_BYTES if room is None else min(MOST_BYTES, os.fstat(number).st_size + room)
        self._failed = False

    def finish(self) -> int:
        """The client closes the file; the code of the answer."""
        number, self._number = self._number, -1
        if number < 0:
            return SFTP_OK
        path = None
        try:
            if self.writes:
                try:
                    os.fsync(number)
                except OSError:
                    self._failed = True
                path = self._visit.files.end(number, closed=not self._failed)
        finally:
            os.close(number)
        if self._failed:
            self._visit.note("sftp.upload", "/".join(self._path), ok=False)
            return SFTP_FAILURE
        return SFTP_OK if path is None else self._visit.closed(path)

    def close(self) -> None:
        """The session was lost: what was being written is not complete."""
        number, self._number = self._number, -1
        if number >= 0:
            if self.writes:
                self._visit.files.end(number, closed=False)
            os.close(number)
            if self.writes:
                with contextlib.suppress(*database.OUTAGE, TimeoutError, RuntimeError):  # the server may be ending
                    self._visit.note("sftp.upload", "/".join(self._path), ok=False)

    def read(self, offset: int, length: int) -> bytes | int:
        try:
            return os.pread(self._number, min(length, MOST_PACKET), offset)
        except (OSError, OverflowError):
            return SFTP_FAILURE

    def write(self, offset: int, data: bytes) -> int:
        if not self.writes:
            return SFTP_PERMISSION_DENIED
        try:
            if offset + len(data) > self._most:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            view = memoryview(data)
            while view:
                written = os.pwrite(self._number, view, offset)
                view, offset = view[written:], offset + written
        except OSError as error:
            self._failed = True
            log.warning("upload failed", inbox=self._visit.files.inbox_id, error=error.strerror)
            return SFTP_FAILURE
        return SFTP_OK

    def stat(self) -> paramiko.SFTPAttributes:
        return _attributes(os.fstat(self._number))

    def chattr(self, attr: paramiko.SFTPAttributes) -> int:
        if not self.writes:
            return SFTP_PERMISSION_DENIED
        if attr.st_size is not None:
            if attr.st_size > self._most:
                return SFTP_FAILURE
            os.ftruncate(self._number, attr.st_size)
        if attr.st_mtime is not None:
            os.utime(self._number, (attr.st_mtime, attr.st_mtime))
        return SFTP_OK


class Files(paramiko.SFTPServerInterface):
    """The operations on paths. What goes wrong is raised; `sftp_answers` makes an answer of it."""

    def __init__(self, server: paramiko.ServerInterface, visit: Visit) -> None:
        super().__init__(server)
        self._visit, self._files = visit, visit.files

    def canonicalize(self, path: str) -> str:
        return "/" + "/".join(names.parts(path, up=True))

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        where, root = self._split(names.parts(path))
        found = []
        with names.entered(root, *where) as folder, os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
                    found.append(_attributes(status, entry.name))
        if root == self._files.root and not where:
            found.append(_attributes(self._files.reports.stat(), names.REPORTS))
        return found

    def stat(self, path: str) -> paramiko.SFTPAttributes:
        where, root = self._split(names.parts(path))
        return _attributes(names.status(root, *where))

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Handle:
        if flags & (os.O_WRONLY | os.O_RDWR):
            return self._open_upload(path, flags)
        with self._visit.deed("sftp.read", path.lstrip("/")):
            where, root = self._split(names.parts(path))
            with names.entered(root, *where[:-1]) as folder:
                number = _open(where[-1] if where else ".", os.O_RDONLY, folder)
            if root == self._files.root and uploads.holding(os.fstat(number)) == "done":
                os.close(number)
                raise PermissionError(errno.EACCES, "delivered already")
        return Handle(self._visit, number, where, writes=False)

    def remove(self, path: str) -> int:
        with self._visit.deed("sftp.remove", path.lstrip("/")):
            where = self._writable(names.parts(path))
            with names.entered(self._files.root, *where[:-1]) as folder:
                os.unlink(where[-1], dir_fd=folder)
        return SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        return self._rename(oldpath, newpath, over=False)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return self._rename(oldpath, newpath, over=True)

    def mkdir(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        with self._visit.deed("sftp.mkdir", path.lstrip("/")):
            where = self._writable(names.parts(path))
            if len(where) > 1:
                raise PermissionError(errno.EACCES, "one level of folders only")
            with names.entered(self._files.root) as folder:
                os.mkdir(where[0], 0o700, dir_fd=folder)
        return SFTP_OK

    def rmdir(self, path: str) -> int:
        with self._visit.deed("sftp.rmdir", path.lstrip("/")):
            where = self._writable(names.parts(path))
            with names.entered(self._files.root, *where[:-1]) as folder:
                os.rmdir(where[-1], dir_fd=folder)
        return SFTP_OK

    def chattr(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        where = self._writable(names.parts(path))
        if attr.st_size is not None:
            return SFTP_OP_UNSUPPORTED
        with names.entered(self._files.root, *where[:-1]) as folder:
            os.stat(where[-1], dir_fd=folder, follow_symlinks=False)
            if attr.st_mtime is not None:
                os.utime(where[-1], (attr.st_mtime, attr.st_mtime), dir_fd=folder, follow_symlinks=False)
        return SFTP_OK  # modes and owners are ours

    def _split(self, path: Path) -> tuple[Path, Any]:
        """The path below its real root."""
        if path[:1] == (names.REPORTS,):
            return path[1:], self._files.reports
        if len(path) > 2:
            raise FileNotFoundError(errno.ENOENT, "too deep")
        return path, self._files.root

    def _writable(self, path: Path) -> Path:
        if not path or path[0] == names.REPORTS or len(path) > 2:
            raise PermissionError(errno.EACCES, "not for writing")
        return path

    def _open_upload(self, path: str, flags: int) -> Handle:
        """A file to write to; its close, well or not, is what the log tells, and otherwise that it was refused."""
        try:
            return self._begin_upload(self._writable(names.parts(path)), flags)
        except (OSError, names.BadName):
            self._visit.note("sftp.upload", path.lstrip("/"), ok=False)
            raise

    def _begin_upload(self, where: Path, flags: int) -> Handle:
        room = self._visit.room()
        kept = flags & (os.O_WRONLY | os.O_RDWR | os.O_APPEND)
        with names.entered(self._files.root, *where[:-1]) as folder:
            there = _there(where[-1], folder)
            if there is not None and not stat.S_ISREG(there.st_mode):
                raise PermissionError(errno.EACCES, "not a file")
            delivered = there is not None and stat.S_IMODE(there.st_mode) == uploads.RELEASED
            if there is None or flags & os.O_TRUNC:
                if there is None and not flags & os.O_CREAT:
                    raise FileNotFoundError(errno.ENOENT, "no such file")
                if there is not None:
                    if flags & os.O_EXCL and not delivered:
                        raise FileExistsError(errno.EEXIST, "there already")
                    os.unlink(where[-1], dir_fd=folder)  # a new file: whoever reads the old one is not disturbed
                number = _open(where[-1], kept | os.O_CREAT | os.O_EXCL, folder)
            elif delivered or flags & os.O_EXCL:
                raise PermissionError(errno.EACCES, "delivered already: upload it anew")
            else:
                number = _open(where[-1], kept, folder)
        self._files.begin(number, where)
        return Handle(self._visit, number, where, writes=True, room=room)

    def _rename(self, oldpath: str, newpath: str, *, over: bool) -> int:
        with self._visit.deed("sftp.rename", f"{oldpath.lstrip('/')} {newpath.lstrip('/')}"):
            old, new = self._writable(names.parts(oldpath)), self._writable(names.parts(newpath))
            with (
                names.entered(self._files.root, *old[:-1]) as source,
                names.entered(self._files.root, *new[:-1]) as target,
            ):
                moved, there = os.stat(old[-1], dir_fd=source, follow_symlinks=False), _there(new[-1], target)
                if stat.S_ISDIR(moved.st_mode) and len(new) > 1:
                    raise PermissionError(errno.EACCES, "one level of folders only")
                gone = there is not None and stat.S_IMODE(there.st_mode) == uploads.RELEASED
                if there is not None and not over and not gone:
                    raise FileExistsError(errno.EEXIST, "there already")
                os.rename(old[-1], new[-1], src_dir_fd=source, dst_dir_fd=target)
                self._files.moved(moved.st_ino, new)
        if stat.S_ISREG(moved.st_mode) and uploads.holding(moved) == "closed":
            return self._visit.closed(new, noted=True)
        self._visit.loop.call_soon_threadsafe(self._files.hint.set)
        return SFTP_OK


def _there(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _open(name: str, flags: int, folder: int) -> int:
    """A descriptor of a plain file; raises OSError for anything else."""
    if not flags & os.O_EXCL and flags & (os.O_WRONLY | os.O_RDWR):
        _make_writable(name, folder)
    number = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, uploads.OPEN, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise PermissionError(errno.EACCES, "not a file")
    return number


def _make_writable(name: str, folder: int) -> None:
    """For a broken zip that was delivered and is now to be resumed: its mode would stop us, unless we are root."""
    number = _open(name, os.O_RDONLY, folder)
    try:
        os.fchmod(number, uploads.OPEN)
    finally:
        os.close(number)


def _attributes(status: os.stat_result, name: str | None = None) -> paramiko.SFTPAttributes:
    """What clients are shown: kind, size and times as they are, our modes and owners not."""
    found = paramiko.SFTPAttributes.from_stat(status, name)
    is_folder = stat.S_ISDIR(status.st_mode)
    found.st_mode = (stat.S_IFDIR | 0o755) if is_folder else (stat.S_IFREG | 0o644)
    found.st_uid = found.st_gid = 0
    return found

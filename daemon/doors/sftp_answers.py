"""The SFTP subsystem of a connection: paramiko's, with limits, answers to a close, and without hashes of ranges."""

import errno
import time
from typing import Any

import paramiko
import structlog
from paramiko import sftp
from paramiko.sftp import SFTP_FAILURE, SFTP_NO_SUCH_FILE, SFTP_OP_UNSUPPORTED, SFTP_PERMISSION_DENIED

from daemon.doors import names
from daemon.doors.sftp_files import MOST_PACKET, Files, Handle, Visit
from daemon.quota import OverQuota
from oneroster.refused import Refused
from sql import database

MOST_HANDLES = 64
POSIX_RENAME = "posix-rename@openssh.com"

log = structlog.get_logger("daemon.doors")


class Subsystem(paramiko.SFTPServer):
    """Answers requests until the channel ends, then calls `ended`."""

    def __init__(self, channel: paramiko.Channel, server: paramiko.ServerInterface, visit: Visit, ended: Any) -> None:
        super().__init__(channel, "sftp", server, Files, visit)
        self._visit, self._ended = visit, ended

    def finish_subsystem(self) -> None:
        try:
            super().finish_subsystem()
        finally:
            self._ended()

    def _send_server_version(self) -> int:
        kind, data = self._read_packet()
        if kind != sftp.CMD_INIT:
            raise sftp.SFTPError("Incompatible sftp protocol")
        answer = paramiko.Message()
        answer.add_int(3)
        answer.add_string(POSIX_RENAME)
        answer.add_string("1")
        self._send_packet(sftp.CMD_VERSION, answer)
        return int.from_bytes(data[:4], "big")

    def _read_packet(self) -> tuple[int, bytes]:
        size = int.from_bytes(self._read_all(4), "big")
        if not 1 <= size <= MOST_PACKET:
            raise sftp.SFTPError("Garbage packet received")
        data = self._read_all(size)
        self._visit.touched = time.monotonic()
        return data[0], data[1:]

    def _send_handle_response(self, request_number: int, handle: Any, folder: bool = False) -> None:
        full = len(self.file_table) + len(self.folder_table) >= MOST_HANDLES
        if full and isinstance(handle, paramiko.SFTPHandle):
            handle.close()
            handle = SFTP_FAILURE
        super()._send_handle_response(request_number, handle, folder)

    def _check_file(self, request_number: int, msg: paramiko.Message) -> None:
        self._send_status(request_number, SFTP_OP_UNSUPPORTED)

    def _process(self, t: int, request_number: int, msg: paramiko.Message) -> None:
        try:
            if t == sftp.CMD_CLOSE and (handle := self._closing(msg)) is not None:
                self._send_status(request_number, handle.finish())
            else:
                super()._process(t, request_number, msg)
        except names.BadName:
            self._send_status(request_number, SFTP_PERMISSION_DENIED, "That name cannot be used.")
        except OverQuota as error:
            self._send_status(request_number, SFTP_FAILURE, str(error))
        except OSError as error:
            self._send_status(request_number, _code(error))
        except (*database.OUTAGE, TimeoutError, RuntimeError, Refused) as error:
            log.warning("request failed", inbox=self._visit.files.inbox_id, error=type(error).__name__)
            self._send_status(request_number, SFTP_FAILURE, "Try again later.")

    def _closing(self, msg: paramiko.Message) -> Handle | None:
        """The handle of a file that a close names; the rest is paramiko's."""
        name = msg.get_binary()
        msg.rewind()
        msg.get_int()
        handle = self.file_table.pop(name, None)
        return handle if isinstance(handle, Handle) else None


def _code(error: OSError) -> int:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return SFTP_NO_SUCH_FILE
    if error.errno in (errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR):
        return SFTP_PERMISSION_DENIED
    return SFTP_FAILURE

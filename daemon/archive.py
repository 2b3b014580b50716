"""The archive: every bundle as it came, encrypted with the tenant's key and named by the SHA-256 of its plain bytes.

STATE/archive/<tenant id>/<sha256> begins with a magic word and eight random bytes, then come chunks of 64 KiB, each
sealed by AES-256-GCM. The number of a chunk and whether it is the last are bound to it, so that none can be changed,
dropped, swapped or cut off. A reader can seek, and no plain byte touches the disk.
"""

import asyncio
import contextlib
import hashlib
import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daemon import making
from sql import seal

MAGIC = b"RHA1"
PREFIX = 8
CHUNK = 64 * 1024
TAG = 16
HEAD = len(MAGIC) + PREFIX
PIECE = 1 << 20

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every entry of a zip of ours: the same files make the same bytes."""

Opener = Callable[[], BinaryIO]


Room = Callable[[int], None]
"""Asked with the bytes that a bundle has so far; raises when they are too many."""


class Sink(Protocol):
    """What plain bytes are written to."""

    def write(self, data: bytes, /) -> int: ...


class Damaged(OSError):
    """An archived bundle is not what was stored: changed, cut, or of another tenant."""


class Stored(msgspec.Struct, frozen=True):
    """A bundle in the archive: the SHA-256 (hex) and the size of its plain bytes."""

    sha256: str
    size: int


async def store(
    root: Path, tenant_id: int, sealer: seal.Sealer, source: Path | BinaryIO, room: Room | None = None
) -> Stored:
    """Keep a zip, given by path (no link is followed) or as an open file. `root` is STATE/archive.

    Raises OSError, and what `room` raises where the bundle is larger than that.
    """
    return await asyncio.to_thread(_store, root, tenant_id, sealer, source, room)


async def pack(
    root: Path, tenant_id: int, sealer: seal.Sealer, files: Mapping[str, Opener], room: Room | None = None
) -> Stored:
    """Keep loose files as one zip: names in order, one fixed time, so that the same files have the same SHA-256."""
    return await asyncio.to_thread(_pack, root, tenant_id, sealer, files, room)


def sweep(root: Path) -> None:
    """Remove what was being stored when its process was killed. Raises OSError."""
    for place in filter(Path.is_dir, root.glob("*")):
        with _folder(place) as folder:
            making.sweep(folder)


def open(root: Path, tenant_id: int, sealer: seal.Sealer, sha256: str) -> BinaryIO:
    """The plain bytes of a bundle, to be read and sought in. Raises FileNotFoundError, Damaged."""
    plain = _Plain(_place(root, tenant_id) / sha256, sealer.file_key)
    return cast(BinaryIO, io.BufferedReader(plain, 4 * CHUNK))


def read_regular(path: Path | str, dir_fd: int | None = None) -> BinaryIO:
    """A file opened for reading when it is one: no link is followed, no pipe waited for. Raises OSError."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(f"{path} is not a plain file")
    return os.fdopen(number, "rb", buffering=0)


def _place(root: Path, tenant_id: int) -> Path:
    return root / str(tenant_id)


def _store(
    root: Path, tenant_id: int, sealer: seal.Sealer, source: Path | BinaryIO, room: Room | None = None
) -> Stored:
    with contextlib.ExitStack() as stack:
        stream = source
        if isinstance(stream, Path):
            stream = stack.enter_context(read_regular(stream))
        with _keeping(_place(root, tenant_id), sealer.file_key, room) as kept:
            _copy(stream, kept)
    return kept.stored


def _pack(
    root: Path, tenant_id: int, sealer: seal.Sealer, files: Mapping[str, Opener], room: Room | None = None
) -> Stored:
    with (
        _keeping(_place(root, tenant_id), sealer.file_key, room) as kept,
        # zipfile needs no seeking: sizes and CRCs follow each entry and stand in the directory.
        zipfile.ZipFile(cast(IO[bytes], kept), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry._compresslevel = 1  # type: ignore[attr-defined]  # public only from 3.13 on
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.create_system = 3
            with files[name]() as stream, archive.open(entry, "w", force_zip64=True) as target:
                _copy(stream, target)
    return kept.stored


def _copy(stream: IO[bytes], target: Sink) -> None:
    while piece := stream.read(PIECE):
        target.write(piece)


class _Kept:
    """A file of the archive in the making: takes plain bytes, writes sealed ones."""

    def __init__(self, target: BinaryIO, key: bytes, room: Room | None = None) -> None:
        self._target = target
        self._room = room
        self._cipher = AESGCM(key)
        self._prefix = os.urandom(PREFIX)
        self._hash = hashlib.sha256()
        self._number = 0
        self._size = 0
        self._rest = bytearray()
        target.write(MAGIC + self._prefix)

    @property
    def stored(self) -> Stored:
        return Stored(self._hash.hexdigest(), self._size)

    def write(self, data: bytes, /) -> int:
        self._hash.update(data)
        self._size += len(data)
        if self._room is not None:
            self._room(self._size)
        self._rest += data
        whole = (len(self._rest) - 1) // CHUNK  # one chunk at least stays: the last is marked as such
        if whole > 0:
            view = memoryview(bytes(self._rest[: whole * CHUNK]))
            del self._rest[: whole * CHUNK]
            for start in range(0, len(view), CHUNK):
                self._seal(view[start : start + CHUNK], last=False)
        return len(data)

    def flush(self) -> None:
        """For zipfile; there is nothing to hurry."""

    def finish(self) -> None:
        self._seal(self._rest, last=True)

    def _seal(self, plain: Any, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._prefix, self._number), plain, _bound(self._number, last)))
        self._number += 1


@contextlib.contextmanager
def _keeping(folder: Path, key: bytes, room: Room | None = None) -> Iterator[_Kept]:
    """A file that stands under its name when all of it is on the disk, and not at all when anything fails."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _folder(folder) as here:
        name, number = making.begin(here)
        try:
            with os.fdopen(number, "wb", buffering=PIECE) as target:
                kept = _Kept(target, key, room)
                yield kept
                kept.finish()
                target.flush()
                os.fsync(number)
            os.rename(name, kept.stored.sha256, src_dir_fd=here, dst_dir_fd=here)
            os.fsync(here)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=here)
            raise


@contextlib.contextmanager
def _folder(folder: Path) -> Iterator[int]:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield number
    finally:
        os.close(number)


class _Plain(io.RawIOBase):
    """The plain bytes of a sealed file; holds one chunk at a time."""

    def __init__(self, path: Path, key: bytes) -> None:
        super().__init__()
        self._file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._cipher = AESGCM(key)
            head = os.pread(self._file, HEAD, 0)
            body = os.fstat(self._file).st_size - HEAD
            if len(head) < HEAD or not head.startswith(MAGIC) or body < TAG:
                raise Damaged(f"{path} does not begin as an archived bundle")
            self._prefix = head[len(MAGIC) :]
            self._chunks = -(-body // (CHUNK + TAG))
            self._size = body - self._chunks * TAG
            self._at = 0
            self._held = self._chunks - 1
            self._chunk = self._read_chunk(self._held)  # a cut file shows at once
        except BaseException:
            os.close(self._file)
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        number, start = divmod(self._at, CHUNK)
        if self._at >= self._size:
            return 0
        if number != self._held:
            self._chunk, self._held = self._read_chunk(number), number
        piece = self._chunk[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            os.close(self._file)
        super().close()

    def _read_chunk(self, number: int) -> bytes:
        sealed = os.pread(self._file, CHUNK + TAG, HEAD + number * (CHUNK + TAG))
        try:
            return self._cipher.decrypt(
                _nonce(self._prefix, number), sealed, _bound(number, number == self._chunks - 1)
            )
        except InvalidTag as error:
            raise Damaged(f"chunk {number} of {self._chunks} does not open") from error


def _nonce(prefix: bytes, number: int) -> bytes:
    return prefix + struct.pack(">I", number)


def _bound(number: int, last: bool) -> bytes:
    return struct.pack(">Q?", number, last)

"""Small facts by name, in a table of a fixed size that processes of one machine share and a restart leaves as it is.

A name has its place in one set of a few slots. Where a set is full, what rested longest gives way. Threads must take
turns.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

log = structlog.get_logger("api.slots")

SETS, WAYS = 1 << 13, 4
"""Sets of slots, and slots of a set."""
_KEY = 16


class Slots:
    """The table. `values` is what a slot holds, as `struct` writes it.

    Without a file it is this process's own, as it is where the disk is full. `secret`, up to 64 bytes, keeps others
    from choosing names that share a set.
    """

    def __init__(self, values: str, file: Path | None = None, secret: bytes = b"") -> None:
        self._secret = secret
        self.slot = struct.Struct(f"={_KEY}sd{values}")
        size = SETS * WAYS * self.slot.size
        self.file = -1 if file is None else _opened(file, size)
        self.table = mmap.mmap(self.file, size)

    def of(self, name: str) -> "Slot":
        """The slot of a name, for `with`: nobody else touches it meanwhile."""
        return Slot(
            self, hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=_KEY, key=self._secret).digest()
        )


def _opened(file: Path, size: int) -> int:
    """The file with room for so many bytes, -1 where the disk has none: the first touch would end the process then."""
    opened = -1
    try:
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.posix_fallocate(opened, 0, size)
    except OSError as error:
        log.warning("not shared", file=file.name, problem=error.strerror)
        if opened >= 0:
            os.close(opened)
        return -1
    return opened


class Slot:
    """One place, which holds a name's values, nothing, or what rested longest of others' and may go."""

    def __init__(self, slots: Slots, key: bytes) -> None:
        self._slots, self._key = slots, key
        self._set = int.from_bytes(key[:8]) % SETS * WAYS * slots.slot.size
        self._place = self._set
        self._now = 0.0
        self.values: tuple[Any, ...] | None = None
        self.age = 0.0
        """Seconds since the values were put there."""

    def __enter__(self) -> Self:
        slots, size = self._slots, self._slots.slot.size
        if slots.file >= 0:
            fcntl.lockf(slots.file, fcntl.LOCK_EX, WAYS * size, self._set)
        self._now, oldest = time.monotonic(), float("inf")
        for place in range(self._set, self._set + WAYS * size, size):
            key, at, *values = slots.slot.unpack_from(slots.table, place)
            if at > self._now:
                at = 0.0  # of before the machine was started
            elif key == self._key:
                self._place, self.values, self.age = place, tuple(values), self._now - at
                break
            if at < oldest:
                self._place, oldest = place, at
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._slots.file >= 0:
            fcntl.lockf(self._slots.file, fcntl.LOCK_UN, WAYS * self._slots.slot.size, self._set)

    def put(self, *values: Any) -> None:
        """Keep the values from now on."""
        self._slots.slot.pack_into(self._slots.table, self._place, self._key, self._now, *values)

    def clear(self) -> None:
        """Keep nothing of that name."""
        if self.values is not None:
            size = self._slots.slot.size
            self._slots.table[self._place : self._place + size] = bytes(size)

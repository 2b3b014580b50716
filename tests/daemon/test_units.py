"""The files for systemd: accepted by its own tools, sandboxed as promised, and in step with the code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemon import config, listening, tree

UNITS = Path(__file__).parent.parent.parent / "systemd"
SERVICE = UNITS / "rosterhub.service"
PROMISED = 11
"""Tenths of exposure: `systemd-analyze security` must not say more than 1.1."""

analyzed = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units, with a program that exists on this machine in the place of ours."""
    for unit in [SERVICE, *UNITS.glob("*.socket")]:
        text = unit.read_text().replace("/opt/rosterhub/bin/rosterhub", sys.executable)
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


@analyzed
@pytest.mark.parametrize("name", ["rosterhub.service", "rosterhub-api.socket", "rosterhub-sftp.socket"])
def test_systemd_accepts_the_unit_without_a_word(installed: Path, name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(installed / name)], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "rosterhub" in line]  # machines have flawed units of others
    assert (done.returncode, ours) == (0, [])


@analyzed
def test_the_sandbox_keeps_the_promised_exposure(installed: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={PROMISED}", "--no-pager"]
    done = subprocess.run([*command, str(installed / SERVICE.name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@analyzed
def test_with_the_addresses_of_the_site_the_exposure_is_less(installed: Path) -> None:
    unit = installed / SERVICE.name
    unit.write_text(unit.read_text().replace("[Service]", "[Service]\nIPAddressDeny=any\nIPAddressAllow=localhost"))
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=10", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_patience_of_the_unit_and_of_the_parent_go_together() -> None:
    pace = tree.Pace()
    assert pace.grace < float(values(SERVICE, "TimeoutStopSec")[0])
    assert pace.silence + tree.STUCK < float(values(SERVICE, "WatchdogSec")[0])
    assert values(SERVICE, "RestartPreventExitStatus") == [" ".join(map(str, tree.FINAL))]


def test_the_unit_sets_only_variables_that_we_know() -> None:
    config.load(None, None, dict(line.split("=", 1) for line in values(SERVICE, "Environment")))


def test_socket_units_name_sockets_and_addresses_that_we_know() -> None:
    defaults = config.load(None, Path("/x"), {})
    for unit in UNITS.glob("*.socket"):
        [name] = values(unit, "FileDescriptorName")
        assert values(unit, "ListenStream") == list(listening.wanted(defaults, [name]).values())


@pytest.mark.skipif(shutil.which("systemd-tmpfiles") is None or os.geteuid() != 0, reason="needs root and systemd")
def test_user_and_folders_are_made(tmp_path: Path) -> None:
    for kind in ("sysusers", "tmpfiles"):
        folder = tmp_path / "usr/lib" / f"{kind}.d"
        folder.mkdir(parents=True)
        shutil.copy(UNITS / f"{kind}.d" / "rosterhub.conf", folder)
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], check=True, capture_output=True)
    subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create"], check=True, capture_output=True)
    [user] = [line.split(":") for line in (tmp_path / "etc/passwd").read_text().splitlines()]
    state = (tmp_path / "var/lib/rosterhub").stat()
    assert (user[0], user[6]) == ("rosterhub", "/usr/sbin/nologin")
    assert (state.st_uid, state.st_mode & 0o777) == (int(user[2]), 0o700)
    assert (tmp_path / "etc/rosterhub").stat().st_mode & 0o777 == 0o750


def test_our_libraries_load_where_no_memory_is_both_written_and_run() -> None:
    """MemoryDenyWriteExecute=, by the kernel's own switch for it (Linux 6.3 and newer)."""
    code = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(99)
os.execv(sys.executable, [sys.executable, "-c", '''
import ctypes, mmap
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    import aiohttp, argon2, msgspec, paramiko, psycopg, uvloop, watchdog.observers
    import cryptography.hazmat.primitives.ciphers.aead
    uvloop.new_event_loop().close()
    argon2.PasswordHasher(1, 8, 1).hash("x")
    psycopg.pq.version()
else:
    raise SystemExit("the switch does nothing")
'''])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode == 99:
        pytest.skip("the kernel has no such switch")
    assert done.returncode == 0, done.stderr

"""The demonstration is the first thing anybody runs."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place() -> Iterator[Path]:
    """A temporary folder that the database's own user may pass; in the end nothing of the demonstration is left."""
    folder = Path(tempfile.mkdtemp(prefix="demo-test-"))
    folder.chmod(0o711)
    yield folder
    assert list(folder.iterdir()) == [], "nothing in the temporary folder"
    folder.rmdir()
    left = [line for process in Path("/proc").glob("[0-9]*/cmdline") if str(folder) in (line := _words(process))]
    assert left == [], "no process"


def _begun(place: Path, home: Path) -> subprocess.Popen[str]:
    environ = {"PATH": os.defpath, "HOME": str(home), "TMPDIR": str(place), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-B", "-m", "daemon.cli", "demo", "--once"]
    return subprocess.Popen(words, cwd=home, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_demonstration_holds_and_leaves_nothing_behind(place: Path, tmp_path: Path) -> None:
    begun = _begun(place, tmp_path)
    said, _ = begun.communicate(timeout=120)
    lines = said.splitlines()
    assert begun.returncode == 0, said
    assert lines[-1] == f"demo: all {len(lines) - 1} steps held"
    assert list(tmp_path.iterdir()) == [], "nothing in the home"


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGHUP])
def test_whoever_ends_the_demonstration_ends_its_hub(place: Path, tmp_path: Path, told: signal.Signals) -> None:
    begun = _begun(place, tmp_path)
    assert begun.stdout is not None
    assert begun.stdout.readline().startswith("[1/9]")
    begun.send_signal(told)
    said, _ = begun.communicate(timeout=60)
    assert begun.returncode == 128 + told, said


def _words(process: Path) -> str:
    try:
        return process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""

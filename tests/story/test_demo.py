"""The demonstration is the first thing anybody runs."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_demonstration_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    place = Path(tempfile.mkdtemp(prefix="demo-test-"))
    place.chmod(0o711)
    environ = {"PATH": os.defpath, "HOME": str(tmp_path), "TMPDIR": str(place), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-B", "-m", "daemon.cli", "demo", "--once"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[-1] == f"demo: all {len(lines) - 1} steps held"
    assert list(tmp_path.iterdir()) == [], "nothing in the home"
    assert list(place.iterdir()) == [], "nothing in the temporary folder"
    place.rmdir()
    left = [line for process in Path("/proc").glob("[0-9]*/cmdline") if str(place) in (line := _words(process))]
    assert left == [], "no process"


def _words(process: Path) -> str:
    try:
        return process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""

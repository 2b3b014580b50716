"""A verb that is told to end, while the database is its own to start, leaves none running."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sql import server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that the server's own user may pass, where there is none yet."""
    with tempfile.TemporaryDirectory(prefix="rosterhub-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "state"
        server.discard(Path(name) / "state" / "pg")


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGHUP])
def test_a_verb_that_is_told_to_end_stops_the_server_that_it_started(state: Path, told: signal.Signals) -> None:
    environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-B", "-m", "daemon.cli", "--state", str(state), "tenant", "list"]
    with subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as verb:
        until = time.monotonic() + 60
        while not (state / "pg" / "data" / "postmaster.pid").exists():
            assert verb.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        verb.send_signal(told)
        _, err = verb.communicate(timeout=60)
    assert (verb.returncode, err) == (128 + told, "")
    assert server.running(state / "pg") is None

"""A verb that is told to end ends as it is told, and leaves no database running that it started."""

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

TOLD_BEFORE_IT_BEGINS = """
import os, signal, sys
from daemon import cli

def tell(event, words):
    if event == "import" and words[0] == "daemon.run":
        os.kill(os.getpid(), signal.SIGTERM)

sys.addaudithook(tell)
cli.main(["--state", sys.argv[1], "run"])
"""


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that the server's own user may pass, where there is none yet."""
    with tempfile.TemporaryDirectory(prefix="rosterhub-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "state"
        server.discard(Path(name) / "state" / "pg")


@pytest.mark.usefixtures("heard")
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


def test_a_daemon_that_is_told_to_end_before_it_begins_has_not_failed(state: Path) -> None:
    """Or the service manager would tell of a failure where somebody had started and stopped it."""
    words = [sys.executable, "-B", "-c", TOLD_BEFORE_IT_BEGINS, str(state)]
    environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")

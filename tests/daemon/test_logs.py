"""Log lines: how they look, and what must not be in them. Each line comes from a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

SET_UP = """
import logging, structlog
from daemon import logs
logs.set_up(role="ingest-0")
log = structlog.get_logger("x")
"""


def lines(code: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SET_UP + code],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_a_line_is_json_with_role_job_and_tenant() -> None:
    code = (
        "structlog.contextvars.bind_contextvars(job='7f3a', tenant='demo')\nlog.info('札幌', rows=3)\nlog.debug('no')"
    )
    line = json.loads(lines(code))
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "札幌",
        "rows": 3,
        "role": "ingest-0",
        "job": "7f3a",
        "tenant": "demo",
        "level": "info",
        "logger": "x",
    }


def test_libraries_log_the_same_way() -> None:
    line = json.loads(lines("logging.getLogger('lib').warning('slow %s', 'disk')"))
    assert (line["event"], line["level"], line["logger"], line["role"]) == ("slow disk", "warning", "lib", "ingest-0")


def test_rows_in_an_error_of_the_database_are_left_out() -> None:
    code = """
def fail(pupil):
    raise ValueError("duplicate key\\nDETAIL:  Key (name)=(Yamada\\nTaro) already exists.\\nCONTEXT:  COPY x: Hanako")
try:
    try:
        fail("Sato")
    except ValueError as error:
        raise RuntimeError("while loading") from error
except RuntimeError:
    log.exception("failed")
"""
    line = json.loads(lines(code))
    assert "duplicate key\n(details left out)" in line["exception"]
    assert "RuntimeError: while loading" in line["exception"]
    assert not any(name in str(line) for name in ("Yamada", "Taro", "Hanako", "Sato'"))


def test_nothing_in_a_line_drives_a_terminal() -> None:
    said = lines("log.info('a\\x1b[31m\\x9b2J\\u202eb', value='c\\r\\nd')")
    assert not any(character in said for character in "\x1b\x9b\u202e\r")
    assert json.loads(said)["value"] == "c^M^Jd"


def test_the_journal_gets_priorities() -> None:
    read, write = os.pipe()
    with os.fdopen(read) as journal:
        status = os.fstat(write)
        environ = {"PYTHONPATH": str(ROOT), "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        subprocess.run(
            [sys.executable, "-c", SET_UP + "log.error('x')"], env=os.environ | environ, stderr=write, check=True
        )
        os.close(write)
        assert journal.read().startswith('<3>{"')

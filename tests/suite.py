"""`make test`: the whole suite on the embedded PostgreSQL 18, then what uses the database on 15 where installed.

Prints which servers were used and which tools were missed; the exit code is that of the first run that failed.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIFTEEN = Path("/usr/lib/postgresql/15")
TOOLS = ("sftp", "systemd-analyze", "tmux")
"""Each is used by a test that is skipped without it."""
DATABASE = ("tests/sql", "tests/api", "tests/daemon/ingest", "tests/machine", "tests/story", "tests/tui")
LOOKS = tuple(f"--ignore=tests/tui/test_{name}.py" for name in ("snapshots", "terminal"))
"""What is run again on the other server: everything that speaks to one, but for how that looks on a terminal."""


def run(name: str, server: str, *what: str) -> int:
    print(f"== PostgreSQL {name} as {'root' if os.geteuid() == 0 else f'user {os.geteuid()}'}", flush=True)
    started = time.monotonic()
    words = [sys.executable, "-m", "pytest", "-q", "-n", "3", "--dist", "loadgroup", "-p", "no:cacheprovider", *what]
    code = subprocess.run(words, cwd=ROOT, env={**os.environ, "TEST_POSTGRES": server}).returncode
    ended = "held" if code == 0 else f"exit {code}"
    print(f"== PostgreSQL {name}: {ended}, {time.monotonic() - started:.0f} s", flush=True)
    return code


def main() -> int:
    missed = [tool for tool in TOOLS if shutil.which(tool) is None]
    codes = [run("18, embedded", "18", *sys.argv[1:])]
    if (FIFTEEN / "bin" / "postgres").exists():
        codes.append(run("15, of the distribution", str(FIFTEEN), *(sys.argv[1:] or (*DATABASE, *LOOKS))))
        servers = "18 (embedded), 15 (of the distribution)"
    else:
        servers = "18 (embedded); 15 is not installed here"
    print(f"== servers used: {servers}; tools missed: {', '.join(missed) or 'none'}", flush=True)
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())

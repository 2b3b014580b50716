"""`make bench`: loads as ratios to raw COPY of the same rows into the same tables, answers to those of bare aiohttp.

`python -m bench log` measures the audit log at ten million entries, in milliseconds; `python -m bench screens` the
seconds until the screens stand on a terminal, on a slow line, too.
"""

import argparse
import sys
from pathlib import Path

from bench import load, log, screens, serve, strain, walk


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=("load", "serve", "walk", "strain", "log", "screens"), help="all, when not given"
    )
    parser.add_argument("--users", type=int, default=200_000, help="enrollments are about ten times as many")
    parser.add_argument("--entries", type=int, default=10_000_000, help="of the audit log")
    parser.add_argument("--rounds", type=int, default=3, help="each measures everything once, in turn")
    parser.add_argument("--binaries", type=Path, help="a folder with PostgreSQL's bin; the embedded one when not given")
    given = parser.parse_args()
    if given.what in (None, "load"):
        load.measure(given.users, given.rounds, given.binaries)
    if given.what in (None, "serve"):
        serve.measure(10_000, given.rounds, given.binaries)
    if given.what in (None, "walk"):
        walk.measure(given.users, given.rounds, given.binaries)
    if given.what in (None, "strain"):
        strain.measure(given.users, given.binaries)
    if given.what in (None, "log"):
        log.measure(given.entries, given.binaries)
    if given.what in (None, "screens"):
        screens.measure(given.rounds, given.binaries)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: loads of full bundles, as ratios to raw COPY of the same rows into the same tables."""

import argparse
import sys
from pathlib import Path

from bench import load


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--users", type=int, default=200_000, help="enrollments are about ten times as many")
    parser.add_argument("--rounds", type=int, default=3, help="each measures every load and floor once, in turn")
    parser.add_argument("--binaries", type=Path, help="a folder with PostgreSQL's bin; the embedded one when not given")
    given = parser.parse_args()
    load.measure(given.users, given.rounds, given.binaries)
    return 0


if __name__ == "__main__":
    sys.exit(main())

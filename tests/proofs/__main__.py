"""`make prove`: tries the promises and prints a line each.

    R1 PASS 200/200 kill points, 0 lost, 0 doubled (seed 7, 214 s)
    R5 NOT-RUN sessions are cut in the tests of the doors, but not yet at 100 offsets

Exit code 1 when one fails, 64 when there is no such promise. Progress goes to stderr.
"""

import argparse
import importlib
import logging
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.proofs import promises, verdict
from tests.proofs.promises import Promise
from tests.proofs.verdict import Verdict

LEAST = 300.0
"""Seconds that any proof may take."""


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="prove", description="Tries the promises and prints a line each.")
    parser.add_argument("--only", default="", help="names with commas between them")
    parser.add_argument("--scale", choices=("short", "full"), default="short")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(words)
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it tells of every session that ends
    known = {one.name: one for one in promises.PROMISES}
    names = [name for name in given.only.upper().split(",") if name] or list(known)
    if unknown := [name for name in names if name not in known]:
        print(f"prove: there is no promise {', '.join(unknown)}", file=sys.stderr)
        return 64
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a proof has started must end with us
    failed = False
    for name in names:
        began = time.monotonic()
        found = tried(known[name], given.scale, given.seed)
        print(line(name, found, given.seed, time.monotonic() - began), flush=True)
        for detail in found.details:
            print(f"  {detail}", flush=True)
        failed |= found.state == verdict.FAIL
    return 1 if failed else 0


def line(name: str, found: Verdict, seed: int, seconds: float) -> str:
    """What is printed of an outcome."""
    trailer = "" if found.state == verdict.NOT_RUN else f" (seed {seed}, {seconds:.0f} s)"
    return f"{name} {found.state} {found.figures}{trailer}"


def tried(promise: Promise, scale: str, seed: int) -> Verdict:
    """Run a proof in a folder of its own, for a limited time; whatever it stumbles over is a FAIL."""
    if not promise.proof:
        return verdict.not_run(promise.how)
    seconds = promise.full if scale == "full" else max(LEAST, promise.full / 3)
    with _folder(promise.name.lower()) as folder:
        try:
            proof = importlib.import_module(f"tests.proofs.{promise.proof}")
            with _limited(seconds):
                found: Verdict = proof.prove(scale, seed, folder, lambda text: _tell(promise.name, text))
        except verdict.TimeIsUp:
            return verdict.judged(False, f"not done after {seconds:.0f} s")
        except Exception as error:  # noqa: BLE001 - a promise that cannot be tried to its end is not kept
            return verdict.judged(False, f"{type(error).__name__}: {error}", traceback.format_exc().splitlines())
        return found


def _tell(name: str, text: str) -> None:
    print(f"{name} {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    # Open to pass: as root the database runs as another user.
    folder = Path(tempfile.mkdtemp(prefix=f"rosterhub-{name}-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def end(_number: int, _frame: object) -> None:
        raise verdict.TimeIsUp

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    sys.exit(main())

"""`make prove` itself, with the quickest of its proofs, and the page that lists them all."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs import __main__ as runner
from tests.proofs import promises, verdict
from tests.proofs.promises import PAGE, PROMISES, Promise

QUICK = ("R3", "R12")
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_a_line_is_printed_for_each_promise() -> None:
    words = [sys.executable, "-m", "tests.proofs", "--only", ",".join((*QUICK, "R5"))]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    *lines, last = done.stdout.splitlines()
    for name, line in zip(QUICK, lines, strict=True):
        assert re.fullmatch(rf"{name} PASS .+ \(seed 7, \d+ s\)", line), done.stdout + done.stderr
    assert last.startswith("R5 NOT-RUN ")
    assert done.returncode == 0


def test_a_promise_that_is_unknown_is_refused() -> None:
    assert runner.main(["--only", "R99"]) == 64


def test_a_proof_that_stumbles_is_a_failure() -> None:
    found = runner.tried(Promise("R0", "Nothing", "cannot be imported", "no_such_proof"), "short", 7)
    assert found.state == verdict.FAIL
    assert "ModuleNotFoundError" in found.figures


def test_without_the_official_document_nothing_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAPI", raising=False)
    (promise,) = (one for one in PROMISES if one.name == "OAS")
    found = runner.tried(promise, "short", 7)
    assert (found.state, found.figures) == (
        verdict.NOT_RUN,
        "the official document is not here; OPENAPI=FILE names it",
    )


def test_every_promise_has_a_proof_or_a_reason() -> None:
    assert len({one.name for one in PROMISES}) == len(PROMISES)
    assert {one.name for one in PROMISES} == {
        *(f"R{number}" for number in range(1, 22)),
        *(f"S{number}" for number in range(1, 19)),
        "POLL",
        "OAS",
        "QUERY",
    }
    for one in PROMISES:
        assert one.how
        assert not one.proof or (Path(__file__).parent / f"{one.proof}.py").exists()


def test_the_page_of_promises_is_written_from_the_table() -> None:
    assert PAGE.read_text() == promises.page(), "python -m tests.proofs.promises > docs/promises.md"

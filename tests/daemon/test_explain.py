"""rosterhub explain: what a code means and what to do, for people and for programs."""

import json

import pytest

from daemon.verbs import bundle
from oneroster.problems import CODES


def test_a_code_is_explained_in_two_languages(capsys: pytest.CaptureFixture[str]) -> None:
    bundle.explain("E-CYCLE")
    told = capsys.readouterr().out
    one = CODES["E-CYCLE"]
    assert told.startswith("E-CYCLE (error)\n")
    assert all(part in told for part in (one.english, one.fix, one.japanese, one.fix_japanese))
    assert "E-REF" not in told


def test_without_a_code_all_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    bundle.explain()
    told = capsys.readouterr().out
    assert all(f"{name} ({one.severity})" in told for name, one in CODES.items())


def test_a_program_gets_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    bundle.explain(json=True)
    told = {one.pop("code"): one for one in json.loads(capsys.readouterr().out)}
    assert list(told) == list(CODES)
    assert told["W-LEFT"]["severity"] == "warning"
    assert set(told["W-LEFT"]) == {"english", "japanese", "fix", "fix_japanese", "severity"}


def test_a_code_that_does_not_exist_is_refused() -> None:
    with pytest.raises(bundle.NoCode):
        bundle.explain("E-NONE")

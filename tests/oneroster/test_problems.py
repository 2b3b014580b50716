"""The list of problems: every code in use stands in it, every code in it is in use, in two languages."""

import re
from pathlib import Path

import pytest

from oneroster import entities, kinds
from oneroster.codes import __main__ as docs
from oneroster.problems import CODES, Problem

ROOT = Path(__file__).parents[2]
PACKAGES = ("oneroster", "sql", "api", "tui", "daemon")


def used() -> set[str]:
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if path.parent != ROOT / "oneroster" / "codes":
                found.update(re.findall(r'"([EW]-[A-Z0-9]+(?:-[A-Z0-9]+)*)"', path.read_text(encoding="utf-8")))
    return found


def test_every_code_in_use_stands_in_the_list_and_the_other_way_round() -> None:
    assert used() == set(CODES)


def test_every_kind_of_value_has_a_code_of_the_list() -> None:
    assert {kind.code for kind in kinds.ALL} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_a_sentence_in_english_and_one_in_japanese(code: str) -> None:
    one = CODES[code]
    names = ("manifest.csv", "oneroster.version", *(field.name for entity in entities.ALL for field in entity.fields))
    assert one.english[0].isupper() or one.english.startswith(names)
    assert one.english.endswith(".")
    assert one.japanese.endswith("。")
    assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", one.japanese)
    assert one.severity == ("error" if code.startswith("E-") else "warning")


def test_a_message_is_the_sentence_and_what_it_leaves_open() -> None:
    plain = Problem("E-FILE-MISSING", "manifest.csv", 3, "file.orgs", "bulk")
    more = Problem("E-FILE-MISSING", "manifest.csv", 3, "file.orgs", "bulk", "Expected orgs.csv.")
    assert more.message == f"{plain.message} Expected orgs.csv."
    assert more.japanese == f"{plain.japanese}期待される値は orgs.csv です。"
    broken = Problem("E-ZIP", "", 0, "", "", "File is not a zip file")
    assert broken.japanese == f"{CODES['E-ZIP'].japanese} File is not a zip file"
    assert plain.severity == "error"


def test_no_two_codes_share_a_sentence() -> None:
    for sentences in ([one.english for one in CODES.values()], [one.japanese for one in CODES.values()]):
        assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("code", CODES)
def test_a_code_says_what_to_do_in_english_and_in_japanese(code: str) -> None:
    one = CODES[code]
    assert one.fix[0].isupper()
    assert one.fix.endswith(".")
    assert one.fix_japanese.endswith("。")
    assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", one.fix_japanese)


def test_the_page_of_problems_is_the_list() -> None:
    assert (ROOT / "docs" / "problems.md").read_text(encoding="utf-8") == docs.page(), "run `make docs`"

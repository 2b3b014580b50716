"""Sentences that problems add, in Japanese."""

import re

import pytest

from oneroster.codes import details


@pytest.mark.parametrize(("english", "japanese"), details.DETAILS)
def test_each_sentence_is_told_apart_from_the_others(english: str, japanese: str) -> None:
    names = [f"N{number}" for number in range(english.count("{}"))]
    assert details.in_japanese(english.format(*names)) == japanese.format(*names)


@pytest.mark.parametrize(("english", "japanese"), details.DETAILS)
def test_both_languages_name_the_same(english: str, japanese: str) -> None:
    assert english.count("{}") == japanese.count("{}")
    assert english[-1] in ".:" and japanese[-1] == "。"
    assert not re.search("[a-z]{4,} [a-z]{3,}", japanese.replace("rosterhub tenant set", ""))


def test_several_sentences_follow_each_other() -> None:
    detail = "Not in users.csv. There is U-1; upper and lower case count. It is in orgs.csv."
    assert details.in_japanese(detail) == (
        "users.csv にありません。U-1 はありますが、大文字と小文字は区別されます。orgs.csv にはあります。"
    )
    assert details.in_japanese("") == ""


def test_what_is_not_ours_stays_as_it_is() -> None:
    assert details.in_japanese("Bad CRC-32 for file 'users.csv'") == "Bad CRC-32 for file 'users.csv'"
    assert details.in_japanese("In org {0}. What else") == "組織は {0} です。 What else"

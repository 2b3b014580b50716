"""The catalogue and the code hold each other: every text is in both languages, and none goes past them."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

import tui
from oneroster.said import ENTITIES
from sql import jobs
from tui import words
from tui.japanese import JAPANESE
from tui.lines import Lines

MODULES = sorted(Path(tui.__file__).parent.glob("*.py"))
CATALOGUE = "japanese.py"
SAYING = ("say", "word")

PROSE = re.compile(r"[A-Za-z]{2,}[,.:;]? +[A-Za-z]{2,}|(?<!\()\b[A-Z][a-z]{2,}\b|\b[A-Z]{2,}\b|[a-z][.!?]$")
"""What a person would read: two words, a capital, the end of a sentence."""

STYLES = {name.removeprefix("line--") for name in Lines.COMPONENT_CLASSES}
NAMES = {"RosterHub", "SHA-256", "NO_COLOR", "TZ", "COLORFGBG", "TEXTUAL_THEME", "TERM", "TMUX", "JST", "Asia/Tokyo"}
NAMES |= {"Japan", "NFKC", *words.LOCALE}
"""Names, which are the same in every language, and those of the environment."""

CAPS = {"Enter", "Esc", "Tab", "Shift", "Ctrl", "Home", "End", "PgUp", "PgDn"}
"""What stands on the keys of every keyboard."""


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for module in MODULES:
        if module.name != CATALOGUE:
            yield module, ast.parse(module.read_text(encoding="utf-8"))


def saying(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING


def literals(call: ast.Call) -> list[str]:
    """The texts of a call: one, or one of two."""
    first = call.args[0]
    parts = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
    assert not any(isinstance(part, ast.JoinedStr) for part in parts), ast.unparse(call)
    return [part.value for part in parts if isinstance(part, ast.Constant)]


def calls() -> list[ast.Call]:
    return [node for _, tree in trees() for node in ast.walk(tree) if saying(node)]


def asked() -> set[str]:
    return {text for call in calls() for text in literals(call)}


def places(text: str) -> list[tuple[str, str]]:
    """The names of values in a text, and how they are written."""
    return sorted((name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name is not None)


def test_every_text_is_in_the_catalogue_and_nothing_else_is():
    assert asked() - set(JAPANESE) == set()
    assert set(JAPANESE) - asked() == set()


def test_both_languages_have_the_same_places_for_values():
    assert {text for text in JAPANESE if places(text) != places(JAPANESE[text])} == set()


def test_a_text_is_given_the_values_it_has_places_for():
    for call in calls():
        given = sorted(one.arg or "**" for one in call.keywords)
        for text in literals(call):
            assert set(given) >= {name for name, _ in places(text)}, ast.unparse(call)
            assert given == [] or places(text) or len(literals(call)) == 2, ast.unparse(call)


def test_the_japanese_is_japanese():
    for english, said in JAPANESE.items():
        if re.search(r"[A-Za-z]{3}", re.sub(r"{[^}]*}", "", english)) and english not in ("sftp", "http"):
            assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff\uff66-\uff9f]", said), english
        assert said.endswith("。") or not english.endswith("."), english


def skipped(tree: ast.Module) -> set[int]:
    """Constants that no screen shows: docs, what is said properly, keys of lookups, failures."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
        if saying(node) or isinstance(node, ast.Raise | ast.Assert):
            found |= {id(one) for one in ast.walk(node)}
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            found |= {id(one) for one in ast.walk(node.returns)}
        if isinstance(node, ast.arg) and node.annotation is not None:
            found |= {id(one) for one in ast.walk(node.annotation)}
        if isinstance(node, ast.Compare | ast.Subscript):
            found |= {id(one) for one in ast.walk(node) if isinstance(one, ast.Constant)}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id.endswith(("CSS", "FOCUS")):
                found |= {id(one) for one in ast.walk(node)}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "compile":
            found |= {id(one) for one in ast.walk(node)}
    return found


def test_no_text_goes_to_the_screen_past_it():
    past = []
    for module, tree in trees():
        hidden = skipped(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in hidden:
                continue
            text = node.value
            command = text.startswith(("rosterhub ", " --", "\x1b"))
            named = command or text.strip() in NAMES or text in words.STATES or set(text.split()) <= STYLES
            if not named and PROSE.search(re.sub(rf"\b({'|'.join(CAPS)})\b", "", text)):
                past.append(f"{module.name}:{node.lineno} {text!r}")
    assert past == [], "\n".join(past)


@pytest.mark.parametrize("module", [module.stem for module in MODULES])
def test_a_title_is_no_wider_than_its_column(module):
    tree = ast.parse((Path(tui.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Column":
            title, width = node.args[0], node.args[1]
            if isinstance(title, ast.Call) and isinstance(width, ast.Constant):
                for text in literals(title):
                    assert cell_len(text) <= width.value, text
                    assert cell_len(words.in_japanese(text)) <= width.value, text


def test_hints_fit_a_line():
    for node in [
        node for _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AnnAssign)
    ]:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and target.id in ("hint", "question") and saying(node.value):
            for text in literals(node.value):
                assert cell_len(text) <= 79
                assert cell_len(JAPANESE[text]) <= 79, text


def test_every_state_and_entity_has_its_word():
    assert {name.upper() for name in jobs.STATES} <= set(words.STATES)
    assert set(jobs.COUNTED) == set(ENTITIES)
    states = [JAPANESE[state] for state in words.STATES]
    assert len(set(states)) == len(states), "no two states share a word"


@pytest.mark.parametrize(
    ("environment", "japanese"),
    [
        ({}, False),
        ({"LANG": "ja_JP.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ja_JP.UTF-8"}, True),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, True),
    ],
)
def test_the_locale_tells_the_language(environment, japanese, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert words.japanese() is japanese
    assert words.say("{count:,} errors", count=1200) == ("エラー1,200件" if japanese else "1,200 errors")


def test_a_value_is_never_taken_for_a_text():
    assert words.say("Copied {value}", value="{count:,} errors {x}") == "Copied {count:,} errors {x}"
    assert words.say("{no text of the catalogue}") == "{no text of the catalogue}"

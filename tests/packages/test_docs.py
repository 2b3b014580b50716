"""Docs that name things in the code are compared with it."""

import ast
import re
from pathlib import Path

import msgspec
import pytest

from daemon import config

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.ja.md")


def names(file: Path) -> set[str]:
    """Functions and classes of a module, methods as Class.method."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner.name}" for inner in node.body if hasattr(inner, "name")}
    return found


def test_the_tour_names_functions_that_exist() -> None:
    places = re.findall(r"`([a-z0-9_/]+\.py):([A-Za-z_.]+)`", (ROOT / "docs" / "architecture.md").read_text())
    assert len(places) > 20
    assert [place for place in places if place[1] not in names(ROOT / place[0])] == []


@pytest.mark.parametrize("doc", [*READMES, *sorted(str(one.relative_to(ROOT)) for one in ROOT.glob("docs/*.md"))])
def test_files_that_a_document_names_are_there(doc: str) -> None:
    text = (ROOT / doc).read_text()
    linked = re.findall(r"\]\(([^)#]+)\)", text)
    named = re.findall(r"`((?:oneroster|sql|api|tui|daemon|tests|docs|bench|systemd)/[A-Za-z0-9_./-]+)`", text)
    missing = [name for name in linked if not (ROOT / doc).parent.joinpath(name).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_every_setting_and_every_variable_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    settings = set()
    for field in msgspec.structs.fields(config.Settings):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            settings |= {f"{field.name}.{inner.name}" for inner in msgspec.structs.fields(field.type)}
        else:
            settings.add(field.name)
    assert set(re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE)) == settings
    assert set(re.findall(r"`(ROSTERHUB_[A-Z_]+)` \|", text)) == set(config.VARIABLES)


@pytest.mark.parametrize("name", READMES)
def test_a_readme_is_short(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= 150


def test_both_readmes_tell_the_same_commands_and_settings() -> None:
    """What is said about a command differs by language; the command, a state and a default do not."""
    english, japanese = ((ROOT / name).read_text() for name in READMES)
    blocks = [re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for text in (english, japanese)]
    blocks[0].pop()  # the map
    commands = [[line.partition("#")[0].rstrip() for line in "".join(found).splitlines()] for found in blocks]
    assert len(commands[0]) > 20
    assert commands[0] == commands[1]
    for told in (
        r"ROSTERHUB_[A-Z_]+",
        r"127\.0\.0\.1:\d+",
        r"docs/[a-z]+\.md",
        r"`(?:held|rejected|duplicate|applied)`",
    ):
        assert set(re.findall(told, japanese)) == set(re.findall(told, english))

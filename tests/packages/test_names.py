"""RosterHub is an application in an environment of its own: its packages are named as the folders are."""

import importlib.metadata
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def ours() -> set[str]:
    return {
        name.split(".")[0]
        for name in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    }


def test_no_other_distribution_provides_one_of_our_package_names() -> None:
    provided = importlib.metadata.packages_distributions()
    assert {name: provided[name] for name in ours() if set(provided.get(name, ())) - {"rosterhub"}} == {}


def test_the_package_list_names_every_package_that_is_there() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {".".join(file.parent.relative_to(ROOT).parts) for top in ours() for file in (ROOT / top).rglob("*.py")}
    assert there == listed


def test_no_lock_file_names_a_host() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert "//" not in (ROOT / name).read_text()

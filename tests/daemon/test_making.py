"""Files in the making, and what is left of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import making


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    number = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield number
    os.close(number)


def test_what_a_killed_maker_left_is_swept(folder: int, tmp_path: Path) -> None:
    words = (
        f"import os, signal\nfrom daemon import making\nmaking.begin({folder})\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", words], pass_fds=[folder], env={"PYTHONPATH": os.pathsep.join(sys.path)})
    assert len(list(tmp_path.iterdir())) == 1
    assert making.sweep(folder) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_being_made_or_of_another_name_stays(folder: int, tmp_path: Path) -> None:
    (tmp_path / ".users.csv.part").touch()
    name, number = making.begin(folder)
    assert making.sweep(folder) == 0
    os.close(number)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, ".users.csv.part"])


def test_a_link_is_not_followed(folder: int, tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    (tmp_path / ".00000000-0000-0000-0000-000000000000.part").symlink_to("kept")
    assert making.sweep(folder) == 0
    assert (tmp_path / "kept").exists()

"""No value of a stranger becomes a formula or steers a terminal, in a file either."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneroster import safe
from tui import deliver, exporting
from tui.rows import Row


def listed(**record: object) -> list[Row]:
    return [Row(key="1", cells=(), ranks=(), facts={}, copied="", record=record)]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+81-3", "'+81-3"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'^I=1"),
        ("\r=1", "'^M=1"),
        ("a\x1b[2J\nb", "a^[[2J^Jb"),
        ("x\u202ey", "x\\u202ey"),
        ("山田", "山田"),
        (None, ""),
        (-3, "-3"),
        (["=1", 2], '["=1",2]'),
    ],
)
def test_a_cell_shows_what_it_holds_and_does_nothing(value, cell):
    assert exporting.harmless(value) == cell
    assert list(csv.reader(io.StringIO(exporting.table(listed(a=value)))))[1:] == [[cell]]


@given(st.text())
def test_whatever_it_is(value):
    (_, (cell,)) = csv.reader(io.StringIO(exporting.table(listed(a=value)), newline="")) if value else ((), ("",))
    assert not cell.startswith(safe.FORMULA)
    assert not any(ord(one) < 32 or 0x7F <= ord(one) < 0xA0 for one in cell)


def test_names_of_files_are_completed(tmp_path: Path, monkeypatch):
    (tmp_path / "export").mkdir()
    (tmp_path / "RO_1.zip").touch()
    (tmp_path / "RO_1.txt").touch()
    assert deliver.completed(f"{tmp_path}/RO") == f"{tmp_path}/RO_1.zip"
    assert deliver.completed(f"{tmp_path}/ex") == f"{tmp_path}/export/"
    assert deliver.completed(f"{tmp_path}/") is None
    assert deliver.completed(f"{tmp_path}/nothing") is None
    assert deliver.completed("/no/such/folder/x") is None
    monkeypatch.chdir(tmp_path)
    assert deliver.completed("R") == "RO_1.zip"

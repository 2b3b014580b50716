"""Writing a bundle: what a plain zip and CSV reader finds in it."""

import csv
import io
import itertools
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oneroster import entities, profiles, write

MANIFEST = json.loads((Path(__file__).parents[1] / "standard" / "manifest.json").read_text())
BASE = profiles.BY_NAME["base-1.2"]
JAPANESE = profiles.BY_NAME["jp-k12-1.0"]
ORG = ("o1", "", "", 'North, "High"', "school", "", "")
cells = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8) | st.sampled_from(
    ["", '"', ",", '","', '""', ' "a" ', "a,b", "'", "NULL", "　"]
)
every_profile = pytest.mark.parametrize("profile", profiles.ALL, ids=lambda profile: profile.name)


def read(target: Path) -> dict[str, list[list[str]]]:
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    return {name: list(csv.reader(io.StringIO(text, newline=""), strict=True)) for name, text in texts.items()}


@every_profile
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cells_come_back_as_they_were(data: st.DataObject, profile: profiles.Profile, tmp_path: Path) -> None:
    entity = data.draw(st.sampled_from(entities.ALL))
    header = profile.header(entity)
    rows = data.draw(st.lists(st.tuples(*[cells] * len(header)), min_size=1, max_size=5))
    write.write(tmp_path / "b.zip", profile, {entity.name: rows})
    assert read(tmp_path / "b.zip")[entity.file] == [list(header), *map(list, rows)]


def test_a_japanese_file_has_every_value_in_quotes_and_its_header_bare(tmp_path: Path) -> None:
    write.write(tmp_path / "b.zip", JAPANESE, {"orgs": [("o1", "", "", "東小学校", "school", "", "")]})
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert archive.read("orgs.csv").decode() == (
            "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r\n"
            '"o1","","","東小学校","school","",""\r\n'
        )
        assert archive.read("manifest.csv").startswith(b'propertyName,value\r\n"manifest.version","1.0"\r\n')


def test_a_base_file_has_quotes_only_where_they_are_needed(tmp_path: Path) -> None:
    write.write(tmp_path / "b", BASE, {"orgs": [ORG]})
    assert (tmp_path / "b" / "orgs.csv").read_bytes().splitlines()[1] == b'o1,,,"North, ""High""",school,,'


@every_profile
def test_the_manifest_comes_first_and_names_every_file_of_the_standard(
    profile: profiles.Profile, tmp_path: Path
) -> None:
    write.write(tmp_path / "b.zip", profile, {"orgs": [ORG]}, source="校務")
    found = read(tmp_path / "b.zip")
    assert list(found) == ["manifest.csv", "orgs.csv"]
    assert found["manifest.csv"] == [
        MANIFEST["header"],
        ["manifest.version", "1.0"],
        ["oneroster.version", profile.versions[0]],
        *[[f"file.{stem}", "bulk" if stem == "orgs" else "absent"] for stem in MANIFEST["files"]],
        ["source.systemName", "校務"],
    ]


def test_a_file_without_rows_is_absent(tmp_path: Path) -> None:
    write.write(tmp_path / "b.zip", BASE, {"orgs": [ORG], "users": iter(()), "classes": []})
    found = read(tmp_path / "b.zip")
    assert set(found) == {"manifest.csv", "orgs.csv"}
    assert ["file.users", "absent"] in found["manifest.csv"]


def test_the_mode_is_given_for_all_files_or_for_each(tmp_path: Path) -> None:
    session = ("s1", "", "", "2026", "schoolYear", "2026-04-01", "2027-04-01", "", "2027")
    files = {"orgs": [ORG], "academicSessions": [session]}
    write.write(tmp_path / "all.zip", BASE, files, mode="delta")
    write.write(tmp_path / "each.zip", BASE, files, mode={"orgs": "delta"})
    modes = {name: dict(read(tmp_path / name)["manifest.csv"]) for name in ("all.zip", "each.zip")}
    assert [modes["all.zip"][f"file.{name}"] for name in files] == ["delta", "delta"]
    assert [modes["each.zip"][f"file.{name}"] for name in files] == ["delta", "bulk"]


@every_profile
def test_extra_columns_come_after_the_profiles_whatever_they_are_called(
    profile: profiles.Profile, tmp_path: Path
) -> None:
    extra = ("metadata.a,b", 'metadata."c"')
    write.write(
        tmp_path / "b.zip", profile, {"orgs": [(*ORG, "1", "2")]}, extra={"orgs": extra, "users": ("metadata.z",)}
    )
    assert read(tmp_path / "b.zip")["orgs.csv"] == [[*profile.header(entities.ORGS), *extra], [*ORG, "1", "2"]]


def test_a_folder_holds_the_same_files_as_a_zip(tmp_path: Path) -> None:
    for name in ("b.zip", "folder"):
        write.write(tmp_path / name, JAPANESE, {"orgs": [ORG] * 3})
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()} == inside


def test_a_bundle_written_over_another_leaves_nothing_of_it_but_strange_files(tmp_path: Path) -> None:
    user = ("",) * len(BASE.header(entities.USERS))
    write.write(tmp_path, BASE, {"orgs": [ORG], "users": [user]})
    (tmp_path / "notes.txt").write_text("ours")
    write.write(tmp_path, BASE, {"orgs": [ORG]})
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.csv", "orgs.csv", "notes.txt"}


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        write.write(tmp_path / name, JAPANESE, {"orgs": iter([ORG])})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def broken() -> Iterator[tuple[str, ...]]:
    yield ORG
    raise RuntimeError("the source gave up")


def test_a_zip_that_cannot_be_finished_leaves_the_old_one_and_no_rubbish(tmp_path: Path) -> None:
    target = tmp_path / "b.zip"
    write.write(target, BASE, {"orgs": [ORG]})
    before = target.read_bytes()
    with pytest.raises(RuntimeError, match="gave up"):
        write.write(target, BASE, {"orgs": broken()})
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_bytes() == before


@every_profile
@pytest.mark.parametrize("cell", ["a\nb", "a\rb", "a\r\nb"])
def test_a_line_break_in_a_cell_is_not_written(profile: profiles.Profile, cell: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line break"):
        write.write(tmp_path / "b.zip", profile, {"orgs": [("o1", "", "", cell, "school", "", "")]})


def test_a_row_that_does_not_fit_its_header_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="7 cells"):
        write.write(tmp_path / "b.zip", BASE, {"orgs": [ORG[:-1]]})


def test_a_name_that_is_no_entity_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="teachers"):
        write.write(tmp_path / "b.zip", BASE, {"orgs": [ORG], "teachers": []})


def test_rows_stream_and_are_never_held_together(tmp_path: Path) -> None:
    rows = (("o" * 40, "", "", str(number), "school", "", "") for number in range(40_000))
    tracemalloc.start()
    write.write(tmp_path / "b.zip", JAPANESE, {"orgs": rows})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
    assert sum(1 for _ in itertools.islice(read(tmp_path / "b.zip")["orgs.csv"], 1, None)) == 40_000

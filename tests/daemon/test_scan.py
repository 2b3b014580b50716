"""What in a folder is complete, with a clock of the test's own."""

import os
from pathlib import Path

import pytest

from daemon.doors import names, scan
from daemon.doors.scan import Found, Rules, Scan
from tests.daemon.conftest import FILES, zipped

RULES = Rules(settle=2.0, broken=60.0, unannounced=600.0)


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def told(found: list[Found]) -> list[tuple[str, str, bool]]:
    return [(one.kind, one.bundle, one.whole) for one in found]


def test_a_whole_zip_is_taken_when_it_has_settled(tmp_path: Path) -> None:
    put(tmp_path, {"a.zip": zipped()})
    looks = Scan(tmp_path, RULES)
    first = looks.look(100.0)
    assert (first.found, first.soonest) == ([], 2.0)
    assert told(looks.look(102.0).found) == [("zip", "a.zip", True)]


def test_a_broken_zip_waits_a_minute_and_a_growing_one_longer(tmp_path: Path) -> None:
    whole = zipped()
    put(tmp_path, {"a.zip": whole[:-30]})
    looks = Scan(tmp_path, RULES)
    looks.look(0.0)
    waiting = looks.look(59.0)
    assert (waiting.found, waiting.soonest) == ([], 1.0)
    put(tmp_path, {"a.zip": whole[:-20]})
    assert looks.look(61.0).found == []
    assert told(looks.look(121.0).found) == [("zip", "a.zip", False)]


def test_loose_files_are_complete_when_their_manifest_names_exactly_them(tmp_path: Path) -> None:
    looks = Scan(tmp_path, RULES)
    put(tmp_path, {"manifest.csv": FILES["manifest.csv"], "orgs.csv": FILES["orgs.csv"]})
    looks.look(0.0)
    assert looks.look(59.0).found == []
    put(tmp_path, {"users.csv": FILES["users.csv"]})
    assert looks.look(70.0).found == []
    (found,) = looks.look(72.0).found
    assert told([found]) == [("loose", "manifest.csv", True)]
    assert set(found.files) == set(FILES)


def test_loose_files_that_do_not_fit_are_taken_after_a_minute_and_without_manifest_after_ten(tmp_path: Path) -> None:
    looks = Scan(tmp_path, RULES)
    put(tmp_path, {"manifest.csv": FILES["manifest.csv"], "orgs.csv": FILES["orgs.csv"]})
    put(tmp_path / "RO_20260401_1", {"users.csv": FILES["users.csv"]})
    looks.look(0.0)
    assert told(looks.look(60.0).found) == [("loose", "manifest.csv", False)]
    assert told(looks.look(600.0).found) == [("loose", "manifest.csv", False), ("loose", "RO_20260401_1", False)]


def test_a_folder_below_is_a_bundle_of_its_own(tmp_path: Path) -> None:
    put(tmp_path / "RO_20260401_1", FILES)
    put(tmp_path / "RO_20260402_1", FILES)
    put(tmp_path / "reports", FILES)
    looks = Scan(tmp_path, RULES)
    looks.look(0.0)
    assert told(looks.look(2.0).found) == [("loose", "RO_20260401_1", True), ("loose", "RO_20260402_1", True)]


@pytest.mark.parametrize(
    "name",
    [".a.zip", "a.zip.part", "a.zip.tmp", "a.zip.filepart", "a.zip.PARTIAL", ".a.zip.Xa12b3", "a.txt", "a\n.zip"],
)
def test_unfinished_and_foreign_names_are_ignored(tmp_path: Path, name: str) -> None:
    put(tmp_path, {name: zipped()})
    looks = Scan(tmp_path, RULES)
    assert looks.look(0.0).soonest is None
    assert looks.look(9999.0).found == []


def test_links_pipes_and_folders_are_no_files(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    put(tmp_path, {"secret.zip": zipped()})
    put(tmp_path / "elsewhere", FILES)
    (inbox / "soft.zip").symlink_to(tmp_path / "secret.zip")
    (inbox / "hard.zip").hardlink_to(tmp_path / "secret.zip")
    (inbox / "below").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(inbox / "pipe.zip")
    (inbox / "users.csv").mkdir()
    looks = Scan(inbox, RULES)
    looks.look(0.0)
    assert looks.look(9999.0).found == []


def test_times_of_files_do_not_matter(tmp_path: Path) -> None:
    put(tmp_path, {"old.zip": zipped(), "new.zip": zipped()})
    os.utime(tmp_path / "old.zip", (0, 0))
    os.utime(tmp_path / "new.zip", (4_070_908_800, 4_070_908_800))
    looks = Scan(tmp_path, RULES)
    assert looks.look(0.0).found == []
    assert len(looks.look(2.0).found) == 2


def test_open_files_hold_their_bundle_back(tmp_path: Path) -> None:
    put(tmp_path, FILES | {"a.zip": zipped()})
    for name in FILES:
        (tmp_path / name).chmod(0o644)
    (tmp_path / "users.csv").chmod(0o600)
    looks = Scan(tmp_path, RULES, lambda found: "open" if found.st_mode & 0o777 == 0o600 else "closed")
    assert told(looks.look(0.0).found) == [("zip", "a.zip", True)]
    assert told(looks.look(9999.0).found) == [("zip", "a.zip", True)]
    (tmp_path / "users.csv").chmod(0o644)
    looks.look(10_000.0)
    assert told(looks.look(10_002.0).found) == [("zip", "a.zip", True), ("loose", "manifest.csv", True)]


def test_a_file_that_was_swapped_is_not_the_one_that_was_found(tmp_path: Path) -> None:
    put(tmp_path, {"a.zip": zipped()})
    looks = Scan(tmp_path, RULES)
    looks.look(0.0)
    (found,) = looks.look(2.0).found
    assert scan.unchanged(tmp_path, found)
    (tmp_path / "b").write_bytes(zipped())
    (tmp_path / "b").rename(tmp_path / "a.zip")
    assert not scan.unchanged(tmp_path, found)


@pytest.mark.parametrize(
    "path", ["..", "a/../b", "/x/..", "a\\b", "a\0b", "a\nb", "\x1b[2J", "あ" * 86, "a/" * 3000, "\udcff", "a\u2028b"]
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(names.BadName):
        names.parts(path)


def test_paths_are_read_in_one_way() -> None:
    assert names.parts("//a/./b/") == ("a", "b")
    assert names.parts("") == names.parts("/") == names.parts(".") == ()
    assert names.parts("/../../a/..", up=True) == ()
    assert names.parts("/名簿 2026.zip") == ("名簿 2026.zip",)
    assert names.parts("-rf") == ("-rf",)

"""Opening bundles: what is told of broken and hostile archives, how soon, and that nothing of them is believed."""

import io
import random
import struct
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from oneroster import bundle, write
from oneroster.bundle import Bundle, open_bundle

MANIFEST = "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\n" + "".join(
    f"file.{stem},{'bulk' if stem == 'orgs' else 'absent'}\n" for stem in write.STEMS
)
ORGS = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\no1,,,North,school,,\n"
FILES = {"manifest.csv": MANIFEST, "orgs.csv": ORGS}


def zipped(target: Path, files: Mapping[str, str | bytes] = FILES, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def codes(source: Path | io.BytesIO) -> list[str]:
    with open_bundle(source) as opened:
        return [one.code for one in opened.problems]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return zipped(tmp_path / "b.zip")


def patched(source: Path, signature: bytes, offset: int, value: bytes, which: int = -1) -> Path:
    """A zip with bytes of one header overwritten: that of the `which`th entry."""
    data = bytearray(source.read_bytes())
    places = [at for at in range(len(data)) if data.startswith(signature, at)]
    data[places[which] + offset : places[which] + offset + len(value)] = value
    source.write_bytes(data)
    return source


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def test_a_zip_and_a_folder_and_an_open_file_read_alike(good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content)
    for source in (good, folder, io.BytesIO(good.read_bytes())):
        with open_bundle(source) as opened:
            assert not opened.problems
            assert opened.names == set(FILES)
            assert opened.manifest is not None
            assert opened.manifest.modes["orgs"] == "bulk"
            assert opened.header("orgs.csv") == tuple(ORGS.split("\n")[0].split(","))
            with opened.open("orgs.csv") as stream:
                assert stream.read().decode() == ORGS


def test_a_folder_is_read_without_what_is_no_plain_file(tmp_path: Path) -> None:
    (tmp_path / "users.csv").mkdir()
    (tmp_path / "classes.csv").symlink_to("/etc/passwd")
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "README.txt").write_text("notes")
    with open_bundle(tmp_path) as opened:
        assert opened.names == set(FILES)


def test_a_path_that_is_not_there_is_nobodys_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_bundle(tmp_path / "b.zip"):
        pass
    assert not bundle.whole(tmp_path / "b.zip")


class Failing(io.BytesIO):
    """A disk that fails from some place on."""

    def __init__(self, data: bytes, at: int) -> None:
        super().__init__(data)
        self._at = at

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._at:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_trouble_of_the_machine_is_no_fault_of_the_zip(good: Path) -> None:
    data = good.read_bytes()
    with pytest.raises(OSError, match="Input/output"), open_bundle(Failing(data, len(data) - 22)):
        pass

    class Late(Failing):
        def read(self, size: int | None = -1, /) -> bytes:
            return io.BytesIO.read(self, size)

    late = Late(data, 0)
    with open_bundle(late) as opened:
        late.__class__ = Failing
        with pytest.raises(OSError, match="Input/output"), opened.open("orgs.csv") as stream:
            stream.read()


@pytest.mark.parametrize(
    "name", ["../orgs.csv", "..\\orgs.csv", "/etc/passwd", "C:\\orgs.csv", "a/orgs.csv", "./orgs.csv", "//orgs.csv"]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    assert codes(zipped(tmp_path / "b.zip", {**FILES, name: ORGS})) == ["E-FOLDER"]


@pytest.mark.parametrize(
    "name", ["..", "-orgs.csv", "Orgs.csv", "orgs.CSV", "orgs.csv ", "文書.csv", "x" * 4096, "a\nb"]
)
def test_a_name_that_is_no_file_of_the_standard_is_refused(tmp_path: Path, name: str) -> None:
    assert codes(zipped(tmp_path / "b.zip", {**FILES, name: ORGS})) == ["E-FILE-UNKNOWN"]


def test_a_name_in_cp932_is_refused_not_stumbled_over(tmp_path: Path) -> None:
    name = "名簿.csv".encode("cp932")
    path = zipped(tmp_path / "b.zip", {**FILES, "x" * len(name): ORGS})
    path.write_bytes(path.read_bytes().replace(b"x" * len(name), name))
    assert codes(path) == ["E-FILE-UNKNOWN"]


def test_an_entry_without_a_name_is_refused(good: Path) -> None:
    good.write_bytes(good.read_bytes().replace(b"orgs.csv", b"\0rgs.csv"))
    assert sorted(codes(good)) == ["E-FILE-MISSING", "E-FILE-UNKNOWN"]


def test_leavings_of_a_mac_are_passed_over(tmp_path: Path) -> None:
    path = zipped(tmp_path / "b.zip", {**FILES, "__MACOSX/._orgs.csv": b"\0", ".DS_Store": b"\0"})
    assert codes(path) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(good: Path) -> None:
    with zipfile.ZipFile(good, "a") as archive:
        archive.writestr("orgs.csv", ORGS)
    assert codes(good) == ["E-ZIP-ENTRY"]


def test_an_encrypted_entry_is_refused(good: Path) -> None:
    assert codes(patched(good, CENTRAL, 8, b"\x01\x00")) == ["E-ZIP-ENTRY"]


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o010666, 0o140777])
def test_a_link_a_device_a_pipe_and_a_socket_are_refused(tmp_path: Path, mode: int) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("manifest.csv", MANIFEST)
        info = zipfile.ZipInfo("orgs.csv")
        info.external_attr = mode << 16
        archive.writestr(info, "/etc/passwd")
    assert codes(tmp_path / "b.zip") == ["E-ZIP-ENTRY"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_other_than_deflate_is_refused(tmp_path: Path, method: int) -> None:
    assert codes(zipped(tmp_path / "b.zip", method=method)) == ["E-ZIP-ENTRY"] * 2


def test_entries_that_are_only_stored_are_read(tmp_path: Path) -> None:
    assert codes(zipped(tmp_path / "b.zip", method=zipfile.ZIP_STORED)) == []


def soon(refuse: Callable[[], object]) -> None:
    began = time.monotonic()
    refuse()
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("name", ["orgs.csv", "__MACOSX/bomb", "nested.zip"])
def test_a_bomb_is_refused_within_a_second(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.csv", MANIFEST)
        with archive.open(name, "w") as entry:
            for _ in range(64):
                entry.write(bytes(1 << 20))

    def refuse() -> None:
        assert "E-ZIP-SIZE" in codes(tmp_path / "b.zip")
        assert bundle.whole(tmp_path / "b.zip")

    soon(refuse)


def test_more_than_is_allowed_in_all_is_refused_within_a_second(good: Path) -> None:
    sizes = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    soon(lambda: codes(patched(good, CENTRAL, 20, sizes)) == ["E-ZIP-ENTRY"])
    assert codes(good) == ["E-ZIP-ENTRY"]
    assert bundle.whole(good)


def test_entries_that_share_their_bytes_are_refused_within_a_second(tmp_path: Path) -> None:
    """One body, named by many directory entries."""
    noise = random.Random(7).randbytes(1 << 20)
    data = zipped(tmp_path / "b.zip", {"a.csv": noise}).read_bytes()
    start = data.index(CENTRAL)
    entry = data[start : data.index(b"PK\x05\x06")]
    directory = b"".join(entry.replace(b"a.csv", f"{number:05}".encode()) for number in range(150))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 150, 150, len(directory), start, 0)
    soon(lambda: codes(io.BytesIO(data[:start] + directory + end)))
    with open_bundle(io.BytesIO(data[:start] + directory + end)) as opened:
        assert [(one.code, one.detail) for one in opened.problems] == [("E-ZIP-ENTRY", "Entries overlap.")]


@pytest.mark.parametrize("count", [201, 30_000])
def test_more_entries_than_a_bundle_has_are_refused_within_a_second(tmp_path: Path, count: int) -> None:
    path = zipped(tmp_path / "b.zip", {f"{number}.csv": "" for number in range(count)})
    soon(lambda: codes(path))
    assert codes(path) == ["E-ZIP-ENTRY"]
    assert bundle.whole(path)


def unpack(opened: Bundle) -> None:
    for name in opened.names:
        with opened.open(name) as stream:
            while stream.readline(1 << 20):
                pass


@pytest.mark.parametrize("size", [1, 0, 1_000_000])
def test_a_lying_size_never_gives_more_bytes_than_it_says(tmp_path: Path, size: int) -> None:
    path = zipped(tmp_path / "b.zip", {**FILES, "orgs.csv": ORGS + "o2,,,South,school,,\n" * 5_000})
    patched(path, CENTRAL, 24, struct.pack("<I", size))
    with open_bundle(path) as opened:
        assert not opened.problems
        try:
            with opened.open("orgs.csv") as stream:
                assert len(stream.read()) <= max(size, 110_000)
        except bundle.Broken as broken:
            assert (broken.problem.code, broken.problem.file) == ("E-ZIP", "orgs.csv")


def test_a_wrong_sum_shows_when_the_file_is_read_and_names_it(good: Path) -> None:
    assert bundle.whole(good)
    patched(good, CENTRAL, 16, b"\0\0\0\0")
    assert not bundle.whole(good)
    with open_bundle(good) as opened:
        assert not opened.problems
        with pytest.raises(bundle.Broken) as caught:
            unpack(opened)
        assert caught.value.problem.file == "orgs.csv"
        assert "CRC" in caught.value.problem.value + caught.value.problem.detail


def test_a_manifest_that_cannot_be_unpacked_is_named(good: Path) -> None:
    patched(good, CENTRAL, 16, b"\0\0\0\0", which=0)
    with open_bundle(good) as opened:
        assert [(one.code, one.file) for one in opened.problems] == [("E-ZIP", "manifest.csv")]


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    for number, data in enumerate([b"", b"P", b"PK\x05\x06", b"half", bytes(1 << 16), ORGS.encode(), b"\x1f\x8b\x08"]):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(data)
        assert codes(path) == codes(io.BytesIO(data)) == ["E-ZIP"]
        assert not bundle.whole(path)


def test_a_cut_zip_is_never_whole(tmp_path: Path) -> None:
    chance = random.Random(7)
    text = "".join(f"o{number},,,{chance.random()},school,,\n" for number in range(3_000))
    data = zipped(tmp_path / "b.zip", {**FILES, "orgs.csv": ORGS + text}).read_bytes()
    for offset in [*chance.sample(range(len(data)), 50), len(data) - 1]:
        (tmp_path / "b.zip").write_bytes(data[:offset])
        assert not bundle.whole(tmp_path / "b.zip"), offset


def test_data_before_and_behind_the_zip_does_no_harm(good: Path) -> None:
    data = good.read_bytes()
    for around in (data + b"\0" * 100, b"#!/bin/sh\n" + data):
        with open_bundle(io.BytesIO(around)) as opened:
            assert not opened.problems
            unpack(opened)


def test_a_zip_with_any_bytes_changed_is_read_or_refused_and_nothing_else(good: Path) -> None:
    chance = random.Random(7)
    data = good.read_bytes()
    for _ in range(1_500):
        changed = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.choice([chance.randrange(len(data)), len(data) - 1 - chance.randrange(150)])
            changed[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        good.write_bytes(changed)
        bundle.whole(good)
        for source in (good, io.BytesIO(changed)):
            with open_bundle(source) as opened:
                try:
                    unpack(opened)
                except bundle.Broken:
                    continue


@pytest.mark.parametrize(
    "content, code",
    [(None, "E-MANIFEST"), ("", "E-MANIFEST-VALUE"), ("名前,値".encode("cp932"), "E-ENC"),
     (random.Random(7).randbytes(1 << 20).hex(), "E-MANIFEST-VALUE")],
)  # fmt: skip
def test_a_manifest_that_cannot_be_read_is_refused(tmp_path: Path, content: str | bytes | None, code: str) -> None:
    files: dict[str, str | bytes] = {"orgs.csv": ORGS} if content is None else {**FILES, "manifest.csv": content}
    assert codes(zipped(tmp_path / "b.zip", files)) == [code]


@pytest.mark.parametrize("header", ["a\rb", '"open', "\0", "\ufeffa,b", "x" * (2 << 20), "\udcff"])
def test_the_header_of_a_strange_file_is_none_or_a_guess(tmp_path: Path, header: str) -> None:
    path = zipped(tmp_path / "b.zip", {**FILES, "orgs.csv": header.encode(errors="surrogateescape")}, 0)
    with open_bundle(path) as opened:
        assert isinstance(opened.header("orgs.csv"), tuple)
        assert opened.header("manifest.csv") == ("propertyName", "value")

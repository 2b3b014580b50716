"""The archive: what goes in comes out, and nothing else does."""

import io
import os
import random
import zipfile
from functools import partial
from pathlib import Path

import pytest

from daemon import archive
from sql import seal

TENANT = 7
MASTER = bytes(32)


@pytest.fixture(scope="module")
def sealer() -> seal.Sealer:
    return seal.Sealer(MASTER, seal.new_tenant_key(MASTER))


@pytest.mark.parametrize(
    "size", [0, 1, archive.CHUNK - 1, archive.CHUNK, archive.CHUNK + 1, 5 * archive.CHUNK, 999_999]
)
async def test_bytes_of_any_length_come_back_as_they_went_in(tmp_path: Path, sealer: seal.Sealer, size: int) -> None:
    plain = random.Random(size).randbytes(size)
    (tmp_path / "source").write_bytes(plain)
    stored = await archive.store(tmp_path / "archive", TENANT, sealer, tmp_path / "source")
    assert stored.size == size
    with archive.open(tmp_path / "archive", TENANT, sealer, stored.sha256) as stream:
        assert stream.read() == plain
        chosen = random.Random(1)
        for _ in range(20):
            start, length = chosen.randint(0, size), chosen.randint(0, 2 * archive.CHUNK)
            stream.seek(start)
            assert stream.read(length) == plain[start : start + length]
        assert stream.seek(0, os.SEEK_END) == size


async def test_nothing_plain_rests_on_the_disk(tmp_path: Path, sealer: seal.Sealer) -> None:
    (tmp_path / "source").write_bytes(b"canary " * 50_000)
    await archive.store(tmp_path / "archive", TENANT, sealer, tmp_path / "source")
    (kept,) = (tmp_path / "archive" / str(TENANT)).iterdir()
    assert b"canary" not in kept.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("harm", ["cut", "chunk dropped", "swapped", "flipped", "emptied"])
async def test_a_changed_archive_does_not_open(tmp_path: Path, sealer: seal.Sealer, harm: str) -> None:
    (tmp_path / "source").write_bytes(os.urandom(3 * archive.CHUNK))
    stored = await archive.store(tmp_path / "archive", TENANT, sealer, tmp_path / "source")
    kept = tmp_path / "archive" / str(TENANT) / stored.sha256
    whole, one = kept.read_bytes(), archive.CHUNK + archive.TAG
    head, chunks = (
        whole[: archive.HEAD],
        [whole[archive.HEAD + n * one : archive.HEAD + (n + 1) * one] for n in range(3)],
    )
    kept.write_bytes(
        {
            "cut": whole[:-1],
            "chunk dropped": head + chunks[0] + chunks[1],
            "swapped": head + chunks[1] + chunks[0] + chunks[2],
            "flipped": whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
            "emptied": head,
        }[harm]
    )
    with pytest.raises(archive.Damaged), archive.open(tmp_path / "archive", TENANT, sealer, stored.sha256) as stream:
        stream.read()


async def test_another_tenants_key_opens_nothing(tmp_path: Path, sealer: seal.Sealer) -> None:
    (tmp_path / "source").write_bytes(b"roster")
    stored = await archive.store(tmp_path / "archive", TENANT, sealer, tmp_path / "source")
    other = seal.Sealer(MASTER, seal.new_tenant_key(MASTER))
    with pytest.raises(archive.Damaged):
        archive.open(tmp_path / "archive", TENANT, other, stored.sha256)


async def test_loose_files_make_the_same_zip_in_any_order(tmp_path: Path, sealer: seal.Sealer) -> None:
    files = {"users.csv": b"sourcedId\r\n" * 30_000, "manifest.csv": b"propertyName,value\r\n", "orgs.csv": b""}
    openers = {name: partial(io.BytesIO, content) for name, content in files.items()}
    first = await archive.pack(tmp_path / "archive", TENANT, sealer, openers)
    second = await archive.pack(tmp_path / "archive", TENANT, sealer, dict(reversed(openers.items())))
    assert first == second
    with (
        archive.open(tmp_path / "archive", TENANT, sealer, first.sha256) as stream,
        zipfile.ZipFile(stream) as opened,
    ):
        assert {name: opened.read(name) for name in opened.namelist()} == files
        assert opened.testzip() is None


async def test_a_link_is_not_followed_and_a_failure_leaves_nothing(tmp_path: Path, sealer: seal.Sealer) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link.zip").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        await archive.store(tmp_path / "archive", TENANT, sealer, tmp_path / "link.zip")
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(OSError, match="not a plain file"):
        await archive.store(tmp_path / "archive", TENANT, sealer, tmp_path / "pipe.zip")

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        await archive.store(tmp_path / "archive", TENANT, sealer, Broken())
    assert list((tmp_path / "archive" / str(TENANT)).iterdir()) == []

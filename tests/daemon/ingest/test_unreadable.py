"""Bundles that fall apart while they are read: rejected at the first attempt, with the file named, never retried."""

import codecs
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

CENTRAL = b"PK\x01\x02"
ORGS = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId"


def rezipped(source: Path, target: Path, files: dict[str, bytes]) -> Path:
    """A zip with some of its files replaced."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, files.get(name, old.read(name)))
    return target


async def rejected(hub: Any, bundle: Path) -> list[tuple[str, str, int]]:
    before = await hub.moved()
    job = await hub.deliver(bundle)
    assert (job.state, job.attempts) == ("rejected", 1), job.reason
    assert await hub.moved() == before
    return [(one.code, one.file, one.line) for one in await hub.problems(job)]


@pytest.fixture
async def good(hub: Any, roster: Any) -> Path:
    """A bundle whose rows are loaded already."""
    await hub.roster(roster)
    return Path(hub.folder / "b.zip")


async def test_a_wrong_sum_rejects_the_bundle_and_names_the_file(hub: Any, good: Path) -> None:
    whole = good.read_bytes()
    for name in ("orgs.csv", "users.csv", "enrollments.csv", "manifest.csv"):
        data = bytearray(whole)
        at = data.rindex(CENTRAL, 0, data.rindex(name.encode()))
        data[at + 16 : at + 20] = b"\0\0\0\0"
        good.write_bytes(data)
        assert await rejected(hub, good) == [("E-ZIP", name, 0)]


async def test_a_file_that_breaks_off_behind_many_rows_is_rejected(hub: Any, good: Path, tmp_path: Path) -> None:
    chance = random.Random(7)
    rows = "".join(f"x{number},,,{chance.random()},school,,\n" for number in range(30_000))
    bundle = rezipped(good, tmp_path / "c.zip", {"orgs.csv": f"{ORGS}\n{rows}".encode()})
    with zipfile.ZipFile(bundle) as archive:
        info = archive.getinfo("orgs.csv")
    data = bytearray(bundle.read_bytes())
    middle = info.header_offset + info.compress_size * 3 // 4
    data[middle : middle + 64] = bytes(64)
    bundle.write_bytes(data)
    assert ("E-ZIP", "orgs.csv", 0) in await rejected(hub, bundle)
    job = await hub.deliver(good, name="again.zip")
    assert job.state == "duplicate"


UNREADABLE = [
    (b"", "E-EMPTY", 1),
    (b"\n\n", "E-EMPTY", 1),
    (b"\xff\xff\x00", "E-ENC", 1),
    (codecs.BOM_UTF32_LE, "E-ENC", 1),
    (ORGS.encode("utf-16-le"), "E-ENC", 1),
    (f"{ORGS}\no1,,,山田,school,,\n".encode("iso2022_jp"), "E-ENC", 2),
    (ORGS.replace(",", ";").encode(), "E-SEPARATOR", 1),
    (random.Random(7).randbytes(1 << 20).hex().encode(), "E-CSV", 1),
    (f'{ORGS}\no1,,,"open'.encode(), "E-CSV", 2),
    (f"{ORGS},metadata.{'a.' * 1000}\n".encode(), "E-HEADER-UNKNOWN", 1),
    (f"{ORGS},a\0b\n".encode(), "E-HEADER-UNKNOWN", 1),
]


async def test_a_file_that_cannot_be_read_is_the_only_one_blamed(hub: Any, good: Path, tmp_path: Path) -> None:
    for content, code, line in UNREADABLE:
        bundle = rezipped(good, tmp_path / "c.zip", {"orgs.csv": content})
        assert await rejected(hub, bundle) == [(code, "orgs.csv", line)]


ROWS = [
    (b"o1,,,\x83\x65,school,,\r\n", "E-ENC"),
    (b"o1,,,\xc0\xaf,school,,\r\n", "E-ENC"),
    (b"o1,,,a\0b,school,,\r\n", "E-TEXT"),
    (b"\\.\r\n", "E-COLUMNS"),
    (b"o1\r\n", "E-COLUMNS"),
]


async def test_a_row_that_cannot_be_read_is_the_only_one_blamed(hub: Any, good: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(good) as archive:
        before = archive.read("orgs.csv")
    for row, code in ROWS:
        bundle = rezipped(good, tmp_path / "c.zip", {"orgs.csv": before + row})
        assert await rejected(hub, bundle) == [(code, "orgs.csv", 5)]


async def test_no_file_can_be_read(hub: Any, good: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(good) as archive:
        names = set(archive.namelist()) - {"manifest.csv"}
    bundle = rezipped(good, tmp_path / "c.zip", dict.fromkeys(names, b"\xff"))
    assert {(code, file) for code, file, _ in await rejected(hub, bundle)} == {("E-ENC", name) for name in names}


async def test_blanks_and_strange_keys_are_loaded_and_not_stumbled_over(hub: Any, roster: Any, tmp_path: Path) -> None:
    await hub.roster(roster)
    columns = ORGS + ',"metadata.a""b\\",metadata.t'
    rows = [
        "d-1,,,District,district,,  ,,",
        's-1, ," ",North,school,N1,d-1,"say ""ah""",\\.',
        "s-2,,,South,school,S2,d-1,plain,",
    ]
    content = "\n".join([columns, *rows]).encode()
    job = await hub.deliver(rezipped(Path(hub.folder / "b.zip"), tmp_path / "c.zip", {"orgs.csv": content}))
    assert (job.state, await hub.problems(job)) == ("applied", [])
    assert (await hub.document("orgs", "s-1"))["metadata"] == {'a"b\\': 'say "ah"', "t": "\\."}
    assert (await hub.document("orgs", "s-2"))["metadata"] == {'a"b\\': "plain"}
    assert "parent" not in await hub.document("orgs", "d-1")


async def test_values_the_database_would_refuse_are_faults_of_the_row(hub: Any, roster: Any) -> None:
    await hub.roster(roster)
    roster["users"][0]["userIds"] = "{LDAP:a\nb}"
    roster["users"][1]["middleName"] = "\n"
    roster["academicSessions"][0]["schoolYear"] = "２０２６"
    roster["orgs"][1]["dateLastModified"] = "2026-04-01T00:00:00+23:59"
    job = await hub.roster(roster)
    assert (job.state, job.attempts) == ("rejected", 1)
    found = {(one.code, one.column) for one in await hub.problems(job)}
    assert found == {
        ("E-USERIDS", "userIds"),
        ("E-TEXT", "middleName"),
        ("E-YEAR", "schoolYear"),
        ("E-INSTANT", "dateLastModified"),
    }


async def test_a_hundred_thousand_columns_are_counted_and_a_thousand_listed(
    hub: Any, good: Path, tmp_path: Path
) -> None:
    header = ORGS + "".join(f",c{number}" for number in range(100_000))
    bundle = rezipped(good, tmp_path / "c.zip", {"orgs.csv": f"{header}\n".encode()})
    job = await hub.deliver(bundle)
    assert (job.state, job.errors) == ("rejected", 100_000)
    *listed, more = await hub.problems(job)
    assert [(one.code, one.column) for one in listed] == [("E-HEADER-UNKNOWN", f"c{number}") for number in range(1_000)]
    assert (more.code, more.file, more.detail) == ("E-HEADER-UNKNOWN", "", "99,000 more like this are not listed.")


async def test_a_cell_of_a_gibibyte_ends_its_file_at_its_line(hub: Any, roster: Any, tmp_path: Path) -> None:
    """With some noise in it, as what packs too well is refused for that."""
    await hub.roster(roster)
    piece = random.Random(7).randbytes(4_000).hex().encode() + b"x" * 200_000
    target = zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with zipfile.ZipFile(Path(hub.folder / "b.zip")) as old, target as new:
        new.writestr("manifest.csv", old.read("manifest.csv"))
        for name in set(old.namelist()) - {"manifest.csv", "orgs.csv"}:
            new.writestr(name, old.read(name))
        with new.open("orgs.csv", "w", force_zip64=True) as entry:
            entry.write(f'{ORGS}\no1,,,North,school,,\no2,,,"'.encode())
            for _ in range(2**30 // len(piece)):
                entry.write(piece)
    assert await rejected(hub, tmp_path / "c.zip") == [("E-CSV", "orgs.csv", 3)]


async def test_a_bundle_that_goes_on_after_many_bad_lines_tells_the_first_and_counts_the_rest(
    hub: Any, good: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(good) as archive:
        before = archive.read("orgs.csv")
    bad = b"".join(b"o%d,,,\x96,school,,\r\n" % number for number in range(500))
    bundle = rezipped(good, tmp_path / "c.zip", {"orgs.csv": before + bad + b"o9,,,x,castle,,\r\n"})
    job = await hub.deliver(bundle)
    assert (job.state, job.errors) == ("rejected", 502)
    *first, kind, twice, more = await hub.problems(job)
    assert [(one.code, one.line, one.value) for one in first] == [("E-ENC", line, "0x96") for line in range(5, 25)]
    assert (kind.code, kind.line, twice.code, twice.line) == ("E-DUPLICATE", 505, "E-ENUM", 505)
    assert (more.code, more.line, more.detail) == ("E-ENC", 0, "480 more like this are not listed.")

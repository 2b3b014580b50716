"""The row that a problem is about, as it stands in the archive."""

from pathlib import Path

import pytest

from daemon import delivery, raw
from sql import audit
from tests.daemon.conftest import FILES, MASTER, Site, zipped
from tui.hands import Raw

HEAD = "sourcedId,enabledUser,username,givenName,familyName,email,grades,password"
LINES = (
    HEAD,
    'u1,true,hanako,花子,山田,hanako@example.jp,"P1,P2",secret',
    'u2,true,"taro ""T""",太郎,"鈴木\r\nまたは佐藤",taro@@example.jp,13,',
    "u3,true,jiro,次郎,田中,,P3,",
)


async def row(site: Site, tmp_path: Path, line: int, column: str, content: bytes | None = None) -> Raw | None:
    if content is None:
        content = ("\r\n".join(LINES) + "\r\n").encode()
    source = tmp_path / "a.zip"
    source.write_bytes(zipped(FILES | {"users.csv": content}))
    await delivery.deliver(
        site.pool, MASTER, site.state, site.tenant,
        inbox=None, via="hand", bundle="a.zip", source=source, actor=audit.SYSTEM,
    )  # fmt: skip
    job = (await site.jobs())[-1]
    return raw.read(site.state, MASTER, site.tenant, job, "users.csv", line, column)


def marked(found: Raw | None) -> list[str]:
    assert found is not None
    return [found.lines[line][begin:end] for line, begin, end in found.marks]


async def test_the_faulty_cell_is_marked_and_what_is_sealed_or_a_name_is_masked(site: Site, tmp_path: Path) -> None:
    found = await row(site, tmp_path, 2, "grades")
    assert found == Raw(2, ('u1,true,h**,花**,山**,***,"P1,P2",***',), ((0, 24, 31),), "u1")
    assert marked(found) == ['"P1,P2"']


@pytest.mark.parametrize("line", [3, 4])
async def test_a_row_over_two_lines_is_shown_whole_from_either(site: Site, tmp_path: Path, line: int) -> None:
    found = await row(site, tmp_path, line, "familyName")
    assert found is not None
    assert found.first == 3
    assert found.lines == ('u2,true,"t**",太**,"鈴木', 'または佐藤",***,13,')
    assert marked(found) == ['"鈴木', 'または佐藤"']


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
async def test_whatever_it_is_encoded_in(site: Site, tmp_path: Path, codec: str) -> None:
    content = ("\n".join((HEAD, "u9,true,x,y,z,,高1,", LINES[3])) + "\n").encode(codec)
    assert marked(await row(site, tmp_path, 2, "grades", content)) == ["高1"]


async def test_bytes_that_are_no_text_are_shown_as_such(site: Site, tmp_path: Path) -> None:
    content = HEAD.encode() + b"\nu1,true,x,y,z,,\x83\x41,\n"
    assert marked(await row(site, tmp_path, 2, "grades", content)) == ["\\x83A"]


async def test_a_row_that_is_no_csv_is_shown_by_its_line(site: Site, tmp_path: Path) -> None:
    content = HEAD.encode() + b'\nu1,true,x,y,z,,"P1"x,\nu2,true\n'
    found = await row(site, tmp_path, 2, "", content)
    assert found is not None
    assert found.lines == ('u1,true,x**,y**,z**,,"P1"x,',)


async def test_what_is_not_there_is_none(site: Site, tmp_path: Path) -> None:
    assert await row(site, tmp_path, 99, "grades") is None
    (job,) = await site.jobs()
    assert raw.read(site.state, MASTER, site.tenant, job, "gone.csv", 1, "") is None
    (site.state / "archive" / str(site.tenant.id) / job.sha256).unlink()
    assert raw.read(site.state, MASTER, site.tenant, job, "users.csv", 1, "") is None

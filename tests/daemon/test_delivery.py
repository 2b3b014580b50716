"""Delivery: a bundle whose bytes are complete becomes an archived file, a job and an audit entry, together or not."""

import datetime
import hashlib
from pathlib import Path

import pytest

from daemon import delivery
from sql import audit
from tests.daemon.conftest import FILES, MASTER, Site, today, zipped

HAND = audit.Actor("hanako")


async def deliver(site: Site, source: Path, **more: object) -> None:
    await delivery.deliver(
        site.pool,
        MASTER,
        site.state,
        site.tenant,
        inbox=None,
        via="hand",
        bundle=source.name,
        source=source,
        actor=HAND,
        **more,  # type: ignore[arg-type]
    )


async def test_a_zip_is_kept_as_it_came(site: Site, tmp_path: Path) -> None:
    source = tmp_path / "RO_20260401_131237.zip"
    source.write_bytes(zipped())
    await deliver(site, source)
    (job,) = await site.jobs()
    assert (job.bundle, job.via, job.state) == (source.name, "hand", "received")
    assert job.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert site.content(job) == FILES
    (entry,) = await site.audited("bundle.receive")
    assert (entry["who"], entry["target"], entry["ok"]) == ("hanako", str(job.id), True)


async def test_a_folder_is_packed_the_same_each_time(site: Site, tmp_path: Path) -> None:
    source = tmp_path / "export"
    source.mkdir()
    for name, content in FILES.items():
        (source / name).write_bytes(content)
    (source / "notes.txt").write_text("not a part of it")
    await deliver(site, source)
    (source / "users.csv").touch()
    await deliver(site, source)
    first, second = await site.jobs()
    assert first.sha256 == second.sha256
    assert site.content(first) == FILES


async def test_what_changes_while_it_is_read_is_not_delivered(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped())
    with pytest.raises(delivery.Changed):
        await deliver(site, tmp_path / "a.zip", still=lambda: False)
    assert await site.jobs() == []
    assert await site.audited("bundle.receive") == []


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("RO_20260401_131237.zip", datetime.date(2026, 4, 1)),
        ("RO_20260431_131237.zip", None),
        ("RO_00000101_1.zip", None),
        ("ro_20260401_1.zip", None),
        ("oneroster_bulk_20260401.zip", None),
        ("manifest.csv", None),
    ],
)
def test_the_day_is_that_of_the_name_when_there_is_such_a_day(name: str, day: datetime.date | None) -> None:
    assert delivery.day_of(name, today()) == (day or today())

"""What every door promises; each kind of inbox runs these tests through its own way in."""

import hashlib
import json
from collections.abc import Mapping
from typing import Protocol

from oneroster.problems import Problem
from tests.daemon.conftest import FILES, Site, until, zipped


class Sender(Protocol):
    """Whoever delivers through a door, and reads the answers."""

    via: str

    async def put(self, name: str, content: bytes) -> None: ...

    async def reports(self) -> Mapping[str, bytes]: ...


class InboxTests:
    """Wants fixtures `site` and `sender`."""

    async def test_a_zip_becomes_one_job(self, site: Site, sender: Sender) -> None:
        content = zipped()
        await sender.put("RO_20260401_131237.zip", content)
        (job,) = await site.arrived()
        assert (job.bundle, job.via) == ("RO_20260401_131237.zip", sender.via)
        assert job.sha256 == hashlib.sha256(content).hexdigest()
        assert site.content(job) == FILES
        assert len(await site.quiet()) == 1
        assert len(await site.audited("bundle.receive")) == 1

    async def test_loose_files_become_one_job_whatever_their_order(self, site: Site, sender: Sender) -> None:
        for name in ("users.csv", "manifest.csv", "orgs.csv"):
            await sender.put(name, FILES[name])
        (job,) = await site.arrived()
        assert site.content(job) == FILES
        assert len(await site.quiet()) == 1

    async def test_the_same_name_again_is_a_new_delivery(self, site: Site, sender: Sender) -> None:
        await sender.put("a.zip", zipped())
        await site.arrived()
        other = zipped(FILES | {"users.csv": b"sourcedId,givenName\r\nu2,Taro\r\n"})
        await sender.put("a.zip", other)
        first, second = await site.arrived(2)
        assert first.sha256 != second.sha256 == hashlib.sha256(other).hexdigest()

    async def test_a_broken_zip_is_delivered_too_so_that_it_is_answered(self, site: Site, sender: Sender) -> None:
        await sender.put("broken.zip", zipped()[:-30])
        (job,) = await site.arrived()
        assert job.bundle == "broken.zip"

    async def test_files_that_do_not_fit_their_manifest_are_delivered_too(self, site: Site, sender: Sender) -> None:
        for name in ("manifest.csv", "users.csv"):
            await sender.put(name, FILES[name])
        (job,) = await site.arrived()
        assert set(site.content(job)) == {"manifest.csv", "users.csv"}

    async def test_unfinished_names_are_not_looked_at(self, site: Site, sender: Sender) -> None:
        for name in ("a.zip.part", "b.zip.filepart", ".c.zip.X1y2z3", "d.zip.tmp"):
            await sender.put(name, zipped())
        assert await site.quiet(1.5) == []

    async def test_the_sender_finds_an_answer(self, site: Site, sender: Sender) -> None:
        await sender.put("名簿.zip", zipped())
        (job,) = await site.arrived()
        await site.end(job, found=[Problem("E-DATE", "users.csv", 3, "birthDate", "2026/04/01")])
        stem = f"名簿.zip.{job.sha256[:8]}"
        expected = {f"{name}.{end}" for name in (stem, "latest") for end in ("json", "csv", "txt")}

        async def answered() -> bool:
            return set(await sender.reports()) == expected

        await until(answered)
        told = json.loads((await sender.reports())[f"{stem}.json"])
        assert (told["id"], told["state"]) == (str(job.id), "rejected")
        assert told["problems"][0]["column"] == "birthDate"

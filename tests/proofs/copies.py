"""R3: the same bundle twice changes nothing, not even when it comes ten times at once through three doors."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko

from daemon.doors import host_keys
from tests.daemon.doors.test_pull import School
from tests.proofs import rosters
from tests.proofs.standing import Shown, active, checksum, differences, standing, wanted
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import write
from tests.story.hub import Hub, Sender

STUDENTS = {"short": 100, "full": 1000}
COPIES = {"sftp": 4, "drop": 3, "pull": 3}
TIMES = sum(COPIES.values())


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """A first state; ten copies of a changed one at once; ten copies of that once more."""
    chance = random.Random(seed)
    before = rosters.roster(STUDENTS[scale], STUDENTS[scale] // 10)
    people = rosters.people(before, "st")
    after = rosters.renamed(rosters.without(before, people[: len(people) // 20]), chance.sample(people, 30), "新")
    with standing(folder) as hub:
        board = hub.tenant("copies")
        lms = hub.client(board.code)
        doors = Doors(hub, board.open_sftp(), folder)
        try:
            first = write(folder / "first.zip", before)
            assert hub.shown("ingest", board.code, str(first), "--wait")["state"] == "applied"
            old = lms.everything()
            doors.send(write(folder / "second.zip", after).read_bytes(), "a")
            states, troubles = _states(hub, board.code, 1 + TIMES, 1)
            new = lms.everything()
            report(f"ten copies at once: {states}")
            moved = _moved_without_cause(old, new) + _dates_of_changes(old, new)
            doors.send((folder / "second.zip").read_bytes(), "b")
            again, more = _states(hub, board.code, 1 + 2 * TIMES, 1 + TIMES)
            report(f"ten copies more: {again}")
            moved += 0 if checksum(lms.everything()) == checksum(new) else 1
        finally:
            doors.close()
        troubles += more + differences(active(new), wanted(after, lms))
    good = states == {"applied": 1, "duplicate": TIMES - 1} and again == {"duplicate": TIMES} and not moved
    figures = (
        f"{TIMES} copies at once by {', '.join(f'{door} ({count})' for door, count in COPIES.items())}:"
        f" {states['applied']} applied, {states['duplicate']} duplicates, {moved} dateLastModified moved;"
        f" {TIMES} more: {again['duplicate']} duplicates"
    )
    return judged(good and not troubles, figures, troubles)


class Doors:
    """The three doors of a tenant, each with its sender."""

    def __init__(self, hub: Hub, sender: Sender, folder: Path) -> None:
        self._sender = sender
        self._drop = folder / "drop"
        self._drop.mkdir()
        (folder / "school" / "out").mkdir(parents=True)
        host_keys.host_keys(folder / "keys")
        key = paramiko.Ed25519Key(filename=str(folder / "keys" / "ssh_host_ed25519_key"))
        self._school = School(folder / "school", key, hub.key)
        hub.shown("inbox", "add", "copies", "--kind", "drop", "--path", str(self._drop))
        url = f"sftp://rosterhub@127.0.0.1:{self._school.port}/out"
        words = ("--url", url, "--key", str(hub.key), "--host-key", host_keys.line(key), "--every", "1s")
        hub.shown("inbox", "add", "copies", "--kind", "pull", *words)

    def send(self, content: bytes, mark: str) -> None:
        """The copies, under names of their own, all at once."""
        targets = [(self._put, f"{mark}-sftp-{number}.zip") for number in range(COPIES["sftp"])]
        targets += [(self._drop_in, f"{mark}-drop-{number}.zip") for number in range(COPIES["drop"])]
        targets += [(self._offer, f"{mark}-pull-{number}.zip") for number in range(COPIES["pull"])]
        with ThreadPoolExecutor(len(targets)) as threads:
            for future in [threads.submit(way, name, content) for way, name in targets]:
                future.result()

    def _put(self, name: str, content: bytes) -> None:
        with self._sender.connected() as client, client.open(f"/{name}", "wb") as target:
            target.write(content)

    def _drop_in(self, name: str, content: bytes) -> None:
        _whole(self._drop, name, content)

    def _offer(self, name: str, content: bytes) -> None:
        _whole(self._school.folder / "out", name, content)

    def close(self) -> None:
        self._school.close()


def _whole(folder: Path, name: str, content: bytes) -> None:
    (folder / f"{name}.part").write_bytes(content)
    (folder / f"{name}.part").rename(folder / name)


def _states(hub: Hub, tenant: str, count: int, skip: int) -> tuple[Counter[str], list[str]]:
    """How the jobs after the first `skip` ended, once there are `count`; and what is odd about them."""
    hub.ended(tenant, count)
    found = hub.jobs(tenant)
    troubles = [f"{len(found)} jobs instead of {count}"] if len(found) != count else []
    return Counter(job["state"] for job in found[: len(found) - skip]), troubles


def _moved_without_cause(old: Shown, new: Shown) -> int:
    """Records with the same content and another date."""

    def plain(record: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in record.items() if name != "dateLastModified"}

    return sum(
        plain(record) == plain(new[name][one]) and record != new[name][one]
        for name, records in old.items()
        for one, record in records.items()
    )


def _dates_of_changes(old: Shown, new: Shown) -> int:
    """Dates of what did change, but for the one that they must share."""
    dates = {
        record["dateLastModified"]
        for name, records in new.items()
        for one, record in records.items()
        if record != old[name].get(one)
    }
    return len(dates) - 1

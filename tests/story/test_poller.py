"""A learning platform that only ever asks for what has changed holds the whole truth in the end."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.story.bundles import Files, having, read, some, without, write
from tests.story.hub import Hub
from tests.story.lms import Answer
from tests.story.poller import WATCHED, Poller

pytestmark = pytest.mark.xdist_group("story")

REVISIONS = 20


def test_pollers_hold_what_the_hub_holds_after_twenty_revisions(hub: Hub, tmp_path: Path) -> None:
    board = hub.tenant("poll")
    sender, lms = board.open_sftp(), hub.client(board.code)
    bundles = list(_history(hub, tmp_path))
    assert len(bundles) == REVISIONS
    pollers = [
        Poller(lms.another(), 7),
        Poller(lms.another(), 100),
        Poller(lms.another(), 100, by_date=True),
        Poller(lms.another(), 20, by_offset=True),
    ]
    ended = threading.Event()
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(pollers)) as threads:
        for poller in pollers:
            stack.callback(poller.lms.close)
        running = [threads.submit(poller.keep_polling, ended) for poller in pollers]
        try:
            with sender.connected() as client:
                for number, bundle in enumerate(bundles, start=1):
                    client.put(str(bundle), f"/{bundle.name}")
                    job = json.loads(sender.report(bundle, client)["json"])
                    assert (job["state"], job["revision"]) == ("applied", number), job["reason"]
        finally:
            ended.set()
        for future in running:
            future.result()
    truth = {name: lms.walk(f"/{name}") for name in WATCHED}
    assert {record["status"] for records in truth.values() for record in records.values()} == {"active", "tobedeleted"}
    assert len({record["dateLastModified"] for records in truth.values() for record in records.values()}) > 10
    print(f"walks: {[poller.walks for poller in pollers]}")
    for poller in pollers:
        assert poller.walks > REVISIONS
        for name in WATCHED:
            assert poller.replica[name] == truth[name], (name, poller.limit, poller.by_date, poller.by_offset)


@pytest.mark.parametrize("limit", [7, 100])
def test_a_load_between_two_pages_hides_nothing(hub: Hub, tmp_path: Path, limit: int) -> None:
    """The worst moment for a load is between two pages, so each of these falls there."""
    board = hub.tenant(f"between-{limit}")
    poller = Poller(hub.client(board.code), limit, ("users",))
    files = read(hub.sample(tmp_path, 240))
    people = sorted(having(files, "student"))

    def load(name: str, changed: list[str]) -> None:
        nonlocal files
        files = _renamed(files, set(changed), name)
        bundle = write(tmp_path / f"{name}.zip", files)
        assert hub.shown("ingest", board.code, str(bundle), "--wait")["state"] == "applied"

    load("first", [])
    # While the platform reads all of them, one that it has read and one that it has not both change.
    _during_a_walk(poller, lambda: load("second", [people[0], people[-1]]))
    load("third", people[len(people) // 3 :])  # not more than the guard lets pass
    # The same while it reads what has changed.
    _during_a_walk(poller, lambda: load("fourth", [*people[70:77], people[-1]]))
    poller.poll()
    assert poller.replica["users"] == poller.lms.walk("/users")


def _during_a_walk(poller: Poller, load: Callable[[], None]) -> None:
    """Poll, with a load after the first page of users."""
    lms, pages = poller.lms, poller.lms.pages
    loads = [load]

    def interrupted(path: str, **query: str | int) -> Iterator[Answer]:
        for answer in pages(path, **query):
            yield answer
            if loads:
                loads.pop()()

    lms.pages = interrupted  # type: ignore[method-assign]
    try:
        poller.poll()
    finally:
        lms.pages = pages  # type: ignore[method-assign]


def _history(hub: Hub, folder: Path) -> Iterator[Path]:
    """Twenty bundles: people, classes and enrollments change, go and return, and so do schools and their names."""
    wave = (0, 6, 12, 18, 12, 6)
    states = [read(hub.sample(folder / str(change), 100, "--change", str(change))) for change in sorted(set(wave))]
    by_change = dict(zip(sorted(set(wave)), states, strict=True))
    for number in range(REVISIONS):
        files = {name: [dict(row) for row in rows] for name, rows in by_change[wave[number % len(wave)]].items()}
        if number % 4 == 3:
            files = without(files, set(some(having(files, "student"), 2, seed=number)))
        files = _renamed(files, set(some([row["sourcedId"] for row in files["users"]], 4, seed=-number)), f"{number}")
        files["roles"][number]["endDate"] = (
            f"2027-03-{number + 1:02d}"  # a part of a user, which has no date of its own
        )
        files["orgs"][1]["name"] += f" {number}"
        if number % 3:
            # A school that comes and goes; the district's children change with it.
            school = dict(
                files["orgs"][1], sourcedId="00000000-0000-4000-a000-000000005c00", identifier="", name="冬の学校"
            )
            files["orgs"].append(school)
        yield write(folder / f"revision-{number:02d}.zip", files)


def _renamed(files: Files, people: set[str], mark: str) -> Files:
    renamed = [
        dict(row, familyName=f"{row['familyName']} {mark}") if row["sourcedId"] in people else dict(row)
        for row in files["users"]
    ]
    return files | {"users": renamed}


def test_a_filter_by_an_instant_gives_what_is_later_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    board = hub.tenant("poll-later")
    lms = hub.client(board.code)
    base = read(hub.sample(tmp_path, 60))
    person = base["users"][5]["sourcedId"]
    for name, people in (("one", set[str]()), ("two", {person})):
        bundle = write(tmp_path / f"{name}.zip", _renamed(base, people, name))
        assert hub.shown("ingest", board.code, str(bundle), "--wait")["state"] == "applied"
    dates = sorted({record["dateLastModified"] for record in lms.walk("/users").values()})
    assert len(dates) == 2
    assert lms.walk("/users", filter=f"dateLastModified>'{dates[0]}'").keys() == {person}
    assert lms.walk("/users", filter=f"dateLastModified>'{dates[1]}'") == {}
    assert len(lms.walk("/users", filter=f"dateLastModified>='{dates[0]}'")) == 60
    earlier = lms.walk("/users", filter=f"dateLastModified<'{dates[1]}' AND status='active'")
    assert len(earlier) == 59

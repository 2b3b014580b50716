"""A hub in plain Python: bundles in, records and jobs out. It imports nothing of the product.

What it knows is design 3 (states of a job) and 8 (revisions, bulk and delta, guard, undo), with docs/decisions.md.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.machine import records
from tests.machine.records import COLLECTIONS, COLUMNS, ENTITIES, PARTS, Row, Shown, Stored, Version


@dataclass(frozen=True)
class File:
    """One file of a bundle: its rows as they are spelled, delta rows with status and date."""

    mode: str
    rows: list[Row]


@dataclass(frozen=True)
class Bundle:
    """One delivery."""

    files: dict[str, File]
    day: str
    sha256: str
    content: tuple[tuple[str, bytes], ...]
    """The files, whatever the zip."""

    @property
    def bulk(self) -> bool:
        return any(file.mode == "bulk" for file in self.files.values())


@dataclass(frozen=True)
class Count:
    """What changes in one collection, active records before and after, and the guard's word."""

    before: int = 0
    after: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    guard: str = "ok"

    @property
    def still(self) -> bool:
        return not (self.inserted or self.updated or self.deleted)


@dataclass
class Job:
    """The handling of a bundle, or of a rollback."""

    number: int
    bundle: Bundle | None = None
    state: str = "received"
    why: str = ""
    """Of a held one: guard, rolled-back or approved."""
    revision: int | None = None
    ended: int = 0
    """Which was the how-manieth to come to an end."""
    counts: dict[str, Count] = field(default_factory=dict)

    def sum(self, what: str) -> int:
        return sum(getattr(count, what) for name, count in self.counts.items() if name in ENTITIES)


@dataclass(frozen=True)
class Current:
    """The bundle whose state is current."""

    sha256: str
    bulk_day: str | None


@dataclass(frozen=True)
class Revision:
    """What a job made, and what it found."""

    job: Job
    before: Stored
    current_before: Current | None


class Refused(Exception):
    """A person asks for what cannot be."""


class Model:
    """One tenant."""

    def __init__(self) -> None:
        self.stored: Stored = {stem: {} for stem in COLUMNS}
        self.shown: Shown = {name: {} for name in COLLECTIONS}
        self.jobs: list[Job] = []
        self.revisions: list[Revision] = []
        self.current: Current | None = None
        self._ends = 0

    def deliver(self, bundle: Bundle) -> Job:
        """A bundle comes, and its job is seen to its end."""
        job = Job(len(self.jobs), bundle)
        self.jobs.append(job)
        self._load(job, None)
        return job

    def approve(self, job: Job, confirm: int | None) -> None:
        """Raises Refused on another number of removals than the job has."""
        if job.state != "held" or (confirm is None and job.sum("deleted")):
            raise Refused
        if confirm is not None and confirm != job.sum("deleted"):
            raise Refused
        self._load(job, job.sum("deleted"))

    def reject(self, job: Job) -> None:
        if job.state != "held":
            raise Refused
        job.state = "discarded"

    def retry(self, job: Job) -> None:
        """A rejected one is tried again."""
        if job.state != "rejected":
            raise Refused
        self._load(job, None)

    def roll_back(self, job: Job, *, cascade: bool) -> Job:
        """The job of the rollback. Raises Refused where nothing was made, or later revisions are in the way."""
        made = [number for number, one in enumerate(self.revisions, start=1) if one.job is job]
        if job.state != "applied" or not made or (made[0] != len(self.revisions) and not cascade):
            raise Refused
        undone = self.revisions[made[0] - 1]
        rollback = Job(len(self.jobs))
        self.jobs.append(rollback)
        restored = restore(self.stored, undone.before)
        rollback.counts = count(self.shown, records.show(restored))
        span = range(made[0], len(self.revisions) + 1)
        for one in self.jobs:
            if one.state == "applied" and one.revision in span:
                one.state = "rolled_back"
        self._apply(rollback, restored)
        self.current = undone.current_before
        return rollback

    def _load(self, job: Job, approved: int | None) -> None:
        bundle = job.bundle
        assert bundle is not None
        job.counts, job.revision, job.why = {}, None, ""
        if self.current is not None and self.current.sha256 == bundle.sha256:
            self._end(job, "duplicate")
            return
        latest = self.current.bulk_day if self.current is not None else None
        if bundle.bulk and latest is not None and bundle.day < latest:
            self._end(job, "superseded")
            return
        if dangling(bundle, self.stored):
            self._end(job, "rejected")
            return
        merged = merge(self.stored, bundle)
        if primary_twice(merged, bundle):
            self._end(job, "rejected")
            return
        job.counts = guarded(count(self.shown, records.show(merged)), bundle)
        changes = not all(one.still for one in job.counts.values())
        job.why = self._held_because(job, approved) if changes else ""
        if job.why:
            self._end(job, "held")
            if bundle.bulk:
                self._supersede(job)
            return
        self._apply(job, merged)
        confirm(self.stored, bundle)
        day = max(bundle.day, latest or bundle.day) if bundle.bulk else latest
        self.current = Current(bundle.sha256, day)
        if bundle.bulk:
            self._supersede(job)

    def _held_because(self, job: Job, approved: int | None) -> str:
        assert job.bundle is not None
        if approved is not None:
            return "" if job.sum("deleted") == approved else "approved"
        same = [
            one
            for one in self.jobs
            if one.bundle is not None and one.bundle.content == job.bundle.content
            and one.state in ("applied", "rolled_back")
        ]  # fmt: skip
        if same and max(same, key=lambda one: one.ended).state == "rolled_back":
            return "rolled-back"
        return "guard" if any(one.guard != "ok" for one in job.counts.values()) else ""

    def _apply(self, job: Job, merged: Stored) -> None:
        """Make a revision if any record changes; else only parts that no record shows differ from what is stored."""
        if not all(one.still for one in job.counts.values()):
            self.revisions.append(Revision(job, self.stored, self.current))
            shown = records.show(merged)
            self.stored = renewed(merged, self.shown, shown)
            self.shown = shown
        else:
            self.stored = self.stored | {stem: merged[stem] for stem in PARTS}
        job.revision = len(self.revisions) or None
        self._end(job, "applied")

    def _end(self, job: Job, state: str) -> None:
        self._ends += 1
        job.state, job.ended = state, self._ends

    def _supersede(self, job: Job) -> None:
        """A bulk bundle makes older ones that wait for a person pointless."""
        assert job.bundle is not None
        for one in self.jobs[: job.number]:
            if one.state == "held" and one.bundle is not None and one.bundle.day <= job.bundle.day:
                one.state = "superseded"


def dangling(bundle: Bundle, stored: Stored) -> bool:
    """Whether a row refers to a record that is neither in the bundle nor stored by a file that is not bulk here."""

    def exists(stem: str, sourced_id: str) -> bool:
        file = bundle.files.get(stem)
        if file is not None and any(row["sourcedId"] == sourced_id for row in file.rows):
            return True
        return (file is None or file.mode != "bulk") and sourced_id in stored[stem]

    return any(
        not exists(target, one)
        for stem, file in bundle.files.items()
        for row in file.rows
        if row.get("status") != "tobedeleted"
        for _, target, one in records.references(stem, row)
    )


def primary_twice(merged: Stored, bundle: Bundle) -> bool:
    """Whether a row of the file gives its user a second primary role in an org; one that comes late gives nothing."""
    file = bundle.files.get("roles")
    if file is None:
        return False
    sent = {row["sourcedId"] for row in file.rows}
    met: dict[tuple[str, str], list[str]] = {}
    for one, version in merged["roles"].items():
        if version.active and version.cells["roleType"] == "primary" and (file.mode == "delta" or one in sent):
            place = version.cells["userSourcedId"], version.cells["orgSourcedId"]
            met.setdefault(place, []).append(one)
    return any(len(found) > 1 and not sent.isdisjoint(found) for found in met.values())


def merge(stored: Stored, bundle: Bundle) -> Stored:
    """What would be stored; `stored` itself is left alone."""
    merged = {stem: dict(versions) for stem, versions in stored.items()}
    for stem, file in bundle.files.items():
        for row in file.rows:
            _merge_row(merged[stem], stem, row)
    for stem, file in bundle.files.items():
        if file.mode == "bulk":
            left = {row["sourcedId"] for row in file.rows}
            for one, version in stored[stem].items():
                # A removed user keeps the roles he had, so that /students still shows him.
                kept = stem in PARTS and _gone(merged, version)
                if one not in left and version.active and not kept:
                    merged[stem][one] = Version(version.cells, "tobedeleted", version.date)
    return merged


def _gone(stored: Stored, part: Version) -> bool:
    user = stored["users"].get(part.cells["userSourcedId"])
    return user is not None and not user.active


def _merge_row(versions: dict[str, Version], stem: str, row: Row) -> None:
    cells, status = records.meant(stem, row), row.get("status") or "active"
    date = _date(row)
    there = versions.get(row["sourcedId"])
    if there is None:
        if status == "active":
            versions[row["sourcedId"]] = Version(cells, status, date)
    elif not there.same(cells, status) and (date is None or there.date is None or date >= there.date):
        versions[row["sourcedId"]] = Version(cells, status, date)


def confirm(stored: Stored, bundle: Bundle) -> None:
    """Delta rows that say again what is stored, at a later date: an older row that comes after them is late."""
    for stem, file in bundle.files.items():
        for row in file.rows:
            date, there = _date(row), stored[stem].get(row["sourcedId"])
            if date is None or there is None:
                continue
            same = there.same(records.meant(stem, row), row["status"])
            if same and (there.date is None or date > there.date):
                there.date = date


def _date(row: Row) -> datetime | None:
    text = row.get("dateLastModified")
    return datetime.fromisoformat(text) if text else None


def restore(stored: Stored, before: Stored) -> Stored:
    """What was stored then; what was not there then is removed. Who was not there then keeps his roles."""
    restored: Stored = {stem: {} for stem in COLUMNS}
    for stem, versions in stored.items():
        for one, version in versions.items():
            then = before[stem].get(one)
            if then is not None:
                restored[stem][one] = version if version.same(then.cells, then.status) else then
            elif stem in PARTS and version.cells["userSourcedId"] not in before["users"]:
                restored[stem][one] = version
            elif version.active:
                restored[stem][one] = Version(version.cells, "tobedeleted", version.date)
            else:
                restored[stem][one] = version
    return restored


def renewed(merged: Stored, before: Shown, after: Shown) -> Stored:
    """A record that changes begins a version of its own: what is confirmed later is not known of the one before."""
    found = {stem: dict(versions) for stem, versions in merged.items()}
    for stem in ENTITIES:
        for one, version in merged[stem].items():
            if before[stem].get(one) != after[stem][one]:
                found[stem][one] = Version(version.cells, version.status, version.date)
    return found


def count(before: Shown, after: Shown) -> dict[str, Count]:
    """What changes, by collection. Users stay in /students as long as the role is theirs."""
    return {name: _count(name, before, after) for name in COLLECTIONS}


def _count(name: str, before: Shown, after: Shown) -> Count:
    old, new = before[name], after[name]
    was, becomes = _active(old), _active(new)
    entity = "users" if name in ("students", "teachers") else name
    moved = {one for one, record in after[entity].items() if before[entity].get(one) != record}
    return Count(
        len(was),
        len(becomes),
        len(becomes - old.keys()),
        len([one for one in moved if one in old and (one in becomes or one not in was)]),
        len(was - becomes),
    )


def _active(shown: dict[str, records.Record]) -> set[str]:
    return {one for one, record in shown.items() if record["status"] == "active"}


def guarded(counts: dict[str, Count], bundle: Bundle) -> dict[str, Count]:
    """The counts with the guard's word on each."""
    empty = {stem for stem, file in bundle.files.items() if file.mode == "bulk" and not file.rows}
    return {name: replace(one, guard=_word(one, empty=name in empty)) for name, one in counts.items()}


def _word(count: Count, *, empty: bool) -> str:
    before = count.before
    if not before:
        return "ok"
    if empty:
        return "hold:empty"
    if count.deleted > 5 if before < 20 else count.deleted * 10 > before:
        return "hold:ids" if count.deleted == before and count.inserted else "hold:deleted"
    return "hold:updated" if (before >= 20 and count.updated * 4 > before * 3) else "ok"

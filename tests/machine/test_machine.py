"""Bulk, delta, repeat, reorder, hold, approve, reject, roll back and crash, in any order: hub and model agree.

LONG=1 .venv/bin/python -m pytest tests/machine -q -s --timeout 0
"""

import asyncio
import os
import re
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from api import newest
from daemon import work
from oneroster.refused import Refused
from tests.machine import export, model, sender
from tests.machine import hub as hubs
from tests.machine.model import Bundle, File, Job, Model
from tests.machine.records import COLLECTIONS, COLUMNS

LONG = bool(os.environ.get("LONG"))
EXAMPLES, STEPS = (int(os.environ.get("EXAMPLES", 60)), 50) if LONG else (5, 16)

CHANCE = st.randoms(use_true_random=True)
"""Seeded: the same again, and far more various than what is drawn choice by choice."""

CALM = ("calm", 0)
CRASHES = st.one_of(
    st.just(CALM),
    st.just(CALM),
    st.just(CALM),
    st.tuples(st.sampled_from(hubs.POINTS), st.integers(1, 2)),
    st.sampled_from([("abandoned", 1), ("hung", 1)]),
)
"""What happens to the worker of a job."""


class Machine(RuleBasedStateMachine):
    """One example: a tenant of its own."""

    steps = 0
    """Of all examples together."""
    hub: hubs.Hub
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.seen: hubs.Seen = {name: {} for name in COLLECTIONS}
        self.latest = ""
        """The greatest dateLastModified so far."""
        self.day = 10
        self.sent: list[tuple[Path, Bundle]] = []
        self._run(self.hub.begin())

    def _run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(doing)

    # What comes to the door

    @initialize(
        chance=CHANCE, crash=CRASHES, how=st.sampled_from(["whole", "whole", "people later", "as delta", "empty"])
    )
    def begin(self, chance: Random, crash: tuple[str, int], how: str) -> None:
        self.sender = sender.Sender(chance)
        stems = list(COLUMNS)
        if how == "people later":
            stems = stems[:4]
        files = self.sender.bulk(stems)
        if how == "as delta":
            files = self.sender.delta(stems, chance, sender.DATES[:3])
        if how == "empty":
            files = {stem: File("bulk", []) for stem in stems}
        self._deliver(files, chance, crash, self.day)

    @rule(chance=CHANCE, crash=CRASHES, changes=st.integers(0, 4))
    def bulk(self, chance: Random, crash: tuple[str, int], changes: int) -> None:
        self._live(chance, changes)
        self._deliver(self.sender.bulk(COLUMNS), chance, crash, self._next_day(chance))

    @rule(chance=CHANCE, crash=CRASHES, changes=st.integers(0, 3))
    def some_files(self, chance: Random, crash: tuple[str, int], changes: int) -> None:
        self._live(chance, changes)
        stems = [stem for stem in COLUMNS if chance.random() < 0.6] or ["orgs"]
        self._deliver(self.sender.bulk(stems), chance, crash, self._next_day(chance))

    @rule(chance=CHANCE, crash=CRASHES, changes=st.integers(1, 4))
    def delta(self, chance: Random, crash: tuple[str, int], changes: int) -> None:
        self._live(chance, changes)
        stems = [
            stem for stem in COLUMNS if any(file == stem for file, _ in self.sender.touched) or chance.random() < 0.2
        ]
        if stems:
            files = self.sender.delta(stems, chance, self._dates(chance))
            self._deliver(files, chance, crash, self._next_day(chance))

    @rule(chance=CHANCE, crash=CRASHES, changes=st.integers(0, 4))
    def bulk_and_delta(self, chance: Random, crash: tuple[str, int], changes: int) -> None:
        self._live(chance, changes)
        modes = {stem: chance.choice(("bulk", "delta", "absent")) for stem in COLUMNS}
        files = self.sender.bulk(stem for stem in COLUMNS if modes[stem] == "bulk")
        files |= self.sender.delta([stem for stem in COLUMNS if modes[stem] == "delta"], chance, self._dates(chance))
        if files:
            self._deliver(files, chance, crash, self._next_day(chance))

    @rule(chance=CHANCE, crash=CRASHES)
    def droves(self, chance: Random, crash: tuple[str, int]) -> None:
        self._live(chance, 0)
        self.sender.leave_in_droves(chance)
        self._deliver(self.sender.bulk(COLUMNS), chance, crash, self._next_day(chance))

    @rule(chance=CHANCE, crash=CRASHES, stem=st.sampled_from(["userProfiles", "roles", "demographics", "enrollments"]))
    def a_file_without_rows(self, chance: Random, crash: tuple[str, int], stem: str) -> None:
        self._live(chance, 1)
        files = self.sender.bulk(chance.choice((list(COLUMNS), [stem]))) | {stem: File("bulk", [])}
        self._deliver(files, chance, crash, self._next_day(chance))

    @rule(chance=CHANCE, crash=CRASHES)
    def a_reference_that_dangles(self, chance: Random, crash: tuple[str, int]) -> None:
        self._live(chance, 2)
        files = self.sender.bulk(COLUMNS)
        row = {"sourcedId": "lost", "name": "Lost", "type": "school", "parentSourcedId": "nowhere"}
        files["orgs"] = File("bulk", [*files["orgs"].rows, row])
        self._deliver(files, chance, crash, self._next_day(chance))

    @rule(chance=CHANCE, crash=CRASHES)
    def the_same_bytes(self, chance: Random, crash: tuple[str, int]) -> None:
        """Of an earlier bundle or of the last one, under a name of then or of today."""
        path, bundle = chance.choice([self.sent[-1], chance.choice(self.sent)])
        day = chance.choice((bundle.day, _name(self.day)))
        self._deliver_bytes(path, Bundle(bundle.files, day, bundle.sha256, bundle.content), crash)

    @rule(chance=CHANCE, crash=CRASHES)
    def the_same_content(self, chance: Random, crash: tuple[str, int]) -> None:
        """Of an earlier bundle or of the last one, spelled in another way."""
        _, bundle = chance.choice([self.sent[-1], chance.choice(self.sent)])
        self._deliver(bundle.files, chance, crash, self._next_day(chance))

    # What a person decides

    @precondition(lambda self: self._in("held"))
    @rule(chance=CHANCE, crash=CRASHES)
    def approve(self, chance: Random, crash: tuple[str, int]) -> None:
        job = chance.choice(self._in("held"))
        number = job.sum("deleted")
        self._run(self.hub.approve(self._real(job), number if number or chance.random() < 0.5 else None))
        self._work(crash)
        self.model.approve(job, number)
        self._agree(job)

    @precondition(lambda self: self._in("held"))
    @rule(chance=CHANCE, off=st.sampled_from([-1, 1, None]))
    def approve_another_number(self, chance: Random, off: int | None) -> None:
        job = chance.choice(self._in("held"))
        number = job.sum("deleted")
        if off is None and not number:
            return
        with pytest.raises(Refused):
            self._run(self.hub.approve(self._real(job), None if off is None else number + off))
        self._agree(job)

    @precondition(lambda self: self._in("held"))
    @rule(chance=CHANCE)
    def reject(self, chance: Random) -> None:
        job = chance.choice(self._in("held"))
        self._run(self.hub.reject(self._real(job)))
        self.model.reject(job)
        self._agree(job)

    @precondition(lambda self: self._in("rejected"))
    @rule(chance=CHANCE, crash=CRASHES)
    def retry(self, chance: Random, crash: tuple[str, int]) -> None:
        """What a bundle lacked may have come meanwhile."""
        job = chance.choice(self._in("rejected"))
        self._run(self.hub.retry(self._real(job)))
        self._work(crash)
        self.model.retry(job)
        self._agree(job)

    @precondition(lambda self: self._in("applied"))
    @rule(chance=CHANCE, crash=CRASHES, newest=st.booleans(), cascade=st.booleans())
    def roll_back(self, chance: Random, crash: tuple[str, int], newest: bool, cascade: bool) -> None:
        """The job that made the newest revision, a rollback's own among them; or any, if later ones may go too."""
        job = self.model.revisions[-1].job if newest and self.model.revisions else chance.choice(self._in("applied"))
        found = self._real(job)
        try:
            rollback = self.model.roll_back(job, cascade=cascade)
        except model.Refused:
            with pytest.raises(Refused):
                self._run(self.hub.roll_back(found, cascade=cascade))
            rollback = job
        else:
            self._run(self.hub.roll_back(found, cascade=cascade))
            self._work(crash)
        self._agree(rollback)

    # How it is done

    def _live(self, chance: Random, changes: int) -> None:
        if chance.random() < 0.6:
            self.sender.follow(self.model.stored)
        if chance.random() < 0.8:
            self.sender.touched = set()
        for _ in range(changes):
            self.sender.change(chance)

    def _next_day(self, chance: Random) -> int:
        self.day = min(28, self.day + chance.choice((0, 0, 1)))
        return self.day - chance.choice((0, 0, 0, 0, 0, 0, 1, 2))

    def _dates(self, chance: Random) -> list[str]:
        return chance.choice((sender.DATES, sender.DATES[:2], sender.DATES[-2:], sender.DATES[-1:]))

    def _deliver(self, files: dict[str, File], chance: Random, crash: tuple[str, int], day: int) -> None:
        path = self.hub.folder / f"{id(self)}-{len(self.sent)}.zip"
        bundle = export.write(files, _name(day), path, chance)
        self.sent.append((path, bundle))
        self._deliver_bytes(path, bundle, crash)

    def _deliver_bytes(self, path: Path, bundle: Bundle, crash: tuple[str, int]) -> None:
        self._run(self.hub.deliver(path, f"RO_{bundle.day}_239930.zip"))
        self._work(crash)
        self._agree(self.model.deliver(bundle))

    def _work(self, crash: tuple[str, int]) -> None:
        point, times = crash
        if point == "calm":
            self._run(self.hub.work())
        elif point == "abandoned":
            self._run(self.hub.work_abandoned())
        elif point == "hung":
            self._run(self.hub.work_hung())
        else:
            self._run(self.hub.work_struck(point, times))

    def _in(self, state: str) -> list[Job]:
        return [one for one in self.model.jobs if one.state == state]

    def _real(self, job: Job) -> Any:
        return self._run(self.hub.all_jobs())[job.number]

    # Whether hub and model agree

    def _agree(self, job: Job) -> None:
        Machine.steps += 1
        found = self._run(self.hub.all_jobs())
        states = [one.state for one in found], [one.state for one in self.model.jobs]
        faults = self._run(self.hub.problems(found[job.number]))
        assert states[0] == states[1], "\n".join(map(str, (one for one in faults if one.severity == "error")))
        self._agree_on_records()
        for one, real in zip(self.model.jobs, found, strict=True):
            shown = one.revision if one.state in ("applied", "rolled_back") else None
            expected = (shown, one.sum("inserted"), one.sum("updated"), one.sum("deleted"))
            assert (real.revision, real.inserted, real.updated, real.deleted) == expected, real
        self._agree_on(job, found[job.number])

    def _agree_on(self, job: Job, real: Any) -> None:
        if job.state == "held":
            said = {"rolled-back": "rolled-back", "approved": "Approved with .*"}.get(
                job.why, r".*(would|has no rows).*"
            )
            assert re.fullmatch(said, real.reason), real.reason
        counted = {one.entity: one for one in self._run(self.hub.counts(real))}
        for name, expected in job.counts.items():
            if name in counted:
                one = counted[name]
                assert (
                    model.Count(one.before, one.after, one.inserted, one.updated, one.deleted, one.guard) == expected
                ), one
            else:
                assert expected.still, name

    def _agree_on_records(self) -> None:
        seen: hubs.Seen = self._run(self.hub.everything(limit=9))
        shown = {name: {one: record for one, (record, _) in found.items()} for name, found in seen.items()}
        for name in COLLECTIONS:
            expected = self.model.shown[name]
            differ = {
                one: (shown[name].get(one), expected.get(one))
                for one in {*shown[name], *expected}
                if shown[name].get(one) != expected.get(one)
            }
            assert not differ, f"{name}, as the hub has them and as they should be: {differ}"
        dates = set()
        for name, found in seen.items():
            for one, (record, date) in found.items():
                before = self.seen[name].get(one)
                # Who comes into /students by a new role was shown among the users before.
                if before is None and name in ("students", "teachers"):
                    before = self.seen["users"].get(one)
                if before is not None and before[0] == record:
                    assert date == before[1], f"{name}/{one} moved without a change"
                else:
                    assert date > self.latest, f"{name}/{one} changed and did not move forward"
                    dates.add(date)
        assert len(dates) <= 1, "one job makes one revision"
        self.latest = max([self.latest, *dates])
        self.seen = seen


def _name(day: int) -> str:
    return f"202604{day:02}"


@pytest.mark.timeout(0 if LONG else 600)
def test_hub_and_model_agree_after_every_step(conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # All in a tenth of the time: what is newest is known everywhere when a job is done.
    monkeypatch.setattr(newest, "DUE", 0.01)
    monkeypatch.setattr(newest, "GOOD", 0.025)
    monkeypatch.setattr(work, "KNOWN_EVERYWHERE", 0.03)
    with asyncio.Runner() as runner:
        context = hubs.running(conninfo, tmp_path)
        hub = runner.run(context.__aenter__())
        try:
            Machine.hub, Machine.runner, Machine.steps = hub, runner, 0
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    derandomize=not LONG,
                    database=None,
                    deadline=None,
                    print_blob=True,
                    report_multiple_bugs=False,
                    phases=[Phase.generate, *([Phase.shrink] if "SHRINK" in os.environ else [])],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(context.__aexit__(None, None, None))
            print(f"machine: {Machine.steps} steps, {hub.crashes} crashes")

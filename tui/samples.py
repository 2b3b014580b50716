"""Some of the records of one entity that a job changed or would change; Enter tells all of a record."""

import msgspec

from oneroster import entities
from sql.jobs import Job
from sql.samples import Sample
from tui import words
from tui.detail import known_first, plain
from tui.listing import Listing
from tui.record import Record
from tui.rows import Column, Line, Row
from tui.words import say, word

COLUMNS = (Column(word("WHAT"), 8), Column(word("ID"), 20, grow=1), Column(word("FIELDS"), 47, grow=2))
STYLES = {"deleted": "bad", "inserted": "good", "updated": ""}


class Samples(Listing):
    """Ten of each kind of change at most; persons are masked."""

    tab_name = "samples"
    head_height = 1
    status_height = 3
    hint = word("Enter what became of it  / filter  s sort  y copy id  e export  Esc back")

    def __init__(self, job: Job, entity: str, found: list[Sample]) -> None:
        super().__init__()
        self.job, self.entity = job, entity
        self.data = found

    def on_mount(self) -> None:
        self.refill()

    def columns(self) -> tuple[Column, ...]:
        return COLUMNS

    def rows(self) -> list[Row]:
        return [row(one) for one in self.data]

    def head(self) -> list[Line]:
        said = say("Job {id}", id=str(self.job.id)[:8])
        return [self.sentence(f"{said}  {self.job.tenant_name}  {words.entity(self.entity)}", "head")]

    def status(self, shown: int, total: int) -> list[Line]:
        row = self.table.row
        said = say("No samples were kept.") if row is None else row.cells[2][0]
        return [*self.sentences(said, "", 2), self.found(shown, total, word("of those that change"))]

    def open(self, row: Row) -> None:
        kind = next(one for one in entities.EXPOSED if one.name == self.entity)
        self.app.push_screen(Record(self.job.tenant, kind, str(row.record["sourced_id"])))


def row(one: Sample) -> Row:
    """A record that changes."""
    change = say(words.CHANGES[one.change])
    side = 0 if one.change == "deleted" else 1
    fields = known_first(one.fields)
    if one.change == "updated":
        said = ", ".join(f"{name} {plain(was)} -> {plain(now)}" for name, (was, now) in fields)
    else:
        said = ", ".join(f"{name} {plain(pair[side])}" for name, pair in fields if pair[side])
    return Row(
        key=f"{one.change} {one.sourced_id}",
        cells=((change, STYLES[one.change]), (one.sourced_id, ""), (said, "")),
        ranks=(change, one.sourced_id, said),
        facts={"change": f"{one.change} {change}", "id": one.sourced_id.casefold(), "fields": said.casefold()},
        copied=one.sourced_id,
        record=msgspec.structs.asdict(one),
    )

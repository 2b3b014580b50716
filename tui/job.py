"""One job: what was wrong, what it changed or would change, its files, its times."""

from typing import ClassVar

import msgspec
from textual.binding import BindingType

from oneroster import entities
from oneroster.refused import Refused
from sql import database, jobs, masking, samples
from sql.database import Connection
from sql.jobs import Count, Fault, Job
from sql.samples import Sample
from tui import findings, format, job_deeds, job_rows, keys, raw, record, refusals, rows, text
from tui.deeds import Deed
from tui.detail import Detail
from tui.dialog import Ask
from tui.hands import Raw
from tui.listing import Listing
from tui.rows import Column, Line, Row, Span
from tui.samples import Samples
from tui.words import say, word

MOST = 500
"""Problems held: the rest is in the report and in `rosterhub job problems`."""

TABS = ("problems", "diff", "files", "timeline", "raw")


class Findings(msgspec.Struct, frozen=True):
    """What the screen shows."""

    job: Job
    faults: list[Fault]
    counts: list[Count]
    samples: list[Sample]


class JobDetail(Listing):
    """A job under four tabs, live while it runs."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.JOB)
    own_keys = keys.JOB
    tab_name = "jobs"
    head_height = 2
    status_height = 5

    data: Findings | None

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
        self.tab = _first_tab(job)
        self._turned = False
        """Whether a person has gone to another tab; until then it is that of the most interest."""
        self.raw: Raw | None = None
        self._fault = 0
        """The problem of which `raw` shows the row."""
        self._raw_said = ""

    async def fetch(self, conn: Connection) -> Findings:
        one = await jobs.by_prefix(conn, str(self.job.id))
        if self.data is not None and self.data.job == one:
            # a job's findings change with the job, and never after its end
            return self.data
        found = await jobs.problems(conn, one.tenant_id, one.id)
        if self.app.role != "admin":
            found = [masking.fault(fault) for fault in found]
        found.sort(key=lambda fault: fault.severity)  # errors first; else as they stand in the bundle
        return Findings(
            one,
            found[:MOST],
            await jobs.counts(conn, one.tenant_id, one.id),
            await samples.of_job(conn, one.tenant_id, one.id),
        )

    def take(self, data: Findings) -> bool:
        self.job = data.job
        if not self._turned:
            self.tab = _first_tab(data.job)
        return super().take(data)

    def columns(self) -> tuple[Column, ...]:
        if self.tab == "problems":
            return findings.PROBLEM_COLUMNS
        if self.tab == "diff":
            return findings.count_columns(self.job.state)
        if self.tab == "raw":
            return raw.COLUMNS
        return findings.FILE_COLUMNS if self.tab == "files" else findings.TIME_COLUMNS

    def rows(self) -> list[Row]:
        if self.data is None:
            return []
        if self.tab == "problems":
            return [findings.problem_row(place, one) for place, one in enumerate(self.data.faults)]
        if self.tab == "diff":
            return [findings.count_row(one, self.job.state) for one in self.data.counts]
        if self.tab == "files":
            return findings.file_rows(self.data.job, self.data.faults)
        if self.tab == "raw":
            width = max(20, self.size.width - 80 + raw.COLUMNS[1].width)
            return [] if self.raw is None else raw.rows(self.raw, width)
        return findings.time_rows(self.data.job, self.at)

    def head(self) -> list[Line]:
        width = self.size.width
        state = self.job.state.upper()
        first: list[Span] = [(f" {findings.job_head(self.job)}  ", ""), (say(state), format.STYLES.get(state, ""))]
        profile = f"{self.job.profile or ''} "
        number = self.job.errors + self.job.warnings
        titles = {
            "problems": say("Problems {count:,}", count=number),
            "diff": say("Diff"),
            "files": say("Files {count}", count=len(self.job.rows)),
            "timeline": say("Timeline"),
            "raw": say("Raw"),
        }
        second: list[Span] = [(" ", "")]
        for name in TABS:
            second.append((f"[{titles[name]}]", "mark") if name == self.tab else (titles[name], ""))
            second.append(("  ", ""))
        return [rows.edges(first, [(profile, "dim")], width), rows.edges(second, [], width)]

    def status(self, shown: int, total: int) -> list[Line]:
        if self.data is None:
            return []
        if self.tab == "problems":
            return self._problem_lines(shown, total)
        if self.tab == "raw":
            return self._raw_lines(shown, total)
        more: list[Line] = []
        if self.tab == "diff" and not total:
            more = [self.sentence(say("No counts: the bundle was not compared with the roster."))]
        if self.tab == "diff" and self.table.row is not None:
            found = {one.entity: one.after - one.before - one.inserted + one.deleted for one in self.data.counts}
            back = 0 if self.table.row.key in findings.PARTS else found.get(self.table.row.key, 0)
            if back > 0:
                said = say("Of UPDATE, were removed before and come back: {count:,}", count=back)
                more = [self.sentence(said, "dim")]
        if self.tab == "timeline":
            more = [self.sentence(f"SHA-256 {self.job.sha256}", "dim")]
        lines = self._why(self.status_height - 1 - len(more))
        return [*lines, *more, self.found(shown, total, self.tab_words())]

    def _why(self, height: int) -> list[Line]:
        """Why the job is as it is, on so many lines."""
        return self.sentences(job_rows.line(self.job, self.at), format.STYLES.get(self.job.state.upper(), ""), height)

    def keys_line(self) -> str:
        if self.job.state == "held":
            return word("Tab next tab  Enter open  A approve  X reject  e export  ? help  Esc back")
        if self.job.state in ("rejected", "failed"):
            return word("Tab next tab  Enter what to do  R try again  e export  ? help  Esc back")
        if self.job.state == "applied":
            return word("Tab next tab  Enter open  B roll back  e export  ? help  Esc back")
        return word("Tab next tab  Enter open  a actions  e export  ? help  Esc back")

    def tab_words(self) -> str:
        """What the rows of this tab are called."""
        return {
            "problems": word("problems"),
            "diff": word("entities"),
            "files": word("files"),
            "timeline": word("steps"),
            "raw": word("lines"),
        }[self.tab]

    def _problem_lines(self, shown: int, total: int) -> list[Line]:
        assert self.data is not None
        width, job = self.size.width - 2, self.job
        number = job.errors + job.warnings
        kinds = job_rows.tally([one.code for one in self.data.faults])
        errors = say("1 error" if job.errors == 1 else "{count:,} errors", count=job.errors)
        warnings = say("1 warning" if job.warnings == 1 else "{count:,} warnings", count=job.warnings)
        first = say(" ({count:,} shown)", count=total) if total < number else ""
        counts = f"{errors}{say(', ')}{warnings}{first}"
        if not number:
            return [*self._why(4), self.found(shown, total, self.tab_words())]
        top = self.sentence(say("{counts}: {kinds}", counts=counts, kinds=kinds) if kinds else counts)
        row = self.table.row
        said: list[str] = []
        if row is not None:
            one = self.data.faults[int(row.key)]
            told = say("{place}: {message}", place=findings.place(one), message=findings.message(one))
            said = text.wrap(told, width, 3)
        lines = [self.sentence(line) for line in said]
        return [top, *lines, *[()] * (3 - len(lines)), self.found(shown, total, self.tab_words())]

    def _raw_lines(self, shown: int, total: int) -> list[Line]:
        assert self.data is not None
        said = self._raw_said
        if not said and self.data.faults:
            one = self.data.faults[self._fault]
            said = f"{one.code} " + say("{place}: {message}", place=findings.place(one), message=findings.message(one))
        return [*self.sentences(said, "", 4), self.found(shown, total, self.tab_words())]

    async def _read_raw(self) -> None:
        """The row of the problem at the cursor, from the archive."""
        hands, found = self.app.hands, self.data
        self.raw, self._raw_said = None, ""
        if hands is None:
            self._raw_said = say("These screens have no access to the archive.")
        elif found is None or not found.faults:
            self._raw_said = say("There is no problem whose line could be shown.")
        else:
            one = found.faults[self._fault]
            if not one.line:
                self._raw_said = say("This problem is not about a line of a file.")
            else:
                try:
                    self.raw = await hands.raw(self.job, one.file, one.line, one.column)
                except Refused as error:
                    self._raw_said = refusals.told(error)
                except database.OUTAGE:
                    self._raw_said = say("The database does not answer.")
                else:
                    self._raw_said = "" if self.raw else say("The bundle is no longer kept.")
        if self.tab == "raw" and self.there:
            self.refill(first=True)

    def deeds(self) -> list[Deed]:
        found = job_deeds.of(self.app, self.job)
        row = self.table.row
        if self.data is None or not self.data.faults or self.tab not in ("problems", "raw"):
            return found
        place = int(row.key) if self.tab == "problems" and row is not None else self._fault
        fault = self.data.faults[place]
        return [*found, Deed("record", say("What became of the record of this line"), "", lambda: self._record(fault))]

    async def _record(self, fault: Fault) -> Ask:
        """The dialog of a record, with that of the line filled in."""
        hands = self.app.hands
        entity = next((one.name for one in entities.EXPOSED if one.file == fault.file), "users")
        found = None
        if hands is not None and fault.line:
            found = await hands.raw(self.job, fault.file, fault.line, fault.column)
        return record.ask(self.app, self.job.tenant, entity, found.sourced_id if found else "")

    def open(self, row: Row) -> None:
        if self.tab == "problems" and self.data is not None:
            one = self.data.faults[int(row.key)]
            self.app.push_screen(
                Detail({**row.record, "message": findings.message(one), "remedy": findings.remedy(one)})
            )
        elif self.tab == "diff" and self.data is not None:
            entity = "users" if row.key in findings.PARTS else row.key
            found = [one for one in self.data.samples if one.entity == entity]
            self.app.push_screen(Samples(self.job, entity, found))
        else:
            self.app.push_screen(Detail(dict(row.record)))

    def action_tab(self, by: int) -> None:
        if self.has_class("-asking"):
            return
        self._turned, self.note = True, ""  # a key with priority: `on_key` does not hear of it
        if self.tab == "problems" and self.table.row is not None:
            self._fault = int(self.table.row.key)
        self.tab = TABS[(TABS.index(self.tab) + by) % len(TABS)]
        if self.tab == "raw":
            self.run_worker(self._read_raw(), group="raw", exclusive=True)
        self.filter, self.sorted_by = "", None
        self.table.skipped = 0
        self.refill(first=True)


def _first_tab(job: Job) -> str:
    return "problems" if job.errors or job.warnings else "diff"

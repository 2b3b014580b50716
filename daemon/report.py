"""The answer to the sender: what came of his bundle, as JSON, as CSV and as a text for people, in his reports folder.

Every bundle is answered, good or bad: `<file name>.<first 8 of sha256>.json`, `.csv` and `.txt`, and the same as
`latest.*`. Files appear whole under their names. Values of sealed fields are masked, as in the database.
"""

import asyncio
import contextlib
import csv
import datetime
import io
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import structlog

from daemon import making
from oneroster import problems, safe
from sql import database, inboxes, jobs, shown
from sql.database import Pool
from sql.inboxes import Inbox
from sql.jobs import Count, Fault, Job

log = structlog.get_logger("daemon.report")

FOLDER = "reports"
COLUMNS = ("file", "line", "column", "code", "severity", "value", "message")
FIRST = 50
"""Problems in the text for people."""
LONGEST_NAME = 230
"""Bytes of a bundle's name in that of its report."""
GIVEN_UP = datetime.timedelta(hours=1)
"""After this a report that cannot be written is not tried any more."""
JAPAN = datetime.timezone(datetime.timedelta(hours=9), "JST")

STATES = {
    "applied": ("applied", "反映しました"),
    "held": (
        "held: a person has to decide; nothing was changed",
        "保留中です（担当者の確認待ち。何も変更していません）",
    ),
    "rejected": ("rejected: nothing was changed", "受け付けませんでした（何も変更していません）"),
    "duplicate": ("the same bundle as before: nothing to change", "前回と同じデータのため、変更はありません"),
    "superseded": ("newer data has come: not used", "より新しいデータがあるため、使用しません"),
    "failed": (
        "failed for reasons of ours: nothing was changed",
        "当方の障害により処理できませんでした（何も変更していません）",
    ),
    "discarded": (
        "discarded by a person: nothing was changed",
        "担当者の判断により破棄しました（何も変更していません）",
    ),
    "rolled_back": ("rolled back: the state before it was restored", "取り消して、以前の状態に戻しました"),
}
ADVICE = {
    "held": (
        "If the changes are meant, ask your school board to approve them; else send a corrected export.",
        "意図した変更であれば教育委員会に承認を依頼してください。そうでなければ、修正したデータを再送してください。",
    ),
    "rejected": (
        "Correct what is listed below in your system, export again and send the whole bundle anew.",
        "下記の箇所を元のシステムで修正し、出力し直して、すべてのファイルを再送してください。",
    ),
    "superseded": (
        "If it is newer after all, name it RO_YYYYMMDD_ with the day of the roster.",
        "実際には新しいデータの場合、名簿の基準日を RO_YYYYMMDD_ としてファイル名に付けてください。",
    ),
    "failed": ("Nothing to do for now; we see to it.", "当方で対応しますので、今は何もする必要はありません。"),
}
REASONS = {
    "rolled-back": "These very bytes were applied before and rolled back; they are not applied again by themselves."
}
"""Reasons that are a word for machines."""
NOTHING_TO_DO = ("Nothing to do.", "対応は不要です。")


class Report(msgspec.Struct, frozen=True):
    """All that is told of a job."""

    job: Job
    faults: list[Fault]
    counts: list[Count]


async def answer(pool: Pool, state: Path, tenant_id: int, job_id: uuid.UUID) -> None:
    """Answer the sender of an ended job, and note that. A folder that cannot be written is tried again for an hour."""
    async with database.hub(pool, "ingest", read_only=True) as conn:
        job = await jobs.by_prefix(conn, str(job_id))
        report = Report(job, await jobs.problems(conn, tenant_id, job_id), await jobs.counts(conn, tenant_id, job_id))
        doors = await inboxes.in_use(conn, job.tenant)
    inbox = next((one for one in doors if one.id == job.inbox), None)
    trouble = None
    if inbox is not None:
        try:
            await asyncio.to_thread(write, *place(state, inbox), report)
        except OSError as error:
            trouble = f"The report cannot be written: {error.strerror or error}"
            log.warning("report not written", job=str(job_id)[:8], error=trouble)
    async with database.hub(pool, "ingest") as conn:
        if inbox is not None and trouble is not None:
            await inboxes.looked(conn, inbox, trouble)
        ended = job.finished_at or job.received_at
        if trouble is None or datetime.datetime.now(datetime.UTC) - ended > GIVEN_UP:
            await jobs.reported(conn, tenant_id, job_id)


def place(state: Path, inbox: Inbox) -> tuple[Path, bool]:
    """The folder in which the reports folder of an inbox lies, and whether others own it."""
    if inbox.kind == "drop":
        return Path(inbox.path or ""), True
    return state / "doors" / str(inbox.id), False


def write(home: Path, foreign: bool, report: Report) -> None:
    """Write all files of a report below `home`. Where others own it, they own the report, too. Raises OSError."""
    if not foreign:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {"json": as_json(report), "csv": as_csv(report), "txt": as_text(report)}
    stem = f"{_file_name(report.job.bundle)}.{report.job.sha256[:8]}"
    with _entered(home, foreign) as (folder, owner):
        making.sweep(folder)  # an answer that was cut off is given anew
        for name in (stem, "latest"):
            for suffix, text in files.items():
                _put(folder, f"{name}.{suffix}", text.encode(), owner)
        os.fsync(folder)


def as_json(report: Report) -> str:
    """`job show` plus `problems`."""
    data = shown.job(report.job) | {"problems": [shown.problem(one) for one in report.faults]}
    return safe.json(msgspec.json.format(msgspec.json.encode(data), indent=2).decode()) + "\n"


def as_csv(report: Report) -> str:
    """A line a problem, for spreadsheets: UTF-8, cells that would be formulas prefixed by an apostrophe."""
    text = io.StringIO()
    lines = csv.writer(text, quoting=csv.QUOTE_ALL)
    lines.writerow(COLUMNS)
    for one in report.faults:
        fields = shown.problem(one)
        lines.writerow([_cell(fields[column]) for column in COLUMNS])
    return text.getvalue()


def as_text(report: Report) -> str:
    """For people: what came, what became of it and why, what is wrong, what to do; in Japanese and English."""
    job = report.job
    english, japanese = STATES.get(job.state, (job.state, job.state))
    advice = ADVICE.get(job.state, NOTHING_TO_DO)
    received = job.received_at.astimezone(JAPAN).strftime("%Y-%m-%d %H:%M:%S JST")
    rows = ", ".join(f"{name} {count:,}" for name, count in job.rows.items()) or "-"
    lines = [
        f"ファイル / File: {safe.shown(job.bundle)}",
        f"受信 / Received: {received}",
        f"SHA-256: {job.sha256}",
        f"ジョブ / Job: {job.id}",
        f"データ行 / Data rows: {rows}",
        "",
        f"結果: {japanese}",
        f"Result: {english}",
        *_because(job),
        *_changes(report),
        "",
        f"対応: {advice[1]}",
        f"What to do: {advice[0]}",
        *_problems(report),
    ]
    return "\n".join(lines) + "\n"


def _because(job: Job) -> Iterator[str]:
    if job.reason:
        if job.reason_japanese:
            yield f"理由: {safe.shown(job.reason_japanese)}"
        yield f"Reason: {safe.shown(REASONS.get(job.reason, job.reason))}"


def _changes(report: Report) -> Iterator[str]:
    job = report.job
    if job.state in ("applied", "rolled_back"):
        yield f"追加 {job.inserted:,}  更新 {job.updated:,}  削除 {job.deleted:,}"
        yield f"inserted {job.inserted:,}, updated {job.updated:,}, deleted {job.deleted:,}"
    elif job.state == "held":
        yield "反映した場合の変更 / What would change:"
        for one in report.counts:
            mark = "  <-- " + one.guard if one.guard != "ok" else ""
            yield (
                f"  {one.entity}: {one.before:,} -> {one.after:,}"
                f" (+{one.inserted:,} ~{one.updated:,} -{one.deleted:,}){mark}"
            )


def _problems(report: Report) -> Iterator[str]:
    # Errors first; else as they stand in the bundle.
    job, faults = report.job, sorted(report.faults, key=lambda one: one.severity)
    yield ""
    yield f"エラー / Errors: {job.errors:,}    警告 / Warnings: {job.warnings:,}"
    explained: set[str] = set()
    for number, one in enumerate(faults[:FIRST], start=1):
        yield ""
        yield f"{number}. [{one.code}] {_place(one)}"
        yield from _said(one, fix=one.code not in explained)
        explained.add(one.code)
    if len(faults) > FIRST or job.errors + job.warnings > len(faults):
        yield ""
        yield "ほかの問題は、同名の .csv ファイルをご覧ください。/ See the .csv file of this name for more."


def _place(one: Fault) -> str:
    parts = (
        safe.shown(one.file) or "(bundle)",
        f"{one.line}行目 / line {one.line}" if one.line else "",
        f"列 / column {safe.shown(one.column)}" if one.column else "",
        f"値 / value 「{safe.shown(one.value)}」" if one.value else "",
    )
    return "  ".join(part for part in parts if part)


def _said(one: Fault, *, fix: bool) -> Iterator[str]:
    """The sentences of a fault; what to do about it is said once a kind."""
    code = problems.CODES.get(one.code)
    if code is None:  # of an earlier version
        yield f"   {safe.shown(one.detail)}"
        return
    yield f"   {safe.shown(one.problem.japanese)}"
    if fix:
        yield f"   → {code.fix_japanese}"
    yield f"   {safe.shown(one.problem.message)}"
    if fix:
        yield f"   -> {code.fix}"


def _cell(value: Any) -> Any:
    return safe.cell(value) if isinstance(value, str) else value


def _file_name(bundle: str) -> str:
    """The bundle's name as a part of another file's."""
    name = safe.shown(bundle).replace("/", "_").replace("\\", "_").lstrip(".") or "bundle"
    return name.encode()[:LONGEST_NAME].decode(errors="ignore")


@contextlib.contextmanager
def _entered(home: Path, foreign: bool) -> Iterator[tuple[int, os.stat_result | None]]:
    """A descriptor of the reports folder, made when it is missing, and whose it is when it is not ours alone."""
    top = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        owner = os.fstat(top) if foreign else None
        made = False
        with contextlib.suppress(FileExistsError):
            os.mkdir(FOLDER, 0o700, dir_fd=top)
            made = True
        folder = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
        try:
            if made and owner is not None:
                _give(folder, owner, stat.S_IMODE(owner.st_mode) & 0o777 | 0o700)
            yield folder, owner
        finally:
            os.close(folder)
    finally:
        os.close(top)


def _put(folder: int, name: str, content: bytes, owner: os.stat_result | None) -> None:
    part, number = making.begin(folder)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            stream.flush()
            if owner is not None:
                _give(number, owner, stat.S_IMODE(owner.st_mode) & 0o666 | 0o600)
            os.fsync(number)
        os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(part, dir_fd=folder)
        raise


def _give(number: int, owner: os.stat_result, mode: int) -> None:
    """Whoever may use the folder that bundles come in may use the answers."""
    os.fchmod(number, mode)
    with contextlib.suppress(PermissionError):  # only root may; else the group must do
        os.fchown(number, owner.st_uid, owner.st_gid)

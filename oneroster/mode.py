"""Bulk or delta: what the rows of a file say of it (CSV binding sections 1 and 4)."""

from collections.abc import Sequence

from oneroster.rows import Batch, Column


class Seen:
    """Counts, as batches pass, how many rows bear a status and a date."""

    def __init__(self, columns: Sequence[Column]) -> None:
        headers = [column.header for column in columns]
        self._status, self._date = headers.index("status"), headers.index("dateLastModified")
        self._rows = self._blank = self._filled = 0
        self._half = self._odd = 0

    def see(self, batch: Batch) -> None:
        """Take a batch into account."""
        statuses = [row[self._status] != "" for row in batch.cells]
        dates = [row[self._date] != "" for row in batch.cells]
        both, blank = sum(map(bool.__and__, statuses, dates)), statuses.count(False)
        if blank != dates.count(False) or both + blank != len(statuses):
            halves = map(bool.__xor__, statuses, dates)
            self._half = self._half or next(line for line, half in zip(batch.lines, halves, strict=True) if half)
            blank = sum(not (status or date) for status, date in zip(statuses, dates, strict=True))
        if blank and not self._odd:
            self._odd = next(
                line for line, status, date in zip(batch.lines, statuses, dates, strict=True) if not (status or date)
            )
        self._rows += len(statuses)
        self._blank += blank
        self._filled += both

    @property
    def mode(self) -> str | None:
        """None when there are no rows, or when they contradict each other."""
        if self._rows == 0:
            return None
        if self._blank == self._rows:
            return "bulk"
        return "delta" if self._filled == self._rows else None

    @property
    def odd_line(self) -> int:
        """Of rows that contradict each other, one to show: the first with one of the two, else the first with none."""
        return 0 if self.mode or not self._rows else self._half or self._odd

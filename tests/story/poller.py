"""A learning platform that only ever asks for what has changed, and keeps a replica.

Its cursor is the greatest `dateLastModified` it has seen, or the `Date` of the first page of its last walk.
"""

import datetime
import email.utils
import threading
from collections.abc import Iterator

from tests.story.lms import Answer, Lms, Record

WATCHED = ("users", "classes", "enrollments", "orgs")


class Poller:
    """A replica of some collections, brought up to date again and again."""

    def __init__(
        self,
        lms: Lms,
        limit: int,
        watched: tuple[str, ...] = WATCHED,
        *,
        by_date: bool = False,
        by_offset: bool = False,
    ) -> None:
        self.lms, self.limit, self.by_date, self.by_offset = lms, limit, by_date, by_offset
        self.replica: dict[str, dict[str, Record]] = {name: {} for name in watched}
        self.walks = 0
        self._cursors = dict.fromkeys(watched, "")

    def poll(self) -> int:
        """One walk through each collection; how many records came."""
        return sum(map(self._poll, self.replica))

    def _poll(self, name: str) -> int:
        cursor, first, came = self._cursors[name], "", 0
        query = {"filter": f"dateLastModified>'{cursor}'"} if cursor else {}
        pages = self._by_offset if self.by_offset else self.lms.pages
        for answer in pages(f"/{name}", limit=self.limit, **query):
            first = first or _instant(answer)
            for record in answer.json[name]:
                self.replica[name][record["sourcedId"]] = record
                cursor = max(cursor, record["dateLastModified"])
                came += 1
        self._cursors[name] = first if self.by_date else cursor
        self.walks += 1
        return came

    def _by_offset(self, path: str, *, limit: int, **query: str) -> Iterator[Answer]:
        """Page after page until one is not full, as a platform does that knows no Link header."""
        for offset in range(0, 1_000_000, limit):
            answer = self.lms.get(path, limit=limit, offset=offset, **query)
            assert answer.status == 200, answer.body
            yield answer
            if len(answer.json[path[1:]]) < limit:
                return

    def keep_polling(self, ended: threading.Event) -> None:
        """Until told that nothing will change any more, and once again after that."""
        while not ended.wait(0.25):
            self.poll()
        self.poll()


def _instant(answer: Answer) -> str:
    """The answer's `Date` as a filter wants it."""
    date = email.utils.parsedate_to_datetime(answer.headers["Date"])
    return date.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""A window on a log too long to hold: two pages around the cursor, and where the pages above them begin. Pure."""

import datetime

import msgspec

from sql import audit
from sql.audit import Entry

PAGE = 200
"""Entries fetched at a time."""

Place = tuple[datetime.datetime, int]
"""Time and id of an entry; entries before it are older."""

START: Place = (audit.END, 0)


class Page(msgspec.Struct, frozen=True):
    """Entries older than `before`, newest first."""

    before: Place
    entries: tuple[Entry, ...]


class Window(msgspec.Struct, frozen=True):
    """What is held of the log."""

    asked: tuple[str | None, str]
    """The tenant and the search it answers."""
    pages: tuple[Page, ...] = ()
    above: tuple[Place, ...] = ()
    """Where the pages let go of at the top begin, the newest first."""
    ended: bool = False
    """Whether the oldest entry is held."""

    @property
    def entries(self) -> list[Entry]:
        return [one for page in self.pages for one in page.entries]


def place(one: Entry) -> Place:
    """Where an entry stands in the log."""
    return one.at, one.id


def end(window: Window) -> Place:
    """Before which place the next older page is asked for."""
    held = window.entries
    return place(held[-1]) if held else START


def with_newest(window: Window, newest: list[Entry]) -> Window:
    """After a look at the newest page, while nothing above is let go of."""
    held = window.pages[0].entries if window.pages else ()
    known = {one.id for one in newest}
    rest = [one for one in held if one.id not in known]
    joined = len(rest) < len(held)
    # Entries are committed a little out of order: an older one may come in between.
    first = sorted([*newest, *rest], key=place, reverse=True) if joined else newest
    if joined and len(window.pages) > 1 and len(first) < 2 * PAGE:
        return msgspec.structs.replace(window, pages=(Page(START, tuple(first)), *window.pages[1:]))
    short = len(first) <= PAGE and len(newest) < PAGE
    return msgspec.structs.replace(window, pages=(Page(START, tuple(first[:PAGE])),), ended=short)


def with_older(window: Window, older: list[Entry]) -> Window:
    """With one more page at the end; the first is let go of when there are three."""
    if not older:
        return msgspec.structs.replace(window, ended=True)
    pages = (*window.pages, Page(end(window), tuple(older)))
    above = window.above
    if len(pages) > 2:
        above = (*above, pages[0].before)
        pages = pages[1:]
    return msgspec.structs.replace(window, pages=pages, above=above, ended=len(older) < PAGE)


def with_newer(window: Window, newer: list[Entry]) -> Window:
    """With the last page that was let go of; at the very top the log has grown, so the window begins anew there."""
    before, above = window.above[-1], window.above[:-1]
    page = Page(before, tuple(newer))
    if before == START:
        return Window(window.asked, (page,), (), len(newer) < PAGE)
    return msgspec.structs.replace(window, pages=(page, *window.pages[:1]), above=above, ended=False)

"""A window on a log too long to hold: two pages around the cursor, and where the pages above them begin. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from sql import chain, search
from sql.audit import Entry
from sql.search import Asked, Found, Place

PAGE = 200
"""Entries fetched at a time."""

START = search.START


class Page(msgspec.Struct, frozen=True):
    """Entries older than `before`, newest first."""

    before: Place
    entries: tuple[Entry, ...]


class Window(msgspec.Struct, frozen=True):
    """What is held of the log."""

    asked: Asked
    """What it answers."""
    pages: tuple[Page, ...] = ()
    above: tuple[Place, ...] = ()
    """Where the pages let go of at the top begin, the newest first."""
    ended: bool = False
    """Whether the oldest entry is held."""
    searched: Place | None = None
    """How far back a search has come that takes longer than a look."""
    links: dict[int, chain.Place] = {}
    """Where entries stand in the chain, by id."""
    sealed: int = 0
    """How far the chain is."""

    @property
    def entries(self) -> list[Entry]:
        return [one for page in self.pages for one in page.entries]


def place(one: Entry) -> Place:
    """Where an entry stands in the log."""
    return one.at, one.id


def end(window: Window) -> Place:
    """Before which place the next older page is asked for."""
    held = window.entries
    return window.searched or (place(held[-1]) if held else START)


def with_newest(window: Window, newest: Found) -> Window:
    """After a look at the newest page, while nothing above is let go of."""
    held = window.pages[0].entries if window.pages else ()
    known = {one.id for one in newest.entries}
    rest = [one for one in held if one.id not in known]
    joined = len(rest) < len(held)
    # Entries are committed a little out of order: an older one may come in between.
    first = sorted([*newest.entries, *rest], key=place, reverse=True) if joined else newest.entries
    if joined and len(window.pages) > 1 and len(first) < 2 * PAGE:
        return _with(window, pages=(Page(START, tuple(first)), *window.pages[1:]))
    short = len(first) <= PAGE and len(newest.entries) < PAGE and newest.searched is None
    return _with(window, pages=(Page(START, tuple(first[:PAGE])),), ended=short, searched=newest.searched)


def with_recent(window: Window, recent: Sequence[Entry]) -> Window:
    """With what came since the last look, where the whole search is not to be made anew."""
    known = {one.id for one in window.entries}
    new = [one for one in recent if one.id not in known]
    if not new or not window.pages:
        return window
    first = sorted([*new, *window.pages[0].entries], key=place, reverse=True)
    return _with(window, pages=(Page(START, tuple(first)), *window.pages[1:]))


def with_older(window: Window, older: Found) -> Window:
    """With one more page at the end; the first is let go of when there are three."""
    ended = older.searched is None and len(older.entries) < PAGE
    if not older.entries:
        return _with(window, ended=ended, searched=older.searched)
    last = window.pages[-1] if window.pages else Page(START, ())
    if window.searched is not None and len(last.entries) < PAGE:  # the search goes on within its page
        pages = (*window.pages[:-1], Page(last.before, (*last.entries, *older.entries)))
    else:
        pages = (*window.pages, Page(end(window), tuple(older.entries)))
    above = window.above
    if len(pages) > 2:
        above = (*above, pages[0].before)
        pages = pages[1:]
    return _with(window, pages=pages, above=above, ended=ended, searched=older.searched)


def with_newer(window: Window, newer: Found) -> Window:
    """With the last page that was let go of; at the very top the log has grown, so the window begins anew there."""
    before, above = window.above[-1], window.above[:-1]
    page = Page(before, tuple(newer.entries))
    if before == START:
        ended = newer.searched is None and len(newer.entries) < PAGE
        return _with(window, pages=(page,), above=(), ended=ended, searched=newer.searched)
    return _with(window, pages=(page, *window.pages[:1]), above=above, ended=False, searched=None)


def chained(window: Window, links: dict[int, chain.Place], sealed: int) -> Window:
    """With what the chain says of it."""
    return _with(window, links=links, sealed=sealed)


def _with(window: Window, **changed: Any) -> Window:
    return msgspec.structs.replace(window, **changed)

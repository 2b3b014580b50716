"""What screens need done beyond the database: bundles, the master key, the log. Handed in by who starts them."""

import datetime
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from sql import audit
from sql.clients import Client
from sql.database import Connection
from sql.jobs import Count, Fault, Job
from sql.samples import Sample
from sql.search import Asked
from sql.tenants import Tenant


class Raw(msgspec.Struct, frozen=True):
    """The physical lines of a row as they stand in the bundle; sealed cells are masked."""

    first: int
    """The number of the first of them; the header of a file is line 1."""
    lines: tuple[str, ...]
    marks: tuple[tuple[int, int, int], ...] = ()
    """Where the faulty cell stands: which of the lines, from which character, to which."""
    sourced_id: str = ""
    """Of the record that the row is about, as far as it has one."""


class Rehearsal(msgspec.Struct, frozen=True):
    """What would become of a bundle."""

    state: str
    reason: str
    reason_japanese: str
    faults: list[Fault]
    counts: list[Count]
    samples: list[Sample]


class Said(msgspec.Struct, frozen=True):
    """A line of the log."""

    key: str
    at: datetime.datetime | None
    level: str
    """error, warning, info or debug."""
    unit: str
    text: str
    fields: dict[str, Any]


class Hands(msgspec.Struct, frozen=True):
    """All of it."""

    actor: audit.Actor
    """Who sits at the terminal, as the log names him."""
    raw: Callable[[Job, str, int, str], Awaitable[Raw | None]]
    """The row of a bundle that holds this line of a file, with this column marked; None when it is no longer kept."""
    rehearse: Callable[[str, Path], Awaitable[Rehearsal]]
    """Tenant and bundle. Raises Refused, OSError."""
    deliver: Callable[[str, Path, audit.Actor], Awaitable[uuid.UUID]]
    """The job of a bundle that is delivered now. Raises Refused, OSError."""
    rotate: Callable[[Connection, Client, datetime.timedelta, audit.Actor], Awaitable[str]]
    """A new secret of a client, in the transaction of the connection."""
    make: Callable[[Connection, Tenant, str, Sequence[str], audit.Actor], Awaitable[tuple[str, str]]]
    """A new client of a tenant with this name and these scopes: its id and its secret, in the same transaction."""
    export: Callable[[Asked, Path, Literal["csv", "jsonl"]], Awaitable[int]]
    """Entries of the log, all that fit, into a file; how many there were. Raises Refused."""
    api: str
    """The address of the API, without a slash at its end."""
    used: Callable[[int, Sequence[int]], int]
    """Bytes on the disk that a tenant takes, by its number and those of its doors. Blocks."""
    logs: Callable[[], AsyncIterator[list[Said]]] | None = None
    """What the log says, oldest first, and what comes; None where there is no journal."""

"""A hub that stands while a proof works on it: the real daemon with the server of its own, all on the loopback."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

from sql import server
from tests.story import oracle
from tests.story.hub import Hub, new_key
from tests.story.lms import Lms, Record

Shown = dict[str, dict[str, Record]]
"""Records by id by collection."""


@contextlib.contextmanager
def standing(folder: Path, *, workers: int = 1) -> Iterator[Hub]:
    """`rosterhub run` in that folder, with so many ingest workers."""
    state = folder / "state"
    state.mkdir(mode=0o711)
    settings = folder / "rosterhub.toml"
    settings.write_text(f"[ingest]\nworkers = {workers}\n")
    hub = Hub(state, "", new_key(folder / "sender"))
    hub.environ["ROSTERHUB_CONFIG"] = str(settings)
    try:
        with hub.running():
            yield hub
    finally:
        server.discard(state / "pg")


@contextlib.contextmanager
def database(hub: Hub) -> Iterator[psycopg.Connection[Any]]:
    """The hub's database, past every role: to look where the API does not show, and to do what clocks and disks do."""
    running = server.running(hub.state / "pg")
    assert running is not None
    with psycopg.connect(running.conninfo, autocommit=True) as conn:
        yield conn


def active(shown: Shown) -> Shown:
    """What is not marked as deleted, in a form that can be compared with what an oracle says."""
    return {
        name: {one: oracle.comparable(record) for one, record in records.items() if record["status"] == "active"}
        for name, records in shown.items()
    }


def wanted(files: oracle.Files, lms: Lms) -> Shown:
    """What the API must show as active when these rows are the whole roster, in the same form."""
    expected = oracle.expected(files, lms.base)
    return {name: {one: oracle.comparable(record) for one, record in expected[name].items()} for name in oracle.TYPES}


def differences(shown: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for every record that is missing, too many, or not as it should be."""
    return [
        f"{name}/{one}: {shown[name].get(one)} instead of {wanted[name].get(one)}"
        for name in wanted
        for one in sorted(shown[name].keys() | wanted[name].keys())
        if shown[name].get(one) != wanted[name].get(one)
    ]


def checksum(shown: Shown) -> str:
    """One word for all of it, dates included."""
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]

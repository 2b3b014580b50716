"""What a hub holds, as checksums that are equal for two hubs with the same keys: all of it but times and random ids."""

import hashlib
import json
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from oneroster import entities
from sql import columns
from sql.seal import Sealer
from tests.proofs.hub import Hub

FACTS = {
    "revisions": "SELECT revision FROM revisions WHERE tenant_id = 1 ORDER BY 1",
    "totals": "SELECT revision, collection, records, active FROM totals WHERE tenant_id = 1 ORDER BY 1, 2",
    "current": "SELECT sha256, day::text, bulk_day::text FROM current_bundles WHERE tenant_id = 1",
    "applied": "SELECT revision, bundle, sha256, profile, rows::text, inserted, updated, deleted, errors, warnings,"
    " reason FROM jobs WHERE tenant_id = 1 AND state = 'applied' ORDER BY 1",
    "counts": "SELECT j.revision, c.entity, c.before, c.after, c.inserted, c.updated, c.deleted, c.guard"
    " FROM jobs j JOIN job_counts c ON (c.tenant_id, c.job_id) = (j.tenant_id, j.id)"
    " WHERE j.tenant_id = 1 AND j.state = 'applied' ORDER BY 1, 2",
    "problems": 'SELECT j.revision, p.seq, p.code, p.severity, p.file, p.line, p."column", p.value, p.detail'
    " FROM jobs j JOIN problems p ON (p.tenant_id, p.job_id) = (j.tenant_id, j.id)"
    " WHERE j.tenant_id = 1 AND j.state = 'applied' ORDER BY 1, 2",
}
"""What is compared row by row."""


def contents(hub: Hub, sealer: Sealer) -> dict[str, str]:
    """Checksum by name: the live and history tables, what lies sealed in them, and FACTS."""
    found = {}
    with hub.sql() as conn:
        for entity in entities.ALL:
            if conn.execute("SELECT to_regclass(%s) IS NULL", [f"public.{entity.table}_t1"]).fetchone() == (True,):
                continue
            for suffix, key in (("", ("sourced_id",)), ("_history", ("sourced_id", "until"))):
                name = entity.table + suffix
                found[name] = _checksum(conn, name, [one.name for one in columns.live(entity)], key)
                if entity.sealed:
                    found[f"{name} sealed"] = _opened(conn, entity.table, name, key, sealer)
        for name, statement in FACTS.items():
            rows = conn.execute(statement).fetchall()
            found[name] = f"{len(rows)} {_digest(json.dumps(rows, default=str))}"
    return found


def _checksum(conn: psycopg.Connection[Any], table: str, names: list[str], key: tuple[str, ...]) -> str:
    # Sealing draws lots; what is sealed stands for itself in row_hash, and is opened below.
    shown = [name for name in names if name != "sealed"] + [name for name in key if name not in names]
    statement = SQL(
        "SELECT count(*) || ' ' || md5(coalesce(string_agg(md5(ROW ({})::text), '' ORDER BY {}), ''))"
        " FROM {} WHERE tenant_id = 1"
    ).format(SQL(", ").join(map(Identifier, shown)), SQL(", ").join(map(Identifier, key)), Identifier(table))
    row = conn.execute(statement).fetchone()
    assert row is not None
    return str(row[0])


def _opened(conn: psycopg.Connection[Any], place: str, table: str, key: tuple[str, ...], sealer: Sealer) -> str:
    statement = SQL("SELECT sourced_id, sealed FROM {} WHERE tenant_id = 1 AND sealed IS NOT NULL ORDER BY {}").format(
        Identifier(table), SQL(", ").join(map(Identifier, key))
    )
    plain = hashlib.sha256()
    for sourced_id, sealed in conn.execute(statement):
        plain.update(sealer.open(f"{place}/{sourced_id}", sealed) + b"\n")
    return plain.hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def uploads(state: Path) -> list[Path]:
    return [path for path in (state / "doors").glob("*/upload/**/*") if path.is_file()]


def unreleased(state: Path) -> list[str]:
    """Uploaded files that still have their bytes."""
    return [f"{path.name} ({path.stat().st_mode:o})" for path in uploads(state) if path.stat().st_blocks]


def listed(state: Path) -> list[str]:
    """What is left of delivered files: their names, and our notes of their jobs."""
    return [str(path) for path in (*uploads(state), *(state / "doors").glob("*/delivered/*"))]


def halves(state: Path) -> list[str]:
    """What killed writers left."""
    parts = [path.relative_to(state) for path in state.rglob("*.part")]
    return [f"left over: {path}" for path in parts if path.parts[0] != "pg"]


def unanswered(state: Path, bundle: str, sha256: str, jobs: set[str]) -> list[str]:
    """Reports of a bundle that are missing or tell of another job."""
    found = []
    (reports,) = (state / "doors").glob("*/reports")
    for stem in (f"{bundle}.{sha256[:8]}", "latest"):
        try:
            told = json.loads((reports / f"{stem}.json").read_bytes())
            if told["id"] not in jobs or told["state"] not in ("applied", "duplicate"):
                found.append(f"{stem}.json tells of job {told['id']}, {told['state']}")
            for suffix in ("csv", "txt"):
                (reports / f"{stem}.{suffix}").read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            found.append(f"{stem}: {error}")
    return found

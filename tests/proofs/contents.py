"""What a hub holds, as checksums that are equal for two hubs with the same keys: all of it but times and random ids.

It asks the database what tables there are and opens what is sealed itself, so that no code of the hub judges the hub.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.sql import SQL, Identifier

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


class Opener:
    """Opens what a tenant's rows keep sealed: AES-256-GCM under keys that BLAKE2b derives from the master key."""

    def __init__(self, master: bytes, wrapped: bytes) -> None:
        key = AESGCM(_derived(master, b"wrap")).decrypt(wrapped[:12], wrapped[12:], b"tenant key")
        self._cipher = AESGCM(_derived(key, b"values"))

    def open(self, place: str, sealed: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:12], sealed[12:], place.encode())


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(purpose, key=key, digest_size=32).digest()


def contents(hub: Hub, opener: Opener) -> dict[str, str]:
    """Checksum by name: the live and history tables of the tenant, what lies sealed in them, and FACTS."""
    found = {}
    with hub.sql() as conn:
        tables = conn.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'p'"
            " AND to_regclass('public.' || relname || '_t1') IS NOT NULL"
        ).fetchall()
        for (name,) in tables:
            columns = [one for (one,) in conn.execute(COLUMNS, [name])]
            key = [one for one in ("sourced_id", "until") if one in columns]
            found[name] = _checksum(conn, name, [one for one in columns if one != "sealed"], key)
            if "sealed" in columns:
                found[f"{name} sealed"] = _opened(conn, name, key, opener)
        for name, statement in FACTS.items():
            rows = conn.execute(statement).fetchall()
            found[name] = f"{len(rows)} {_digest(json.dumps(rows, default=str))}"
    return found


COLUMNS = (
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('public.' || %s) AND attnum > 0 AND NOT attisdropped"
    " ORDER BY attnum"
)


def _checksum(conn: psycopg.Connection[Any], table: str, names: list[str], key: list[str]) -> str:
    # Sealing draws lots; what is sealed stands for itself in row_hash, and is opened below.
    statement = SQL(
        "SELECT count(*) || ' ' || md5(coalesce(string_agg(md5(ROW ({})::text), '' ORDER BY {}), ''))"
        " FROM {} WHERE tenant_id = 1"
    ).format(SQL(", ").join(map(Identifier, names)), SQL(", ").join(map(Identifier, key)), Identifier(table))
    row = conn.execute(statement).fetchone()
    assert row is not None
    return str(row[0])


def _opened(conn: psycopg.Connection[Any], table: str, key: list[str], opener: Opener) -> str:
    statement = SQL("SELECT sourced_id, sealed FROM {} WHERE tenant_id = 1 AND sealed IS NOT NULL ORDER BY {}").format(
        Identifier(table), SQL(", ").join(map(Identifier, key))
    )
    place = table.removesuffix("_history")
    plain = hashlib.sha256()
    for sourced_id, sealed in conn.execute(statement):
        plain.update(opener.open(f"{place}/{sourced_id}", sealed) + b"\n")
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

"""A hub on the morning of 1 April 2026, 14:02 in Japan: five school boards and what came of their bundles.

The database's own now() is frozen too: a function of that name stands before the real one in the search path.
"""

import datetime
import json
import uuid
from typing import Any

from psycopg.sql import SQL, Identifier

from oneroster import entities
from oneroster.said import Said
from sql import database, jobs

NOW = datetime.datetime(2026, 4, 1, 5, 2, 11, 482000, datetime.UTC)

FREEZE = f"""
CREATE SCHEMA frozen;
GRANT USAGE ON SCHEMA frozen TO PUBLIC;
CREATE FUNCTION frozen.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT '{NOW.isoformat()}'::timestamptz $$;
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = frozen, pg_catalog, public', current_database());
END $$;
"""

ROSTER = [table for entity in entities.ALL for table in (entity.table, f"{entity.table}_history")]

SCOPE = "https://purl.imsglobal.org/spec/or/v1p2/scope/"

TENANTS = (
    ("sapporo", "札幌市教育委員会", "active", 118_204),
    ("minato", "Minato Ward", "active", 61_977),
    ("demo", "Demo School", "active", 512),
    ("kita-high", "Kita High School", "active", 4_110),
    ("kitakyushu", "北九州市立学校", "paused", 88_310),
    ("naha", "那覇市立\u202e小学校ネットワーク・離島教育推進室", "active", 0),
)

HELD = Said(
    "10403 of 91204 active students would go (11.4%).", "児童生徒91,204件のうち10,403件（11.4%）が削除されます。"
)
IDS = (9241, 2166, 19742)
JOBS: tuple[dict[str, Any], ...] = (
    {"n": 0x7F3A91C2, "t": "kita-high", "via": "sftp", "state": "loading", "ago": 20, "phase": "check", "at": 302_110},
    {"n": 0x7F3A91A0, "t": "minato", "via": "sftp", "state": "received", "ago": 15},
    {
        "n": 0x7F3A90AA,
        "t": "sapporo",
        "via": "pull",
        "state": "held",
        "ago": 32_400,
        "ids": IDS,
        "reason": HELD,
        "warnings": 12,
    },
    {"n": 0x7F3A8F01, "t": "demo", "via": "drop", "state": "rejected", "ago": 240, "errors": 37, "warnings": 2},
    {"n": 0x7F3A8D10, "t": "kita-high", "via": "sftp", "state": "applied", "ago": 1_320, "ids": (12, 340, 3)},
    {
        "n": 0x7F3A8C4E,
        "t": "kita-high",
        "via": "drop",
        "state": "duplicate",
        "ago": 1_000,
        "reason": Said("The same bytes as job 7f3a8d10.", "ジョブ 7f3a8d10 と同一のデータです。"),
    },
    {"n": 0x7F3A8B00, "t": "minato", "via": "sftp", "state": "applied", "ago": 306_000, "ids": (0, 0, 0)},
    {
        "n": 0x7F3A8A00,
        "t": "demo",
        "via": "hand",
        "state": "failed",
        "ago": 90_000,
        "reason": Said("the database went away", "データベースに接続できませんでした。"),
    },
    {
        "n": 0x7F3A8900,
        "t": "minato",
        "via": "pull",
        "state": "superseded",
        "ago": 310_000,
        "reason": Said(
            "A bundle of 2026-03-29 is applied already; this one is of 2026-03-28.",
            "2026-03-29 のデータを反映済みですが、これは 2026-03-28 のデータです。",
        ),
    },
    {"n": 0x7F3A8800, "t": "demo", "via": "drop", "state": "applied", "ago": 180_000, "ids": (4, 0, 0)},
    {"n": 0x7F3A8700, "t": "sapporo", "via": "pull", "state": "applied", "ago": 120_000, "ids": (31, 120, 17)},
    {"n": 0x7F3A8600, "t": "kitakyushu", "via": "sftp", "state": "rolled_back", "ago": 300_000, "ids": (9, 1, 0)},
    {
        "n": 0x7F3A8500,
        "t": "kitakyushu",
        "via": "sftp",
        "state": "discarded",
        "ago": 400_000,
        "reason": Said("wrong year", "年度が違います。"),
    },
)

PROBLEMS = (
    ("E-REQUIRED", "error", "users.csv", 212, "username", "", ""),
    ("E-ENUM", "error", "users.csv", 498, "grades", "13", "One of P1 to P6, J1 to J3, H1 to H3."),
    ("E-REF", "error", "enrollments.csv", 3071, "userSourcedId", "u-99120", "u-99120 is not in users.csv."),
    ("E-ENC", "error", "orgs.csv", 9, "name", "byte 0x83 at 14", ""),
    ("E-TEXT", "error", "classes.csv", 77, "title", "\x1b]52;c;ZXZpbA==\x07", ""),
    ("E-DATE", "error", "academicSessions.csv", 2, "startDate", "令和８年４月１日", ""),
    ("E-TEXT", "error", "users.csv", 1_204_511, "metadata.jp.kanaFamilyName", "ヤマダ\u202eタロウ\nハナコ", ""),
    ("W-BOM", "warning", "orgs.csv", 1, "", "", ""),
    ("W-NO-ROLE", "warning", "users.csv", 300, "sourcedId", "u-00300", ""),
)

COUNTS = (
    ("orgs", 61, 57, 0, 2, 4, "ok"),
    ("users", 97_224, 86_945, 141, 2_124, 10_420, "hold:deleted"),
    ("enrollments", 402_118, 401_900, 9_100, 40, 9_318, "ok"),
    ("students", 91_204, 80_911, 110, 2_004, 10_403, "hold:deleted"),
    ("teachers", 6_020, 6_034, 31, 120, 17, "ok"),
)

CLIENTS: tuple[tuple[str, str, str, tuple[str, ...], int | None, tuple[int | None, ...], dict[str, Any]], ...] = (
    ("sapporo", "bG1zLXByb2Q", "lms-prod", (SCOPE + "roster-core.readonly",), 120, (None, 7), {"rate": 1200}),
    ("kita-high", "a2l0YS1sbXM", "kita-lms", (SCOPE + "roster.readonly",), 2_460, (None,), {}),
    ("minato", "b2xkLXNpcw", "old-sis", (SCOPE + "roster.readonly",), 8_035_200, (None,), {"revoked": True}),
    ("naha", "bmFoYQ", "学習支援サービス", (SCOPE + "roster-demographics.readonly",), None, (), {}),
)
"""Tenant, id, name, scopes, seconds since it was used, days until each secret ends."""

DOORS = (
    ("sapporo", "pull", "sftp://roster@sis.example:22/out", 60, None),
    ("kita-high", "sftp", "kita-sftp", None, None),
    ("minato", "sftp", "minato", None, None),
    ("demo", "drop", "/srv/drop/demo", 5, "There is no such folder."),
)
"""Tenant, kind, where, seconds since it was looked at, what was wrong then."""

SETTINGS = {
    "sapporo": {"due": "02:00", "grace": 7200, "quota": 2_000_000_000},
    "demo": {"guard": {"deleted": 1.0, "updated": 1.0}},
    "kita-high": {"window": {"begin": "2026-03-25", "end": "2026-04-10"}},
}

AUDIT = (
    (1, "sato", "operator", "10.0.4.17", "client.rotate", "lms-prod", True, "sapporo", {"overlap": "7d"}),
    (22, "lms-prod", "client", "203.0.113.9", "api.read", "users", True, "sapporo", {"rows": 1000, "page": 3}),
    (49, "kita-sftp", "inbox", "198.51.100.4", "sftp.login", "", False, "kita-high", {"tries": 4}),
    (240, "rosterhub", "system", "", "job.rejected", "7f3a8f01-0000-0000-0000-000000000000", True, "demo", {}),
    (86_400, "山田\x1b[31m", "operator", "tty1", "tenant.add", "naha", True, "naha", {"name": "那覇市"}),
    (40_000_000, "rosterhub", "system", "", "db.migrate", "", True, None, {}),
)


def job_id(number: int) -> uuid.UUID:
    return uuid.UUID(int=number << 96)


async def fill(conninfo: str) -> None:
    """Put it all there, as the login itself: it may do anything."""
    async with database.connect(conninfo) as conn:
        await conn.execute(FREEZE)
        for code, name, state, records in TENANTS:
            cursor = await conn.execute(
                "INSERT INTO tenants (code, name, profile, state, wrapped_key) VALUES (%s, %s, 'auto', %s, '')"
                " RETURNING id",
                (code, name, state),
            )
            row = await cursor.fetchone()
            assert row is not None
            if records:
                await conn.execute(
                    "INSERT INTO revisions (tenant_id, revision, job_id, published_at)"
                    " VALUES (%s, 1, gen_random_uuid(), now())",
                    (row[0],),
                )
                await conn.execute(
                    "INSERT INTO totals (tenant_id, revision, collection, records, active)"
                    " VALUES (%s, 1, 'users', %s, %s)",
                    (row[0], records, records),
                )
        for one in JOBS:
            await _add_job(conn, one)
        for code, severity, file, line, column, value, detail in PROBLEMS:
            await conn.execute(
                'INSERT INTO problems (tenant_id, job_id, seq, code, severity, file, line, "column", value, detail)'
                " SELECT tenant_id, id, %s, %s, %s, %s, %s, %s, %s, %s FROM jobs WHERE id = %s",
                (line, code, severity, file, line, column, value, detail, job_id(0x7F3A8F01)),
            )
        for count in COUNTS:
            await conn.execute(
                "INSERT INTO job_counts SELECT tenant_id, id, %s, %s, %s, %s, %s, %s, %s FROM jobs WHERE id = %s",
                (*count, job_id(0x7F3A90AA)),
            )
        await _add_clients_and_doors(conn)
        await _add_pupil(conn)
        for entry in AUDIT:
            await add_entry(conn, *entry)
        # Links as they look, but for their key.
        await conn.execute(
            "INSERT INTO audit_chain SELECT row_number() OVER (ORDER BY id), id, at, at, id, sha256(int8send(id))"
            " FROM audit WHERE who <> 'kita-sftp'"
        )
        await conn.execute(
            "INSERT INTO processes (name, role, started_at, seen_at) VALUES ('d1', 'doors', %s, %s)", (NOW, NOW)
        )


PUPIL = "u-10021"
"""A pupil of sapporo who moved up a grade."""


async def _add_pupil(conn: database.Connection) -> None:
    """His record and what it was before; a held bundle would remove him."""
    tenant = await database.fetch_value(conn, "SELECT id FROM tenants WHERE code = 'sapporo'", {})
    await conn.execute(
        "UPDATE revisions SET job_id = %s, published_at = %s WHERE tenant_id = %s",
        (job_id(0x7F3A8700), NOW - datetime.timedelta(days=30), tenant),
    )
    await conn.execute(
        "INSERT INTO revisions (tenant_id, revision, job_id, published_at) VALUES (%s, 2, %s, %s)",
        (tenant, job_id(0x7F3A8700), NOW - datetime.timedelta(seconds=119_000)),
    )
    async with database.tenant_transaction(conn, tenant, "ingest"):
        for table in ROSTER:
            await conn.execute("SELECT add_partition(%s)", (table,))
        for table, grade, changed, until in (("users_history", "05", 1, ", 2"), ("users", "06", 2, "")):
            document = {
                "sourcedId": PUPIL,
                "status": "active",
                "enabledUser": "true",
                "username": "taro.yamada",
                "givenName": "太郎",
                "familyName": "山田",
                "grades": [grade],
            }
            await conn.execute(
                SQL("INSERT INTO {} SELECT r.* {} FROM jsonb_populate_record(NULL::users, %s::jsonb) AS r").format(
                    Identifier(table), SQL(until)
                ),  # type: ignore[arg-type]
                (
                    json.dumps(
                        {
                            "tenant_id": tenant,
                            "sourced_id": PUPIL,
                            "status": "active",
                            "enabled_user": True,
                            "username": "taro.yamada",
                            "given_name": "太郎",
                            "family_name": "山田",
                            "row_hash": str(job_id(changed)),
                            "line": 211 + changed,
                            "document": json.dumps(document, ensure_ascii=False),
                            "student": True,
                            "teacher": False,
                            "changed": changed,
                        }
                    ),
                ),
            )
    await conn.execute(
        "INSERT INTO job_samples (tenant_id, job_id, entity, seq, change, sourced_id, fields)"
        " VALUES (%s, %s, 'users', 1, 'deleted', %s, %s)",
        (
            tenant,
            job_id(0x7F3A90AA),
            PUPIL,
            json.dumps({"givenName": ["太**", None], "familyName": ["山**", None], "grades": ["06", None]}),
        ),
    )


async def _add_clients_and_doors(conn: database.Connection) -> None:
    for code, client_id, name, scopes, used, secrets, more in CLIENTS:
        await conn.execute(
            "INSERT INTO clients (tenant_id, client_id, name, scopes, created_at, last_used_at, rate, revoked_at,"
            " revoked_reason) SELECT id, %s, %s, %s, %s, %s, %s, %s, %s FROM tenants WHERE code = %s",
            (
                *(client_id, name, list(scopes), NOW - datetime.timedelta(days=90)),
                None if used is None else NOW - datetime.timedelta(seconds=used),
                more.get("rate"),
                *((NOW - datetime.timedelta(days=1), "contract ended") if more.get("revoked") else (None, None)),
                code,
            ),
        )
        for number, days in enumerate(secrets):
            await conn.execute(
                "INSERT INTO client_secrets (tenant_id, client_id, secret_hash, created_at, expires_at)"
                " SELECT tenant_id, client_id, %s, %s, %s FROM clients WHERE client_id = %s",
                (
                    bytes([number]),
                    NOW - datetime.timedelta(days=90),
                    None if days is None else NOW + datetime.timedelta(days=days),
                    client_id,
                ),
            )
    for code, kind, place, looked, trouble in DOORS:
        column = {"sftp": "user_name", "drop": "path", "pull": "url"}[kind]
        await conn.execute(
            SQL(
                "INSERT INTO inboxes (tenant_id, kind, {}, public_key, host_key, every_seconds, looked_at, trouble)"
                " SELECT id, %s, %s, 'ssh-ed25519 AAAA', 'ssh-ed25519 AAAA', 300, %s, %s FROM tenants WHERE code = %s"
            ).format(Identifier(column)),
            (kind, place, None if looked is None else NOW - datetime.timedelta(seconds=looked), trouble, code),
        )
    for code, settings in SETTINGS.items():
        await conn.execute("UPDATE tenants SET settings = %s WHERE code = %s", (json.dumps(settings), code))


async def _add_job(conn: database.Connection, one: dict[str, Any]) -> None:
    received = NOW - datetime.timedelta(seconds=one["ago"])
    ended = one["state"] not in ("received", "loading")
    inserted, updated, deleted = one.get("ids", (0, 0, 0))
    rows = (
        {"users": 96_100, "orgs": 40, "enrollments": 96_000} if one["state"] in ("applied", "held", "rejected") else {}
    )
    await conn.execute(
        "INSERT INTO jobs (tenant_id, id, via, state, reason, reason_japanese, bundle, sha256, bytes, day, profile,"
        " revision, received_at, started_at, finished_at, attempts, phase, phase_rows, rows, inserted, updated,"
        " deleted, errors, warnings) SELECT id, %(id)s, %(via)s, %(state)s, %(reason)s, %(reason_japanese)s,"
        " %(bundle)s, %(sha)s, 1, %(day)s, 'jp-1.2.1', %(revision)s, %(received)s, %(started)s, %(finished)s,"
        " %(attempts)s, %(phase)s, %(at)s, %(rows)s, %(inserted)s, %(updated)s, %(deleted)s, %(errors)s, %(warnings)s"
        " FROM tenants WHERE code = %(t)s",
        {
            "id": job_id(one["n"]),
            "t": one["t"],
            "via": one["via"],
            "state": one["state"],
            **jobs.because(one.get("reason")),
            "bundle": f"RO_{received:%Y%m%d}_{one['t']}.zip",
            "sha": f"{one['n']:064x}",
            "day": received.date(),
            "revision": 1 if one["state"] == "applied" else None,
            "received": received,
            "started": None if one["state"] == "received" else received + datetime.timedelta(seconds=2),
            "finished": received + datetime.timedelta(seconds=4) if ended else None,
            "attempts": 0 if one["state"] == "received" else 1,
            "phase": one.get("phase"),
            "at": one.get("at"),
            "rows": json.dumps(rows),
            "inserted": inserted,
            "updated": updated,
            "deleted": deleted,
            "errors": one.get("errors", 0),
            "warnings": one.get("warnings", 0),
        },
    )


async def add_entry(
    conn: database.Connection,
    ago: float,
    who: str,
    kind: str,
    origin: str,
    action: str,
    target: str,
    ok: bool,
    tenant: str | None,
    detail: dict[str, Any],
) -> None:
    """An entry of the log, so many seconds ago."""
    await conn.execute(
        "INSERT INTO audit (at, tenant_id, who, who_kind, origin, action, target, ok, detail)"
        " VALUES (%s, (SELECT id FROM tenants WHERE code = %s), %s, %s, %s, %s, %s, %s, %s)",
        (NOW - datetime.timedelta(seconds=ago), tenant, who, kind, origin, action, target, ok, json.dumps(detail)),
    )

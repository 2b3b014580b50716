"""Each check of the doctor is seen to find something amiss, on a real database and a real state folder."""

import datetime
import json
import os
from pathlib import Path

import psycopg
import pytest

from daemon import doctor
from daemon.shapes import Check
from sql import audit, database, tenants
from sql import doctor as asking
from tests.daemon.test_people import Desk

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def desk(tmp_path: Path, conninfo: str) -> Desk:
    state = tmp_path / "state"
    state.mkdir()
    return Desk(state, conninfo)


def checks(desk: Desk, code: int | None = None) -> dict[str, Check]:
    """The worst of each check."""
    done = desk.call("doctor", "--json")
    assert code is None or done.code == code, done.out + done.err
    found: dict[str, Check] = {}
    for one in json.loads(done.out):
        check = Check(**one)
        if check.check not in found or check.state != "ok":
            found[check.check] = check
    return found


def run(desk: Desk, *statements: str, role: str = "rosterhub_owner") -> None:
    with psycopg.connect(desk.url) as conn:
        conn.execute(f"SET ROLE {role}; SET rosterhub.tenant = '1'")
        for one in statements:
            conn.execute(one)


def alive(desk: Desk, *roles: str) -> None:
    for role in roles:
        run(desk, f"INSERT INTO processes (name, role) VALUES ('{role}-1', '{role}')", role="rosterhub_ingest")


def test_all_is_well_where_it_is(desk: Desk) -> None:
    desk.call("tenant", "add", "minato", "--name", "Minato")
    alive(desk, "doors", "ingest", "api")
    found = checks(desk, 0)
    assert {one.state for name, one in found.items() if name != "disk"} == {"ok"}, found
    assert {
        *("versions", "server", "database", "rights", "clock", "audit", "indexes", "roles", "queue", "freshness"),
        *("disk", "archive", "key"),
    } <= found.keys()
    assert "psycopg 3" in found["versions"].message
    assert "opens the key of every tenant (1)" in found["key"].message


def test_people_read_it_too(desk: Desk) -> None:
    done = desk.call("doctor")
    assert done.code == 1
    assert "bad   roles      No process of the daemon lives.\n                 Start it: `rosterhub run`." in done.out


def test_processes_that_are_missing_are_named(desk: Desk) -> None:
    assert checks(desk, 1)["roles"].state == "bad"
    alive(desk, "doors", "api")
    found = checks(desk, 1)["roles"]
    assert (found.state, found.message) == ("bad", "No process lives for ingest.")


def test_a_database_that_is_away_or_behind_is_told(desk: Desk) -> None:
    run(desk, "DELETE FROM schema_migrations WHERE number = (SELECT max(number) FROM schema_migrations)")
    found = checks(desk, 1)
    assert (found["database"].state, found["database"].fix) == ("bad", "Run `rosterhub db migrate`.")
    desk.url = "host=127.0.0.1 port=1 dbname=none"
    found = checks(desk, 1)
    assert found["database"].state == "bad"
    assert found["versions"].state == "ok"


def test_the_key_must_be_there_private_and_right(desk: Desk) -> None:
    assert checks(desk)["key"].message == "There is no master key yet; the first tenant makes it."
    assert not (desk.state / "keys").exists(), "the doctor makes nothing"
    desk.call("tenant", "add", "minato", "--name", "Minato")
    key = desk.state / "keys" / "master.key"
    right = key.read_bytes()
    key.chmod(0o640)
    assert checks(desk, 1)["key"].message.endswith("has mode 0640.")
    key.chmod(0o600)
    key.write_bytes(os.urandom(32))
    assert checks(desk, 1)["key"].message.endswith("does not open the tenants' keys.")
    key.write_bytes(b"short")
    assert checks(desk, 1)["key"].state == "bad"
    key.unlink()
    assert checks(desk, 1)["key"].message == f"There is no {key}."
    key.write_bytes(right)
    key.chmod(0o600)
    assert checks(desk)["key"].state == "ok"


def test_the_partitions_of_the_audit_log_lie_ahead(desk: Desk) -> None:
    assert checks(desk)["audit"].state == "ok"
    month = f"{NOW:%Y%m}"
    run(desk, f"ALTER TABLE audit DETACH PARTITION audit_{month}")
    found = checks(desk)["audit"]
    assert (found.state, found.message) == ("warn", f"The audit log has no partition for {month}.")


def test_the_turn_of_the_year_is_no_matter() -> None:
    december = datetime.date(2026, 12, 31)
    assert doctor.partitions(["202612", "202701"], december).state == "ok"
    assert doctor.partitions(["202612"], december).message == "The audit log has no partition for 202701."


def test_a_tenant_that_is_silent_longer_than_usual_is_named(desk: Desk) -> None:
    desk.call("tenant", "add", "minato", "--name", "Minato")
    for days in range(3, 10):
        run(
            desk,
            "INSERT INTO jobs (tenant_id, via, bundle, sha256, bytes, day, state, received_at) VALUES"
            f" (1, 'sftp', 'b.zip', '0', 1, '2026-04-01', 'applied', now() - interval '{days} days')",
            role="rosterhub_ingest",
        )
    found = checks(desk)["freshness"]
    assert (found.state, found.message) == ("warn", "minato: the last bundle came 72 h ago, usual are 24 h.")


def test_jobs_that_wait_although_a_worker_lives_are_told(desk: Desk) -> None:
    desk.call("tenant", "add", "minato", "--name", "Minato")
    run(
        desk,
        "INSERT INTO jobs (tenant_id, via, bundle, sha256, bytes, day, received_at) VALUES"
        " (1, 'sftp', 'b.zip', '0', 1, '2026-04-01', now() - interval '1 hour')",
        role="rosterhub_ingest",
    )
    assert checks(desk)["queue"].state == "ok", "nobody could take them"
    alive(desk, "ingest")
    found = checks(desk)["queue"]
    assert (found.state, found.message) == ("warn", "1 job waits, the oldest for 60 minutes.")


def test_indexes_that_are_missing_or_broken_are_named(desk: Desk) -> None:
    run(desk, "SELECT add_partition('orgs')", role="rosterhub_ingest")
    assert checks(desk)["indexes"].state == "ok"
    with psycopg.connect(desk.url) as conn:
        conn.execute("SET ROLE rosterhub_owner")
        conn.execute("CREATE TABLE orgs_t9 (LIKE orgs)")
        conn.execute("ALTER TABLE orgs DETACH PARTITION orgs_t1")
        conn.execute("CREATE INDEX lonely ON ONLY orgs (name)")
        conn.execute("ALTER TABLE orgs ATTACH PARTITION orgs_t1 FOR VALUES IN (1)")
    assert checks(desk)["indexes"].state == "ok", "what is attached gets the index"
    with psycopg.connect(desk.url) as conn:
        conn.execute("SET ROLE rosterhub_owner")
        conn.execute("CREATE INDEX later ON ONLY orgs (type)")
    found = checks(desk, 1)["indexes"]
    assert (found.state, found.message) in (("bad", "later is not valid."), ("bad", "orgs_t1 lacks an index of orgs."))


async def test_a_large_table_that_is_read_whole_time_and_again_is_named(pool, conninfo: str) -> None:
    async with database.hub(pool, "admin") as conn:
        await tenants.add(conn, "minato", "Minato", "auto", bytes(32), audit.SYSTEM)
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("SET ROLE rosterhub_ingest")
        conn.execute(
            "INSERT INTO jobs (tenant_id, via, bundle, sha256, bytes, day, state)"
            " SELECT 1, 'hand', 'b', '0', 1, '2026-04-01', 'applied' FROM generate_series(1, 12000)"
        )
        for _ in range(60):
            conn.execute("SELECT count(*) FROM jobs WHERE bundle = 'c'")
        conn.execute("SELECT pg_stat_force_next_flush()")
        conn.execute("SELECT 1")
    async with database.hub(pool, "viewer", read_only=True) as conn:
        found = await asking.look(conn)
    assert [one.name for one in found.scanned] == ["jobs"]
    assert found.scanned[0].scans >= 60


def test_a_clock_that_is_off_is_told() -> None:
    assert doctor._clock(0.5, 0).state == "ok"
    assert doctor._clock(-5, 0).state == "warn"
    assert doctor._clock(-300, 0).state == "bad"
    assert doctor._clock(0, 7200).state == "warn"


def test_a_login_that_may_not_take_a_role_is_told(desk: Desk, server: str) -> None:
    name = "doctor_few"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"DROP ROLE IF EXISTS {name}")
        conn.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
        conn.execute(f"GRANT rosterhub_viewer TO {name}")
    try:
        desk.url = psycopg.conninfo.make_conninfo(desk.url, user=name, password="secret")
        found = checks(desk, 1)
        assert found["rights"].state == "bad"
        assert "rosterhub_ingest" in found["rights"].message
        assert "rosterhub_viewer" not in found["rights"].message
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f"DROP ROLE {name}")

"""The schema against the entity table, the migrations, and the rules that keep tenants apart."""

import re
from importlib import resources

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from oneroster import entities
from sql import columns, migrate, statements

NOUNS = sorted(file.name[:-4] for file in resources.files("sql").iterdir() if file.name.endswith(".sql"))
NOUNS = [noun for noun in NOUNS if noun not in ("schema", "roles")]

LIVE = [entity.table for entity in entities.ALL]
ROSTER = [*LIVE, *(f"{table}_history" for table in LIVE)]


def rows(conninfo: str, statement: str) -> list[tuple]:
    with psycopg.connect(conninfo) as conn:
        return conn.execute(statement).fetchall()


CATALOGUE = {
    "columns": """SELECT table_name, ordinal_position, column_name, data_type, udt_name, is_nullable, column_default,
                         collation_name FROM information_schema.columns WHERE table_schema = 'public'""",
    "indexes": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "policies": "SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies",
    "functions": "SELECT proname, pg_get_functiondef(oid), proacl::text FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace",
    "rights": "SELECT relname, relkind::text, relacl::text, relrowsecurity, relforcerowsecurity,"
    " relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    "column rights": "SELECT attrelid::regclass::text, attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL"
    " AND attrelid::regclass::text NOT LIKE 'pg_%'",
}


async def test_all_migrations_together_make_the_schema(conninfo: str, server: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"] + "_s"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        other = make_conninfo(server, dbname=name)
        with psycopg.connect(other) as conn:
            conn.execute("GRANT USAGE, CREATE ON SCHEMA public TO rosterhub_owner")
            conn.execute("SET ROLE rosterhub_owner")
            conn.execute((resources.files("sql") / "schema.sql").read_text())
        for what, statement in CATALOGUE.items():
            migrated = {row for row in rows(conninfo, statement) if "schema_migrations" not in str(row)}
            assert migrated == set(rows(other, statement)), what
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_second_migration_finds_nothing_to_do(conninfo: str) -> None:
    assert await migrate.pending(conninfo) == []
    assert await migrate.migrate(conninfo) == []


@pytest.mark.parametrize("entity", entities.ALL, ids=lambda entity: entity.name)
def test_live_and_history_tables_have_the_columns_of_the_entity_table(conninfo: str, entity: entities.Entity) -> None:
    wanted = [("tenant_id", "integer")] + [(one.name, one.type) for one in columns.live(entity)]
    found = """SELECT attname, replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz')
                 FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 ORDER BY attnum"""
    assert rows(conninfo, found.format(entity.table)) == wanted
    assert rows(conninfo, found.format(f"{entity.table}_history")) == [*wanted, ("until", "bigint")]


def test_every_text_column_is_of_the_same_collation_on_every_server(conninfo: str) -> None:
    found = rows(
        conninfo,
        """SELECT attrelid::regclass::text, attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND attnum > 0
              AND attcollation <> 0 AND attcollation <> (SELECT oid FROM pg_collation WHERE collname = 'C'
                                                           AND collnamespace = 'pg_catalog'::regnamespace)""",
    )
    assert {name for name in found if name[0] != "schema_migrations"} == {("clients", "scopes")}


def tenant_tables(conninfo: str) -> list[str]:
    return [
        name
        for (name,) in rows(
            conninfo,
            """SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')""",
        )
    ]


def with_a_tenant_loaded(conninfo: str) -> None:
    """Partitions are tables too: make one of each."""
    with psycopg.connect(conninfo) as conn:
        conn.execute("SET LOCAL ROLE rosterhub_ingest; SET LOCAL rosterhub.tenant = '1'")
        for table in ROSTER:
            conn.execute("SELECT add_partition(%s)", (table,))


def test_every_tenant_table_has_forced_row_security_and_a_policy(conninfo: str) -> None:
    with_a_tenant_loaded(conninfo)
    tables = tenant_tables(conninfo)
    assert {"users", "users_t1", "enrollments_history_t1", "jobs", "audit_default"} <= set(tables)
    secured = {
        name for (name,) in rows(conninfo, "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
    }
    assert set(tables) - secured == set()
    policies = dict(
        rows(conninfo, "SELECT tablename, string_agg(qual, ' ' ORDER BY policyname) FROM pg_policies GROUP BY 1")
    )
    # A partition of the audit log is reached through its parent alone: no policy, so nobody sees a row of it directly.
    reached = [name for name in tables if not name.startswith("audit_")]
    assert [name for name in reached if "current_tenant()" not in policies.get(name, "")] == []


def test_rosters_have_no_policy_but_the_tenants_own(conninfo: str) -> None:
    with_a_tenant_loaded(conninfo)
    found = rows(conninfo, "SELECT tablename, policyname, qual FROM pg_policies")
    for name, policy, qual in found:
        if re.sub("_t1$", "", name) in ROSTER:
            assert (policy, qual) == ("tenant", "(tenant_id = current_tenant())"), name


def test_keys_of_tenant_tables_begin_with_the_tenant_or_in_rosters_the_id(conninfo: str) -> None:
    with_a_tenant_loaded(conninfo)
    found = rows(
        conninfo,
        """SELECT i.indrelid::regclass::text, array_agg(a.attname::text ORDER BY array_position(i.indkey, a.attnum))
             FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
            WHERE i.indisprimary GROUP BY 1""",
    )
    tables = {name for name in tenant_tables(conninfo) if "audit" not in name}
    keys = {name: key for name, key in found if name in tables}
    rosters = {name for name in keys if re.sub("_t1$", "", name) in LIVE}
    assert len(rosters) == 2 * len(LIVE)
    assert {tuple(keys[name]) for name in rosters} == {("sourced_id", "tenant_id")}
    assert [name for name in keys.keys() - rosters if keys[name][0] != "tenant_id"] == []


def test_the_roles_that_work_own_nothing_and_have_no_dangerous_rights(conninfo: str) -> None:
    with_a_tenant_loaded(conninfo)
    owners = {
        owner
        for (owner,) in rows(
            conninfo,
            "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        )
    }
    assert owners == {"rosterhub_owner"}
    roles = rows(
        conninfo, "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname LIKE 'rosterhub\\_%'"
    )
    assert len(roles) == 6
    assert [role for role in roles if any(role[1:])] == []
    rights = rows(
        conninfo,
        """SELECT grantee::regrole::text, relname, privilege_type FROM pg_class, aclexplode(relacl)
            WHERE relnamespace = 'public'::regnamespace AND grantee::regrole::text <> 'rosterhub_owner'""",
    )
    assert [right for right in rights if right[2] in ("TRUNCATE", "REFERENCES", "TRIGGER")] == []
    assert [right for right in rights if right[1].endswith("_t1")] == [], "rights on parents only"
    assert {right[0] for right in rights if right[1] == "audit" and right[2] not in ("INSERT", "SELECT")} == set()


def test_without_a_tenant_nothing_is_seen_and_with_one_only_its_own(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for tenant in (1, 2):
            with conn.transaction():
                conn.execute(f"SET LOCAL ROLE rosterhub_ingest; SET LOCAL rosterhub.tenant = '{tenant}'")
                conn.execute("SELECT add_partition('orgs')")
                conn.execute(
                    "INSERT INTO orgs (tenant_id, sourced_id, status, name, type, row_hash, line, document, changed)"
                    " VALUES (%s, %s, 'active', 'n', 'school', gen_random_uuid(), 1, '{}', 1)",
                    (tenant, f"o{tenant}"),
                )
        for role in ("api", "ingest", "viewer", "operator", "admin"):
            for setting, seen in (("", []), ("1", ["o1"]), ("2", ["o2"]), ("3", [])):
                with conn.transaction():
                    conn.execute(f"SET LOCAL ROLE rosterhub_{role}; SET LOCAL rosterhub.tenant = '{setting}'")
                    assert [name for (name,) in conn.execute("SELECT sourced_id FROM orgs").fetchall()] == seen
        with conn.transaction(), pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SET LOCAL ROLE rosterhub_api; SET LOCAL rosterhub.tenant = '1'")
            conn.execute("SELECT * FROM orgs_t2")
    with psycopg.connect(conninfo) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("SET LOCAL ROLE rosterhub_ingest; SET LOCAL rosterhub.tenant = '1'")
        conn.execute(
            "INSERT INTO orgs (tenant_id, sourced_id, status, name, type, row_hash, line, document, changed)"
            " VALUES (2, 'x', 'active', 'n', 'school', gen_random_uuid(), 1, '{}', 1)"
        )


@pytest.mark.parametrize("noun", NOUNS)
def test_every_statement_is_good_sql_on_the_real_schema(conninfo: str, noun: str) -> None:
    for name, text in statements.load(noun).items():
        names: list[str] = []

        def numbered(match: re.Match[str], names: list[str] = names) -> str:
            if match[1] not in names:
                names.append(match[1])
            return f"${names.index(match[1]) + 1}"

        prepared = re.sub(r"%\((\w+)\)s", numbered, text)
        with psycopg.connect(conninfo) as conn:
            conn.execute("SET ROLE rosterhub_owner")
            try:
                conn.execute(f"PREPARE one AS {prepared}")
            except psycopg.Error as error:
                raise AssertionError(f"{noun}.sql {name}: {error}") from error


@pytest.mark.parametrize("noun", NOUNS)
def test_every_statement_names_the_tenant_or_says_that_it_works_across_the_hub(noun: str) -> None:
    for name, text in statements.load(noun).items():
        sentence, _, body = text.partition("\n")
        if "across the hub" in sentence:
            touched = set(re.findall(r"(?:from|join|into|update)\s+([a-z_]+)", body.lower()))
            assert touched & set(ROSTER) == set(), f"{noun}.sql {name} works across tenants on a roster"
        elif "clock" not in body:
            assert "%(tenant)s" in body, f"{noun}.sql {name} does not name the tenant"

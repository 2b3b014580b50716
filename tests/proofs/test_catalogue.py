"""Each check of the catalogue can fail: a copy of the schema is altered, and the check names it."""

import psycopg
import pytest

from tests.proofs import catalogue

PARTITIONS = "SELECT add_partition(name), add_partition(name || '_history') FROM unnest(%s::text[]) AS name"
CASES = {
    "tables of no tenant that nobody knows: pupils": "CREATE TABLE pupils (id integer PRIMARY KEY)",
    "row security that is not forced: users_t1": "ALTER TABLE users_t1 NO FORCE ROW LEVEL SECURITY",
    "row security that is not forced: jobs": "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY",
    "row security that is not forced: tenants": "ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY",
    "no policy of the tenant's: orgs": "DROP POLICY tenant ON orgs",
    "no policy of the tenant's: totals": "ALTER POLICY tenant ON totals USING (tenant_id > 0)",
    "policies that let others through: roles across":
        "CREATE POLICY across ON roles TO rosterhub_viewer USING (true)",
    "policies that let others through: revisions everyone": "CREATE POLICY everyone ON revisions USING (true)",
    "policies that let others write: jobs anyone":
        "CREATE POLICY anyone ON jobs TO rosterhub_admin USING (tenant_id = current_tenant()) WITH CHECK (true)",
    "the setting is not read as it must be: ":
        "CREATE OR REPLACE FUNCTION current_tenant() RETURNS integer LANGUAGE sql STABLE RETURN 7",
    "rights to truncate, refer or trigger: rosterhub_ingest TRUNCATE orgs":
        "GRANT TRUNCATE ON orgs TO rosterhub_ingest",
    "rights to truncate, refer or trigger: rosterhub_api REFERENCES users":
        "GRANT REFERENCES (sourced_id) ON users TO rosterhub_api",
    "rights to truncate, refer or trigger: rosterhub_viewer TRIGGER jobs": "GRANT TRIGGER ON jobs TO PUBLIC",
    "rights on a partition: rosterhub_api SELECT users_t1": "GRANT SELECT ON users_t1 TO rosterhub_api",
    "rights of the API to write: UPDATE users": "GRANT UPDATE (username) ON users TO rosterhub_api",
    "keys that do not carry the tenant in its place: jobs(id)": "CREATE UNIQUE INDEX ON jobs (id)",
    "keys that do not carry the tenant in its place: pupils(id,tenant_id)":
        "CREATE TABLE pupils (tenant_id integer, id integer, PRIMARY KEY (id, tenant_id))",
    "tables without a key: pupils": "CREATE TABLE pupils (tenant_id integer)",
    "references that could leave the tenant: pupils_job_fkey":
        "CREATE UNIQUE INDEX one ON jobs (id); CREATE TABLE pupils (tenant_id integer PRIMARY KEY, job uuid);"
        " ALTER TABLE pupils ADD CONSTRAINT pupils_job_fkey FOREIGN KEY (job) REFERENCES jobs (id)",
    "views that look with their owner's eyes: names": "CREATE VIEW names AS SELECT family_name FROM users",
    "functions with the owner's rights for others: add_partition rosterhub_api":
        "GRANT EXECUTE ON FUNCTION add_partition(text) TO rosterhub_api",
    "functions with the owner's rights for others: look without search_path":
        "CREATE FUNCTION look() RETURNS integer LANGUAGE sql SECURITY DEFINER RETURN 1;"
        " REVOKE ALL ON FUNCTION look() FROM PUBLIC",
}  # fmt: skip
"""What is said, by what the schema's owner does. What is done to roles is done for the whole server, so apart."""
OF_ROLES = {
    "rights to create: rosterhub_admin": "GRANT CREATE ON SCHEMA public TO rosterhub_admin",
    "roles that can do more: rosterhub_api": "ALTER ROLE rosterhub_api LOGIN",
    "roles that are members of others: rosterhub_viewer of rosterhub_owner":
        "GRANT rosterhub_owner TO rosterhub_viewer",
    "what the working roles own: rosterhub_admin pg_class":
        "GRANT CREATE ON SCHEMA public TO rosterhub_admin; SET LOCAL ROLE rosterhub_admin;"
        " CREATE TABLE pupils (id integer); RESET ROLE",
    "tables that are not the owner's: pupils":
        "GRANT CREATE ON SCHEMA public TO rosterhub_admin; SET LOCAL ROLE rosterhub_admin;"
        " CREATE TABLE pupils (id integer); RESET ROLE",
}  # fmt: skip


def amiss(conninfo: str, deed: str, *, owner: bool) -> list[str]:
    """What is found after a deed, which is then undone."""
    with psycopg.connect(conninfo) as conn, conn.transaction(force_rollback=True):
        conn.execute("SET LOCAL ROLE rosterhub_ingest; SET LOCAL rosterhub.tenant = '1'")
        conn.execute(PARTITIONS, [list(catalogue.ROSTER)])
        conn.execute("SET LOCAL ROLE rosterhub_owner" if owner else "RESET ROLE")
        conn.execute(deed)
        conn.execute("RESET ROLE")
        return catalogue.look(conn)[0]


def test_nothing_is_amiss_with_the_schema(conninfo: str) -> None:
    assert amiss(conninfo, "SELECT", owner=False) == []


@pytest.mark.parametrize("said", CASES)
def test_what_is_altered_in_the_schema_is_named(conninfo: str, said: str) -> None:
    assert [one for one in amiss(conninfo, CASES[said], owner=True) if one.startswith(said)]


@pytest.mark.parametrize("said", OF_ROLES)
def test_what_a_role_may_do_besides_is_named(conninfo: str, said: str) -> None:
    assert [one for one in amiss(conninfo, OF_ROLES[said], owner=False) if one.startswith(said)]


def test_every_check_is_seen_to_fail() -> None:
    assert {one.partition(": ")[0] for one in (*CASES, *OF_ROLES)} == set(catalogue.CHECKS)

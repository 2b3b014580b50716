"""What PostgreSQL's catalogue must say so that tenants stay apart: the half of S1 that needs no request.

Every statement gives what is amiss, a line each. What it compares with is written here by hand, from design.md 8.8 and
docs/decisions.md. It is to be run on a database in which tenants have partitions.
"""

from typing import Any

import psycopg

WORKING = ("rosterhub_api", "rosterhub_ingest", "rosterhub_viewer", "rosterhub_operator", "rosterhub_admin")
"""The roles under which the hub works; what they must not own is rosterhub_owner's."""
HUB_WIDE = ("audit_chain", "clock", "operators", "processes", "schema_migrations")
"""Tables of no tenant."""
ROSTER = ("orgs", "academic_sessions", "courses", "classes", "users", "user_profiles", "roles", "demographics",
          "enrollments")  # fmt: skip
GLOBAL_KEYS = ("clients(client_id)", "inboxes(user_name)", "audit(id,at)", "tenants(code)", "tenants(id)")
"""Names of log-ins are looked up before the tenant is known; the audit log has entries of no tenant, too."""
FUNCTIONS = {"rosterhub_api": ("find_client", "find_published")}
"""What the role that serves may do with the owner's rights."""

# A partition goes by its parent's name: `root`. Of a tenant is what has a tenant_id; `tenants` has its own.
TABLES = """
    CREATE TEMPORARY VIEW looked_at AS
    SELECT c.oid, c.relname::text AS name, coalesce(r.relname, c.relname)::text AS root, c.relispartition,
           c.relrowsecurity AND c.relforcerowsecurity AS forced,
           EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnum > 0)
             AS has_tenant
      FROM pg_class c LEFT JOIN pg_class r ON r.oid = pg_partition_root(c.oid)
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'm')
"""

CHECKS = {
    "tables of no tenant that nobody knows":
        "SELECT name FROM looked_at WHERE NOT has_tenant AND name <> 'tenants' AND name <> ALL (%(hub_wide)s)",
    "row security that is not forced":
        "SELECT name FROM looked_at WHERE (has_tenant OR name = 'tenants') AND NOT forced",
    # Nobody has a right on a partition of the audit log, and it has no policy: so nobody sees a row of it directly.
    "no policy of the tenant's":
        """SELECT name FROM looked_at t WHERE (has_tenant OR name = 'tenants')
              AND NOT (root = 'audit' AND relispartition)
              AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polroles = '{0}' AND p.polcmd = '*'
                                 AND p.polpermissive AND pg_get_expr(p.polqual, p.polrelid) =
                                     CASE name WHEN 'tenants' THEN '(id = current_tenant())'
                                               ELSE '(tenant_id = current_tenant())' END)""",
    # What else lets rows through: across tenants for the roles that work so, never on rosters and never for the API.
    "policies that let others through":
        """SELECT t.name || ' ' || p.polname FROM pg_policy p JOIN looked_at t ON t.oid = p.polrelid
            WHERE p.polpermissive
              AND coalesce(pg_get_expr(p.polqual, p.polrelid), '') NOT IN ('(tenant_id = current_tenant())',
                                                                          '(id = current_tenant())')
              AND NOT (t.root = 'audit' AND p.polcmd = 'a'
                       AND pg_get_expr(p.polwithcheck, p.polrelid) = '(tenant_id IS NULL)')
              AND (p.polroles && ARRAY[0, 'rosterhub_api'::regrole::oid]
                   OR regexp_replace(t.root, '_history$', '') = ANY (%(roster)s))""",
    "policies that let others write":
        """SELECT t.name || ' ' || p.polname FROM pg_policy p JOIN looked_at t ON t.oid = p.polrelid
            WHERE p.polpermissive AND p.polwithcheck IS NOT NULL AND pg_get_expr(p.polwithcheck, p.polrelid)
                  NOT IN ('(tenant_id = current_tenant())', '(tenant_id IS NULL)')""",
    "the setting is not read as it must be":
        """SELECT value FROM (VALUES ('', NULL), ('7', 7)) AS v (value, wanted)
            WHERE CASE WHEN set_config('rosterhub.tenant', value, true) = value THEN current_tenant() END
                  IS DISTINCT FROM wanted""",
    "what the working roles own":
        """SELECT refobjid::regrole || ' ' || classid::regclass || ' ' || objid FROM pg_shdepend
            WHERE deptype = 'o' AND refobjid::regrole::text = ANY (%(working)s)
              AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))""",
    "tables that are not the owner's":
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relowner <> 'rosterhub_owner'::regrole AND relname NOT LIKE 'schema\\_migrations%%'",
    "roles that can do more":
        """SELECT rolname FROM pg_roles WHERE rolname LIKE 'rosterhub\\_%%'
              AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR rolcanlogin)""",
    "roles that are members of others":
        "SELECT member::regrole || ' of ' || roleid::regrole FROM pg_auth_members"
        " WHERE member::regrole::text = ANY (%(working)s)",
    "rights to truncate, refer or trigger":
        """SELECT role || ' ' || privilege || ' ' || name
             FROM looked_at, unnest(%(working)s::text[]) AS role, unnest(%(dangerous)s::text[]) AS privilege
            WHERE has_table_privilege(role, oid, privilege)
               OR privilege = 'REFERENCES' AND has_any_column_privilege(role, oid, privilege)""",
    "rights on a partition":
        """SELECT role || ' ' || privilege || ' ' || name FROM looked_at, unnest(%(working)s::text[]) AS role,
                  unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
            WHERE relispartition AND (has_table_privilege(role, oid, privilege) OR privilege <> 'DELETE'
                                      AND has_any_column_privilege(role, oid, privilege))""",
    "rights of the API to write":
        """SELECT privilege || ' ' || name FROM looked_at, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS privilege
            WHERE (has_table_privilege('rosterhub_api', oid, privilege) OR privilege <> 'DELETE'
                   AND has_any_column_privilege('rosterhub_api', oid, privilege))
              AND NOT (root = 'audit' AND privilege = 'INSERT' OR name = 'processes'
                       OR name = 'clock' AND privilege = 'UPDATE')""",
    "rights to create":
        "SELECT role FROM unnest(%(working)s::text[]) AS role WHERE has_schema_privilege(role, 'public', 'CREATE')",
    # Of rosters the primary key is id, tenant; of all else it begins with the tenant, as other unique keys do.
    "keys that do not carry the tenant in its place":
        """SELECT shown FROM (SELECT t.root, t.name || '(' || string_agg(a.attname, ',' ORDER BY k.n) || ')' AS shown,
                         array_agg(a.attname::text ORDER BY k.n) AS columns,
                         t.root || '(' || string_agg(a.attname, ',' ORDER BY k.n) || ')' AS key
                    FROM looked_at t JOIN pg_index i ON i.indrelid = t.oid AND i.indisunique
                    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, n)
                    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
                   WHERE t.has_tenant OR t.name = 'tenants' GROUP BY i.indexrelid, t.root, t.name) keys
            WHERE key <> ALL (%(global_keys)s)
              AND CASE WHEN root = ANY (%(roster)s) THEN columns <> ARRAY['sourced_id', 'tenant_id']
                       ELSE columns[1] <> 'tenant_id' END""",
    "tables without a key":
        "SELECT name FROM looked_at t WHERE NOT EXISTS"
        " (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)",
    "references that could leave the tenant":
        """SELECT conname FROM pg_constraint c JOIN looked_at t ON t.oid = c.conrelid
            WHERE contype = 'f' AND t.has_tenant AND NOT EXISTS (
                  SELECT FROM unnest(c.conkey, c.confkey) AS k (ours, theirs)
                    JOIN pg_attribute o ON (o.attrelid, o.attnum) = (c.conrelid, k.ours)
                    JOIN pg_attribute f ON (f.attrelid, f.attnum) = (c.confrelid, k.theirs)
                   WHERE o.attname = 'tenant_id' AND (f.attname = 'tenant_id' OR c.confrelid = 'tenants'::regclass))""",
    "views that look with their owner's eyes":
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
              AND NOT (relkind = 'v' AND coalesce(reloptions, '{}')
                       && ARRAY['security_invoker=true', 'security_invoker=on'])""",
    "functions with the owner's rights for others":
        """SELECT proname || ' ' || coalesce(role, 'without search_path') FROM pg_proc
             LEFT JOIN unnest(%(working)s::text[]) AS role ON has_function_privilege(role, oid, 'EXECUTE')
            WHERE pronamespace = 'public'::regnamespace AND prosecdef
              AND (NOT coalesce(proconfig::text, '') ~ 'search_path' OR role IN ('rosterhub_viewer',
                   'rosterhub_operator', 'rosterhub_admin') OR role = 'rosterhub_api' AND proname <> ALL (%(api)s))""",
}  # fmt: skip
"""What must give no row."""


def look(conn: psycopg.Connection[Any]) -> tuple[list[str], str]:
    """What is amiss, a line each, and what was looked at. Leaves nothing behind."""
    found: list[str] = []
    with conn.transaction(force_rollback=True):
        version = conn.info.server_version
        params = {
            "working": list(WORKING), "hub_wide": list(HUB_WIDE), "global_keys": list(GLOBAL_KEYS),
            "roster": list(ROSTER), "api": list(FUNCTIONS["rosterhub_api"]),
            "dangerous": ["TRUNCATE", "REFERENCES", "TRIGGER", *(["MAINTAIN"] if version >= 170000 else [])],
        }  # fmt: skip
        conn.execute(TABLES)
        for words, statement in CHECKS.items():
            used = {name: value for name, value in params.items() if f"%({name})s" in statement}
            found += [f"{words}: {name}" for (name,) in conn.execute(statement, used).fetchall()]
        row = conn.execute(
            "SELECT count(*), count(*) FILTER (WHERE relispartition), (SELECT count(*) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'v') FROM looked_at"
            " WHERE has_tenant OR name = 'tenants'"
        ).fetchone()
        assert row is not None
    tables, partitions, views = row
    return found, f"{tables} tables of tenants ({partitions} of them partitions), {views} views, {len(CHECKS)} checks"

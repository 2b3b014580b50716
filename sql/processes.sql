-- beat: a role process is alive, and has written to the audit log all that it did so many seconds ago, across the hub
INSERT INTO processes (name, role, detail, audited_at)
VALUES (%(name)s, %(role)s, %(detail)s, clock_timestamp() - make_interval(secs => %(behind)s))
ON CONFLICT (name) DO UPDATE
   SET role = excluded.role, detail = excluded.detail, seen_at = now(), audited_at = excluded.audited_at

-- leave: a role process ends, across the hub
DELETE FROM processes WHERE name = %(name)s

-- alive: the processes heard of lately, across the hub
SELECT name, role, detail, started_at, seen_at, audited_at FROM processes
 WHERE seen_at > now() - %(within)s::interval ORDER BY name

-- below: the processes of a role whose name begins so, alive or not, across the hub
SELECT name, role, detail, started_at, seen_at, audited_at FROM processes
 WHERE role = %(role)s AND starts_with(name, %(begin)s) ORDER BY name

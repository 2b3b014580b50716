-- beat: a role process is alive, across the hub
INSERT INTO processes (name, role, detail) VALUES (%(name)s, %(role)s, %(detail)s)
ON CONFLICT (name) DO UPDATE SET role = excluded.role, detail = excluded.detail, seen_at = now()

-- leave: a role process ends, across the hub
DELETE FROM processes WHERE name = %(name)s

-- alive: the processes heard of lately, across the hub
SELECT name, role, detail, started_at, seen_at FROM processes WHERE seen_at > now() - %(within)s::interval ORDER BY name

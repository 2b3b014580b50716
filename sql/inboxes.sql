-- add: a new door of a tenant
INSERT INTO inboxes (tenant_id, kind, user_name, password_hash, public_key, path, url, key_file, host_key, every_seconds)
VALUES (%(tenant)s, %(kind)s, %(user_name)s, %(password_hash)s, %(public_key)s, %(path)s, %(url)s, %(key_file)s,
        %(host_key)s, %(every_seconds)s)
RETURNING id

-- open: the doors in use, all or one tenant's, across the hub
SELECT i.tenant_id, t.code AS tenant, t.state AS tenant_state, i.id, i.kind, i.user_name, i.password_hash, i.public_key,
       i.path, i.url, i.key_file, i.host_key, i.every_seconds, i.looked_at, i.trouble
  FROM inboxes i JOIN tenants t ON t.id = i.tenant_id
 WHERE i.removed_at IS NULL AND t.state <> 'purged' AND (%(code)s::text IS NULL OR t.code = %(code)s)
 ORDER BY t.code, i.id

-- by_user: the door of a log-in name, before its tenant is known, across the hub
SELECT tenant_id, inbox_id, password_hash, public_key FROM find_inbox(%(user_name)s)

-- looked: what the last look at a door found
UPDATE inboxes SET looked_at = now(), trouble = %(trouble)s WHERE tenant_id = %(tenant)s AND id = %(inbox)s

-- pulled: what a pull door has fetched
SELECT name, bytes, modified FROM pulled WHERE tenant_id = %(tenant)s AND inbox_id = %(inbox)s

-- remember: a file has been fetched
INSERT INTO pulled (tenant_id, inbox_id, name, bytes, modified)
VALUES (%(tenant)s, %(inbox)s, %(name)s, %(bytes)s, %(modified)s)
ON CONFLICT (tenant_id, inbox_id, name)
DO UPDATE SET bytes = excluded.bytes, modified = excluded.modified, fetched_at = now()

-- remove: a door is closed for good; what came through it stays
UPDATE inboxes SET removed_at = now() WHERE tenant_id = %(tenant)s AND id = %(inbox)s AND removed_at IS NULL

-- standing: the doors in use with the last delivery through each, all or one tenant's, across the hub
SELECT i.tenant_id, t.code AS tenant, t.state AS tenant_state, i.id, i.kind, i.user_name, i.password_hash, i.public_key,
       i.path, i.url, i.key_file, i.host_key, i.every_seconds, i.looked_at, i.trouble,
       (SELECT max(j.received_at) FROM jobs j WHERE j.tenant_id = i.tenant_id AND j.inbox_id = i.id) AS delivered_at
  FROM inboxes i JOIN tenants t ON t.id = i.tenant_id
 WHERE i.removed_at IS NULL AND t.state <> 'purged' AND (%(code)s::text IS NULL OR t.code = %(code)s)
 ORDER BY t.code, i.id

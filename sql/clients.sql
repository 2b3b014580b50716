-- add: a new client of a tenant
INSERT INTO clients (tenant_id, client_id, name, scopes) VALUES (%(tenant)s, %(client_id)s, %(name)s, %(scopes)s)

-- add_secret: a secret of a client, as its keyed hash
INSERT INTO client_secrets (tenant_id, client_id, secret_hash) VALUES (%(tenant)s, %(client_id)s, %(secret_hash)s)

-- expire_secrets: the secrets so far end after an overlap
UPDATE client_secrets SET expires_at = least(expires_at, now() + %(overlap)s::interval)
 WHERE tenant_id = %(tenant)s AND client_id = %(client_id)s

-- set: what a client may ask for in a time, from where and until when; null leaves it as it is
UPDATE clients SET rate = coalesce(%(rate)s, rate), burst = coalesce(%(burst)s, burst),
       expires_at = coalesce(%(expires)s, expires_at),
       allow = CASE WHEN %(allow)s::text[] IS NULL THEN allow ELSE nullif(%(allow)s::text[], '{}')::cidr[] END
 WHERE tenant_id = %(tenant)s AND client_id = %(client_id)s

-- revoke: a client may no more
UPDATE clients SET revoked_at = now(), revoked_reason = %(reason)s
 WHERE tenant_id = %(tenant)s AND client_id = %(client_id)s AND revoked_at IS NULL

-- all: the clients of all tenants or of one, across the hub; the log knows when one was here last, but for one that was refused a thousand times since
SELECT c.tenant_id, t.code AS tenant, c.client_id, c.name, c.scopes, c.created_at, c.expires_at, c.revoked_at,
       c.revoked_reason, greatest(c.last_used_at, u.at) AS last_used_at, c.rate, c.burst, c.allow::text[] AS allow
  FROM clients c JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN LATERAL (SELECT at FROM (SELECT at, id, ok FROM audit WHERE who_kind = 'client'
                                        AND (who, at, id) < (c.client_id, 'infinity'::timestamptz, 0)
                                        AND (who, at, id) > (c.client_id, '-infinity'::timestamptz, 0)
                                      ORDER BY who DESC, at DESC, id DESC LIMIT 1000) AS l
                      WHERE ok ORDER BY at DESC, id DESC LIMIT 1) AS u ON true
 WHERE (%(code)s::text IS NULL OR t.code = %(code)s) AND (%(client_id)s::text IS NULL OR c.client_id = %(client_id)s)
 ORDER BY c.created_at DESC, c.client_id

-- standing: the same with their secrets: how many count, and until when the last of the old ones does, across the hub
SELECT c.tenant_id, t.code AS tenant, c.client_id, c.name, c.scopes, c.created_at, c.expires_at, c.revoked_at,
       c.revoked_reason, greatest(c.last_used_at, u.at) AS last_used_at, c.rate, c.burst, c.allow::text[] AS allow,
       t.name AS tenant_name, s.lasting, s.ending, s.ends_at
  FROM clients c JOIN tenants t ON t.id = c.tenant_id
  LEFT JOIN LATERAL (SELECT at FROM (SELECT at, id, ok FROM audit WHERE who_kind = 'client'
                                        AND (who, at, id) < (c.client_id, 'infinity'::timestamptz, 0)
                                        AND (who, at, id) > (c.client_id, '-infinity'::timestamptz, 0)
                                      ORDER BY who DESC, at DESC, id DESC LIMIT 1000) AS l
                      WHERE ok ORDER BY at DESC, id DESC LIMIT 1) AS u ON true
  CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE expires_at IS NULL) AS lasting,
                             count(*) FILTER (WHERE expires_at > now()) AS ending,
                             max(expires_at) FILTER (WHERE expires_at > now()) AS ends_at
                        FROM client_secrets WHERE tenant_id = c.tenant_id AND client_id = c.client_id) AS s
 WHERE t.state <> 'purged' AND (%(code)s::text IS NULL OR t.code = %(code)s)
 ORDER BY c.created_at DESC, c.client_id

-- find: a client by its id, before its tenant is known, across the hub
SELECT tenant_id, client_id, scopes, secret_hashes, rate, burst, allow FROM find_client(%(client_id)s)

-- write: one deed, in the transaction of the deed, of one tenant or of the hub
INSERT INTO audit (tenant_id, who, who_kind, origin, action, target, ok, detail)
VALUES (%(tenant)s, %(who)s, %(who_kind)s, %(origin)s, %(action)s, %(target)s, %(ok)s, %(detail)s)

-- find: which of the next entries before a place fit, newest first, and after them the last that was looked at, fit or not, with how many these were; one index leads to them, across the hub
WITH looked AS MATERIALIZED (
    SELECT l.* FROM unnest(%(values)s::text[]) AS v (value)
     CROSS JOIN LATERAL (
           SELECT a.id, a.at, a.tenant_id, a.who, a.who_kind, a.origin, a.action, a.target, a.ok, a.detail
             FROM audit a
            WHERE (a.at, a.id) < (%(before_at)s, %(before_id)s) AND a.at <= %(before_at)s AND a.at >= %(since)s
              AND CASE %(lead)s::text
                  WHEN 'who' THEN (a.who, a.at, a.id) < (v.value, %(before_at)s, %(before_id)s) AND (a.who, a.at, a.id) >= (v.value, %(since)s, 0)
                  WHEN 'action' THEN (a.action, a.at, a.id) < (v.value, %(before_at)s, %(before_id)s) AND (a.action, a.at, a.id) >= (v.value, %(since)s, 0)
                  WHEN 'target' THEN (a.target, a.at, a.id) < (v.value, %(before_at)s, %(before_id)s) AND (a.target, a.at, a.id) >= (v.value, %(since)s, 0)
                  WHEN 'tenant' THEN (a.tenant_id, a.at, a.id) < (v.value::integer, %(before_at)s, %(before_id)s) AND (a.tenant_id, a.at, a.id) >= (v.value::integer, %(since)s, 0)
                  WHEN 'ok' THEN NOT a.ok
                  ELSE true END
            ORDER BY CASE %(lead)s::text WHEN 'who' THEN a.who WHEN 'action' THEN a.action WHEN 'target' THEN a.target END DESC,
                     CASE %(lead)s::text WHEN 'tenant' THEN a.tenant_id END DESC, a.at DESC, a.id DESC LIMIT %(step)s) l
     ORDER BY l.at DESC, l.id DESC LIMIT %(step)s)
(SELECT l.id, l.at, t.code AS tenant, l.who, l.who_kind, l.origin, l.action, l.target, l.ok, l.detail, 0 AS looked
   FROM looked l LEFT JOIN tenants t ON t.id = l.tenant_id
  WHERE (%(tenant)s::integer IS NULL OR l.tenant_id = %(tenant)s)
    AND (%(ok)s::boolean IS NULL OR l.ok = %(ok)s)
    AND (%(who)s::text[] IS NULL OR l.who LIKE ANY (%(who)s))
    AND (%(action)s::text[] IS NULL OR l.action LIKE ANY (%(action)s))
    AND (%(target)s::text[] IS NULL OR l.target LIKE ANY (%(target)s))
    AND (%(words)s::text[] IS NULL
         OR concat_ws(' ', l.who, l.origin, l.action, l.target, replace(replace(l.detail::text, '\\', '\'), '\"', '"')) ILIKE ALL (%(words)s))
    AND (%(without)s::text[] IS NULL
         OR concat_ws(' ', l.who, l.origin, l.action, l.target, replace(replace(l.detail::text, '\\', '\'), '\"', '"')) NOT ILIKE ALL (%(without)s))
  ORDER BY l.at DESC, l.id DESC LIMIT %(limit)s)
UNION ALL
(SELECT l.id, l.at, NULL, '', '', '', '', '', true, '{}', (SELECT count(*) FROM looked)
   FROM looked l ORDER BY l.at, l.id LIMIT 1)

-- reach: how old the entry is that so many lead to by an index, nothing where there are fewer, across the hub
SELECT l.at FROM unnest(%(values)s::text[]) AS v (value)
 CROSS JOIN LATERAL (
           SELECT a.id, a.at, a.tenant_id, a.who, a.who_kind, a.origin, a.action, a.target, a.ok, a.detail
             FROM audit a
            WHERE (a.at, a.id) < (%(before_at)s, %(before_id)s) AND a.at <= %(before_at)s AND a.at >= %(since)s
              AND CASE %(lead)s::text
                  WHEN 'who' THEN (a.who, a.at, a.id) < (v.value, %(before_at)s, %(before_id)s) AND (a.who, a.at, a.id) >= (v.value, %(since)s, 0)
                  WHEN 'action' THEN (a.action, a.at, a.id) < (v.value, %(before_at)s, %(before_id)s) AND (a.action, a.at, a.id) >= (v.value, %(since)s, 0)
                  WHEN 'target' THEN (a.target, a.at, a.id) < (v.value, %(before_at)s, %(before_id)s) AND (a.target, a.at, a.id) >= (v.value, %(since)s, 0)
                  WHEN 'tenant' THEN (a.tenant_id, a.at, a.id) < (v.value::integer, %(before_at)s, %(before_id)s) AND (a.tenant_id, a.at, a.id) >= (v.value::integer, %(since)s, 0)
                  WHEN 'ok' THEN NOT a.ok
                  ELSE true END
            ORDER BY CASE %(lead)s::text WHEN 'who' THEN a.who WHEN 'action' THEN a.action WHEN 'target' THEN a.target END DESC,
                     CASE %(lead)s::text WHEN 'tenant' THEN a.tenant_id END DESC, a.at DESC, a.id DESC LIMIT %(step)s) l
 ORDER BY l.at DESC, l.id DESC OFFSET %(step)s - 1 LIMIT 1

-- actions: the actions there are between two texts, across the hub
WITH RECURSIVE known (value, n) AS (
    SELECT (SELECT min(action) FROM audit WHERE action >= %(first)s AND action < %(last)s), 1
    UNION ALL
    SELECT (SELECT min(action) FROM audit WHERE action > k.value AND action < %(last)s), k.n + 1
      FROM known k WHERE k.value IS NOT NULL AND k.n < %(most)s)
SELECT array_agg(value) FROM known WHERE value IS NOT NULL

-- people: who there is between two texts, across the hub
WITH RECURSIVE known (value, n) AS (
    SELECT (SELECT min(who) FROM audit WHERE who >= %(first)s AND who < %(last)s), 1
    UNION ALL
    SELECT (SELECT min(who) FROM audit WHERE who > k.value AND who < %(last)s), k.n + 1
      FROM known k WHERE k.value IS NOT NULL AND k.n < %(most)s)
SELECT array_agg(value) FROM known WHERE value IS NOT NULL

-- targets: the targets there are between two texts, across the hub
WITH RECURSIVE known (value, n) AS (
    SELECT (SELECT min(target) FROM audit WHERE target >= %(first)s AND target < %(last)s), 1
    UNION ALL
    SELECT (SELECT min(target) FROM audit WHERE target > k.value AND target < %(last)s), k.n + 1
      FROM known k WHERE k.value IS NOT NULL AND k.n < %(most)s)
SELECT array_agg(value) FROM known WHERE value IS NOT NULL

-- every: all entries that fit, oldest first, across the hub
SELECT a.id, a.at, t.code AS tenant, a.who, a.who_kind, a.origin, a.action, a.target, a.ok, a.detail
  FROM audit a LEFT JOIN tenants t ON t.id = a.tenant_id
 WHERE a.at >= %(since)s AND a.at < %(before_at)s
   AND (%(tenant)s::integer IS NULL OR a.tenant_id = %(tenant)s)
   AND (%(ok)s::boolean IS NULL OR a.ok = %(ok)s)
   AND (%(who)s::text[] IS NULL OR a.who LIKE ANY (%(who)s))
   AND (%(action)s::text[] IS NULL OR a.action LIKE ANY (%(action)s))
   AND (%(target)s::text[] IS NULL OR a.target LIKE ANY (%(target)s))
   AND (%(words)s::text[] IS NULL
        OR concat_ws(' ', a.who, a.origin, a.action, a.target, replace(replace(a.detail::text, '\\', '\'), '\"', '"')) ILIKE ALL (%(words)s))
   AND (%(without)s::text[] IS NULL
        OR concat_ws(' ', a.who, a.origin, a.action, a.target, replace(replace(a.detail::text, '\\', '\'), '\"', '"')) NOT ILIKE ALL (%(without)s))
 ORDER BY a.at, a.id

-- tenant: the number of a tenant, across the hub
SELECT id FROM tenants WHERE code = %(code)s

-- at: when an entry was written, across the hub
SELECT at FROM audit WHERE id = %(id)s

-- write_all: deeds of clients of a moment ago, many in one go, of one tenant or of the hub
INSERT INTO audit (at, tenant_id, who, who_kind, origin, action, target, ok, detail)
SELECT clock_timestamp() - CASE WHEN d.age > %(late)s THEN interval '0' ELSE make_interval(secs => d.age) END,
       %(tenant)s::integer, d.who, 'client', d.origin, d.action, d.target, d.ok,
       CASE WHEN d.age > %(late)s THEN jsonb_strip_nulls(jsonb_build_object('rows', d.rows, 'waited', round(d.age)))
            WHEN d.rows IS NULL THEN '{}' ELSE jsonb_build_object('rows', d.rows) END
  FROM json_to_recordset(%(deeds)s::json)
    AS d (age numeric, who text, origin text, action text, target text, ok boolean, rows integer)

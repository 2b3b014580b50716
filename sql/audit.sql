-- write: one deed, in the transaction of the deed, of one tenant or of the hub
INSERT INTO audit (tenant_id, who, who_kind, origin, action, target, ok, detail)
VALUES (%(tenant)s, %(who)s, %(who_kind)s, %(origin)s, %(action)s, %(target)s, %(ok)s, %(detail)s)

-- page: entries before a place in the log, newest first, across the hub
SELECT a.id, a.at, t.code AS tenant, a.who, a.who_kind, a.origin, a.action, a.target, a.ok, a.detail
  FROM audit a LEFT JOIN tenants t ON t.id = a.tenant_id
 WHERE (a.at, a.id) < (%(before_at)s, %(before_id)s)
   AND (%(code)s::text IS NULL OR t.code = %(code)s)
   AND (%(search)s::text IS NULL OR a.who || ' ' || a.origin || ' ' || a.action || ' ' || a.target LIKE %(search)s)
 ORDER BY a.at DESC, a.id DESC
 LIMIT %(limit)s

-- write_all: deeds of clients of a moment ago, many in one go, of one tenant or of the hub
INSERT INTO audit (at, tenant_id, who, who_kind, origin, action, target, ok)
SELECT clock_timestamp() - make_interval(secs => d.age), %(tenant)s::integer, d.who, 'client', d.origin, d.action, d.target, d.ok
  FROM json_to_recordset(%(deeds)s::json) AS d (age float8, who text, origin text, action text, target text, ok boolean)

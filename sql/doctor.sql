-- server: which server it is, how far its clock is from ours, and how large the database is, across the hub
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer AS number,
       pg_encoding_to_char(encoding) AS encoding, pg_database_size(oid) AS bytes,
       extract(epoch FROM clock_timestamp())::float8 AS now,
       (SELECT extract(epoch FROM high - clock_timestamp())::float8 FROM clock) AS ahead
  FROM pg_database WHERE datname = current_database()

-- roles: which roles of the hub the login may not take, across the hub
SELECT name FROM unnest(%(roles)s::text[]) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) OR NOT pg_has_role(session_user, name, 'MEMBER')

-- months: the months for which the audit log has a partition, as YYYYMM, across the hub
SELECT substring(c.relname FROM '^audit_(\d{6})$') AS month
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'audit'::regclass AND c.relname ~ '^audit_\d{6}$'
 ORDER BY 1

-- deliveries: when each active tenant's last bundle came, and how long it usually takes to the next, across the hub
SELECT t.code, max(j.received_at) AS last,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY j.gap)::float8 AS usual, count(j.gap) AS gaps
  FROM tenants t
  LEFT JOIN LATERAL (
       SELECT received_at, extract(epoch FROM received_at - lag(received_at) OVER (ORDER BY received_at)) AS gap
         FROM (SELECT received_at FROM jobs WHERE tenant_id = t.id AND kind = 'bundle'
                ORDER BY received_at DESC LIMIT 30) AS newest) AS j ON true
 WHERE t.state = 'active'
 GROUP BY t.code ORDER BY t.code

-- waiting: how many jobs wait, and for how many seconds the oldest has, across the hub
SELECT count(*) AS jobs, coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS oldest
  FROM jobs WHERE state = 'received' AND coalesce(not_before, now()) <= now()

-- broken: indexes that are not valid, and partitions that lack one of their table's, across the hub
SELECT i.indexrelid::regclass::text AS name, 'is not valid' AS what FROM pg_index i
 WHERE NOT (i.indisvalid AND i.indisready)
   AND EXISTS (SELECT FROM pg_class c WHERE c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace)
UNION ALL
SELECT h.inhrelid::regclass::text, 'lacks an index of ' || h.inhparent::regclass::text
  FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent AND p.relkind = 'p'
 WHERE p.relnamespace = 'public'::regnamespace
   AND (SELECT count(*) FROM pg_index WHERE indrelid = h.inhrelid) <
       (SELECT count(*) FROM pg_index WHERE indrelid = h.inhparent)
 ORDER BY 1

-- scanned: large tables that are read from end to end more often than by an index, across the hub
SELECT relname::text AS name, seq_scan AS scans, coalesce(idx_scan, 0) AS looks, n_live_tup AS rows
  FROM pg_stat_user_tables
 WHERE n_live_tup >= %(rows)s AND seq_scan >= %(scans)s AND seq_scan > coalesce(idx_scan, 0)
   AND seq_tup_read > 10 * n_live_tup
 ORDER BY seq_tup_read DESC LIMIT 10

-- unused: large indexes that nothing has been found by, keys not among them, across the hub
SELECT s.indexrelname::text AS name, pg_relation_size(s.indexrelid) AS bytes
  FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
 WHERE s.idx_scan = 0 AND NOT i.indisunique AND pg_relation_size(s.indexrelid) >= %(bytes)s
 ORDER BY 2 DESC LIMIT 10

-- lock: one sealer at a time, across the hub; and the time
SELECT pg_try_advisory_xact_lock(%(key)s) AS mine, clock_timestamp() AS now

-- last: the newest link of the chain, across the hub
SELECT seq, audit_id, at, sealed_at, settled, hmac FROM audit_chain ORDER BY seq DESC LIMIT 1

-- link: one link of the chain, across the hub
SELECT seq, audit_id, at, sealed_at, settled, hmac FROM audit_chain WHERE seq = %(seq)s

-- places: where entries stand in the chain, with the HMAC of the link before, across the hub
SELECT c.audit_id, c.seq, c.hmac, coalesce(p.hmac, '') AS before
  FROM audit_chain c LEFT JOIN audit_chain p ON p.seq = c.seq - 1 WHERE c.audit_id = ANY (%(ids)s::bigint[])

-- drawn: the highest id that an entry may have, across the hub
SELECT coalesce(pg_sequence_last_value('audit_id_seq'::regclass), 0)

-- writers: the transactions that may hold ids of entries and have not ended, across the hub
SELECT coalesce(array_agg(DISTINCT virtualtransaction), '{}') FROM pg_locks
 WHERE locktype = 'relation' AND relation = 'audit'::regclass AND mode = 'RowExclusiveLock'
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())

-- next: the first id that an entry has between two, across the hub
SELECT min(id) FROM audit WHERE id >= %(first)s AND id <= %(last)s

-- entries: entries between two ids in order, and whether they are sealed already, across the hub
SELECT a.id, a.at, a.tenant_id, a.who, a.who_kind, a.origin, a.action, a.target, a.ok, a.detail::text AS detail,
       c.seq IS NOT NULL AS sealed
  FROM audit a LEFT JOIN LATERAL (SELECT seq FROM audit_chain WHERE audit_id = a.id LIMIT 1) c ON true
 WHERE a.id >= %(first)s AND a.id <= %(last)s
 ORDER BY a.id

-- append: links for entries, across the hub
INSERT INTO audit_chain (seq, audit_id, at, sealed_at, settled, hmac)
SELECT * FROM unnest(%(seq)s::bigint[], %(audit_id)s::bigint[], %(at)s::timestamptz[], %(sealed_at)s::timestamptz[],
                     %(settled)s::bigint[], %(hmac)s::bytea[])

-- next_link: the first number there is from one on, across the hub
SELECT min(seq) FROM audit_chain WHERE seq >= %(seq)s

-- links: a stretch of the chain in order, across the hub
SELECT seq, audit_id, at, sealed_at, settled, hmac FROM audit_chain
 WHERE seq >= %(first)s AND seq <= %(last)s ORDER BY seq

-- linked: the entries that links are of, each looked up by its key, across the hub
SELECT a.id, a.at, a.tenant_id, a.who, a.who_kind, a.origin, a.action, a.target, a.ok, a.detail::text AS detail,
       true AS sealed
  FROM unnest(%(ids)s::bigint[], %(ats)s::timestamptz[]) AS l (id, at)
 CROSS JOIN LATERAL (SELECT * FROM audit WHERE id = l.id AND at = l.at LIMIT 1) a

-- moved: the entries of these ids, whatever their time, across the hub
SELECT a.id, a.at, a.tenant_id, a.who, a.who_kind, a.origin, a.action, a.target, a.ok, a.detail::text AS detail,
       true AS sealed
  FROM unnest(%(ids)s::bigint[]) AS l (id)
 CROSS JOIN LATERAL (SELECT * FROM audit WHERE id = l.id LIMIT 1) a

-- loose: entries after an id that no link is of, or one with another time, across the hub
SELECT a.id, a.at, a.tenant_id, a.who, a.who_kind, a.origin, a.action, a.target, a.ok, a.detail::text AS detail,
       false AS sealed
  FROM audit a
 WHERE a.id > %(after)s AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.audit_id = a.id AND c.at = a.at)
 ORDER BY a.id LIMIT %(most)s

-- partitions: those of the audit log for the months ahead, across the hub
SELECT add_audit_partitions()

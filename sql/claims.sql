-- claim: take the oldest waiting job of a tenant that has none loading, across the hub; nobody else gets the same one
UPDATE jobs SET state = 'loading', started_at = now(), worker = %(worker)s, attempts = attempts + 1, phase = 'claim',
                phase_at = clock_timestamp(), phase_rows = NULL, phase_of = NULL, reason = NULL, reason_japanese = NULL,
                finished_at = NULL, reported_at = NULL, lease_until = clock_timestamp() + %(lease)s::interval
 WHERE (tenant_id, id) = (
       SELECT w.tenant_id, w.id FROM jobs w JOIN tenants t ON t.id = w.tenant_id
        WHERE (w.state = 'received' OR w.state = 'held' AND w.approved_at IS NOT NULL) AND t.state = 'active'
          AND (w.not_before IS NULL OR w.not_before <= now())
          AND NOT EXISTS (SELECT FROM jobs l WHERE l.tenant_id = w.tenant_id AND l.state = 'loading')
        ORDER BY (SELECT max(d.started_at) FROM jobs d WHERE d.tenant_id = w.tenant_id) NULLS FIRST, w.received_at
        LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
RETURNING tenant_id, id, kind, inbox_id, via, bundle, sha256, bytes, day, attempts, revision, worker, undoes,
          undoes_to, approved_deletes

-- renew: the worker lives on
UPDATE jobs SET lease_until = clock_timestamp() + %(lease)s::interval, phase = coalesce(%(phase)s, phase),
                phase_at = CASE WHEN %(phase)s <> phase THEN clock_timestamp() ELSE phase_at END,
                phase_rows = CASE WHEN %(phase)s <> phase THEN %(phase_rows)s ELSE coalesce(%(phase_rows)s, phase_rows) END,
                phase_of = CASE WHEN %(phase)s <> phase THEN %(phase_of)s ELSE coalesce(%(phase_of)s, phase_of) END
 WHERE tenant_id = %(tenant)s AND id = %(job)s AND state = 'loading' AND worker = %(worker)s
   AND attempts = %(attempts)s

-- release: jobs whose worker is gone wait again, across the hub; those that have killed two let others go first
UPDATE jobs SET state = 'received', worker = NULL, lease_until = NULL, phase = NULL,
                not_before = CASE WHEN attempts > 1 AND revision IS NULL THEN now() + interval '5 seconds' END
 WHERE state = 'loading' AND (lease_until < clock_timestamp() OR worker = %(worker)s)
RETURNING id

-- give_up: jobs that cost as many workers their lives as are allowed have failed, across the hub; not those whose load
-- was committed, which only want publishing
UPDATE jobs SET state = 'failed', reason = %(reason)s, finished_at = date_trunc('milliseconds', clock_timestamp()),
                worker = NULL, lease_until = NULL, phase = NULL, phase_rows = NULL
 WHERE state = 'loading' AND (lease_until < clock_timestamp() OR worker = %(worker)s)
   AND attempts >= %(most)s AND revision IS NULL
RETURNING tenant_id, id

-- settle: inside the load itself: what it did; nothing when the job was taken away meanwhile
UPDATE jobs SET revision = %(revision)s, profile = %(profile)s, profile_reason = %(profile_reason)s, rows = %(rows)s, inserted = %(inserted)s,
                updated = %(updated)s, deleted = %(deleted)s, errors = 0, warnings = %(warnings)s, content = %(content)s,
                phase = 'publish'
 WHERE tenant_id = %(tenant)s AND id = %(job)s AND state = 'loading' AND worker = %(worker)s AND attempts = %(attempts)s

-- finish: a job has come to its end, or waits for a person
UPDATE jobs SET state = %(state)s, reason = %(reason)s, reason_japanese = %(reason_japanese)s, finished_at = date_trunc('milliseconds', clock_timestamp()),
                worker = NULL, lease_until = NULL, phase = NULL, phase_rows = NULL, phase_of = NULL, phase_at = NULL,
                approved_at = NULL, approved_deletes = NULL
 WHERE tenant_id = %(tenant)s AND id = %(job)s AND state = 'loading' AND worker = %(worker)s AND attempts = %(attempts)s

-- retry_later: an outage: the job waits and is tried again
UPDATE jobs SET state = 'received', worker = NULL, lease_until = NULL, phase = NULL, reason = %(reason)s,
                not_before = now() + %(wait)s::interval
 WHERE tenant_id = %(tenant)s AND id = %(job)s AND state = 'loading' AND worker = %(worker)s AND attempts = %(attempts)s

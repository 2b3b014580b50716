-- receive: a bundle has arrived whole and is archived
INSERT INTO jobs (tenant_id, inbox_id, via, bundle, sha256, bytes, day)
VALUES (%(tenant)s, %(inbox)s, %(via)s, %(bundle)s, %(sha256)s, %(bytes)s, %(day)s)
RETURNING id

-- describe: what was found out about a bundle
UPDATE jobs SET profile = %(profile)s, profile_reason = %(profile_reason)s, rows = %(rows)s, errors = %(errors)s,
                warnings = %(warnings)s, inserted = %(inserted)s, updated = %(updated)s, deleted = %(deleted)s
 WHERE tenant_id = %(tenant)s AND id = %(job)s

-- retry: an operator wants a failed or rejected job tried once more
UPDATE jobs SET state = 'received', attempts = 0, not_before = NULL, reason = NULL, finished_at = NULL,
                reported_at = NULL
 WHERE tenant_id = %(tenant)s AND id = %(job)s AND state IN ('failed', 'rejected')

-- clear_problems: before a job is examined anew
DELETE FROM problems WHERE tenant_id = %(tenant)s AND job_id = %(job)s

-- clear_counts: before a job is examined anew
DELETE FROM job_counts WHERE tenant_id = %(tenant)s AND job_id = %(job)s

-- add_problem: one fault, in the order of the bundle
INSERT INTO problems (tenant_id, job_id, seq, code, severity, file, line, "column", value, sealed, detail)
VALUES (%(tenant)s, %(job)s, %(seq)s, %(code)s, %(severity)s, %(file)s, %(line)s, %(column)s, %(value)s, %(sealed)s,
        %(detail)s)

-- add_count: what the job changed or would change in one entity
INSERT INTO job_counts (tenant_id, job_id, entity, before, after, inserted, updated, deleted, guard)
VALUES (%(tenant)s, %(job)s, %(entity)s, %(before)s, %(after)s, %(inserted)s, %(updated)s, %(deleted)s, %(guard)s)

-- problems: the faults of a job in the order of the bundle
SELECT code, severity, file, line, "column", value, detail FROM problems
 WHERE tenant_id = %(tenant)s AND job_id = %(job)s
 ORDER BY seq LIMIT %(limit)s

-- counts: what a job changed, by entity
SELECT entity, before, after, inserted, updated, deleted, guard FROM job_counts
 WHERE tenant_id = %(tenant)s AND job_id = %(job)s

-- page: jobs, newest first, across the hub
SELECT j.tenant_id, t.code AS tenant, t.name AS tenant_name, t.state AS tenant_state, j.id, j.kind, j.inbox_id AS inbox, j.via, j.state,
       j.reason, j.reason_japanese, j.bundle, j.sha256, j.profile, j.profile_reason,
       CASE WHEN j.state IN ('applied', 'rolled_back') THEN j.revision END AS revision,
       j.received_at, j.started_at, j.finished_at, j.attempts, j.phase, j.phase_rows, j.phase_of,
       extract(epoch FROM clock_timestamp() - j.phase_at)::float8 AS phase_seconds, j.rows, j.inserted, j.updated,
       j.deleted, j.errors, j.warnings, j.approved_at
  FROM jobs j JOIN tenants t ON t.id = j.tenant_id
 WHERE (%(code)s::text IS NULL OR t.code = %(code)s) AND (%(states)s::text[] IS NULL OR j.state = ANY (%(states)s))
   AND (%(prefix)s::text IS NULL OR (j.id >= %(first)s::uuid AND j.id <= %(last)s::uuid))
 ORDER BY j.received_at DESC, j.id DESC
 LIMIT %(limit)s

-- unreported: ended jobs whose sender has not been answered, across the hub
SELECT j.tenant_id, j.id FROM jobs j
 WHERE j.reported_at IS NULL AND j.finished_at IS NOT NULL
 ORDER BY j.finished_at LIMIT 100

-- reported: the sender has been answered
UPDATE jobs SET reported_at = now() WHERE tenant_id = %(tenant)s AND id = %(job)s

-- queue: how many jobs wait and load, and what today brought, across the hub
SELECT count(*) FILTER (WHERE state = 'received') AS waiting, count(*) FILTER (WHERE state = 'loading') AS loading,
       count(*) FILTER (WHERE state = 'applied' AND received_at >= %(today)s) AS applied,
       count(*) FILTER (WHERE state = 'held' AND received_at >= %(today)s) AS held,
       count(*) FILTER (WHERE state = 'rejected' AND received_at >= %(today)s) AS rejected,
       count(*) FILTER (WHERE state = 'failed' AND received_at >= %(today)s) AS failed
  FROM jobs WHERE received_at >= %(today)s OR state IN ('received', 'loading')

-- newest_profile: the dialect of the last bundle that was applied
SELECT profile FROM jobs WHERE tenant_id = %(tenant)s AND state = 'applied' AND profile IS NOT NULL
 ORDER BY finished_at DESC LIMIT 1

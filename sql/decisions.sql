-- approve: a held job waits for a worker again, to be applied with exactly so many removals
UPDATE jobs SET approved_at = clock_timestamp(), approved_deletes = %(deletes)s, attempts = 0, not_before = NULL
 WHERE tenant_id = %(tenant)s AND id = %(job)s AND state = 'held' AND approved_at IS NULL

-- discard: a held job that a person rejected has come to its end, and its sender is told
UPDATE jobs SET state = 'discarded', reason = %(reason)s, reason_japanese = NULL, reported_at = NULL,
                finished_at = date_trunc('milliseconds', clock_timestamp())
 WHERE tenant_id = %(tenant)s AND id = %(job)s AND state = 'held' AND approved_at IS NULL

-- supersede: held bundles that an applied or held bulk bundle of the same or a later day makes pointless
UPDATE jobs SET state = 'superseded', reason = %(reason)s, reason_japanese = %(reason_japanese)s, reported_at = NULL,
                finished_at = date_trunc('milliseconds', clock_timestamp())
 WHERE tenant_id = %(tenant)s AND state = 'held' AND approved_at IS NULL AND id <> %(job)s AND day <= %(day)s
   AND received_at < (SELECT n.received_at FROM jobs n WHERE n.tenant_id = %(tenant)s AND n.id = %(job)s)

-- made_by: the revision that a job made, with the newest of the tenant
SELECT r.revision, (SELECT max(n.revision) FROM revisions n WHERE n.tenant_id = %(tenant)s) AS newest
  FROM revisions r WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s

-- later: what came after a revision, oldest first
SELECT r.revision, j.id, j.bundle FROM revisions r JOIN jobs j ON j.tenant_id = r.tenant_id AND j.id = r.job_id
 WHERE r.tenant_id = %(tenant)s AND r.revision > %(revision)s ORDER BY r.revision LIMIT 10

-- enter_rollback: a rollback is a job of its own
INSERT INTO jobs (tenant_id, kind, via, bundle, sha256, bytes, day, undoes, undoes_to)
VALUES (%(tenant)s, 'rollback', 'hand', %(bundle)s, '', 0, (now() AT TIME ZONE 'Asia/Tokyo')::date, %(first)s, %(last)s)
RETURNING id

-- undone: the jobs whose revisions are undone, those that only confirmed one of them among them
UPDATE jobs SET state = 'rolled_back', reason = %(reason)s, reason_japanese = %(reason_japanese)s, reported_at = NULL
 WHERE tenant_id = %(tenant)s AND state = 'applied' AND revision >= %(first)s AND revision <= %(last)s
   AND id <> %(job)s
RETURNING id

-- rolled_back_bytes: the job that these very bytes, or the same files, were last applied by, when it is rolled back
SELECT id FROM (SELECT id, state FROM jobs WHERE tenant_id = %(tenant)s AND kind = 'bundle'
                   AND (sha256 = %(sha256)s OR content = %(content)s)
                   AND state IN ('applied', 'rolled_back') ORDER BY finished_at DESC LIMIT 1) AS last
 WHERE state = 'rolled_back'

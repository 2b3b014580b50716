-- newest: the newest committed revision of a tenant
SELECT coalesce(max(revision), 0) FROM revisions WHERE tenant_id = %(tenant)s

-- lock: loads of one tenant come one after another, whoever runs them
SELECT pg_advisory_xact_lock(1919906418, %(tenant)s)

-- add: a revision, not yet published, that remembers which bundle was current before it
INSERT INTO revisions (tenant_id, revision, job_id, before_job, before_sha256, before_day, before_bulk_day)
SELECT %(tenant)s, %(revision)s, %(job)s, c.job_id, c.sha256, c.day, c.bulk_day
  FROM (SELECT) AS one LEFT JOIN current_bundles c ON c.tenant_id = %(tenant)s

-- carry_totals: what a load did not touch counts as before
INSERT INTO totals (tenant_id, revision, collection, records, active)
SELECT tenant_id, %(revision)s::bigint, collection, records, active FROM totals
 WHERE tenant_id = %(tenant)s AND revision = %(revision)s::bigint - 1

-- set_total: what a collection holds at a revision
INSERT INTO totals (tenant_id, revision, collection, records, active)
VALUES (%(tenant)s, %(revision)s, %(collection)s, %(records)s, %(active)s)
ON CONFLICT (tenant_id, revision, collection) DO UPDATE SET records = excluded.records, active = excluded.active

-- log_many: so many records of an entity changed at a revision that they are not listed
INSERT INTO changes (tenant_id, entity, revision, sourced_id) VALUES (%(tenant)s, %(entity)s, %(revision)s, '')

-- delta: the revision that was the newest one at a moment, and how many records are listed that changed since; null
-- where there are, or may be, more than so many
SELECT s.revision, CASE WHEN count(*) <= %(most)s AND NOT coalesce(bool_or(c.sourced_id = ''), false)
                        THEN count(c.sourced_id) END
  FROM (SELECT coalesce(max(r.revision), 0) AS revision FROM revisions r
         WHERE r.tenant_id = %(tenant)s AND r.published_at <= %(at)s::timestamptz) AS s
  LEFT JOIN LATERAL (SELECT g.sourced_id FROM changes g
                      WHERE g.tenant_id = %(tenant)s AND g.entity = %(entity)s AND g.revision > s.revision
                      LIMIT %(most)s::bigint + 1) AS c ON true
 GROUP BY s.revision

-- current: the bundle whose state is current
SELECT job_id, sha256, day, bulk_day FROM current_bundles WHERE tenant_id = %(tenant)s

-- set_current: the state is now that of this bundle
INSERT INTO current_bundles (tenant_id, job_id, sha256, day, bulk_day, revision, read_as)
VALUES (%(tenant)s, %(job)s, %(sha256)s, %(day)s, %(bulk_day)s, %(revision)s, %(read_as)s)
ON CONFLICT (tenant_id) DO UPDATE
   SET job_id = excluded.job_id, sha256 = excluded.sha256, day = excluded.day,
       revision = excluded.revision, read_as = excluded.read_as,
       bulk_day = coalesce(greatest(current_bundles.bulk_day, excluded.bulk_day), excluded.bulk_day)

-- basis: the bundle whose rows the roster holds, and no others, if it was read in this way, and its rows by file
SELECT c.sha256, j.rows FROM current_bundles c JOIN jobs j ON j.tenant_id = c.tenant_id AND j.id = c.job_id
 WHERE c.tenant_id = %(tenant)s AND c.read_as = %(read_as)s
   AND c.revision = (SELECT max(r.revision) FROM revisions r WHERE r.tenant_id = %(tenant)s)

-- drop_current: no bundle is current any more
DELETE FROM current_bundles WHERE tenant_id = %(tenant)s

-- restore_current: the bundle that was current before a revision is current again
INSERT INTO current_bundles (tenant_id, job_id, sha256, day, bulk_day)
SELECT tenant_id, before_job, before_sha256, before_day, before_bulk_day FROM revisions
 WHERE tenant_id = %(tenant)s AND revision = %(revision)s AND before_job IS NOT NULL

-- hold_clock: nobody may raise the clock until this revision has its time
SELECT high FROM clock FOR SHARE

-- publish: the oldest unpublished revision gets a time that no answer has been dated at or above
UPDATE revisions r
   SET published_at = greatest(date_trunc('milliseconds', clock_timestamp()),
                               (SELECT max(p.published_at) FROM revisions p WHERE p.tenant_id = %(tenant)s)
                                   + interval '1 millisecond',
                               (SELECT date_trunc('milliseconds', high) FROM clock) + interval '1 millisecond')
 WHERE r.tenant_id = %(tenant)s AND r.published_at IS NULL
   AND r.revision = (SELECT min(u.revision) FROM revisions u WHERE u.tenant_id = %(tenant)s AND u.published_at IS NULL)
RETURNING r.revision

-- orphans: tenants with a revision that nobody has published, across the hub
SELECT DISTINCT tenant_id FROM revisions WHERE published_at IS NULL AND applied_at < now() - interval '5 seconds'

-- snapshot: the newest published and committed revisions of a tenant, and the time an answer may bear
SELECT coalesce(max(revision) FILTER (WHERE published_at IS NOT NULL), 0) AS published, coalesce(max(revision), 0) AS committed,
       max(published_at) AS published_at, least(clock_timestamp(), (SELECT high FROM clock)) AS dated
  FROM revisions WHERE tenant_id = %(tenant)s

-- standing: the same as `snapshot` with the time as HTTP writes it
SELECT coalesce(max(revision) FILTER (WHERE published_at IS NOT NULL), 0), coalesce(max(revision), 0),
       to_char(least(clock_timestamp(), (SELECT high FROM clock)) AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS "GMT"')
  FROM revisions WHERE tenant_id = %(tenant)s

-- total: how many records a collection holds at a revision
SELECT records FROM totals WHERE tenant_id = %(tenant)s AND revision = %(revision)s AND collection = %(collection)s

-- published: the newest revision of each tenant that has published one since, and the time an answer may bear, across the hub
SELECT to_char(least(clock_timestamp(), c.high) AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS "GMT"'),
       p.tenant_id, p.revision, p.published_at
  FROM clock c LEFT JOIN find_published(%(since)s) p ON true

-- raise_clock: answers may be dated up to a second ahead of now, across the hub
UPDATE clock SET high = greatest(high, clock_timestamp() + interval '1 second') RETURNING high

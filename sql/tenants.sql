-- add: a new tenant, across the hub
INSERT INTO tenants (code, name, profile, wrapped_key) VALUES (%(code)s, %(name)s, %(profile)s, %(wrapped_key)s)
ON CONFLICT (code) DO NOTHING
RETURNING id, code, name, profile, state, settings, wrapped_key, version, paused_at, paused_by, paused_why

-- change: another name, profile, settings
UPDATE tenants SET name = coalesce(%(name)s, name), profile = coalesce(%(profile)s, profile), settings = %(settings)s,
       version = version + 1
 WHERE id = %(tenant)s
RETURNING id, code, name, profile, state, settings, wrapped_key, version, paused_at, paused_by, paused_why

-- turn: paused, or active again
UPDATE tenants SET state = %(state)s, paused_at = CASE %(state)s WHEN 'paused' THEN now() END,
       paused_by = CASE %(state)s WHEN 'paused' THEN %(who)s::text END,
       paused_why = CASE %(state)s WHEN 'paused' THEN %(reason)s::text END
 WHERE id = %(tenant)s
RETURNING id, code, name, profile, state, settings, wrapped_key, version, paused_at, paused_by, paused_why

-- lock: one tenant by its code, while it is changed, across the hub
SELECT id, code, name, profile, state, settings, wrapped_key, version, paused_at, paused_by, paused_why FROM tenants WHERE code = %(code)s FOR UPDATE

-- by_code: one tenant by its code, across the hub
SELECT id, code, name, profile, state, settings, wrapped_key, version, paused_at, paused_by, paused_why FROM tenants WHERE code = %(code)s

-- by_id: one tenant, itself
SELECT id, code, name, profile, state, settings, wrapped_key, version, paused_at, paused_by, paused_why FROM tenants WHERE id = %(tenant)s

-- all: every tenant by code, across the hub
SELECT id, code, name, profile, state, settings, wrapped_key, version, paused_at, paused_by, paused_why FROM tenants ORDER BY code

-- health: each tenant with the job that waits for a person, else its last one, the rows it holds and its last seven days, across the hub
SELECT t.id, t.code, t.name, t.state, j.id AS job_id, j.state AS job_state, j.reason, j.reason_japanese,
       j.received_at,
       coalesce(r.records, 0) AS records, coalesce(j.errors, 0) AS errors, coalesce(j.warnings, 0) AS warnings, d.days,
       t.settings, t.created_at, t.paused_at, t.paused_by, t.paused_why, coalesce(j.approved, false) AS approved,
       (SELECT max(received_at) FROM jobs WHERE tenant_id = t.id AND kind = 'bundle') AS delivered_at
  FROM tenants t
  LEFT JOIN LATERAL (SELECT id, state, reason, reason_japanese, received_at, errors, warnings,
                            approved_at IS NOT NULL AS approved
                       FROM ((SELECT j.*, 1 AS place FROM jobs j WHERE tenant_id = t.id AND state = 'held'
                               ORDER BY received_at DESC LIMIT 1)
                             UNION ALL
                             (SELECT j.*, 2 FROM jobs j WHERE tenant_id = t.id AND state NOT IN ('received', 'duplicate')
                               ORDER BY received_at DESC LIMIT 1)) AS both_jobs
                      ORDER BY place LIMIT 1) j ON true
  LEFT JOIN LATERAL (SELECT sum(active) AS records FROM totals
                      WHERE tenant_id = t.id AND collection IN ('orgs', 'academicSessions', 'courses', 'classes', 'users',
                                                                'enrollments', 'demographics')
                        AND revision = (SELECT max(revision) FROM totals WHERE tenant_id = t.id)) r ON true
  LEFT JOIN LATERAL (SELECT array_agg(state_of_day ORDER BY day) AS days
                       FROM (SELECT day, (SELECT state FROM jobs WHERE tenant_id = t.id
                                           AND received_at >= week.day::timestamp AT TIME ZONE 'Asia/Tokyo'
                                           AND received_at < (week.day + 1)::timestamp AT TIME ZONE 'Asia/Tokyo'
                                           ORDER BY received_at DESC LIMIT 1) AS state_of_day
                               FROM (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date - back AS day
                                       FROM generate_series(0, 6) AS back) AS week) AS states) d ON true
 WHERE t.state <> 'purged'
 ORDER BY t.code

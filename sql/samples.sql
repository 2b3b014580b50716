-- clear: before a job is examined anew
DELETE FROM job_samples WHERE tenant_id = %(tenant)s AND job_id = %(job)s

-- add: one record that changes
INSERT INTO job_samples (tenant_id, job_id, entity, seq, change, sourced_id, fields)
VALUES (%(tenant)s, %(job)s, %(entity)s, %(seq)s, %(change)s, %(sourced_id)s, %(fields)s)

-- of_job: what a job changed or would change, some of it
SELECT entity, change, sourced_id, fields FROM job_samples
 WHERE tenant_id = %(tenant)s AND job_id = %(job)s ORDER BY seq

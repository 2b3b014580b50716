-- Which records changed at a revision, where they are few: a delta finds them here, and not by looking at all.
CREATE TABLE changes (
    tenant_id integer NOT NULL,
    entity text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,   -- empty: so many that they are not listed
    PRIMARY KEY (tenant_id, entity, revision, sourced_id)
);

ALTER TABLE changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE changes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON changes USING (tenant_id = current_tenant());
CREATE POLICY across ON changes TO rosterhub_owner, rosterhub_ingest, rosterhub_viewer, rosterhub_operator,
    rosterhub_admin USING (true);
GRANT SELECT ON changes TO rosterhub_api;
GRANT SELECT, INSERT, DELETE ON changes TO rosterhub_ingest;
GRANT SELECT ON changes TO rosterhub_viewer, rosterhub_operator, rosterhub_admin;

-- Nobody kept a list so far.
INSERT INTO changes (tenant_id, entity, revision, sourced_id)
SELECT r.tenant_id, e.entity, max(r.revision), ''
  FROM revisions r, unnest(ARRAY['orgs', 'academicSessions', 'courses', 'classes', 'users', 'enrollments', 'demographics'])
       AS e (entity)
 GROUP BY r.tenant_id, e.entity;

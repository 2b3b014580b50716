-- A job says how its dialect was told, what a person decided about it, and how far it is. A revision remembers the
-- bundle that was current before it, so that undoing it knows what is current then. Samples show what a load changes.

ALTER TABLE jobs
    ADD COLUMN kind text COLLATE "C" NOT NULL DEFAULT 'bundle' CHECK (kind IN ('bundle', 'rollback')),
    ADD COLUMN undoes bigint,                   -- of a rollback: the first revision it undoes
    ADD COLUMN undoes_to bigint,                -- and the last
    ADD COLUMN profile_reason text COLLATE "C", -- how the profile was told
    ADD COLUMN approved_at timestamptz,         -- a held job that a person approved waits for a worker
    ADD COLUMN approved_deletes bigint,         -- with so many removals, and no other number
    ADD COLUMN phase_at timestamptz,            -- when the phase began
    ADD COLUMN phase_of bigint,                 -- rows the phase has to do, as far as that can be told
    ADD COLUMN reason_japanese text COLLATE "C"; -- the reason again, for the sender
CREATE INDEX ON jobs (tenant_id, sha256);

ALTER TABLE revisions
    ADD COLUMN before_job uuid,
    ADD COLUMN before_sha256 text COLLATE "C",
    ADD COLUMN before_day date,
    ADD COLUMN before_bulk_day date;

-- Some of the records a job changed or would change; persons' names are masked before they come here.
CREATE TABLE job_samples (
    tenant_id integer NOT NULL,
    job_id uuid NOT NULL,
    entity text COLLATE "C" NOT NULL,
    seq integer NOT NULL,
    change text COLLATE "C" NOT NULL CHECK (change IN ('inserted', 'updated', 'deleted')),
    sourced_id text COLLATE "C" NOT NULL,
    fields json NOT NULL,                       -- member: [before, after]
    PRIMARY KEY (tenant_id, job_id, entity, seq),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);

ALTER TABLE job_samples ENABLE ROW LEVEL SECURITY;
ALTER TABLE job_samples FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON job_samples USING (tenant_id = current_tenant());
CREATE POLICY across ON job_samples TO rosterhub_owner, rosterhub_ingest, rosterhub_viewer, rosterhub_operator,
    rosterhub_admin USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON job_samples TO rosterhub_ingest;
GRANT SELECT ON job_samples TO rosterhub_viewer, rosterhub_operator, rosterhub_admin;
GRANT UPDATE (approved_at, approved_deletes, reason_japanese) ON jobs TO rosterhub_operator, rosterhub_admin;
GRANT DELETE ON current_bundles TO rosterhub_ingest;

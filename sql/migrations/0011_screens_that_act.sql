-- What the admin screens need: a version of a tenant's settings, doors that can be removed, news of jobs.

ALTER TABLE tenants ADD COLUMN version integer NOT NULL DEFAULT 1;

ALTER TABLE inboxes DROP CONSTRAINT inboxes_user_name_key;
CREATE UNIQUE INDEX inboxes_user_name ON inboxes (user_name) WHERE removed_at IS NULL;

CREATE INDEX ON jobs (tenant_id, received_at);

-- how many secrets count, and until when; never one of them
GRANT SELECT (tenant_id, client_id, created_at, expires_at) ON client_secrets TO rosterhub_viewer, rosterhub_operator;

CREATE FUNCTION tell_screens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY rosterhub_changed;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION tell_screens() FROM PUBLIC;
CREATE TRIGGER tell_screens AFTER INSERT OR UPDATE ON jobs FOR EACH STATEMENT EXECUTE FUNCTION tell_screens();
CREATE TRIGGER tell_screens AFTER INSERT OR UPDATE ON tenants FOR EACH STATEMENT EXECUTE FUNCTION tell_screens();

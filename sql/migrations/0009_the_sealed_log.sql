-- The audit log is sealed, found by what people look for, and knows up to when each API process has written.
CREATE TABLE audit_chain (
    seq bigint PRIMARY KEY,
    audit_id bigint NOT NULL UNIQUE,
    at timestamptz NOT NULL,            -- the entry's own, so that one that is gone can be named
    sealed_at timestamptz NOT NULL,
    settled bigint NOT NULL,            -- entries up to this id were sealed by then, or will never come
    hmac bytea NOT NULL
);
GRANT SELECT, INSERT ON audit_chain TO rosterhub_ingest;
GRANT SELECT ON audit_chain TO rosterhub_viewer, rosterhub_operator, rosterhub_admin;
GRANT SELECT ON audit TO rosterhub_ingest;

CREATE INDEX ON audit (who, at, id);
CREATE INDEX ON audit (action, at, id);
CREATE INDEX ON audit (target, at, id);
CREATE INDEX ON audit (at, id) WHERE NOT ok;

ALTER TABLE processes ADD audited_at timestamptz;

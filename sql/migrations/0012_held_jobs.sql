-- What waits for a person stands on the Overview, whatever came since.

CREATE INDEX ON jobs (tenant_id, received_at) WHERE state = 'held';

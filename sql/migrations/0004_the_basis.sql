-- What the next bundle may be compared with, instead of being read whole: the current bundle, where the roster holds
-- its rows and no others.
ALTER TABLE current_bundles
    ADD revision bigint,
    ADD read_as text COLLATE "C";

-- What a bundle holds, however it is packed.
ALTER TABLE jobs
    ADD content text COLLATE "C";
CREATE INDEX ON jobs (tenant_id, content);

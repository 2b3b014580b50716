-- Bundles come by HTTP, too.
ALTER TABLE jobs DROP CONSTRAINT jobs_via_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_via_check CHECK (via IN ('sftp', 'drop', 'pull', 'http', 'hand'));

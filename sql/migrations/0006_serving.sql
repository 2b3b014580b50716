-- What a client may ask for in a time, and from where.
ALTER TABLE clients
    ADD rate integer CHECK (rate >= 0),
    ADD burst integer CHECK (burst > 0),
    ADD allow cidr[];

DROP FUNCTION find_client(text);
CREATE FUNCTION find_client(wanted text)
    RETURNS TABLE (tenant_id integer, client_id text, scopes text[], secret_hashes bytea[], rate integer, burst integer,
                   allow text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT c.tenant_id, c.client_id, c.scopes,
           array(SELECT s.secret_hash FROM client_secrets s
                  WHERE s.tenant_id = c.tenant_id AND s.client_id = c.client_id
                    AND (s.expires_at IS NULL OR s.expires_at > now())),
           c.rate, c.burst, c.allow::text[]
      FROM clients c JOIN tenants t ON t.id = c.tenant_id
     WHERE c.client_id = wanted AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())
       AND t.state <> 'purged';
END;

-- The API asks often, for all tenants at once, what has been published.
CREATE INDEX ON revisions (published_at);

-- What readers of any tenant may see: numbers and times, no more.
CREATE FUNCTION find_published(since timestamptz)
    RETURNS TABLE (tenant_id integer, revision bigint, published_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT ON (r.tenant_id) r.tenant_id, r.revision, r.published_at
      FROM revisions r WHERE r.published_at >= since ORDER BY r.tenant_id, r.revision DESC;
END;

REVOKE ALL ON FUNCTION find_client(text), find_published(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_client(text), find_published(timestamptz) TO rosterhub_api;

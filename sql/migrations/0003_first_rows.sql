-- First rows go straight into the table that becomes the partition: it is their staging, too. Statistics are made when
-- its rows are in, before the checks want them, and not once more with the indexes.

-- A detached table for the first rows of an entity of this tenant, to be loaded without indexes.
CREATE OR REPLACE FUNCTION start_partition(entity text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    tenant integer := current_tenant();
    partition text := format('%s_t%s', entity, tenant);
BEGIN
    IF tenant IS NULL OR NOT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = entity::regclass) THEN
        RAISE EXCEPTION 'no tenant, or % is not a roster table', entity;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS, '
                   'CONSTRAINT %I CHECK (tenant_id = %s)) WITH (fillfactor = 85)',
                   partition, entity, partition || '_tenant', tenant);
    EXECUTE format('GRANT SELECT, INSERT ON public.%I TO rosterhub_ingest', partition);
    RETURN partition;
END $$;

-- The same as staging and first rows in one: COPY fills it, checks read it. What is amiss is let in, for it is
-- to be told of; index_partition() sees to it that none stays.
CREATE FUNCTION stage_partition(entity text, revision bigint) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    partition text := start_partition(entity);
    needed name;
BEGIN
    FOR needed IN
        SELECT attname FROM pg_attribute WHERE attrelid = partition::regclass AND attnum > 0 AND attnotnull
    LOOP
        EXECUTE format('ALTER TABLE public.%I ALTER %I DROP NOT NULL', partition, needed);
    END LOOP;
    EXECUTE format('ALTER TABLE public.%I ALTER tenant_id SET DEFAULT %s, ALTER changed SET DEFAULT %s', partition,
                   current_tenant(), revision);
    EXECUTE format('GRANT UPDATE, DELETE ON public.%I TO rosterhub_ingest', partition);
    RETURN partition;
END $$;

-- Index the loaded table and put it behind row security. Nothing but that table is locked.
CREATE OR REPLACE FUNCTION index_partition(entity text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    partition text := format('%s_t%s', entity, current_tenant());
    made record;
BEGIN
    EXECUTE format('REVOKE ALL ON public.%I FROM rosterhub_ingest', partition);
    -- one statement, hence one look at the rows
    EXECUTE (SELECT format('ALTER TABLE public.%I ALTER tenant_id DROP DEFAULT, ALTER changed DROP DEFAULT, %s', partition,
                           string_agg(change, ', '))
               FROM (SELECT format('ALTER %I SET NOT NULL', attname) FROM pg_attribute
                      WHERE attrelid = entity::regclass AND attnum > 0 AND attnotnull
                     UNION ALL
                     SELECT format('ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
                      WHERE conrelid = entity::regclass AND contype = 'c') AS changes (change));
    FOR made IN
        SELECT indisprimary, substring(pg_get_indexdef(indexrelid) FROM ' USING .*$') AS using_columns
          FROM pg_index WHERE indrelid = entity::regclass ORDER BY indisprimary DESC
    LOOP
        IF made.indisprimary THEN
            EXECUTE format('ALTER TABLE public.%I ADD PRIMARY KEY %s', partition,
                           substring(made.using_columns FROM '\(.*\)$'));
        ELSE
            EXECUTE format('CREATE INDEX ON public.%I %s', partition, made.using_columns);
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', partition);
    EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', partition);
    EXECUTE format('CREATE POLICY tenant ON public.%I USING (tenant_id = current_tenant())', partition);
END $$;

-- Fresh statistics of the tenant's table, attached or not, but for columns nobody asks by.
CREATE OR REPLACE FUNCTION analyze_partition(entity text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET default_statistics_target = 30 AS $$
DECLARE
    partition text := format('%s_t%s', entity, current_tenant());
BEGIN
    EXECUTE (SELECT format('ANALYZE public.%I (%s)', partition, string_agg(quote_ident(attname), ', '))
               FROM pg_attribute WHERE attrelid = partition::regclass AND attnum > 0
                AND attname NOT IN ('document', 'metadata', 'sealed', 'row_hash', 'line', 'user_ids'));
END $$;

REVOKE ALL ON FUNCTION stage_partition(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stage_partition(text, bigint) TO rosterhub_ingest;

-- Indexes begin with a text: it is sorted by its first bytes, and all rows of a partition are one tenant's. Keys begin
-- with the tenant.
DO $$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT i.indexrelid::regclass AS name, replace(pg_get_indexdef(i.indexrelid), '(tenant_id, ', '(') AS definition
          FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         WHERE c.relkind = 'p' AND NOT i.indisprimary
           AND c.relname IN ('orgs', 'academic_sessions', 'courses', 'classes', 'users',
           'user_profiles', 'roles', 'demographics', 'enrollments')
    LOOP
        EXECUTE format('DROP INDEX %s', made.name);
        EXECUTE regexp_replace(made.definition, '^CREATE INDEX \S+ ON ONLY', 'CREATE INDEX ON');
    END LOOP;
END $$;

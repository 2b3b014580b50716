-- Keys begin with the id too: they are sorted by its first bytes, and all rows of a partition are one tenant's.
-- A partition gets its key before the checks, which are to tell of ids that stand twice; the other indexes follow later.
DO $$
DECLARE
    entity text;
BEGIN
    FOREACH entity IN ARRAY ARRAY['orgs', 'academic_sessions', 'courses', 'classes', 'users', 'user_profiles', 'roles',
                                  'demographics', 'enrollments'] LOOP
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I, ADD PRIMARY KEY (sourced_id, tenant_id)', entity,
                       entity || '_pkey');
    END LOOP;
END $$;

-- The key of the loaded table, before index_partition() makes the others; false where it fails, as an id stands twice.
CREATE FUNCTION key_partition(entity text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    partition text := format('%s_t%s', entity, current_tenant());
BEGIN
    EXECUTE (SELECT format('CREATE UNIQUE INDEX %I ON public.%I %s', partition || '_key', partition,
                           substring(pg_get_indexdef(indexrelid) FROM ' USING .*$'))
               FROM pg_index WHERE indrelid = entity::regclass AND indisprimary);
    RETURN true;
EXCEPTION WHEN unique_violation THEN
    RETURN false;
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
    IF to_regclass(format('public.%I', partition || '_key')) IS NULL AND NOT key_partition(entity) THEN
        RAISE EXCEPTION 'an id stands twice in %', partition USING ERRCODE = 'unique_violation';
    END IF;
    EXECUTE format('ALTER TABLE public.%I ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I', partition,
                   partition || '_pkey', partition || '_key');
    FOR made IN
        SELECT substring(pg_get_indexdef(indexrelid) FROM ' USING .*$') AS using_columns
          FROM pg_index WHERE indrelid = entity::regclass AND NOT indisprimary
    LOOP
        EXECUTE format('CREATE INDEX ON public.%I %s', partition, made.using_columns);
    END LOOP;
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', partition);
    EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', partition);
    EXECUTE format('CREATE POLICY tenant ON public.%I USING (tenant_id = current_tenant())', partition);
END $$;

-- Whoever was removed keeps the parts he had: he is looked for with every bundle that is compared.
CREATE INDEX ON users (sourced_id) WHERE status = 'tobedeleted';

REVOKE ALL ON FUNCTION key_partition(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION key_partition(text) TO rosterhub_ingest;

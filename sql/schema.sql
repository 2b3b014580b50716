-- RosterHub's schema, whole and in one file, so that it can be read in one go.
-- The migrations together make exactly this; a test says so.
-- All of it belongs to rosterhub_owner (see roles.sql); text is COLLATE "C", the same on every server.

-- ---------------------------------------------------------------------------------------------------------
-- Tenants, their doors and their clients
-- ---------------------------------------------------------------------------------------------------------

CREATE TABLE tenants (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text COLLATE "C" NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9-]{1,31}$'),
    name text COLLATE "C" NOT NULL,
    profile text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'purged')),
    settings jsonb NOT NULL DEFAULT '{}',
    wrapped_key bytea NOT NULL,     -- the tenant's key under the master key; without it nothing sealed opens
    created_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1, -- of name, profile and settings: whoever changes them says which one he read
    paused_at timestamptz,          -- null unless it is paused
    paused_by text COLLATE "C",
    paused_why text COLLATE "C"
);

CREATE TABLE inboxes (
    tenant_id integer NOT NULL REFERENCES tenants (id),
    id integer GENERATED ALWAYS AS IDENTITY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('sftp', 'drop', 'pull')),
    user_name text COLLATE "C" CHECK (user_name ~ '^[a-z0-9][a-z0-9-]{1,31}$'),
    password_hash text COLLATE "C",
    public_key text COLLATE "C",
    path text COLLATE "C",
    url text COLLATE "C",
    key_file text COLLATE "C",
    host_key text COLLATE "C",
    every_seconds integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    looked_at timestamptz,          -- the last look at a pulled account or a watched folder
    trouble text COLLATE "C",       -- what went wrong at that look, or null
    PRIMARY KEY (tenant_id, id),
    CHECK (CASE kind WHEN 'sftp' THEN user_name IS NOT NULL AND (password_hash IS NOT NULL OR public_key IS NOT NULL)
                     WHEN 'drop' THEN path IS NOT NULL
                     ELSE url IS NOT NULL AND host_key IS NOT NULL AND every_seconds > 0 END)
);
-- The name of a removed door can be given to a new one.
CREATE UNIQUE INDEX inboxes_user_name ON inboxes (user_name) WHERE removed_at IS NULL;

-- What a pull door has fetched already, so that it fetches it once.
CREATE TABLE pulled (
    tenant_id integer NOT NULL,
    inbox_id integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    bytes bigint NOT NULL,
    modified bigint NOT NULL,       -- seconds since 1970, as the remote server says
    fetched_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, inbox_id, name),
    FOREIGN KEY (tenant_id, inbox_id) REFERENCES inboxes (tenant_id, id)
);

CREATE TABLE clients (
    tenant_id integer NOT NULL REFERENCES tenants (id),
    client_id text COLLATE "C" NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_reason text COLLATE "C",
    last_used_at timestamptz,
    rate integer CHECK (rate >= 0),         -- requests a minute, 0 for any number; null: the service's own measure
    burst integer CHECK (burst > 0),        -- of them at once
    allow cidr[],                           -- addresses it may call from; null: any
    PRIMARY KEY (tenant_id, client_id)
);

CREATE TABLE client_secrets (
    tenant_id integer NOT NULL,
    client_id text COLLATE "C" NOT NULL,
    secret_hash bytea NOT NULL,     -- keyed: a dump of this table guesses nothing
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    PRIMARY KEY (tenant_id, client_id, secret_hash),
    FOREIGN KEY (tenant_id, client_id) REFERENCES clients (tenant_id, client_id)
);

-- People who administer, each with a role. The owner of the state folder needs no line here.
CREATE TABLE operators (
    name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$'),
    role text COLLATE "C" NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    password_hash text COLLATE "C",         -- Argon2id; null: known by the Unix user alone
    has_password boolean NOT NULL GENERATED ALWAYS AS (password_hash IS NOT NULL) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    wrong integer NOT NULL DEFAULT 0,       -- passwords in a row
    locked_until timestamptz
);

-- ---------------------------------------------------------------------------------------------------------
-- Jobs: the handling of one bundle each
-- ---------------------------------------------------------------------------------------------------------

CREATE TABLE jobs (
    tenant_id integer NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    inbox_id integer,
    via text COLLATE "C" NOT NULL CHECK (via IN ('sftp', 'drop', 'pull', 'http', 'hand')),
    state text COLLATE "C" NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'loading', 'applied', 'held',
        'rejected', 'duplicate', 'superseded', 'failed', 'discarded', 'rolled_back')),
    reason text COLLATE "C",
    bundle text COLLATE "C" NOT NULL,       -- the file name the sender gave
    sha256 text COLLATE "C" NOT NULL,
    bytes bigint NOT NULL,
    day date NOT NULL,                      -- RO_YYYYMMDD_ in the name, else the day of receipt
    profile text COLLATE "C",
    revision bigint,                        -- the one made or confirmed
    received_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    reported_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    worker text COLLATE "C",                -- who is loading it, and until when it is believed
    lease_until timestamptz,
    not_before timestamptz,                 -- a retry waits
    phase text COLLATE "C",
    phase_rows bigint,
    rows jsonb NOT NULL DEFAULT '{}',
    inserted integer NOT NULL DEFAULT 0,
    updated integer NOT NULL DEFAULT 0,
    deleted integer NOT NULL DEFAULT 0,
    errors integer NOT NULL DEFAULT 0,
    warnings integer NOT NULL DEFAULT 0,
    kind text COLLATE "C" NOT NULL DEFAULT 'bundle' CHECK (kind IN ('bundle', 'rollback')),
    undoes bigint,                          -- of a rollback: the first revision it undoes
    undoes_to bigint,                       -- and the last
    profile_reason text COLLATE "C",        -- how the profile was told
    approved_at timestamptz,                -- a held job that a person approved waits for a worker
    approved_deletes bigint,                -- with so many removals, and no other number
    phase_at timestamptz,                   -- when the phase began
    phase_of bigint,                        -- rows the phase has to do, as far as that can be told
    reason_japanese text COLLATE "C",       -- the reason again, for the sender
    content text COLLATE "C",               -- what the bundle holds, however it is packed, once it is applied
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ON jobs (received_at);
CREATE INDEX ON jobs (state, received_at) WHERE state IN ('received', 'loading');
CREATE INDEX ON jobs (finished_at) WHERE reported_at IS NULL;
CREATE INDEX ON jobs (tenant_id, sha256);
CREATE INDEX ON jobs (tenant_id, content);
CREATE INDEX ON jobs (tenant_id, received_at);
CREATE INDEX ON jobs (tenant_id, received_at) WHERE state = 'held';
-- Loads of one tenant are serial: two workers cannot both take a job of it.
CREATE UNIQUE INDEX jobs_one_loading ON jobs (tenant_id) WHERE state = 'loading';

CREATE TABLE problems (
    tenant_id integer NOT NULL,
    job_id uuid NOT NULL,
    seq integer NOT NULL,
    code text COLLATE "C" NOT NULL,
    severity text COLLATE "C" NOT NULL CHECK (severity IN ('error', 'warning')),
    file text COLLATE "C" NOT NULL,
    line integer NOT NULL,
    "column" text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,        -- masked where the field is sealed
    sealed bytea,                           -- the value itself then
    detail text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, job_id, seq),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);

-- What a job changed or would change, by entity; students and teachers are parts of users.
CREATE TABLE job_counts (
    tenant_id integer NOT NULL,
    job_id uuid NOT NULL,
    entity text COLLATE "C" NOT NULL,
    before bigint NOT NULL,                 -- active records
    after bigint NOT NULL,
    inserted bigint NOT NULL,
    updated bigint NOT NULL,
    deleted bigint NOT NULL,
    guard text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, job_id, entity),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);

-- Some of the records a job changed or would change; persons' names are masked before they come here.
CREATE TABLE job_samples (
    tenant_id integer NOT NULL,
    job_id uuid NOT NULL,
    entity text COLLATE "C" NOT NULL,
    seq integer NOT NULL,
    change text COLLATE "C" NOT NULL CHECK (change IN ('inserted', 'updated', 'deleted')),
    sourced_id text COLLATE "C" NOT NULL,
    fields json NOT NULL,                   -- member: [before, after]
    PRIMARY KEY (tenant_id, job_id, entity, seq),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);

-- ---------------------------------------------------------------------------------------------------------
-- Revisions: the tenant's roster after one bundle that changed something
-- ---------------------------------------------------------------------------------------------------------

CREATE TABLE revisions (
    tenant_id integer NOT NULL REFERENCES tenants (id),
    revision bigint NOT NULL,
    job_id uuid NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,               -- dateLastModified of every record this revision changed
    before_job uuid,                        -- the bundle that was current before it, as in current_bundles
    before_sha256 text COLLATE "C",
    before_day date,
    before_bulk_day date,
    PRIMARY KEY (tenant_id, revision)
);
CREATE INDEX ON revisions (tenant_id, revision) WHERE published_at IS NULL;
CREATE INDEX ON revisions (published_at);

-- How many records a collection of the API holds at a revision, whatever their status.
CREATE TABLE totals (
    tenant_id integer NOT NULL,
    revision bigint NOT NULL,
    collection text COLLATE "C" NOT NULL,
    records bigint NOT NULL,
    active bigint NOT NULL,
    PRIMARY KEY (tenant_id, revision, collection),
    FOREIGN KEY (tenant_id, revision) REFERENCES revisions (tenant_id, revision)
);

-- Which records changed at a revision, where they are few: a delta finds them here, and not by looking at all.
CREATE TABLE changes (
    tenant_id integer NOT NULL,
    entity text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,   -- empty: so many that they are not listed
    PRIMARY KEY (tenant_id, entity, revision, sourced_id)
);

-- The bundle whose state is current: the very same bytes again are a duplicate.
CREATE TABLE current_bundles (
    tenant_id integer PRIMARY KEY REFERENCES tenants (id),
    job_id uuid NOT NULL,
    sha256 text COLLATE "C" NOT NULL,
    day date NOT NULL,
    bulk_day date,                          -- of the newest bulk bundle applied
    revision bigint,                        -- which holds the rows of its files and no others,
    read_as text COLLATE "C"                -- read in this way, without a fault; null where that is not so
);

-- No answer is dated above `high`, and nothing is published at or below it.
CREATE TABLE clock (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    high timestamptz NOT NULL
);
INSERT INTO clock (high) VALUES (date_trunc('milliseconds', now()));

-- The role processes that are alive, for waiting verbs and screens.
CREATE TABLE processes (
    name text COLLATE "C" PRIMARY KEY,
    role text COLLATE "C" NOT NULL,
    detail text COLLATE "C" NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    audited_at timestamptz              -- of an API process: what it did until then is in the audit log
);

-- ---------------------------------------------------------------------------------------------------------
-- Audit: insert-only, a partition a month
-- ---------------------------------------------------------------------------------------------------------

CREATE SEQUENCE audit_id_seq;
CREATE TABLE audit (
    id bigint NOT NULL DEFAULT nextval('audit_id_seq'),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tenant_id integer,
    who text COLLATE "C" NOT NULL,
    who_kind text COLLATE "C" NOT NULL CHECK (who_kind IN ('operator', 'client', 'inbox', 'system')),
    origin text COLLATE "C" NOT NULL DEFAULT '',    -- an address, a terminal
    action text COLLATE "C" NOT NULL,
    target text COLLATE "C" NOT NULL DEFAULT '',
    ok boolean NOT NULL DEFAULT true,
    detail jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE audit_default PARTITION OF audit DEFAULT;
CREATE INDEX ON audit (at, id);
CREATE INDEX ON audit (tenant_id, at, id);
CREATE INDEX ON audit (who, at, id);
CREATE INDEX ON audit (action, at, id);
CREATE INDEX ON audit (target, at, id);
CREATE INDEX ON audit (at, id) WHERE NOT ok;

-- The sealed order of entries: each link covers the one before it and the whole entry, keyed from the master key.
CREATE TABLE audit_chain (
    seq bigint PRIMARY KEY,
    audit_id bigint NOT NULL UNIQUE,
    at timestamptz NOT NULL,            -- the entry's own, so that one that is gone can be named
    sealed_at timestamptz NOT NULL,
    settled bigint NOT NULL,            -- entries up to this id were sealed by then, or will never come
    hmac bytea NOT NULL
);

-- ---------------------------------------------------------------------------------------------------------
-- The roster: one table an entity, one partition a tenant, made by start_partition() at the first load.
-- Keys end with the tenant, other indexes leave it out, as all rows of a partition are one tenant's: a text in front is
-- sorted by its first bytes, which makes building them a good deal faster.
-- `changed` is the revision that last changed the record as the API shows it; there is no index on it, so that
-- updates stay within their page. `row_hash` is keyed and covers every value, sealed ones included.
-- ---------------------------------------------------------------------------------------------------------

CREATE TABLE orgs (
    tenant_id integer NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_modified timestamptz,
    name text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    identifier text COLLATE "C",
    parent_sourced_id text COLLATE "C",
    name_folded text COLLATE "C",
    identifier_folded text COLLATE "C",
    metadata json,
    row_hash uuid NOT NULL,
    line integer NOT NULL,
    document text COLLATE "C" NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (sourced_id, tenant_id),
    CHECK (status IN ('active', 'tobedeleted'))
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON orgs (parent_sourced_id);

CREATE TABLE academic_sessions (
    tenant_id integer NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_modified timestamptz,
    title text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    start_date date NOT NULL,
    end_date date NOT NULL,
    parent_sourced_id text COLLATE "C",
    school_year text COLLATE "C" NOT NULL,
    title_folded text COLLATE "C",
    metadata json,
    row_hash uuid NOT NULL,
    line integer NOT NULL,
    document text COLLATE "C" NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (sourced_id, tenant_id),
    CHECK (status IN ('active', 'tobedeleted'))
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON academic_sessions (parent_sourced_id);

CREATE TABLE courses (
    tenant_id integer NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_modified timestamptz,
    school_year_sourced_id text COLLATE "C",
    title text COLLATE "C" NOT NULL,
    course_code text COLLATE "C",
    grades text[] COLLATE "C",
    org_sourced_id text COLLATE "C" NOT NULL,
    subjects text[] COLLATE "C",
    subject_codes text[] COLLATE "C",
    title_folded text COLLATE "C",
    course_code_folded text COLLATE "C",
    metadata json,
    row_hash uuid NOT NULL,
    line integer NOT NULL,
    document text COLLATE "C" NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (sourced_id, tenant_id),
    CHECK (status IN ('active', 'tobedeleted'))
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON courses (org_sourced_id);

CREATE TABLE classes (
    tenant_id integer NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_modified timestamptz,
    title text COLLATE "C" NOT NULL,
    grades text[] COLLATE "C",
    course_sourced_id text COLLATE "C" NOT NULL,
    class_code text COLLATE "C",
    class_type text COLLATE "C" NOT NULL,
    location text COLLATE "C",
    school_sourced_id text COLLATE "C" NOT NULL,
    term_sourced_ids text[] COLLATE "C" NOT NULL,
    subjects text[] COLLATE "C",
    subject_codes text[] COLLATE "C",
    periods text[] COLLATE "C",
    title_folded text COLLATE "C",
    class_code_folded text COLLATE "C",
    location_folded text COLLATE "C",
    metadata json,
    row_hash uuid NOT NULL,
    line integer NOT NULL,
    document text COLLATE "C" NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (sourced_id, tenant_id),
    CHECK (status IN ('active', 'tobedeleted'))
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON classes (course_sourced_id);
CREATE INDEX ON classes (school_sourced_id);

CREATE TABLE users (
    tenant_id integer NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_modified timestamptz,
    enabled_user boolean NOT NULL,
    username text COLLATE "C" NOT NULL,
    user_ids json,
    given_name text COLLATE "C" NOT NULL,
    family_name text COLLATE "C" NOT NULL,
    middle_name text COLLATE "C",
    identifier text COLLATE "C",
    agent_sourced_ids text[] COLLATE "C",
    grades text[] COLLATE "C",
    user_master_identifier text COLLATE "C",
    resource_sourced_ids text[] COLLATE "C",
    preferred_given_name text COLLATE "C",
    preferred_middle_name text COLLATE "C",
    preferred_family_name text COLLATE "C",
    primary_org_sourced_id text COLLATE "C",
    pronouns text COLLATE "C",
    username_folded text COLLATE "C",
    given_name_folded text COLLATE "C",
    family_name_folded text COLLATE "C",
    middle_name_folded text COLLATE "C",
    identifier_folded text COLLATE "C",
    user_master_identifier_folded text COLLATE "C",
    preferred_given_name_folded text COLLATE "C",
    preferred_middle_name_folded text COLLATE "C",
    preferred_family_name_folded text COLLATE "C",
    metadata json,
    email_hash uuid,
    sms_hash uuid,
    phone_hash uuid,
    sealed bytea,
    row_hash uuid NOT NULL,
    line integer NOT NULL,
    document text COLLATE "C" NOT NULL,
    student boolean NOT NULL,
    teacher boolean NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (sourced_id, tenant_id),
    CHECK (status IN ('active', 'tobedeleted'))
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON users (sourced_id) WHERE student;
CREATE INDEX ON users (sourced_id) WHERE teacher;
CREATE INDEX ON users (sourced_id) WHERE status = 'tobedeleted';

CREATE TABLE user_profiles (
    tenant_id integer NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_modified timestamptz,
    user_sourced_id text COLLATE "C" NOT NULL,
    profile_type text COLLATE "C" NOT NULL,
    vendor_id text COLLATE "C" NOT NULL,
    application_id text COLLATE "C",
    description text COLLATE "C",
    credential_type text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    metadata json,
    row_hash uuid NOT NULL,
    line integer NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (sourced_id, tenant_id),
    CHECK (status IN ('active', 'tobedeleted'))
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON user_profiles (user_sourced_id);

CREATE TABLE roles (
    tenant_id integer NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_modified timestamptz,
    user_sourced_id text COLLATE "C" NOT NULL,
    role_type text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    begin_date date,
    end_date date,
    org_sourced_id text COLLATE "C" NOT NULL,
    user_profile_sourced_id text COLLATE "C",
    metadata json,
    row_hash uuid NOT NULL,
    line integer NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (sourced_id, tenant_id),
    CHECK (status IN ('active', 'tobedeleted'))
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON roles (user_sourced_id);
CREATE INDEX ON roles (org_sourced_id);

CREATE TABLE demographics (
    tenant_id integer NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_modified timestamptz,
    birth_date_hash uuid,
    sex_hash uuid,
    american_indian_or_alaska_native_hash uuid,
    asian_hash uuid,
    black_or_african_american_hash uuid,
    native_hawaiian_or_other_pacific_islander_hash uuid,
    white_hash uuid,
    demographic_race_two_or_more_races_hash uuid,
    hispanic_or_latino_ethnicity_hash uuid,
    country_of_birth_code_hash uuid,
    state_of_birth_abbreviation_hash uuid,
    city_of_birth_hash uuid,
    public_school_residence_status_hash uuid,
    sealed bytea,
    row_hash uuid NOT NULL,
    line integer NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (sourced_id, tenant_id),
    CHECK (status IN ('active', 'tobedeleted'))
) PARTITION BY LIST (tenant_id);

CREATE TABLE enrollments (
    tenant_id integer NOT NULL,
    sourced_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_modified timestamptz,
    class_sourced_id text COLLATE "C" NOT NULL,
    school_sourced_id text COLLATE "C" NOT NULL,
    user_sourced_id text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    "primary" boolean,
    begin_date date,
    end_date date,
    metadata json,
    row_hash uuid NOT NULL,
    line integer NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (sourced_id, tenant_id),
    CHECK (status IN ('active', 'tobedeleted'))
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON enrollments (class_sourced_id);
CREATE INDEX ON enrollments (user_sourced_id);
CREATE INDEX ON enrollments (school_sourced_id);

-- What was: a record as it stood from `changed` until, but not in, `until`.
CREATE TABLE orgs_history (
    LIKE orgs, until bigint NOT NULL, PRIMARY KEY (tenant_id, sourced_id, until)
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON orgs_history (tenant_id, until);
CREATE TABLE academic_sessions_history (
    LIKE academic_sessions, until bigint NOT NULL, PRIMARY KEY (tenant_id, sourced_id, until)
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON academic_sessions_history (tenant_id, until);
CREATE TABLE courses_history (
    LIKE courses, until bigint NOT NULL, PRIMARY KEY (tenant_id, sourced_id, until)
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON courses_history (tenant_id, until);
CREATE TABLE classes_history (
    LIKE classes, until bigint NOT NULL, PRIMARY KEY (tenant_id, sourced_id, until)
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON classes_history (tenant_id, until);
CREATE TABLE users_history (
    LIKE users, until bigint NOT NULL, PRIMARY KEY (tenant_id, sourced_id, until)
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON users_history (tenant_id, until);
CREATE TABLE user_profiles_history (
    LIKE user_profiles, until bigint NOT NULL, PRIMARY KEY (tenant_id, sourced_id, until)
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON user_profiles_history (tenant_id, until);
CREATE TABLE roles_history (
    LIKE roles, until bigint NOT NULL, PRIMARY KEY (tenant_id, sourced_id, until)
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON roles_history (tenant_id, until);
CREATE TABLE demographics_history (
    LIKE demographics, until bigint NOT NULL, PRIMARY KEY (tenant_id, sourced_id, until)
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON demographics_history (tenant_id, until);
CREATE TABLE enrollments_history (
    LIKE enrollments, until bigint NOT NULL, PRIMARY KEY (tenant_id, sourced_id, until)
) PARTITION BY LIST (tenant_id);
CREATE INDEX ON enrollments_history (tenant_id, until);

-- ---------------------------------------------------------------------------------------------------------
-- What only the owner may do, as functions: the roles that serve and load own nothing
-- ---------------------------------------------------------------------------------------------------------

-- The tenant of this transaction; null when none is set, and then nothing is seen.
CREATE FUNCTION current_tenant() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('rosterhub.tenant', true), '')::integer;

-- A detached table for the first rows of an entity of this tenant, to be loaded without indexes.
CREATE FUNCTION start_partition(entity text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
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
CREATE FUNCTION index_partition(entity text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
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

-- Make the indexed table the tenant's partition. This makes other first loads wait for the end of the transaction,
-- so it comes last.
CREATE FUNCTION attach_partition(entity text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    partition text := format('%s_t%s', entity, current_tenant());
BEGIN
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES IN (%s)', entity, partition,
                   current_tenant());
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', partition, partition || '_tenant');
END $$;

-- An empty partition, ready at once.
CREATE FUNCTION add_partition(entity text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM start_partition(entity);
    PERFORM index_partition(entity);
    PERFORM attach_partition(entity);
END $$;

-- Fresh statistics of the tenant's table, attached or not, but for columns nobody asks by.
CREATE FUNCTION analyze_partition(entity text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET default_statistics_target = 30 AS $$
DECLARE
    partition text := format('%s_t%s', entity, current_tenant());
BEGIN
    EXECUTE (SELECT format('ANALYZE public.%I (%s)', partition, string_agg(quote_ident(attname), ', '))
               FROM pg_attribute WHERE attrelid = partition::regclass AND attnum > 0
                AND attname NOT IN ('document', 'metadata', 'sealed', 'row_hash', 'line', 'user_ids'));
END $$;

-- Partitions of the audit log for this month and the three that follow.
CREATE FUNCTION add_audit_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    month date;
    partition text;
BEGIN
    FOR ahead IN 0..3 LOOP
        month := date_trunc('month', now() AT TIME ZONE 'UTC')::date + make_interval(months => ahead);
        partition := 'audit_' || to_char(month, 'YYYYMM');
        IF to_regclass('public.' || partition) IS NULL
           AND NOT EXISTS (SELECT FROM audit_default WHERE at >= month::timestamp AT TIME ZONE 'UTC') THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF public.audit FOR VALUES FROM (%L) TO (%L)', partition,
                           month::timestamp AT TIME ZONE 'UTC',
                           (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
            EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', partition);
            EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', partition);
        END IF;
    END LOOP;
END $$;

-- Log-in comes before the tenant is known: these look one name up, across tenants, and say whose it is.
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

-- What readers of any tenant may see: numbers and times, no more.
CREATE FUNCTION find_published(since timestamptz)
    RETURNS TABLE (tenant_id integer, revision bigint, published_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT ON (r.tenant_id) r.tenant_id, r.revision, r.published_at
      FROM revisions r WHERE r.published_at >= since ORDER BY r.tenant_id, r.revision DESC;
END;

CREATE FUNCTION find_inbox(wanted text)
    RETURNS TABLE (tenant_id integer, inbox_id integer, password_hash text, public_key text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT i.tenant_id, i.id, i.password_hash, i.public_key
      FROM inboxes i JOIN tenants t ON t.id = i.tenant_id
     WHERE i.user_name = wanted AND i.kind = 'sftp' AND i.removed_at IS NULL AND t.state <> 'purged';
END;

-- Screens that listen look at once when a job or a tenant changes; without this they would a second later.
CREATE FUNCTION tell_screens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY rosterhub_changed;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION tell_screens() FROM PUBLIC;
CREATE TRIGGER tell_screens AFTER INSERT OR UPDATE ON jobs FOR EACH STATEMENT EXECUTE FUNCTION tell_screens();
CREATE TRIGGER tell_screens AFTER INSERT OR UPDATE ON tenants FOR EACH STATEMENT EXECUTE FUNCTION tell_screens();
-- Log-in comes before the role is known. The row is held until the password is judged, so that guesses take turns.
CREATE FUNCTION find_operator(wanted text)
    RETURNS TABLE (name text, role text, password_hash text, disabled boolean, locked float8)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT o.name, o.role, o.password_hash, o.disabled_at IS NOT NULL,
           greatest(0, extract(epoch FROM o.locked_until - clock_timestamp()))::float8
      FROM operators o WHERE o.name = wanted FOR UPDATE;
END;

-- What came of it: after five wrong ones in a row nobody is listened to under that name for 15 minutes, doubling to a day.
CREATE FUNCTION note_operator(wanted text, was_right boolean)
    RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    UPDATE operators o
       SET wrong = CASE WHEN was_right THEN 0 ELSE o.wrong + 1 END,
           locked_until = CASE WHEN was_right THEN NULL
                               WHEN o.wrong + 1 >= 5 THEN clock_timestamp()
                                    + least(interval '15 minutes' * power(2, least(o.wrong - 4, 10)), interval '1 day')
                               ELSE o.locked_until END
     WHERE o.name = wanted;
END;

-- ---------------------------------------------------------------------------------------------------------
-- Row security and rights. Whoever has no tenant set sees nothing of a tenant's; the roles that work across
-- tenants (ingest, and the people's) see jobs and doors of all, but rosters only one tenant at a time.
-- ---------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    relation text;
BEGIN
    -- rosters: one tenant at a time, for everybody
    FOREACH relation IN ARRAY ARRAY['orgs', 'academic_sessions', 'courses', 'classes', 'users', 'user_profiles',
                                    'roles', 'demographics', 'enrollments'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = current_tenant())', relation);
        EXECUTE format('GRANT SELECT ON %I TO rosterhub_api, rosterhub_viewer, rosterhub_operator, rosterhub_admin',
                       relation);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO rosterhub_ingest', relation);
        relation := relation || '_history';
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = current_tenant())', relation);
        EXECUTE format('GRANT SELECT ON %I TO rosterhub_api, rosterhub_viewer, rosterhub_operator, rosterhub_admin',
                       relation);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON %I TO rosterhub_ingest', relation);
    END LOOP;
    -- the hub's own tables
    FOREACH relation IN ARRAY ARRAY['inboxes', 'pulled', 'clients', 'client_secrets', 'jobs', 'problems', 'job_counts',
                                    'job_samples', 'revisions', 'totals', 'changes', 'current_bundles', 'audit',
                                    'audit_default'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
        CONTINUE WHEN relation = 'audit_default';
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = current_tenant())', relation);
        EXECUTE format('CREATE POLICY across ON %I TO rosterhub_owner, rosterhub_ingest, rosterhub_viewer, '
                       'rosterhub_operator, rosterhub_admin USING (true)', relation);
    END LOOP;
    ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
    ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON tenants USING (id = current_tenant());
    CREATE POLICY across ON tenants TO rosterhub_owner, rosterhub_ingest, rosterhub_viewer, rosterhub_operator,
        rosterhub_admin USING (true);
    -- a deed that is nobody's alone (a failed log-in of an unknown name) is audited without a tenant
    CREATE POLICY hub ON audit FOR INSERT TO rosterhub_api WITH CHECK (tenant_id IS NULL);
END $$;

GRANT SELECT ON tenants, revisions, totals, changes, clock TO rosterhub_api;
GRANT UPDATE (high) ON clock TO rosterhub_api;
GRANT INSERT ON audit TO rosterhub_api, rosterhub_ingest, rosterhub_viewer, rosterhub_operator, rosterhub_admin;
GRANT USAGE ON SEQUENCE audit_id_seq
    TO rosterhub_api, rosterhub_ingest, rosterhub_viewer, rosterhub_operator, rosterhub_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON processes TO rosterhub_api, rosterhub_ingest;

GRANT SELECT ON tenants, inboxes, current_bundles, clock, audit TO rosterhub_ingest;
GRANT SELECT, INSERT ON audit_chain TO rosterhub_ingest;
GRANT UPDATE (looked_at, trouble) ON inboxes TO rosterhub_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON pulled, problems, job_counts, job_samples TO rosterhub_ingest;
GRANT SELECT, INSERT, UPDATE ON jobs, revisions, totals, current_bundles TO rosterhub_ingest;
GRANT SELECT, INSERT, DELETE ON changes TO rosterhub_ingest;
GRANT DELETE ON current_bundles TO rosterhub_ingest;
GRANT UPDATE (high) ON clock TO rosterhub_ingest;

GRANT SELECT ON tenants, inboxes, clients, jobs, problems, job_counts, job_samples, revisions, totals, changes,
    current_bundles, audit, audit_chain, processes, clock TO rosterhub_viewer, rosterhub_operator, rosterhub_admin;
GRANT UPDATE (state, reason, reported_at, not_before, attempts, finished_at, approved_at,
              approved_deletes, reason_japanese) ON jobs
    TO rosterhub_operator, rosterhub_admin;
GRANT INSERT ON jobs TO rosterhub_operator, rosterhub_admin;
GRANT INSERT, UPDATE ON tenants, inboxes, clients TO rosterhub_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON client_secrets TO rosterhub_admin;
GRANT SELECT (tenant_id, client_id, created_at, expires_at) ON client_secrets TO rosterhub_viewer, rosterhub_operator;

-- Nobody who administers reads a hash, not even of his own password.
GRANT SELECT (name, role, has_password, created_at, disabled_at, wrong, locked_until) ON operators
    TO rosterhub_viewer, rosterhub_operator, rosterhub_admin;
GRANT INSERT (name, role, password_hash), UPDATE (role, password_hash, disabled_at, wrong, locked_until) ON operators
    TO rosterhub_admin;
REVOKE ALL ON FUNCTION find_operator(text), note_operator(text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_operator(text), note_operator(text, boolean) TO rosterhub_ingest;

REVOKE ALL ON FUNCTION start_partition(text), stage_partition(text, bigint), key_partition(text),
    index_partition(text),
    attach_partition(text), add_partition(text), analyze_partition(text),
    add_audit_partitions(), find_client(text), find_published(timestamptz), find_inbox(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION start_partition(text), stage_partition(text, bigint), key_partition(text),
    index_partition(text),
    attach_partition(text), add_partition(text), analyze_partition(text),
    add_audit_partitions(), find_inbox(text) TO rosterhub_ingest;
GRANT EXECUTE ON FUNCTION find_client(text), find_published(timestamptz) TO rosterhub_api;

SELECT add_audit_partitions();

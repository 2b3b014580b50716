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

-- Nobody who administers reads a hash, not even of his own password.
GRANT SELECT (name, role, has_password, created_at, disabled_at, wrong, locked_until) ON operators
    TO rosterhub_viewer, rosterhub_operator, rosterhub_admin;
GRANT INSERT (name, role, password_hash), UPDATE (role, password_hash, disabled_at, wrong, locked_until) ON operators
    TO rosterhub_admin;
REVOKE ALL ON FUNCTION find_operator(text), note_operator(text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_operator(text), note_operator(text, boolean) TO rosterhub_ingest;

-- Who connects with a login of his own sees whether the schema is the one he knows.
GRANT SELECT ON schema_migrations TO rosterhub_viewer, rosterhub_operator, rosterhub_admin;

-- The roles of a hub, for the whole server. Run by a login that may create roles; safe to run again.
-- Nobody logs in as one of these: the hub's login is a member of all and takes one at the start of each transaction.
DO $$
DECLARE
    role text;
    needed text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH role IN ARRAY ARRAY['rosterhub_owner', 'rosterhub_ingest', 'rosterhub_api', 'rosterhub_viewer',
                                'rosterhub_operator', 'rosterhub_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
        IF NOT pg_has_role(current_user, role, needed) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role);
        END IF;
    END LOOP;
END $$;

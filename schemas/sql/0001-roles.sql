-- Who may log in to the source's cluster; roles belong to the whole cluster, so this file is applied
-- once, for any number of databases. Passwords are set from outside and never stand here.

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY[
    'gitlab', 'afterbuild_cdc', 'afterbuild_reader', 'afterbuild_deleter', 'afterbuild_archiver'
  ]
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I', wanted);
    END IF;
  END LOOP;
END
$$;

-- GitLab's own role: it owns the tables, and the small GitLab logs in with it.
ALTER ROLE gitlab LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- Debezium. REPLICATION would also allow a physical copy of the whole cluster: pg_hba.conf must have
-- no `replication` line for this role (a logical connection matches the database's own line instead).
ALTER ROLE afterbuild_cdc LOGIN REPLICATION NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;

-- The producers and the check (producers/*, afterbuild reconcile): they only read.
ALTER ROLE afterbuild_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- consumers/artifact-deleter: the only role of the pipeline that can take an artifact's row away.
ALTER ROLE afterbuild_deleter LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- consumers/trace-archiver: adds the artifact of a trace and takes the chunks' rows away, no other.
ALTER ROLE afterbuild_archiver LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

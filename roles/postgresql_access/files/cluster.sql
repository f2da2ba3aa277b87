-- Compares the roles of the cluster with what is wanted: one row, with the statements that are missing, in order.
-- (A doubled percent sign is one for the server; psycopg2 would take a single one for a placeholder.)
WITH wanted AS (
  SELECT name, secret IS NOT NULL OR coalesce(replication, false) AS login, coalesce(replication, false) AS replication,
         coalesce(connection_limit, -1) AS connection_limit, coalesce(member_of, '{}') AS member_of,
         coalesce(settings, '{}') AS settings
  FROM jsonb_to_recordset(%(roles)s::jsonb)
    AS role (name text, secret text, replication boolean, connection_limit int, member_of text[], settings jsonb)
),
-- An older server does not have every predefined role.
wanted_members AS (
  SELECT * FROM (SELECT name AS member, unnest(member_of) AS role FROM wanted) m
  WHERE role NOT LIKE 'pg\_%%' OR role IN (SELECT rolname FROM pg_roles)
),
present_members AS (
  SELECT member.rolname::text AS member, role.rolname::text AS role
  FROM pg_auth_members m
  JOIN pg_roles member ON member.oid = m.member
  JOIN pg_roles role ON role.oid = m.roleid
  WHERE member.rolname IN (SELECT name FROM wanted)
),
wanted_settings AS (SELECT name, key, value FROM wanted, jsonb_each_text(settings)),
present_settings AS (
  SELECT rolname::text AS name, split_part(setting, '=', 1) AS key, substr(setting, strpos(setting, '=') + 1) AS value
  FROM pg_db_role_setting s
  JOIN pg_roles r ON r.oid = s.setrole, unnest(setconfig) AS setting
  WHERE setdatabase = 0 AND rolname IN (SELECT name FROM wanted)
),
-- One for each replica. One that fell too far behind is lost, and makes place for a new one; so does that of a host that is no
-- replica any more.
wanted_slots AS (SELECT jsonb_array_elements_text(%(slots)s::jsonb) AS slot),
useless_slots AS (
  SELECT slot_name::text AS slot FROM pg_replication_slots
  WHERE slot_name LIKE 'golive\_%%' AND NOT active
    AND (wal_status = 'lost' OR slot_name NOT IN (SELECT slot FROM wanted_slots))
),
missing (step, statement) AS (
  SELECT 1, format('CREATE ROLE %%I', name) FROM wanted
  WHERE name NOT IN (SELECT rolname FROM pg_roles)
  UNION ALL
  SELECT 2, format('ALTER ROLE %%I NOSUPERUSER NOCREATEDB NOCREATEROLE %%s NOBYPASSRLS INHERIT %%s CONNECTION LIMIT %%s',
                   name, CASE WHEN replication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
                   CASE WHEN login THEN 'LOGIN' ELSE 'NOLOGIN' END, connection_limit)
  FROM wanted LEFT JOIN pg_roles r ON r.rolname = name
  WHERE (rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolinherit, rolcanlogin, rolconnlimit)
    IS DISTINCT FROM (false, false, false, replication, false, true, login, connection_limit)
  UNION ALL
  SELECT 3, format('REVOKE %%I FROM %%I', role, member) FROM (TABLE present_members EXCEPT TABLE wanted_members) m
  UNION ALL
  SELECT 4, format('GRANT %%I TO %%I', role, member) FROM (TABLE wanted_members EXCEPT TABLE present_members) m
  UNION ALL
  SELECT 5, format('ALTER ROLE %%I RESET %%I', name, key) FROM present_settings
  WHERE (name, key) NOT IN (SELECT name, key FROM wanted_settings)
  UNION ALL
  SELECT 6, format('ALTER ROLE %%I SET %%I = %%L', name, key, value) FROM (TABLE wanted_settings EXCEPT TABLE present_settings) s
  UNION ALL
  SELECT 7, format('SELECT pg_drop_replication_slot(%%L)', slot) FROM useless_slots
  UNION ALL
  SELECT 8, format('SELECT pg_create_physical_replication_slot(%%L, true)', slot) FROM wanted_slots
  WHERE slot NOT IN (SELECT slot_name FROM pg_replication_slots) OR slot IN (SELECT slot FROM useless_slots)
)
SELECT
  (SELECT coalesce(jsonb_agg(statement ORDER BY step, statement), '[]') FROM missing) AS statements,
  (SELECT coalesce(jsonb_object_agg(rolname, rolpassword), '{}') FROM pg_authid WHERE rolname IN (SELECT name FROM wanted)) AS verifiers,
  (SELECT jsonb_agg(datname) FROM pg_database) AS databases,
  current_setting('hba_file') AS hba_file,
  current_setting('ident_file') AS ident_file

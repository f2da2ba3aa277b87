-- Compares the rights in one database with what is wanted: one row, with the statements that are missing, in order.
-- Objects of extensions keep their rights. (A doubled percent sign is one for the server.)
WITH wanted AS (
  SELECT doc ->> 'owner' AS owner, doc ->> 'schema' AS schema, doc -> 'grants' AS grants
  FROM (SELECT %(database)s::jsonb AS doc) d
),
grants AS (
  SELECT g.* FROM wanted, jsonb_to_recordset(grants) AS g (role text, schema text[], tables text[], sequences text[], functions text[])
),
objects (kind, name, owner, acl) AS (
  SELECT 'DATABASE', format('%%I', datname), datdba, coalesce(datacl, acldefault('d', datdba))
  FROM pg_database WHERE datname = current_database()
  UNION ALL
  SELECT 'SCHEMA', format('%%I', schema), nspowner, coalesce(nspacl, acldefault('n', nspowner))
  FROM wanted LEFT JOIN pg_namespace ON nspname = schema
  UNION ALL
  SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, format('%%I.%%I', schema, relname), relowner,
         coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
  FROM wanted JOIN pg_namespace n ON nspname = schema JOIN pg_class c ON relnamespace = n.oid
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
  UNION ALL
  -- Functions of the server itself: those that are named, and those that a role got earlier.
  SELECT 'FUNCTION', p.oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
  FROM pg_proc p
  WHERE pronamespace = 'pg_catalog'::regnamespace
    AND (p.oid::regprocedure::text IN (SELECT unnest(functions) FROM grants)
         OR EXISTS (SELECT FROM aclexplode(proacl) a JOIN pg_roles r ON r.oid = a.grantee WHERE rolname IN (SELECT role FROM grants)))
  UNION ALL
  -- What the owner will create: an entry for tables and one for sequences, whether there are such defaults yet or not.
  SELECT future, format('%%I', schema), r.oid, defaclacl
  FROM wanted
  CROSS JOIN (VALUES ('TABLES', 'r'), ('SEQUENCES', 'S')) AS f (future, objtype)
  JOIN pg_roles r ON rolname = owner
  LEFT JOIN pg_namespace n ON nspname = schema
  LEFT JOIN pg_default_acl ON defaclrole = r.oid AND defaclnamespace = n.oid AND defaclobjtype = objtype::"char"
),
present_rights AS (
  SELECT kind, name, coalesce(quote_ident(rolname), 'PUBLIC') AS grantee, privilege_type AS privilege
  FROM objects, aclexplode(acl) AS a LEFT JOIN pg_roles r ON r.oid = a.grantee
  WHERE a.grantee <> objects.owner AND (a.grantee = 0 OR rolname IN (SELECT role FROM grants))
),
wanted_rights AS (
  SELECT kind, name, quote_ident(role) AS grantee, unnest(CASE kind
    WHEN 'FUNCTION' THEN CASE WHEN name = ANY (functions) THEN '{EXECUTE}'::text[] END
    WHEN 'DATABASE' THEN '{CONNECT}'
    WHEN 'SCHEMA' THEN schema
    WHEN 'TABLE' THEN tables WHEN 'TABLES' THEN tables
    WHEN 'SEQUENCE' THEN sequences WHEN 'SEQUENCES' THEN sequences END) AS privilege
  FROM objects CROSS JOIN grants
),
differences AS (
  SELECT 'REVOKE' AS verb, 'FROM' AS preposition, * FROM (TABLE present_rights EXCEPT TABLE wanted_rights) r
  UNION ALL
  SELECT 'GRANT', 'TO', * FROM (TABLE wanted_rights EXCEPT TABLE present_rights) r
),
missing (step, statement) AS (
  SELECT 1, format('CREATE SCHEMA %%I', schema) FROM wanted WHERE schema NOT IN (SELECT nspname FROM pg_namespace)
  UNION ALL
  SELECT 2, format('ALTER SCHEMA %%I OWNER TO %%I', schema, wanted.owner)
  FROM wanted LEFT JOIN pg_namespace ON nspname = schema LEFT JOIN pg_roles r ON r.oid = nspowner
  WHERE rolname IS DISTINCT FROM wanted.owner
  UNION ALL
  SELECT 2, format('ALTER DATABASE %%I OWNER TO %%I', datname, owner)
  FROM wanted, pg_database JOIN pg_roles r ON r.oid = datdba
  WHERE datname = current_database() AND rolname <> owner
  UNION ALL
  SELECT 3, CASE WHEN kind IN ('TABLES', 'SEQUENCES')
    THEN format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I IN SCHEMA %%s %%s %%s ON %%s %%s %%s',
                owner, name, verb, string_agg(privilege, ', ' ORDER BY privilege), kind, preposition, grantee)
    ELSE format('%%s %%s ON %%s %%s %%s %%s',
                verb, string_agg(privilege, ', ' ORDER BY privilege), kind, name, preposition, grantee) END
  FROM differences, wanted
  GROUP BY owner, kind, name, verb, preposition, grantee
)
SELECT coalesce(jsonb_agg(statement ORDER BY step, statement), '[]') AS statements FROM missing

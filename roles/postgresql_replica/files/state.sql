-- Which cluster this is, what is in it, and whether it follows another.
SELECT
  current_setting('server_version_num')::int / 10000 AS version,
  current_setting('data_directory') AS data,
  current_setting('config_file') AS config_file,
  current_setting('hba_file') AS hba_file,
  current_setting('ident_file') AS ident_file,
  to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS') AS now,
  pg_is_in_recovery() AS follows,
  (SELECT coalesce(jsonb_agg(datname), '[]') FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres') AS databases

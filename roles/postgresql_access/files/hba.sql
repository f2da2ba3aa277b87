-- The file as it is on disk, which the server reads for this view without taking it into use.
SELECT
  coalesce(jsonb_agg(format('line %s: %s', line_number, error)) FILTER (WHERE error IS NOT NULL), '[]') AS errors,
  count(*) FILTER (WHERE auth_method = 'trust') AS trusted,
  greatest((pg_stat_file(current_setting('hba_file'))).modification, (pg_stat_file(current_setting('ident_file'))).modification)
    > pg_conf_load_time() AS stale
FROM pg_hba_file_rules

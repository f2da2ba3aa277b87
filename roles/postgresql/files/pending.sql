-- What the files of the running server say that is not in force: lines that are wrong, settings that take a restart,
-- and whether any file is newer than the last load. (A value that only a start could take and one that is wrong have the
-- same error, so the kind of the setting tells them apart.)
SELECT
  coalesce(jsonb_agg(format('%s line %s: %s (%s)', f.sourcefile, f.sourceline, f.error, f.name))
    FILTER (WHERE error IS NOT NULL AND context IS DISTINCT FROM 'postmaster'), '[]') AS errors,
  coalesce(jsonb_agg(f.name) FILTER (WHERE error IS NOT NULL AND context = 'postmaster'), '[]') AS waiting,
  greatest(
    max((pg_stat_file(f.sourcefile)).modification),
    (pg_stat_file(current_setting('ssl_cert_file'), true)).modification,
    (pg_stat_file(current_setting('ssl_key_file'), true)).modification
  ) > pg_conf_load_time() AS stale
FROM pg_file_settings f LEFT JOIN pg_settings s ON lower(s.name) = lower(f.name)

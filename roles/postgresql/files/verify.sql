SELECT
  current_setting('data_checksums') = 'on' AS checksums,
  current_setting('ssl') = 'on' AS tls,
  (SELECT coalesce(jsonb_agg(name), '[]') FROM pg_settings WHERE pending_restart) AS waiting

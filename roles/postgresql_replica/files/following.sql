-- How this cluster follows; without a row nobody sends to it.
SELECT
  (SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming') AS streams,
  coalesce(pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn(), false) AS caught_up

-- A partial snapshot shows too little, and one that is not of one moment shows a state that never was: neither can be
-- set against another.
WITH judged AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.taken_at,
        CASE
            WHEN NOT s.is_complete THEN 'partial'
            WHEN NOT s.is_consistent THEN 'inconsistent'
            ELSE 'compared'
        END AS state
    FROM snapshots AS s
)

SELECT
    j.cluster,
    j.snapshot_id,
    j.taken_at,
    j.state,
    CASE
        WHEN j.state = 'compared'
            THEN lag(j.snapshot_id) OVER (PARTITION BY j.cluster, j.state ORDER BY j.taken_at, j.snapshot_id)
    END AS previous_snapshot_id,
    j.state = 'compared'
    AND row_number() OVER (PARTITION BY j.cluster, j.state ORDER BY j.taken_at DESC, j.snapshot_id DESC) = 1 AS is_newest
FROM judged AS j

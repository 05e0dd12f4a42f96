-- What each snapshot holds as a whole; every figure is a sum over its distinct layers.
WITH held AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        count(*) AS distinct_layer_count,
        sum(l.size_bytes * l.image_count) AS logical_bytes,
        sum(l.size_bytes) AS physical_bytes
    FROM layers AS l
    GROUP BY
        l.cluster,
        l.snapshot_id
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.image_count,
    coalesce(h.distinct_layer_count, 0) AS distinct_layer_count,
    CAST(coalesce(h.logical_bytes, 0) AS BIGINT) AS logical_bytes,
    CAST(coalesce(h.physical_bytes, 0) AS BIGINT) AS physical_bytes
FROM snapshots AS s
LEFT JOIN held AS h
    ON
        h.cluster = s.cluster
        AND h.snapshot_id = s.snapshot_id

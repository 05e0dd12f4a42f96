-- /// query
-- title = "Growth by month"
-- description = "What came into the clusters month by month, from the creation times within one snapshot: a layer comes with the first image that holds it. What was deleted since does not show, so early months look smaller than they were."
-- value = "How fast storage grows and when it will be full, without waiting for a second snapshot."
-- digests = []
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- month = "Month in UTC, as `2024-05`; null for objects without a creation time."
-- image_count = "Images and artifacts first stored in the month."
-- index_count = "Indexes first stored in the month."
-- new_layer_count = "Layers that came with them."
-- logical_bytes = "Bytes of the distinct layers of each of these images, summed over images."
-- new_bytes = "Bytes of the layers that came with them, each once."
-- cumulative_bytes = "Bytes of all layers that came up to the end of the month."
-- ///
WITH objects AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.is_index,
        strftime(o.first_seen_at, '%Y-%m') AS month
    FROM image_objects AS o
),

uses AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.layer_digest,
        l.size_bytes,
        o.month
    FROM image_layers AS l
    INNER JOIN objects AS o USING (cluster, snapshot_id, image_name)
    WHERE
        NOT l.is_repeat
        AND l.layer_digest IS NOT NULL
),

arrivals AS (
    SELECT
        u.cluster,
        u.snapshot_id,
        u.layer_digest,
        min(u.month) AS month,
        max(u.size_bytes) AS size_bytes
    FROM uses AS u
    GROUP BY u.cluster, u.snapshot_id, u.layer_digest
),

-- Each figure has its own grain; stacking them keeps months that only some figures know.
stacked AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.month,
        CASE WHEN o.is_index THEN 0 ELSE 1 END AS image_count,
        CASE WHEN o.is_index THEN 1 ELSE 0 END AS index_count,
        0 AS new_layer_count,
        0 AS logical_bytes,
        0 AS new_bytes
    FROM objects AS o
    UNION ALL
    SELECT
        u.cluster,
        u.snapshot_id,
        u.month,
        0 AS image_count,
        0 AS index_count,
        0 AS new_layer_count,
        u.size_bytes AS logical_bytes,
        0 AS new_bytes
    FROM uses AS u
    UNION ALL
    SELECT
        a.cluster,
        a.snapshot_id,
        a.month,
        0 AS image_count,
        0 AS index_count,
        1 AS new_layer_count,
        0 AS logical_bytes,
        a.size_bytes AS new_bytes
    FROM arrivals AS a
),

months AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.month,
        sum(s.image_count) AS image_count,
        sum(s.index_count) AS index_count,
        sum(s.new_layer_count) AS new_layer_count,
        sum(s.logical_bytes) AS logical_bytes,
        sum(s.new_bytes) AS new_bytes
    FROM stacked AS s
    GROUP BY s.cluster, s.snapshot_id, s.month
)

SELECT
    m.cluster,
    m.snapshot_id,
    m.month,
    CAST(m.image_count AS BIGINT) AS image_count,
    CAST(m.index_count AS BIGINT) AS index_count,
    CAST(m.new_layer_count AS BIGINT) AS new_layer_count,
    CAST(m.logical_bytes AS BIGINT) AS logical_bytes,
    CAST(m.new_bytes AS BIGINT) AS new_bytes,
    CAST(
        sum(m.new_bytes) OVER (
            PARTITION BY m.cluster, m.snapshot_id
            ORDER BY m.month NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS BIGINT
    ) AS cumulative_bytes
FROM months AS m
ORDER BY
    m.cluster,
    m.snapshot_id,
    m.month NULLS LAST

-- /// query
-- title = "Capacity by cluster"
-- description = "What each cluster stores, one row a cluster. Every cluster has a registry of its own, so bytes add up over clusters; fleet-layers says how much of them is the same layers again."
-- value = "Which cluster's registry is the largest, which shares least, and how old each answer is."
-- digests = []
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- taken_at = "When the snapshot was taken."
-- image_count = "Image objects: plain images, indexes and artifacts."
-- index_count = "Indexes (manifest lists) among them."
-- repository_count = "Repositories; images without a reference are one."
-- distinct_layer_count = "Distinct layers."
-- logical_bytes = "Bytes of the distinct layers of each image, summed over images."
-- physical_bytes = "Bytes of its distinct layers, each once."
-- also_elsewhere_bytes = "Bytes of its distinct layers that another chosen cluster stores as well, in a registry of its own."
-- foreign_bytes = "Bytes of its distinct foreign layers: pulled from elsewhere."
-- registry_bytes = "Physical bytes without the foreign ones."
-- dedup_ratio = "Logical over physical bytes; null when there are none."
-- is_consistent = "Whether the snapshot is of one moment."
-- ///
WITH objects AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        count(*) AS image_count,
        count(*) FILTER (WHERE o.is_index) AS index_count,
        count(DISTINCT coalesce(o.registry || '/' || o.repository, '')) AS repository_count
    FROM image_objects AS o
    GROUP BY
        o.cluster,
        o.snapshot_id
),

held AS (
    SELECT
        l.*,
        count(*) OVER (PARTITION BY l.layer_digest) AS cluster_count
    FROM layers AS l
),

bytes AS (
    SELECT
        h.cluster,
        h.snapshot_id,
        count(*) AS distinct_layer_count,
        sum(h.size_bytes * h.image_count) AS logical_bytes,
        sum(h.size_bytes) AS physical_bytes,
        sum(CASE WHEN h.cluster_count > 1 THEN h.size_bytes ELSE 0 END) AS also_elsewhere_bytes,
        sum(CASE WHEN h.is_foreign THEN h.size_bytes ELSE 0 END) AS foreign_bytes
    FROM held AS h
    GROUP BY
        h.cluster,
        h.snapshot_id
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.taken_at,
    coalesce(o.image_count, 0) AS image_count,
    coalesce(o.index_count, 0) AS index_count,
    coalesce(o.repository_count, 0) AS repository_count,
    coalesce(b.distinct_layer_count, 0) AS distinct_layer_count,
    CAST(coalesce(b.logical_bytes, 0) AS BIGINT) AS logical_bytes,
    CAST(coalesce(b.physical_bytes, 0) AS BIGINT) AS physical_bytes,
    CAST(coalesce(b.also_elsewhere_bytes, 0) AS BIGINT) AS also_elsewhere_bytes,
    CAST(coalesce(b.foreign_bytes, 0) AS BIGINT) AS foreign_bytes,
    CAST(coalesce(b.physical_bytes - b.foreign_bytes, 0) AS BIGINT) AS registry_bytes,
    round(CAST(b.logical_bytes AS DOUBLE) / nullif(CAST(b.physical_bytes AS DOUBLE), 0), 4) AS dedup_ratio,
    s.is_consistent
FROM snapshots AS s
LEFT JOIN objects AS o
    ON
        o.cluster = s.cluster
        AND o.snapshot_id = s.snapshot_id
LEFT JOIN bytes AS b
    ON
        b.cluster = s.cluster
        AND b.snapshot_id = s.snapshot_id
ORDER BY
    physical_bytes DESC,
    s.cluster,
    s.snapshot_id

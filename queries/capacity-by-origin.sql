-- /// query
-- title = "Capacity of pushed and imported images"
-- description = "What images pushed to the integrated registry hold, and what imported ones do. An image that was imported first and pushed later counts as imported, and the registry may mirror blobs of imported images, so the bytes of pushed images are what the registry stores at least."
-- value = "Which part of the bytes lies in the cluster's own registry, and what deleting imported images can't free."
-- digests = []
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- is_managed = "Whether the images were pushed to the integrated registry first."
-- image_count = "Image objects, indexes and artifacts included."
-- index_count = "Indexes among them."
-- distinct_layer_count = "Distinct layers."
-- logical_bytes = "Bytes of the distinct layers of each image, summed over images."
-- physical_bytes = "Bytes of its distinct layers, each once."
-- exclusive_bytes = "Bytes of layers that nothing outside the row holds."
-- shared_bytes = "Bytes of its distinct layers that something outside the row holds as well."
-- foreign_bytes = "Bytes of its distinct foreign layers: pulled from elsewhere."
-- registry_bytes = "Physical bytes without the foreign ones."
-- config_bytes = "Bytes of its distinct config blobs, where they can be told."
-- manifest_bytes = "Bytes of its manifests, where the text was kept or an index states them."
-- dedup_ratio = "Logical over physical bytes; null when there are none."
-- ///
WITH shared AS (
    SELECT
        b.cluster,
        b.snapshot_id,
        b.layer_digest,
        b.image_count
    FROM layers AS b
    WHERE b.reference_count > 1
),

-- Layers that are referred to once, as most are, need no group each: they are summed in one that has no digest.
uses AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.is_managed,
        s.layer_digest,
        max(s.image_count) AS image_count,
        count(*) AS holder_count,
        sum(l.size_bytes) AS logical_bytes,
        sum(CASE WHEN l.is_foreign THEN l.size_bytes ELSE 0 END) AS foreign_bytes,
        max(l.size_bytes) AS size_bytes,
        bool_and(l.is_foreign) AS is_foreign
    FROM image_layers AS l
    LEFT JOIN shared AS s USING (cluster, snapshot_id, layer_digest)
    WHERE
        NOT l.is_repeat
        AND l.layer_digest IS NOT NULL
    GROUP BY
        l.cluster,
        l.snapshot_id,
        l.is_managed,
        s.layer_digest
),

bytes AS (
    SELECT
        u.cluster,
        u.snapshot_id,
        u.is_managed,
        sum(CASE WHEN u.layer_digest IS NULL THEN u.holder_count ELSE 1 END) AS distinct_layer_count,
        sum(u.logical_bytes) AS logical_bytes,
        sum(CASE WHEN u.layer_digest IS NULL THEN u.logical_bytes ELSE u.size_bytes END) AS physical_bytes,
        sum(
            CASE
                WHEN u.layer_digest IS NULL THEN u.logical_bytes
                WHEN u.holder_count = u.image_count THEN u.size_bytes
                ELSE 0
            END
        ) AS exclusive_bytes,
        sum(
            CASE
                WHEN u.layer_digest IS NULL THEN u.foreign_bytes
                WHEN u.is_foreign THEN u.size_bytes
                ELSE 0
            END
        ) AS foreign_bytes
    FROM uses AS u
    GROUP BY
        u.cluster,
        u.snapshot_id,
        u.is_managed
),

blobs AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.is_managed,
        s.config_digest,
        max(s.config_bytes) AS config_bytes,
        sum(s.manifest_bytes) AS manifest_bytes
    FROM image_objects AS o
    INNER JOIN image_sizes AS s
        ON
            s.cluster = o.cluster
            AND s.snapshot_id = o.snapshot_id
            AND s.image_name = o.image_name
    GROUP BY
        o.cluster,
        o.snapshot_id,
        o.is_managed,
        s.config_digest
),

small_blobs AS (
    SELECT
        b.cluster,
        b.snapshot_id,
        b.is_managed,
        sum(b.config_bytes) AS config_bytes,
        sum(b.manifest_bytes) AS manifest_bytes
    FROM blobs AS b
    GROUP BY
        b.cluster,
        b.snapshot_id,
        b.is_managed
),

members AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.is_managed,
        count(*) AS image_count,
        count(*) FILTER (WHERE o.is_index) AS index_count
    FROM image_objects AS o
    GROUP BY
        o.cluster,
        o.snapshot_id,
        o.is_managed
)

SELECT
    m.cluster,
    m.snapshot_id,
    m.is_managed,
    m.image_count,
    m.index_count,
    CAST(coalesce(b.distinct_layer_count, 0) AS BIGINT) AS distinct_layer_count,
    CAST(coalesce(b.logical_bytes, 0) AS BIGINT) AS logical_bytes,
    CAST(coalesce(b.physical_bytes, 0) AS BIGINT) AS physical_bytes,
    CAST(coalesce(b.exclusive_bytes, 0) AS BIGINT) AS exclusive_bytes,
    CAST(coalesce(b.physical_bytes - b.exclusive_bytes, 0) AS BIGINT) AS shared_bytes,
    CAST(coalesce(b.foreign_bytes, 0) AS BIGINT) AS foreign_bytes,
    CAST(coalesce(b.physical_bytes - b.foreign_bytes, 0) AS BIGINT) AS registry_bytes,
    CAST(coalesce(s.config_bytes, 0) AS BIGINT) AS config_bytes,
    CAST(coalesce(s.manifest_bytes, 0) AS BIGINT) AS manifest_bytes,
    round(CAST(b.logical_bytes AS DOUBLE) / nullif(CAST(b.physical_bytes AS DOUBLE), 0), 4) AS dedup_ratio
FROM members AS m
LEFT JOIN bytes AS b
    ON
        b.cluster = m.cluster
        AND b.snapshot_id = m.snapshot_id
        AND b.is_managed IS NOT DISTINCT FROM m.is_managed
INNER JOIN small_blobs AS s
    ON
        s.cluster = m.cluster
        AND s.snapshot_id = m.snapshot_id
        AND s.is_managed IS NOT DISTINCT FROM m.is_managed
ORDER BY
    m.cluster,
    m.snapshot_id,
    m.is_managed

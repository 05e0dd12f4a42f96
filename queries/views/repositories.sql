-- Bytes come from images and artifacts; an index adds nothing to its children, which are members in their own right.
-- An image belongs to the repository that brought it into the cluster first: the object knows no other.
WITH uses AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.registry,
        l.repository,
        l.layer_digest,
        max(l.size_bytes) AS size_bytes,
        count(*) AS holder_count,
        bool_and(l.is_foreign) AS is_foreign
    FROM image_layers AS l
    WHERE
        NOT l.is_repeat
        AND l.layer_digest IS NOT NULL
    GROUP BY
        l.cluster,
        l.snapshot_id,
        l.registry,
        l.repository,
        l.layer_digest
),

held AS (
    SELECT
        u.*,
        count(*) OVER (PARTITION BY u.cluster, u.snapshot_id, u.layer_digest) AS repository_count
    FROM uses AS u
),

bytes AS (
    SELECT
        h.cluster,
        h.snapshot_id,
        h.registry,
        h.repository,
        sum(h.size_bytes * h.holder_count) AS logical_bytes,
        sum(h.size_bytes) AS physical_bytes,
        sum(CASE WHEN h.repository_count = 1 THEN h.size_bytes ELSE 0 END) AS exclusive_bytes,
        sum(CASE WHEN h.is_foreign THEN h.size_bytes ELSE 0 END) AS foreign_bytes,
        count(*) AS distinct_layer_count
    FROM held AS h
    GROUP BY
        h.cluster,
        h.snapshot_id,
        h.registry,
        h.repository
),

members AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.registry,
        o.repository,
        count(*) AS image_count,
        count(*) FILTER (WHERE o.is_index) AS index_count,
        min(o.first_seen_at) AS first_seen_at,
        max(o.first_seen_at) AS last_seen_at
    FROM image_objects AS o
    GROUP BY
        o.cluster,
        o.snapshot_id,
        o.registry,
        o.repository
)

SELECT
    m.cluster,
    m.snapshot_id,
    m.registry,
    m.repository,
    m.image_count,
    m.index_count,
    coalesce(b.distinct_layer_count, 0) AS distinct_layer_count,
    CAST(coalesce(b.logical_bytes, 0) AS BIGINT) AS logical_bytes,
    CAST(coalesce(b.physical_bytes, 0) AS BIGINT) AS physical_bytes,
    CAST(coalesce(b.exclusive_bytes, 0) AS BIGINT) AS exclusive_bytes,
    CAST(coalesce(b.physical_bytes - b.exclusive_bytes, 0) AS BIGINT) AS shared_bytes,
    CAST(coalesce(b.foreign_bytes, 0) AS BIGINT) AS foreign_bytes,
    m.first_seen_at,
    m.last_seen_at
FROM members AS m
LEFT JOIN bytes AS b
    ON
        b.cluster = m.cluster
        AND b.snapshot_id = m.snapshot_id
        AND b.registry IS NOT DISTINCT FROM m.registry
        AND b.repository IS NOT DISTINCT FROM m.repository

-- A layer is exclusive to an image when nothing else holds it, and to an index when all its holders are its children.
-- Several indexes may list the same children and each claim them; sums over indexes therefore mean nothing.
WITH uses AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        l.layer_digest,
        l.size_bytes,
        l.stated_size_bytes,
        l.is_size_known,
        l.is_foreign,
        b.image_count AS holder_count
    FROM image_layers AS l
    INNER JOIN layers AS b
        ON
            b.cluster = l.cluster
            AND b.snapshot_id = l.snapshot_id
            AND b.layer_digest = l.layer_digest
    WHERE NOT l.is_repeat
),

index_uses AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.image_name,
        u.layer_digest,
        max(u.size_bytes) AS size_bytes,
        bool_and(u.is_foreign) AS is_foreign,
        bool_or(u.is_size_known) AS is_size_known,
        max(u.holder_count) = count(*) AS is_exclusive
    FROM index_members AS m
    INNER JOIN uses AS u
        ON
            u.cluster = m.cluster
            AND u.snapshot_id = m.snapshot_id
            AND u.image_name = m.member_name
    GROUP BY
        m.cluster,
        m.snapshot_id,
        m.image_name,
        u.layer_digest
),

bytes AS (
    SELECT
        u.cluster,
        u.snapshot_id,
        u.image_name,
        sum(u.size_bytes) AS logical_bytes,
        sum(CASE WHEN u.holder_count = 1 THEN u.size_bytes ELSE 0 END) AS exclusive_bytes,
        sum(CASE WHEN u.is_foreign THEN u.size_bytes ELSE 0 END) AS foreign_bytes,
        -- The declared size was summed over the sizes the object itself states, so only those can be taken off it.
        CASE
            WHEN bool_and(u.stated_size_bytes > 0) THEN sum(u.stated_size_bytes)
        END AS stated_bytes,
        count(*) AS distinct_layer_count,
        count(*) FILTER (WHERE NOT u.is_size_known) AS unknown_size_layer_count
    FROM uses AS u
    GROUP BY
        u.cluster,
        u.snapshot_id,
        u.image_name
    UNION ALL
    SELECT
        u.cluster,
        u.snapshot_id,
        u.image_name,
        sum(u.size_bytes) AS logical_bytes,
        sum(CASE WHEN u.is_exclusive THEN u.size_bytes ELSE 0 END) AS exclusive_bytes,
        sum(CASE WHEN u.is_foreign THEN u.size_bytes ELSE 0 END) AS foreign_bytes,
        NULL AS stated_bytes,
        count(*) AS distinct_layer_count,
        count(*) FILTER (WHERE NOT u.is_size_known) AS unknown_size_layer_count
    FROM index_uses AS u
    GROUP BY
        u.cluster,
        u.snapshot_id,
        u.image_name
),

entries AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.image_name,
        m.child_digest,
        m.manifest_size_bytes,
        m.is_present
    FROM image_manifests AS m
),

child_manifests AS (
    SELECT
        e.cluster,
        e.snapshot_id,
        e.child_digest,
        max(e.manifest_size_bytes) AS manifest_size_bytes
    FROM entries AS e
    GROUP BY
        e.cluster,
        e.snapshot_id,
        e.child_digest
),

children AS (
    SELECT
        e.cluster,
        e.snapshot_id,
        e.image_name,
        count(DISTINCT e.child_digest) AS child_count,
        count(DISTINCT CASE WHEN e.is_present THEN e.child_digest END) AS present_child_count
    FROM entries AS e
    GROUP BY
        e.cluster,
        e.snapshot_id,
        e.image_name
)

SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name,
    CAST(coalesce(b.logical_bytes, 0) AS BIGINT) AS logical_bytes,
    CAST(coalesce(b.exclusive_bytes, 0) AS BIGINT) AS exclusive_bytes,
    CAST(coalesce(b.logical_bytes - b.exclusive_bytes, 0) AS BIGINT) AS shared_bytes,
    CAST(coalesce(b.foreign_bytes, 0) AS BIGINT) AS foreign_bytes,
    o.config_digest,
    CAST(
        CASE
            WHEN o.config_digest IS NULL THEN NULL
            WHEN o.kept_config_bytes IS NOT NULL THEN o.kept_config_bytes
            -- The declared size is config and distinct layers. Real configs have some hundred bytes to some tens of
            -- KiB; a larger rest means that other software wrote the figure.
            WHEN o.declared_size_bytes - b.stated_bytes BETWEEN 1 AND 1048576 THEN o.declared_size_bytes - b.stated_bytes
        END AS BIGINT
    ) AS config_bytes,
    CAST(coalesce(o.kept_manifest_bytes, c.manifest_size_bytes) AS BIGINT) AS manifest_bytes,
    coalesce(b.distinct_layer_count, 0) AS distinct_layer_count,
    coalesce(b.unknown_size_layer_count, 0) AS unknown_size_layer_count,
    coalesce(n.child_count, 0) AS child_count,
    coalesce(n.present_child_count, 0) AS present_child_count
FROM image_objects AS o
LEFT JOIN bytes AS b
    ON
        b.cluster = o.cluster
        AND b.snapshot_id = o.snapshot_id
        AND b.image_name = o.image_name
LEFT JOIN child_manifests AS c
    ON
        c.cluster = o.cluster
        AND c.snapshot_id = o.snapshot_id
        AND c.child_digest = o.image_name
LEFT JOIN children AS n
    ON
        n.cluster = o.cluster
        AND n.snapshot_id = o.snapshot_id
        AND n.image_name = o.image_name

-- /// query
-- title = "Size anomalies"
-- description = "Whatever makes byte figures doubtful: layers without a size, layers for which objects state different sizes, layers an image repeats, and images whose declared size does not fit their layers."
-- value = "How far to trust the capacity figures, and which records to look at first."
-- digests = ["digest"]
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- anomaly = "`unknown-size`, `conflicting-sizes`, `zero-and-known-size`, `repeated-layer` or `declared-size`."
-- digest = "Digest of the layer, or name of the Image for `declared-size` and `repeated-layer`."
-- image_count = "Images that hold the layer; 1 for an image."
-- smallest_bytes = "Smallest size stated; for `declared-size` what the layers have, for `repeated-layer` distinct layers once."
-- largest_bytes = "Largest size stated; for `declared-size` what is declared, for `repeated-layer` with the repeats."
-- ///
WITH layer_anomalies AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        CASE
            WHEN NOT l.is_size_known THEN 'unknown-size'
            WHEN min(u.stated_size_bytes) FILTER (WHERE u.stated_size_bytes > 0) < l.size_bytes THEN 'conflicting-sizes'
            ELSE 'zero-and-known-size'
        END AS anomaly,
        l.layer_digest AS digest,
        l.image_count,
        l.smallest_stated_size_bytes AS smallest_bytes,
        l.size_bytes AS largest_bytes
    FROM layers AS l
    INNER JOIN image_layers AS u USING (cluster, snapshot_id, layer_digest)
    WHERE
        NOT l.is_size_known
        OR l.has_size_conflict
    GROUP BY
        l.cluster, l.snapshot_id, l.layer_digest, l.image_count, l.smallest_stated_size_bytes, l.size_bytes, l.is_size_known
),

sums AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        sum(CASE WHEN l.is_repeat THEN 0 ELSE l.stated_size_bytes END) AS stated_bytes,
        sum(CASE WHEN l.is_repeat THEN 0 ELSE l.size_bytes END) AS distinct_bytes,
        sum(l.size_bytes) AS repeated_bytes,
        bool_and(l.stated_size_bytes > 0) AS is_stated,
        bool_or(l.is_repeat AND NOT l.is_empty_layer) AS has_repeats
    FROM image_layers AS l
    GROUP BY l.cluster, l.snapshot_id, l.image_name
),

found AS (
    SELECT
        a.cluster,
        a.snapshot_id,
        a.anomaly,
        a.digest,
        a.image_count,
        a.smallest_bytes,
        a.largest_bytes
    FROM layer_anomalies AS a
    UNION ALL
    SELECT
        s.cluster,
        s.snapshot_id,
        'repeated-layer' AS anomaly,
        s.image_name AS digest,
        1 AS image_count,
        s.distinct_bytes AS smallest_bytes,
        s.repeated_bytes AS largest_bytes
    FROM sums AS s
    WHERE s.has_repeats
    UNION ALL
    SELECT
        s.cluster,
        s.snapshot_id,
        'declared-size' AS anomaly,
        s.image_name AS digest,
        1 AS image_count,
        s.stated_bytes AS smallest_bytes,
        o.declared_size_bytes AS largest_bytes
    FROM sums AS s
    INNER JOIN image_objects AS o USING (cluster, snapshot_id, image_name)
    WHERE
        s.is_stated
        AND NOT o.is_schema1
        -- No config is as large as 1 MiB: see image_sizes.
        AND o.declared_size_bytes - s.stated_bytes NOT BETWEEN 0 AND 1048576
)

SELECT
    f.cluster,
    f.snapshot_id,
    f.anomaly,
    f.digest,
    f.image_count,
    CAST(f.smallest_bytes AS BIGINT) AS smallest_bytes,
    CAST(f.largest_bytes AS BIGINT) AS largest_bytes
FROM found AS f
ORDER BY
    f.cluster,
    f.snapshot_id,
    f.anomaly,
    largest_bytes DESC,
    f.digest

-- What an image is built on shows in its layers: an ancestor's list is a proper prefix of the image's own. A chain digest
-- stands for the list up to a position, so that comparing prefixes is a join. Empty layers say nothing of content and
-- builders differ in writing them, so they are dropped before counting.
WITH solid AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        l.layer_digest,
        l.position,
        l.size_bytes
    FROM image_layers AS l
    WHERE
        NOT l.is_empty_layer
        AND l.layer_digest IS NOT NULL
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.image_name,
    CAST(
        row_number() OVER (
            PARTITION BY s.cluster, s.snapshot_id, s.image_name
            ORDER BY s.position
        ) AS INTEGER
    ) AS depth,
    s.layer_digest,
    md5(
        string_agg(s.layer_digest, ' ') OVER (
            PARTITION BY s.cluster, s.snapshot_id, s.image_name
            ORDER BY s.position
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    ) AS chain_digest,
    count(*) OVER (PARTITION BY s.cluster, s.snapshot_id, s.image_name) = row_number() OVER (
        PARTITION BY s.cluster, s.snapshot_id, s.image_name
        ORDER BY s.position
    ) AS is_top
FROM solid AS s

-- Ties are kept: images with the same layers are each an ancestor of whatever is built on them.
WITH links AS (
    SELECT
        c.cluster,
        c.snapshot_id,
        c.image_name,
        c.chain_digest,
        c.depth,
        c.is_top
    FROM image_chains AS c
),

depths AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        max(l.depth) AS depth
    FROM links AS l
    GROUP BY
        l.cluster,
        l.snapshot_id,
        l.image_name
),

found AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        a.image_name AS ancestor_name,
        l.depth AS common_layer_count
    FROM links AS l
    INNER JOIN links AS a
        ON
            a.cluster = l.cluster
            AND a.snapshot_id = l.snapshot_id
            AND a.chain_digest = l.chain_digest
    WHERE
        a.is_top
        AND NOT l.is_top
)

SELECT
    f.cluster,
    f.snapshot_id,
    f.image_name,
    f.ancestor_name,
    f.common_layer_count,
    d.depth - f.common_layer_count AS added_layer_count,
    f.common_layer_count = max(f.common_layer_count) OVER (
        PARTITION BY f.cluster, f.snapshot_id, f.image_name
    ) AS is_nearest
FROM found AS f
INNER JOIN depths AS d
    ON
        d.cluster = f.cluster
        AND d.snapshot_id = f.snapshot_id
        AND d.image_name = f.image_name

-- /// query
-- title = "Duplicate images"
-- description = "Images with the same layers in the same order under different digests: builds that changed nothing but the config, or copies whose manifest was rewritten. Images without layers are left out."
-- value = "Builds and copies that could be one image; they cost little storage but multiply scans, signatures and pulls."
-- digests = ["image_name"]
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- layers_digest = "Stands for the ordered list of layers that the images of a group have."
-- duplicate_count = "Images of the group."
-- image_name = "Name of the Image."
-- registry = "Registry of the first importer."
-- repository = "Repository of the first importer; null without a reference."
-- config_digest = "Digest of the config blob."
-- logical_bytes = "Bytes of the distinct layers, the same for the whole group."
-- layer_count = "Layers, repeats included."
-- is_managed = "Whether it was pushed to the integrated registry first."
-- has_common_config = "Whether all images of the group have one config, so that only the manifest differs."
-- first_seen_at = "When the cluster first stored it."
-- built_at = "When it was built, if known."
-- ///
WITH repeated AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.layers_digest
    FROM image_objects AS o
    WHERE
        NOT o.is_index
        AND o.layer_count > 0
    GROUP BY o.cluster, o.snapshot_id, o.layers_digest
    HAVING count(*) > 1
),

grouped AS (
    SELECT
        i.cluster,
        i.snapshot_id,
        o.layers_digest,
        i.image_name,
        i.registry,
        i.repository,
        i.config_digest,
        i.layer_count,
        i.is_managed,
        i.first_seen_at,
        i.built_at,
        count(*) OVER (PARTITION BY i.cluster, i.snapshot_id, o.layers_digest) AS duplicate_count,
        min(i.config_digest) OVER (PARTITION BY i.cluster, i.snapshot_id, o.layers_digest) AS lowest_config_digest,
        max(i.config_digest) OVER (PARTITION BY i.cluster, i.snapshot_id, o.layers_digest) AS highest_config_digest,
        count(i.config_digest) OVER (PARTITION BY i.cluster, i.snapshot_id, o.layers_digest) AS config_count
    FROM images AS i
    INNER JOIN image_objects AS o
        ON
            o.cluster = i.cluster
            AND o.snapshot_id = i.snapshot_id
            AND o.image_name = i.image_name
    INNER JOIN repeated AS r
        ON
            r.cluster = o.cluster
            AND r.snapshot_id = o.snapshot_id
            AND r.layers_digest = o.layers_digest
    WHERE
        i.kind = 'image'
        AND i.layer_count > 0
)

SELECT
    g.cluster,
    g.snapshot_id,
    g.layers_digest,
    g.duplicate_count,
    g.image_name,
    g.registry,
    g.repository,
    g.config_digest,
    s.logical_bytes,
    g.layer_count,
    g.is_managed,
    g.config_count = g.duplicate_count AND g.lowest_config_digest = g.highest_config_digest AS has_common_config,
    g.first_seen_at,
    g.built_at
FROM grouped AS g
INNER JOIN image_sizes AS s
    ON
        s.cluster = g.cluster
        AND s.snapshot_id = g.snapshot_id
        AND s.image_name = g.image_name
WHERE g.duplicate_count > 1
ORDER BY
    g.duplicate_count DESC,
    g.layers_digest,
    g.image_name,
    g.cluster,
    g.snapshot_id

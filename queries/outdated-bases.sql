-- /// query
-- title = "Outdated bases"
-- description = "Images built on an image of another repository that has a newer image for the same platform. The nearest ancestor outside the image's own repository counts as its base; newer is by build time, or by first seen where the build time is a placeholder or in the future."
-- value = "What to rebuild first: these images miss whatever their base has been patched for since."
-- digests = ["image_name", "base_name", "newest_base_name"]
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image."
-- registry = "Registry of the image."
-- repository = "Repository of the image; null without a reference."
-- base_name = "Name of the base's Image."
-- base_registry = "Registry of the base."
-- base_repository = "Repository of the base."
-- newest_base_name = "Newest image of the base's repository for the same platform."
-- days_behind = "Days between the base and the newest."
-- base_at = "Build time of the base, else when the cluster first stored it."
-- newest_base_at = "The same of the newest."
-- ///
WITH dated AS (
    SELECT
        i.cluster,
        i.snapshot_id,
        i.image_name,
        i.registry,
        i.repository,
        i.platform,
        -- A build time after the snapshot is a mistake and would be the newest for ever.
        CASE
            WHEN i.built_at <= t.taken_at THEN i.built_at
            ELSE i.first_seen_at
        END AS image_at
    FROM images AS i
    INNER JOIN snapshots AS t USING (cluster, snapshot_id)
    WHERE
        i.kind = 'image'
        AND i.repository IS NOT NULL
        AND i.platform IS NOT NULL
),

newest AS (
    SELECT
        d.*,
        row_number() OVER (
            PARTITION BY d.cluster, d.snapshot_id, d.registry, d.repository, d.platform
            ORDER BY
                d.image_at DESC NULLS LAST,
                d.image_name
        ) AS place
    FROM dated AS d
),

bases AS (
    SELECT
        a.cluster,
        a.snapshot_id,
        a.image_name,
        i.registry,
        i.repository,
        b.image_name AS base_name,
        b.registry AS base_registry,
        b.repository AS base_repository,
        b.platform,
        b.image_at,
        rank() OVER (
            PARTITION BY a.cluster, a.snapshot_id, a.image_name
            ORDER BY a.common_layer_count DESC
        ) AS place
    FROM image_ancestors AS a
    INNER JOIN image_objects AS i
        ON
            i.cluster = a.cluster
            AND i.snapshot_id = a.snapshot_id
            AND i.image_name = a.image_name
    INNER JOIN dated AS b
        ON
            b.cluster = a.cluster
            AND b.snapshot_id = a.snapshot_id
            AND b.image_name = a.ancestor_name
    WHERE
        b.registry IS DISTINCT FROM i.registry
        OR b.repository IS DISTINCT FROM i.repository
),

compared AS (
    SELECT
        b.cluster,
        b.snapshot_id,
        b.image_name,
        b.registry,
        b.repository,
        b.base_name,
        b.base_registry,
        b.base_repository,
        b.image_at,
        n.image_name AS newest_base_name,
        n.image_at AS newest_base_at,
        -- A tie with the newest means that its very layers are underneath already.
        max(CASE WHEN n.image_name = b.base_name THEN 1 ELSE 0 END) OVER (
            PARTITION BY b.cluster, b.snapshot_id, b.image_name, b.base_registry, b.base_repository
        ) AS is_up_to_date
    FROM bases AS b
    INNER JOIN newest AS n
        ON
            n.cluster = b.cluster
            AND n.snapshot_id = b.snapshot_id
            AND n.registry = b.base_registry
            AND n.repository = b.base_repository
            AND n.platform = b.platform
            AND n.place = 1
    WHERE b.place = 1
)

SELECT
    c.cluster,
    c.snapshot_id,
    c.image_name,
    c.registry,
    c.repository,
    c.base_name,
    c.base_registry,
    c.base_repository,
    c.newest_base_name,
    date_diff('day', c.image_at, c.newest_base_at) AS days_behind,
    c.image_at AS base_at,
    c.newest_base_at
FROM compared AS c
WHERE
    c.is_up_to_date = 0
    AND c.newest_base_at > c.image_at
ORDER BY
    days_behind DESC,
    c.cluster,
    c.snapshot_id,
    c.image_name,
    c.base_name

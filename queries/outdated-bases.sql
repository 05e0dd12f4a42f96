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

newest_at AS (
    SELECT
        d.cluster,
        d.snapshot_id,
        d.registry,
        d.repository,
        d.platform,
        max(d.image_at) AS image_at
    FROM dated AS d
    GROUP BY d.cluster, d.snapshot_id, d.registry, d.repository, d.platform
),

newest AS (
    SELECT
        d.cluster,
        d.snapshot_id,
        d.registry,
        d.repository,
        d.platform,
        d.image_at,
        min(d.image_name) AS image_name
    FROM dated AS d
    INNER JOIN newest_at AS n USING (cluster, snapshot_id, registry, repository, platform, image_at)
    GROUP BY d.cluster, d.snapshot_id, d.registry, d.repository, d.platform, d.image_at
),

foreign_ancestors AS (
    SELECT
        a.cluster,
        a.snapshot_id,
        a.image_name,
        a.common_layer_count,
        i.registry,
        i.repository,
        b.image_name AS base_name,
        b.registry AS base_registry,
        b.repository AS base_repository,
        b.platform,
        b.image_at
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

nearest AS (
    SELECT
        f.cluster,
        f.snapshot_id,
        f.image_name,
        max(f.common_layer_count) AS common_layer_count
    FROM foreign_ancestors AS f
    GROUP BY f.cluster, f.snapshot_id, f.image_name
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
        n.image_at AS newest_base_at
    FROM foreign_ancestors AS b
    INNER JOIN nearest AS f USING (cluster, snapshot_id, image_name, common_layer_count)
    INNER JOIN newest AS n
        ON
            n.cluster = b.cluster
            AND n.snapshot_id = b.snapshot_id
            AND n.registry = b.base_registry
            AND n.repository = b.base_repository
            AND n.platform = b.platform
),

-- A tie with the newest means that its very layers are underneath already.
up_to_date AS (
    SELECT DISTINCT
        c.cluster,
        c.snapshot_id,
        c.image_name,
        c.base_registry,
        c.base_repository
    FROM compared AS c
    WHERE c.newest_base_name = c.base_name
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
LEFT JOIN up_to_date AS u
    ON
        u.cluster = c.cluster
        AND u.snapshot_id = c.snapshot_id
        AND u.image_name = c.image_name
        AND u.base_registry = c.base_registry
        AND u.base_repository = c.base_repository
WHERE
    u.image_name IS NULL
    AND c.newest_base_at > c.image_at
ORDER BY
    days_behind DESC,
    c.cluster,
    c.snapshot_id,
    c.image_name,
    c.base_name

-- /// query
-- title = "Environment variables in use"
-- description = "Names of environment variables that images set, by how many do. Values are left out on purpose, since they may hold secrets; they stay in the view image_env."
-- value = "Where proxies, versions and settings are baked into images, and names that suggest a secret is."
-- digests = []
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- key = "Name of the variable."
-- image_count = "Images that have it."
-- repository_count = "Repositories among them; images without a reference count as one."
-- value_count = "Distinct values."
-- image_share = "Share of the images whose config is in their metadata."
-- ///
WITH configured AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        count(*) AS configured_count
    FROM image_objects AS o
    WHERE o.has_config
    GROUP BY o.cluster, o.snapshot_id
),

-- Counted by repository first: a name is put together once for each key it has, not once for each image.
held AS (
    SELECT
        p.cluster,
        p.snapshot_id,
        p.key,
        p.registry,
        p.repository,
        count(*) AS image_count
    FROM image_env AS p
    GROUP BY p.cluster, p.snapshot_id, p.key, p.registry, p.repository
),

used AS (
    SELECT
        h.cluster,
        h.snapshot_id,
        h.key,
        CAST(sum(h.image_count) AS BIGINT) AS image_count,
        count(DISTINCT coalesce(h.registry || '/' || h.repository, '')) AS repository_count
    FROM held AS h
    GROUP BY h.cluster, h.snapshot_id, h.key
),

valued AS (
    SELECT
        p.cluster,
        p.snapshot_id,
        p.key,
        count(DISTINCT p.value) AS value_count
    FROM image_env AS p
    GROUP BY p.cluster, p.snapshot_id, p.key
)

SELECT
    u.cluster,
    u.snapshot_id,
    u.key,
    u.image_count,
    u.repository_count,
    v.value_count,
    round(CAST(u.image_count AS DOUBLE) / nullif(c.configured_count, 0), 4) AS image_share
FROM used AS u
INNER JOIN valued AS v USING (cluster, snapshot_id, key)
INNER JOIN configured AS c USING (cluster, snapshot_id)
ORDER BY
    u.image_count DESC,
    u.key,
    u.cluster,
    u.snapshot_id

-- /// query
-- title = "Labels in use"
-- description = "Keys of container labels, by how many images have them; values stay in the view image_labels."
-- value = "Which labels can be relied on: for owners, versions, sources, or a policy that asks for them."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- key = "Key of the label."
-- image_count = "Images that have it."
-- repository_count = "Repositories among them; images without a reference count as one."
-- value_count = "Distinct values."
-- image_share = "Share of the images whose config is in their metadata."
-- ///
WITH configured AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        coalesce(o.registry || '/' || o.repository, '') AS repository,
        count(*) OVER (PARTITION BY o.cluster, o.snapshot_id) AS configured_count
    FROM image_objects AS o
    WHERE o.has_config
)

SELECT
    c.cluster,
    c.snapshot_id,
    p.key,
    count(*) AS image_count,
    count(DISTINCT c.repository) AS repository_count,
    count(DISTINCT p.value) AS value_count,
    round(CAST(count(*) AS DOUBLE) / nullif(max(c.configured_count), 0), 4) AS image_share
FROM configured AS c
INNER JOIN image_labels AS p USING (cluster, snapshot_id, image_name)
GROUP BY c.cluster, c.snapshot_id, p.key
ORDER BY
    image_count DESC,
    p.key,
    c.cluster,
    c.snapshot_id

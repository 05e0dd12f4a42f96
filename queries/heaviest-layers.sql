-- /// query
-- title = "Heaviest layers"
-- description = "Distinct layers by size, with an image and a repository that hold each (the first by name) and the command that made it, where a config was kept."
-- value = "Single layers worth looking into: packed data sets, caches left behind, a browser in a base image."
-- digests = ["layer_digest", "first_image_name"]
-- [params.min_size_bytes]
-- type = "BIGINT"
-- default = 1
-- help = "Leave out layers with fewer bytes."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- layer_digest = "Digest of the layer."
-- size_bytes = "Largest size seen for the digest in the cluster."
-- image_count = "Images and artifacts that hold it."
-- repository_count = "Repositories among them; images without a reference count as one."
-- first_image_name = "First image by name that holds it."
-- first_repository = "First repository by name that holds it, with its registry."
-- created_by = "Command that made it, where a config was kept."
-- is_foreign = "Whether it is foreign: pulled from elsewhere, not in the registry."
-- ///
WITH steps AS (
    SELECT
        h.cluster,
        h.snapshot_id,
        h.layer_digest,
        min(h.created_by) AS created_by
    FROM image_history AS h
    WHERE h.layer_digest IS NOT NULL
    GROUP BY
        h.cluster,
        h.snapshot_id,
        h.layer_digest
),

held AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.layer_digest,
        max(l.size_bytes) AS size_bytes,
        count(*) FILTER (WHERE NOT l.is_repeat) AS image_count,
        count(DISTINCT coalesce(l.registry || '/' || l.repository, '')) AS repository_count,
        min(l.image_name) AS first_image_name,
        min(l.registry || '/' || l.repository) AS first_repository,
        bool_and(l.is_foreign) AS is_foreign
    FROM image_layers AS l
    WHERE
        l.layer_digest IS NOT NULL
        AND l.size_bytes >= $min_size_bytes
    GROUP BY
        l.cluster,
        l.snapshot_id,
        l.layer_digest
)

SELECT
    h.cluster,
    h.snapshot_id,
    h.layer_digest,
    h.size_bytes,
    h.image_count,
    h.repository_count,
    h.first_image_name,
    h.first_repository,
    s.created_by,
    h.is_foreign
FROM held AS h
LEFT JOIN steps AS s
    ON
        s.cluster = h.cluster
        AND s.snapshot_id = h.snapshot_id
        AND s.layer_digest = h.layer_digest
ORDER BY
    h.size_bytes DESC,
    h.layer_digest,
    h.cluster,
    h.snapshot_id

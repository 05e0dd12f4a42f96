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

-- A number in the order of the names takes the place of each, which would be written out for every use of a layer.
repositories_held AS (
    SELECT DISTINCT
        o.registry,
        o.repository,
        o.registry || '/' || o.repository AS name
    FROM image_objects AS o
    WHERE o.repository IS NOT NULL
),

repository_names AS (
    SELECT
        r.*,
        row_number() OVER (ORDER BY r.name) AS place
    FROM repositories_held AS r
),

shared AS (
    SELECT l.*
    FROM layers AS l
    WHERE
        l.reference_count > 1
        AND l.size_bytes >= $min_size_bytes
),

holders AS (
    SELECT
        u.cluster,
        u.snapshot_id,
        u.layer_digest,
        min(u.image_name) AS first_image_name,
        min(r.place) AS first_place
    FROM image_layers AS u
    INNER JOIN shared AS s
        ON
            s.cluster = u.cluster
            AND s.snapshot_id = u.snapshot_id
            AND s.layer_digest = u.layer_digest
    LEFT JOIN repository_names AS r
        ON
            r.registry = u.registry
            AND r.repository = u.repository
    GROUP BY
        u.cluster,
        u.snapshot_id,
        u.layer_digest
),

-- A layer that is referred to once, as most are, is known from its only use.
held AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.layer_digest,
        s.size_bytes,
        s.image_count,
        s.repository_count,
        h.first_image_name,
        h.first_place,
        s.is_foreign
    FROM shared AS s
    INNER JOIN holders AS h
        ON
            h.cluster = s.cluster
            AND h.snapshot_id = s.snapshot_id
            AND h.layer_digest = s.layer_digest
    UNION ALL
    SELECT
        u.cluster,
        u.snapshot_id,
        u.layer_digest,
        u.size_bytes,
        1 AS image_count,
        1 AS repository_count,
        u.image_name AS first_image_name,
        r.place AS first_place,
        u.is_foreign
    FROM image_layers AS u
    LEFT JOIN shared AS s
        ON
            s.cluster = u.cluster
            AND s.snapshot_id = u.snapshot_id
            AND s.layer_digest = u.layer_digest
    LEFT JOIN repository_names AS r
        ON
            r.registry = u.registry
            AND r.repository = u.repository
    WHERE
        s.layer_digest IS NULL
        AND u.layer_digest IS NOT NULL
        AND u.size_bytes >= $min_size_bytes
)

SELECT
    l.cluster,
    l.snapshot_id,
    l.layer_digest,
    l.size_bytes,
    l.image_count,
    l.repository_count,
    l.first_image_name,
    r.name AS first_repository,
    s.created_by,
    l.is_foreign
FROM held AS l
LEFT JOIN repository_names AS r ON r.place = l.first_place
LEFT JOIN steps AS s
    ON
        s.cluster = l.cluster
        AND s.snapshot_id = l.snapshot_id
        AND s.layer_digest = l.layer_digest
ORDER BY
    l.size_bytes DESC,
    l.layer_digest,
    l.cluster,
    l.snapshot_id

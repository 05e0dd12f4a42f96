-- /// query
-- title = "Sharing between repositories"
-- description = "Pairs of repositories by the bytes of the layers both hold. A layer held by ten repositories shows in each of their pairs, so rows do not add up."
-- value = "Which teams build on the same base, and which repositories can't be cleaned up one by one."
-- [params.min_shared_bytes]
-- type = "BIGINT"
-- default = 1
-- help = "Leave out pairs that share fewer bytes."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- repository = "One repository, with its registry; empty for the images without a reference."
-- other_repository = "The other one, later by name."
-- shared_layer_count = "Layers both hold."
-- shared_bytes = "Bytes of these layers, each once."
-- repository_bytes = "Physical bytes of the first."
-- other_repository_bytes = "Physical bytes of the other."
-- shared_share = "Shared bytes over the physical bytes of the smaller one."
-- ///
WITH held AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        coalesce(l.registry || '/' || l.repository, '') AS repository,
        l.layer_digest,
        max(l.size_bytes) AS size_bytes
    FROM image_layers AS l
    WHERE l.layer_digest IS NOT NULL
    GROUP BY
        l.cluster,
        l.snapshot_id,
        coalesce(l.registry || '/' || l.repository, ''),
        l.layer_digest
),

counted AS (
    SELECT
        h.*,
        sum(h.size_bytes) OVER (PARTITION BY h.cluster, h.snapshot_id, h.repository) AS physical_bytes,
        count(*) OVER (PARTITION BY h.cluster, h.snapshot_id, h.layer_digest) AS repository_count
    FROM held AS h
),

shared AS (
    SELECT
        c.cluster,
        c.snapshot_id,
        c.repository,
        c.layer_digest,
        c.size_bytes,
        c.physical_bytes
    FROM counted AS c
    WHERE c.repository_count > 1
),

pairs AS (
    SELECT
        a.cluster,
        a.snapshot_id,
        a.repository,
        b.repository AS other_repository,
        count(*) AS shared_layer_count,
        sum(a.size_bytes) AS shared_bytes,
        max(a.physical_bytes) AS repository_bytes,
        max(b.physical_bytes) AS other_repository_bytes
    FROM shared AS a
    INNER JOIN shared AS b
        ON
            b.cluster = a.cluster
            AND b.snapshot_id = a.snapshot_id
            AND b.layer_digest = a.layer_digest
    WHERE b.repository > a.repository
    GROUP BY
        a.cluster,
        a.snapshot_id,
        a.repository,
        b.repository
)

SELECT
    p.cluster,
    p.snapshot_id,
    p.repository,
    p.other_repository,
    p.shared_layer_count,
    CAST(p.shared_bytes AS BIGINT) AS shared_bytes,
    CAST(p.repository_bytes AS BIGINT) AS repository_bytes,
    CAST(p.other_repository_bytes AS BIGINT) AS other_repository_bytes,
    round(
        CAST(p.shared_bytes AS DOUBLE) / nullif(CAST(least(p.repository_bytes, p.other_repository_bytes) AS DOUBLE), 0),
        4
    ) AS shared_share
FROM pairs AS p
WHERE p.shared_bytes >= $min_shared_bytes
ORDER BY
    p.shared_bytes DESC,
    p.repository,
    p.other_repository,
    p.cluster,
    p.snapshot_id

-- /// query
-- title = "Sharing between repositories"
-- description = "Pairs of repositories by the bytes of the layers both hold. A layer held by ten repositories shows in each of their pairs, so rows do not add up."
-- value = "Which teams build on the same base, and which repositories can't be cleaned up one by one."
-- digests = []
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
WITH uses AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.registry,
        l.repository,
        l.layer_digest,
        max(l.size_bytes) AS size_bytes
    FROM image_layers AS l
    WHERE l.layer_digest IS NOT NULL
    GROUP BY
        l.cluster,
        l.snapshot_id,
        l.registry,
        l.repository,
        l.layer_digest
),

named AS (
    SELECT
        u.*,
        coalesce(u.registry || '/' || u.repository, '') AS name
    FROM uses AS u
),

-- Pairs are many, so they are made of numbers; later by name is later by number.
names AS (
    SELECT
        d.name,
        row_number() OVER (ORDER BY d.name) AS place
    FROM (SELECT DISTINCT n.name FROM named AS n) AS d
),

held AS (
    SELECT
        n.cluster,
        n.snapshot_id,
        m.place,
        n.layer_digest,
        max(n.size_bytes) AS size_bytes
    FROM named AS n
    INNER JOIN names AS m ON m.name = n.name
    GROUP BY
        n.cluster,
        n.snapshot_id,
        m.place,
        n.layer_digest
),

totals AS (
    SELECT
        h.cluster,
        h.snapshot_id,
        h.place,
        sum(h.size_bytes) AS physical_bytes
    FROM held AS h
    GROUP BY h.cluster, h.snapshot_id, h.place
),

counts AS (
    SELECT
        h.cluster,
        h.snapshot_id,
        h.layer_digest
    FROM held AS h
    GROUP BY h.cluster, h.snapshot_id, h.layer_digest
    HAVING count(*) > 1
),

shared AS (
    SELECT h.*
    FROM held AS h
    INNER JOIN counts AS c USING (cluster, snapshot_id, layer_digest)
),

pairs AS (
    SELECT
        a.cluster,
        a.snapshot_id,
        a.place,
        b.place AS other_place,
        count(*) AS shared_layer_count,
        sum(a.size_bytes) AS shared_bytes
    FROM shared AS a
    INNER JOIN shared AS b
        ON
            b.cluster = a.cluster
            AND b.snapshot_id = a.snapshot_id
            AND b.layer_digest = a.layer_digest
    WHERE b.place > a.place
    GROUP BY
        a.cluster,
        a.snapshot_id,
        a.place,
        b.place
    HAVING sum(a.size_bytes) >= $min_shared_bytes
)

SELECT
    p.cluster,
    p.snapshot_id,
    n.name AS repository,
    m.name AS other_repository,
    p.shared_layer_count,
    CAST(p.shared_bytes AS BIGINT) AS shared_bytes,
    CAST(t.physical_bytes AS BIGINT) AS repository_bytes,
    CAST(o.physical_bytes AS BIGINT) AS other_repository_bytes,
    round(
        CAST(p.shared_bytes AS DOUBLE) / nullif(CAST(least(t.physical_bytes, o.physical_bytes) AS DOUBLE), 0),
        4
    ) AS shared_share
FROM pairs AS p
INNER JOIN totals AS t ON t.cluster = p.cluster AND t.snapshot_id = p.snapshot_id AND t.place = p.place
INNER JOIN totals AS o ON o.cluster = p.cluster AND o.snapshot_id = p.snapshot_id AND o.place = p.other_place
INNER JOIN names AS n ON n.place = p.place
INNER JOIN names AS m ON m.place = p.other_place
ORDER BY
    p.shared_bytes DESC,
    repository,
    other_repository,
    p.cluster,
    p.snapshot_id

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
WITH shared AS (
    SELECT
        b.cluster,
        b.snapshot_id,
        b.layer_digest
    FROM layers AS b
    WHERE b.repository_count > 1
),

named AS (
    SELECT
        r.cluster,
        r.snapshot_id,
        r.registry,
        r.repository,
        r.exclusive_bytes,
        coalesce(r.registry || '/' || r.repository, '') AS name
    FROM repositories AS r
),

-- Pairs are many, so they are made of numbers; later by name is later by number.
holders AS (
    SELECT
        n.cluster,
        n.snapshot_id,
        n.name,
        sum(n.exclusive_bytes) AS exclusive_bytes,
        min(n.registry) AS registry,
        min(n.repository) AS repository,
        CAST(row_number() OVER (ORDER BY n.name, n.cluster, n.snapshot_id) AS INTEGER) AS place,
        CAST(dense_rank() OVER (ORDER BY n.name) AS INTEGER) AS name_place
    FROM named AS n
    GROUP BY
        n.cluster,
        n.snapshot_id,
        n.name
),

uses AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.registry,
        l.repository,
        l.layer_digest,
        max(l.size_bytes) AS size_bytes
    FROM image_layers AS l
    INNER JOIN shared AS s USING (cluster, snapshot_id, layer_digest)
    GROUP BY
        l.cluster,
        l.snapshot_id,
        l.registry,
        l.repository,
        l.layer_digest
),

held AS (
    SELECT
        u.cluster,
        u.snapshot_id,
        u.layer_digest,
        h.place,
        max(u.size_bytes) AS size_bytes
    FROM uses AS u
    INNER JOIN named AS n
        ON
            n.cluster = u.cluster
            AND n.snapshot_id = u.snapshot_id
            AND n.registry IS NOT DISTINCT FROM u.registry
            AND n.repository IS NOT DISTINCT FROM u.repository
    INNER JOIN holders AS h
        ON
            h.cluster = n.cluster
            AND h.snapshot_id = n.snapshot_id
            AND h.name = n.name
    GROUP BY
        u.cluster,
        u.snapshot_id,
        u.layer_digest,
        h.place
),

sized AS (
    SELECT
        h.place,
        h.name_place,
        h.cluster,
        h.snapshot_id,
        h.registry,
        h.repository,
        CAST(h.exclusive_bytes + coalesce(t.size_bytes, 0) AS BIGINT) AS physical_bytes
    FROM holders AS h
    LEFT JOIN (
        SELECT
            u.place,
            sum(u.size_bytes) AS size_bytes
        FROM held AS u
        GROUP BY u.place
    ) AS t ON t.place = h.place
),

-- Layers of one base are held by the same repositories, whose pairs are then made once for all of them.
sets AS (
    SELECT
        h.cluster,
        h.snapshot_id,
        h.layer_digest,
        max(h.size_bytes) AS size_bytes,
        array_agg(CAST(h.place AS VARCHAR) ORDER BY CAST(h.place AS VARCHAR)) AS places
    FROM held AS h
    GROUP BY
        h.cluster,
        h.snapshot_id,
        h.layer_digest
),

bases AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        min(s.layer_digest) AS layer_digest,
        count(*) AS layer_count,
        CAST(sum(s.size_bytes) AS BIGINT) AS size_bytes
    FROM sets AS s
    GROUP BY
        s.cluster,
        s.snapshot_id,
        s.places
),

base_holders AS (
    SELECT
        h.cluster,
        h.snapshot_id,
        h.layer_digest,
        h.place,
        b.layer_count,
        b.size_bytes
    FROM held AS h
    INNER JOIN bases AS b USING (cluster, snapshot_id, layer_digest)
),

pairs AS (
    SELECT
        a.place,
        b.place AS other_place,
        CAST(sum(a.layer_count) AS BIGINT) AS shared_layer_count,
        CAST(sum(a.size_bytes) AS BIGINT) AS shared_bytes
    FROM base_holders AS a
    INNER JOIN base_holders AS b
        ON
            b.cluster = a.cluster
            AND b.snapshot_id = a.snapshot_id
            AND b.layer_digest = a.layer_digest
    WHERE b.place > a.place
    GROUP BY
        a.place,
        b.place
    HAVING sum(a.size_bytes) >= $min_shared_bytes
)

-- Rows are put in order before they get their names, which the sort would have to carry.
SELECT
    o.cluster,
    o.snapshot_id,
    coalesce(o.registry || '/' || o.repository, '') AS repository,
    coalesce(o.other_registry || '/' || o.other_repository, '') AS other_repository,
    o.shared_layer_count,
    o.shared_bytes,
    o.repository_bytes,
    o.other_repository_bytes,
    round(
        CAST(o.shared_bytes AS DOUBLE) / nullif(CAST(least(o.repository_bytes, o.other_repository_bytes) AS DOUBLE), 0),
        4
    ) AS shared_share
FROM (
    SELECT
        n.cluster,
        n.snapshot_id,
        n.registry,
        n.repository,
        m.registry AS other_registry,
        m.repository AS other_repository,
        p.shared_layer_count,
        p.shared_bytes,
        n.physical_bytes AS repository_bytes,
        m.physical_bytes AS other_repository_bytes,
        n.name_place AS repository_place,
        m.name_place AS other_repository_place
    FROM pairs AS p
    INNER JOIN sized AS n ON n.place = p.place
    INNER JOIN sized AS m ON m.place = p.other_place
    ORDER BY
        p.shared_bytes DESC,
        repository_place,
        other_repository_place,
        n.cluster,
        n.snapshot_id
) AS o

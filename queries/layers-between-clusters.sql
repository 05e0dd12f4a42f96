-- /// query
-- title = "Layers between clusters"
-- description = "Pairs of clusters by the bytes of the layers both store. Each registry keeps a copy of its own. A layer held by ten clusters shows in each of their pairs, so rows do not add up; fleet-layers does."
-- value = "Which clusters could be served by one mirror, and what the second copy of the same layers costs."
-- digests = []
-- [params.min_shared_bytes]
-- type = "BIGINT"
-- default = 1
-- help = "Leave out pairs that share fewer bytes."
-- [columns]
-- cluster = "One cluster."
-- other_cluster = "The other one, later by name."
-- shared_layer_count = "Layers both hold."
-- shared_bytes = "Bytes of these layers, each once; of two stated sizes the smaller."
-- cluster_bytes = "Physical bytes of the first."
-- other_cluster_bytes = "Physical bytes of the other."
-- shared_share = "Shared bytes over the physical bytes of the smaller one."
-- ///
WITH held AS (
    SELECT
        l.cluster,
        l.layer_digest,
        l.size_bytes,
        sum(l.size_bytes) OVER (PARTITION BY l.cluster) AS physical_bytes,
        count(*) OVER (PARTITION BY l.layer_digest) AS cluster_count
    FROM layers AS l
),

shared AS (
    SELECT h.*
    FROM held AS h
    WHERE h.cluster_count > 1
),

pairs AS (
    SELECT
        a.cluster,
        b.cluster AS other_cluster,
        count(*) AS shared_layer_count,
        sum(least(a.size_bytes, b.size_bytes)) AS shared_bytes,
        max(a.physical_bytes) AS cluster_bytes,
        max(b.physical_bytes) AS other_cluster_bytes
    FROM shared AS a
    INNER JOIN shared AS b
        ON b.layer_digest = a.layer_digest
    WHERE b.cluster > a.cluster
    GROUP BY
        a.cluster,
        b.cluster
)

SELECT
    p.cluster,
    p.other_cluster,
    p.shared_layer_count,
    CAST(p.shared_bytes AS BIGINT) AS shared_bytes,
    CAST(p.cluster_bytes AS BIGINT) AS cluster_bytes,
    CAST(p.other_cluster_bytes AS BIGINT) AS other_cluster_bytes,
    round(
        CAST(p.shared_bytes AS DOUBLE) / nullif(CAST(least(p.cluster_bytes, p.other_cluster_bytes) AS DOUBLE), 0),
        4
    ) AS shared_share
FROM pairs AS p
WHERE p.shared_bytes >= $min_shared_bytes
ORDER BY
    p.shared_bytes DESC,
    p.cluster,
    p.other_cluster

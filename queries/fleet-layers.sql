-- /// query
-- title = "Layers of the fleet"
-- description = "Layers by the number of chosen clusters that store them: what they occupy in all registries together, and what one registry for all would hold. Rows add up to the physical bytes of the summary."
-- value = "What the same layers cost across clusters: the bytes that are there only because each cluster has a registry of its own."
-- digests = []
-- [columns]
-- clusters_per_layer = "How many clusters hold the layer."
-- layer_count = "Distinct layers, each once over the fleet."
-- distinct_bytes = "Bytes of these layers, each once over the fleet, at the largest size any cluster states."
-- physical_bytes = "Bytes of these layers, once for each cluster that holds them."
-- repeated_bytes = "Physical bytes beyond the distinct ones: copies of what another cluster has."
-- foreign_bytes = "Bytes of foreign layers among the physical ones: pulled from elsewhere, not in the registries."
-- ///
WITH fleet AS (
    SELECT
        l.layer_digest,
        count(*) AS cluster_count,
        max(l.size_bytes) AS size_bytes,
        sum(l.size_bytes) AS physical_bytes,
        sum(CASE WHEN l.is_foreign THEN l.size_bytes ELSE 0 END) AS foreign_bytes
    FROM layers AS l
    GROUP BY l.layer_digest
)

SELECT
    f.cluster_count AS clusters_per_layer,
    count(*) AS layer_count,
    CAST(sum(f.size_bytes) AS BIGINT) AS distinct_bytes,
    CAST(sum(f.physical_bytes) AS BIGINT) AS physical_bytes,
    CAST(sum(f.physical_bytes - f.size_bytes) AS BIGINT) AS repeated_bytes,
    CAST(sum(f.foreign_bytes) AS BIGINT) AS foreign_bytes
FROM fleet AS f
GROUP BY f.cluster_count
ORDER BY clusters_per_layer

-- /// query
-- title = "Capacity by repository"
-- description = "What each repository stores. An image belongs to the repository that brought it into the cluster first; layers that other repositories hold as well are shared bytes, so only exclusive bytes add up over repositories."
-- value = "Where the bytes are: who to talk to about clean-up, and what a repository would free if it went away (its exclusive bytes)."
-- digests = []
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- registry = "Registry host; null for the images without a reference."
-- repository = "Repository path; null for the images without a reference."
-- image_count = "Image objects, indexes and artifacts included."
-- index_count = "Indexes among them."
-- managed_count = "Image objects pushed to the integrated registry."
-- distinct_layer_count = "Distinct layers."
-- logical_bytes = "Bytes of the distinct layers of each image, summed over images."
-- physical_bytes = "Bytes of its distinct layers, each once."
-- exclusive_bytes = "Bytes of layers that no other repository holds."
-- shared_bytes = "Bytes of its distinct layers that another repository holds as well."
-- foreign_bytes = "Bytes of its distinct foreign layers: pulled from elsewhere."
-- config_bytes = "Bytes of its distinct config blobs, where they can be told."
-- manifest_bytes = "Bytes of its manifests, where the text was kept or an index states them."
-- dedup_ratio = "Logical over physical bytes; null when there are none."
-- first_seen_at = "When the cluster first stored one of its images."
-- last_seen_at = "When the cluster first stored the newest of its images."
-- ///
WITH blobs AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.registry,
        o.repository,
        s.config_digest,
        max(s.config_bytes) AS config_bytes,
        sum(s.manifest_bytes) AS manifest_bytes,
        count(*) FILTER (WHERE o.is_managed) AS managed_count
    FROM image_objects AS o
    INNER JOIN image_sizes AS s
        ON
            s.cluster = o.cluster
            AND s.snapshot_id = o.snapshot_id
            AND s.image_name = o.image_name
    GROUP BY
        o.cluster,
        o.snapshot_id,
        o.registry,
        o.repository,
        s.config_digest
),

configs AS (
    SELECT
        b.cluster,
        b.snapshot_id,
        b.registry,
        b.repository,
        sum(CASE WHEN b.config_digest IS NOT NULL THEN b.config_bytes END) AS config_bytes,
        sum(b.manifest_bytes) AS manifest_bytes,
        sum(b.managed_count) AS managed_count
    FROM blobs AS b
    GROUP BY
        b.cluster,
        b.snapshot_id,
        b.registry,
        b.repository
)

SELECT
    r.cluster,
    r.snapshot_id,
    r.registry,
    r.repository,
    r.image_count,
    r.index_count,
    CAST(c.managed_count AS BIGINT) AS managed_count,
    r.distinct_layer_count,
    r.logical_bytes,
    r.physical_bytes,
    r.exclusive_bytes,
    r.shared_bytes,
    r.foreign_bytes,
    CAST(coalesce(c.config_bytes, 0) AS BIGINT) AS config_bytes,
    CAST(coalesce(c.manifest_bytes, 0) AS BIGINT) AS manifest_bytes,
    round(CAST(r.logical_bytes AS DOUBLE) / nullif(CAST(r.physical_bytes AS DOUBLE), 0), 4) AS dedup_ratio,
    r.first_seen_at,
    r.last_seen_at
FROM repositories AS r
INNER JOIN configs AS c
    ON
        c.cluster = r.cluster
        AND c.snapshot_id = r.snapshot_id
        AND c.registry IS NOT DISTINCT FROM r.registry
        AND c.repository IS NOT DISTINCT FROM r.repository
ORDER BY
    r.physical_bytes DESC,
    r.cluster,
    r.snapshot_id,
    r.registry NULLS FIRST,
    r.repository NULLS FIRST

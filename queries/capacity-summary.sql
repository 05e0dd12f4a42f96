-- /// query
-- title = "Capacity summary"
-- description = "One row over the chosen clusters: how many Images there are, what they say they hold, and what their layers occupy once each is counted once. Bytes are summed over clusters, since each has its own registry."
-- value = "The size of the problem: how much a registry stores, how much sharing saves, and how old the answer is."
-- digests = []
-- [columns]
-- cluster_count = "Clusters the row is over."
-- image_count = "Image objects: plain images, indexes and artifacts."
-- index_count = "Indexes (manifest lists) among them."
-- artifact_count = "Artifacts among them: attestations, signatures, charts."
-- repository_count = "Repositories, per cluster; images without a reference are one repository."
-- layer_reference_count = "References to layers, repeats inside an image included."
-- distinct_layer_count = "Distinct layers, per cluster."
-- unknown_size_layer_count = "Distinct layers nobody states a size for: they count 0 bytes."
-- signed_count = "Images and indexes with a signature recorded."
-- unsigned_count = "Images and indexes without one; not proof that no signature exists elsewhere."
-- logical_bytes = "Bytes of the distinct layers of each image, summed over images."
-- physical_bytes = "Bytes of the distinct layers, each once."
-- exclusive_bytes = "Bytes of layers that one image alone holds."
-- shared_once_bytes = "Bytes of layers that two or more images hold, each once; with exclusive_bytes the physical bytes."
-- foreign_bytes = "Bytes of foreign layers among the physical ones: pulled from elsewhere."
-- registry_bytes = "Physical bytes without the foreign ones."
-- config_bytes = "Bytes of distinct config blobs, where they can be told."
-- unknown_config_count = "Distinct config blobs whose size can't be told."
-- manifest_bytes = "Bytes of the manifests, where the text was kept or an index states them."
-- unknown_manifest_count = "Manifests whose size can't be told."
-- dedup_ratio = "Logical over physical bytes; null when there are none."
-- is_complete = "Whether every snapshot holds the whole resource."
-- is_consistent = "Whether every snapshot is of one moment."
-- oldest_taken_at = "When the oldest snapshot was taken."
-- newest_taken_at = "When the newest snapshot was taken."
-- snapshot_age_hours = "Hours since the oldest snapshot was taken."
-- ///
WITH objects AS (
    SELECT
        count(*) AS image_count,
        count(*) FILTER (WHERE i.kind = 'index') AS index_count,
        count(*) FILTER (WHERE i.kind = 'artifact') AS artifact_count,
        count(*) FILTER (WHERE i.kind <> 'artifact' AND i.is_signed) AS signed_count,
        count(*) FILTER (WHERE i.kind <> 'artifact' AND NOT i.is_signed) AS unsigned_count,
        count(DISTINCT i.cluster || ' ' || i.snapshot_id || ' ' || coalesce(i.registry || '/' || i.repository, '')) AS repository_count
    FROM images AS i
),

blobs AS (
    SELECT
        count(*) AS distinct_layer_count,
        count(*) FILTER (WHERE NOT l.is_size_known) AS unknown_size_layer_count,
        coalesce(sum(l.reference_count), 0) AS layer_reference_count,
        coalesce(sum(l.size_bytes * l.image_count), 0) AS logical_bytes,
        coalesce(sum(l.size_bytes), 0) AS physical_bytes,
        coalesce(sum(CASE WHEN l.image_count = 1 THEN l.size_bytes END), 0) AS exclusive_bytes,
        coalesce(sum(CASE WHEN l.is_foreign THEN l.size_bytes END), 0) AS foreign_bytes
    FROM layers AS l
),

distinct_configs AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.config_digest,
        max(s.config_bytes) AS config_bytes
    FROM image_sizes AS s
    WHERE s.config_digest IS NOT NULL
    GROUP BY
        s.cluster,
        s.snapshot_id,
        s.config_digest
),

configs AS (
    SELECT
        coalesce(sum(c.config_bytes), 0) AS config_bytes,
        count(*) FILTER (WHERE c.config_bytes IS NULL) AS unknown_config_count
    FROM distinct_configs AS c
),

manifests AS (
    SELECT
        coalesce(sum(s.manifest_bytes), 0) AS manifest_bytes,
        count(*) FILTER (WHERE s.manifest_bytes IS NULL) AS unknown_manifest_count
    FROM image_sizes AS s
),

receipts AS (
    SELECT
        count(DISTINCT s.cluster) AS cluster_count,
        bool_and(s.is_complete) AS is_complete,
        bool_and(s.is_consistent) AS is_consistent,
        min(s.taken_at) AS oldest_taken_at,
        max(s.taken_at) AS newest_taken_at
    FROM snapshots AS s
)

SELECT
    r.cluster_count,
    o.image_count,
    o.index_count,
    o.artifact_count,
    o.repository_count,
    CAST(b.layer_reference_count AS BIGINT) AS layer_reference_count,
    b.distinct_layer_count,
    b.unknown_size_layer_count,
    o.signed_count,
    o.unsigned_count,
    CAST(b.logical_bytes AS BIGINT) AS logical_bytes,
    CAST(b.physical_bytes AS BIGINT) AS physical_bytes,
    CAST(b.exclusive_bytes AS BIGINT) AS exclusive_bytes,
    CAST(b.physical_bytes - b.exclusive_bytes AS BIGINT) AS shared_once_bytes,
    CAST(b.foreign_bytes AS BIGINT) AS foreign_bytes,
    CAST(b.physical_bytes - b.foreign_bytes AS BIGINT) AS registry_bytes,
    CAST(c.config_bytes AS BIGINT) AS config_bytes,
    c.unknown_config_count,
    CAST(m.manifest_bytes AS BIGINT) AS manifest_bytes,
    m.unknown_manifest_count,
    round(CAST(b.logical_bytes AS DOUBLE) / nullif(CAST(b.physical_bytes AS DOUBLE), 0), 4) AS dedup_ratio,
    r.is_complete,
    r.is_consistent,
    r.oldest_taken_at,
    r.newest_taken_at,
    round(date_diff('minute', r.oldest_taken_at, now()) / 60.0, 1) AS snapshot_age_hours
FROM objects AS o
CROSS JOIN blobs AS b
CROSS JOIN configs AS c
CROSS JOIN manifests AS m
CROSS JOIN receipts AS r
ORDER BY r.cluster_count

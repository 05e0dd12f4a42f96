-- Blobs are keyed by digest alone: the same bytes occur under Docker and OCI media types.
WITH uses AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.layer_digest,
        -- Images without a reference are one repository.
        CASE
            WHEN l.repository IS NOT NULL THEN l.registry
        END AS registry,
        CASE
            WHEN l.registry IS NOT NULL THEN l.repository
        END AS repository,
        max(l.size_bytes) AS size_bytes,
        min(l.stated_size_bytes) AS smallest_stated_size_bytes,
        max(l.stated_size_bytes) AS largest_stated_size_bytes,
        count(*) FILTER (WHERE NOT l.is_repeat) AS image_count,
        count(*) AS reference_count,
        bool_or(l.is_size_known) AS is_size_known,
        bool_or(l.is_empty_layer) AS is_empty_layer,
        bool_and(l.is_foreign) AS is_foreign
    FROM image_layers AS l
    WHERE l.layer_digest IS NOT NULL
    GROUP BY ALL
)

SELECT
    u.cluster,
    u.snapshot_id,
    u.layer_digest,
    max(u.size_bytes) AS size_bytes,
    min(u.smallest_stated_size_bytes) AS smallest_stated_size_bytes,
    CAST(sum(u.image_count) AS BIGINT) AS image_count,
    count(*) AS repository_count,
    CAST(sum(u.reference_count) AS BIGINT) AS reference_count,
    bool_or(u.is_size_known) AS is_size_known,
    coalesce(min(u.smallest_stated_size_bytes) <> max(u.largest_stated_size_bytes), FALSE) AS has_size_conflict,
    bool_or(u.is_empty_layer) AS is_empty_layer,
    -- A blob that one image pushed as an ordinary layer is in the registry, whatever another one calls it.
    bool_and(u.is_foreign) AS is_foreign
FROM uses AS u
GROUP BY
    u.cluster,
    u.snapshot_id,
    u.layer_digest

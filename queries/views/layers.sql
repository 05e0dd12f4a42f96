-- Blobs are keyed by digest alone: the same bytes occur under Docker and OCI media types.
SELECT
    l.cluster,
    l.snapshot_id,
    l.layer_digest,
    max(l.size_bytes) AS size_bytes,
    min(l.stated_size_bytes) AS smallest_stated_size_bytes,
    count(*) FILTER (WHERE NOT l.is_repeat) AS image_count,
    -- Images without a reference are one repository.
    count(DISTINCT coalesce(l.registry || '/' || l.repository, '')) AS repository_count,
    count(*) AS reference_count,
    bool_or(l.is_size_known) AS is_size_known,
    coalesce(min(l.stated_size_bytes) <> max(l.stated_size_bytes), FALSE) AS has_size_conflict,
    bool_or(l.is_empty_layer) AS is_empty_layer,
    -- A blob that one image pushed as an ordinary layer is in the registry, whatever another one calls it.
    bool_and(l.is_foreign) AS is_foreign
FROM image_layers AS l
WHERE l.layer_digest IS NOT NULL
GROUP BY
    l.cluster,
    l.snapshot_id,
    l.layer_digest

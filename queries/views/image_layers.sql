-- Grouping and joining is what windows over digests would say, in a third of the time.
WITH sizes AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.layer_digest,
        size_of_blob(s.stated_size_bytes) AS size_bytes
    FROM stated_layers AS s
    GROUP BY
        s.cluster,
        s.snapshot_id,
        s.layer_digest
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.image_name,
    s.registry,
    s.repository,
    s.position,
    s.layer_digest,
    s.media_type,
    z.size_bytes,
    s.stated_size_bytes,
    s.is_without_bytes OR z.size_bytes > 0 AS is_size_known,
    s.is_empty_layer,
    s.is_foreign,
    s.is_repeat,
    s.is_managed
FROM stated_layers AS s
INNER JOIN sizes AS z
    ON
        z.cluster = s.cluster
        AND z.snapshot_id = s.snapshot_id
        AND z.layer_digest IS NOT DISTINCT FROM s.layer_digest

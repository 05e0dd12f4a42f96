SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name,
    o.registry,
    o.repository,
    p.pair.key AS key,
    p.pair.value AS value
FROM image_objects AS o
CROSS JOIN UNNEST(map_entries(o.labels)) AS p (pair)

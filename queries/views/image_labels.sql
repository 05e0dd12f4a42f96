SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name,
    p.pair.key AS key,
    p.pair.value AS value
FROM image_objects AS o
CROSS JOIN UNNEST(map_entries(o.labels)) AS p (pair)

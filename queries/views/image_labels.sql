WITH entries AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.registry,
        o.repository,
        map_entries(o.labels) AS pairs
    FROM image_objects AS o
)

SELECT
    e.cluster,
    e.snapshot_id,
    e.image_name,
    e.registry,
    e.repository,
    p.pair.key AS key,
    p.pair.value AS value
FROM entries AS e
CROSS JOIN UNNEST(e.pairs) AS p (pair)

-- What an image is built on shows in its layers: an ancestor's list is a proper prefix of the image's own. A chain digest
-- stands for the list up to a position, so that comparing prefixes is a join. Empty layers say nothing of content and
-- builders differ in writing them, so they are dropped before counting.
WITH solid AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        list(l.layer_digest ORDER BY l.position) AS digests
    FROM image_layers AS l
    WHERE
        NOT l.is_empty_layer
        AND l.layer_digest IS NOT NULL
    GROUP BY
        l.cluster,
        l.snapshot_id,
        l.image_name
),

ordered AS (
    SELECT
        s.*,
        placed(s.digests) AS entries
    FROM solid AS s
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.image_name,
    CAST(d.entry.place AS INTEGER) AS depth,
    d.entry.item AS layer_digest,
    md5(array_to_string(s.digests[:d.entry.place], ' ')) AS chain_digest,
    d.entry.place = array_length(s.digests) AS is_top
FROM ordered AS s
CROSS JOIN UNNEST(s.entries) AS d (entry)

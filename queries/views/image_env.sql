-- Entries are NAME=value, the value may hold further equals signs; an entry without one has no value (null), which is
-- not the same as an empty one. Of entries with one name a runtime takes the last.
WITH entries AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        e.place,
        split_part(e.entry, '=', 1) AS key,
        CASE
            WHEN e.entry LIKE '%=%' THEN substr(e.entry, strpos(e.entry, '=') + 1)
        END AS value
    FROM image_objects AS o
    CROSS JOIN UNNEST(o.env) WITH ORDINALITY AS e (entry, place)
    WHERE
        o.env IS NOT NULL
        AND e.entry IS NOT NULL
),

ranked AS (
    SELECT
        e.*,
        row_number() OVER (
            PARTITION BY e.cluster, e.snapshot_id, e.image_name, e.key
            ORDER BY e.place DESC
        ) AS rank_from_last
    FROM entries AS e
)

SELECT
    r.cluster,
    r.snapshot_id,
    r.image_name,
    r.key,
    r.value
FROM ranked AS r
WHERE r.rank_from_last = 1

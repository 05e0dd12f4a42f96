-- Entries are NAME=value, the value may hold further equals signs; an entry without one has no value (null), which is
-- not the same as an empty one. Of entries with one name a runtime takes the last.
WITH named AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.registry,
        o.repository,
        placed(o.env) AS env,
        list_reverse(list_transform(o.env, lambda entry : split_part(entry, '=', 1))) AS names_from_last
    FROM image_objects AS o
    WHERE o.env IS NOT NULL
),

entries AS (
    SELECT
        n.cluster,
        n.snapshot_id,
        n.image_name,
        n.registry,
        n.repository,
        n.names_from_last,
        e.entry.place AS place,
        e.entry.item AS entry,
        split_part(e.entry.item, '=', 1) AS key
    FROM named AS n
    CROSS JOIN UNNEST(n.env) AS e (entry)
)

SELECT
    e.cluster,
    e.snapshot_id,
    e.image_name,
    e.registry,
    e.repository,
    e.key,
    CASE
        WHEN e.entry LIKE '%=%' THEN substr(e.entry, strpos(e.entry, '=') + 1)
    END AS value
FROM entries AS e
WHERE
    -- One condition over both: by one over the entry alone the engine would make a join of the UNNEST.
    CASE
        WHEN e.entry IS NOT NULL
            THEN list_position(e.names_from_last, e.key) = array_length(e.names_from_last) + 1 - e.place
    END

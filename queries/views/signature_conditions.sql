WITH signed AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.metadata.name AS image_name,
        CAST(e.place - 1 AS INTEGER) AS signature_position,
        e.signature.metadata.name AS signature_name,
        e.signature.conditions AS conditions
    FROM stored_images AS s
    CROSS JOIN UNNEST(s.signatures) WITH ORDINALITY AS e (signature, place)
    WHERE s.signatures IS NOT NULL
),

stated AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.image_name,
        s.signature_position,
        s.signature_name,
        CAST(c.place - 1 AS INTEGER) AS position,
        c.condition.type AS type,
        c.condition.status AS status,
        c.condition.reason AS reason,
        c.condition.message AS message,
        c.condition.last_probe_time AS last_probe_at,
        c.condition.last_transition_time AS last_transition_at
    FROM signed AS s
    CROSS JOIN UNNEST(s.conditions) WITH ORDINALITY AS c (condition, place)
    WHERE s.conditions IS NOT NULL
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.image_name,
    s.signature_name,
    s.signature_position,
    s.position,
    s.type,
    s.status,
    s.reason,
    s.message,
    -- Both times may be null; between equals the one written later in the list counts.
    row_number() OVER (
        PARTITION BY s.cluster, s.snapshot_id, s.image_name, s.signature_position, s.type
        ORDER BY
            coalesce(s.last_probe_at, s.last_transition_at) DESC NULLS LAST,
            s.position DESC
    ) = 1 AS is_newest,
    s.last_probe_at,
    s.last_transition_at
FROM stated AS s

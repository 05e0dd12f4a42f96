-- Positions count from the base whatever order the object was stored in (the rule is named in images.layer_order_source).
WITH named AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.registry,
        o.repository,
        o.is_managed,
        o.is_stored_top_first,
        placed(o.layers) AS layers,
        list_transform(o.layers, lambda layer : coalesce(layer.name, '')) AS digests
    FROM image_objects AS o
    WHERE o.layers IS NOT NULL
),

ordered AS (
    SELECT
        n.*,
        CASE
            WHEN n.is_stored_top_first THEN list_reverse(n.digests)
            ELSE n.digests
        END AS digests_from_base
    FROM named AS n
),

stated AS (
    SELECT
        n.cluster,
        n.snapshot_id,
        n.image_name,
        n.registry,
        n.repository,
        n.is_managed,
        l.entry.item.name AS layer_digest,
        l.entry.item.media_type AS media_type,
        CAST(
            CASE
                WHEN n.is_stored_top_first THEN array_length(n.layers) - l.entry.place
                ELSE l.entry.place - 1
            END AS INTEGER
        ) AS position,
        l.entry.item.size AS stated_size_bytes,
        n.digests_from_base
    FROM ordered AS n
    CROSS JOIN UNNEST(n.layers) AS l (entry)
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
    s.stated_size_bytes,
    -- The empty blob is the one layer that truly has 0 bytes.
    s.layer_digest = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' AS is_without_bytes,
    -- Docker of schema 1, BuildKit and Go, and the blob without bytes; the last is the layer's uncompressed tar.
    coalesce(
        s.layer_digest IN (
            'sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4',
            'sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1',
            'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
            'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef'
        ),
        FALSE
    ) AS is_empty_layer,
    coalesce(s.media_type LIKE '%.foreign.%' OR s.media_type LIKE '%.nondistributable.%', FALSE) AS is_foreign,
    list_position(s.digests_from_base, coalesce(s.layer_digest, '')) <= s.position AS is_repeat,
    s.is_managed
FROM stated AS s

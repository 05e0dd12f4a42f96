-- Steps of a kept config stand base first; those that made no layer are marked, and the others pair with the layers one
-- to one. Squashed images and some builders break the pairing: then no layer is named, since a guess would blame the
-- wrong step. Schema 1 keeps its steps in the manifest, top first, each with its own blob, even if that is empty.
WITH configs AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.layers,
        o.is_stored_top_first,
        placed(json_extract(o.config_json, '$.history[*]')) AS steps,
        coalesce(json_array_length(o.config_json, '$.rootfs.diff_ids'), 0) AS diff_id_count
    FROM image_objects AS o
    WHERE
        -- Few objects have a text, and a column of the store is tested before the others are read.
        o.config_text IS NOT NULL
        AND o.config_json IS NOT NULL
        AND NOT o.is_index
),

config_steps AS (
    SELECT
        c.cluster,
        c.snapshot_id,
        c.image_name,
        s.entry.place AS place,
        s.entry.item AS step,
        coalesce(json_extract_string(s.entry.item, '$.empty_layer') = 'true', FALSE) AS is_empty_layer
    FROM configs AS c
    CROSS JOIN UNNEST(c.steps) AS s (entry)
),

counted_steps AS (
    SELECT
        s.*,
        count(CASE WHEN NOT s.is_empty_layer THEN 1 END) OVER (
            PARTITION BY s.cluster, s.snapshot_id, s.image_name
        ) AS layer_step_count,
        count(CASE WHEN NOT s.is_empty_layer THEN 1 END) OVER (
            PARTITION BY s.cluster, s.snapshot_id, s.image_name
            ORDER BY s.place
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS layer_step
    FROM config_steps AS s
),

manifests AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        placed(json_extract_string(o.manifest_json, '$.history[*].v1Compatibility')) AS steps,
        json_extract_string(o.manifest_json, '$.fsLayers[*].blobSum') AS digests
    FROM image_objects AS o
    WHERE
        o.is_schema1
        AND o.config_json IS NULL
        AND o.manifest_text IS NOT NULL
        AND o.manifest_json IS NOT NULL
),

manifest_steps AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.image_name,
        m.digests,
        array_length(m.steps) AS step_count,
        s.entry.place AS place,
        CASE
            WHEN json_valid(s.entry.item) THEN s.entry.item
        END AS step
    FROM manifests AS m
    CROSS JOIN UNNEST(m.steps) AS s (entry)
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.image_name,
    CAST(s.place - 1 AS INTEGER) AS position,
    CASE
        WHEN s.is_empty_layer THEN NULL
        WHEN s.layer_step_count <> array_length(c.layers) OR s.layer_step_count <> c.diff_id_count THEN NULL
        WHEN c.is_stored_top_first THEN c.layers[array_length(c.layers) + 1 - s.layer_step].name
        ELSE c.layers[s.layer_step].name
    END AS layer_digest,
    json_extract_string(s.step, '$.created_by') AS created_by,
    s.is_empty_layer,
    TRY_CAST(json_extract_string(s.step, '$.created') AS TIMESTAMP WITH TIME ZONE) AS created_at
FROM counted_steps AS s
INNER JOIN configs AS c
    ON
        c.cluster = s.cluster
        AND c.snapshot_id = s.snapshot_id
        AND c.image_name = s.image_name
UNION ALL
SELECT
    m.cluster,
    m.snapshot_id,
    m.image_name,
    CAST(m.step_count - m.place AS INTEGER) AS position,
    CASE
        WHEN array_length(m.digests) = m.step_count THEN m.digests[m.place]
    END AS layer_digest,
    nullif(
        array_to_string(CAST(json_extract_string(m.step, '$.container_config.Cmd[*]') AS VARCHAR[]), ' '),
        ''
    ) AS created_by,
    coalesce(json_extract_string(m.step, '$.throwaway') = 'true', FALSE) AS is_empty_layer,
    TRY_CAST(json_extract_string(m.step, '$.created') AS TIMESTAMP WITH TIME ZONE) AS created_at
FROM manifest_steps AS m

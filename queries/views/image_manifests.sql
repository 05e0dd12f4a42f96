WITH entries AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.registry,
        o.repository,
        CAST(c.place - 1 AS INTEGER) AS position,
        c.child.digest AS child_digest,
        c.child.media_type AS media_type,
        c.child.manifest_size AS manifest_size,
        c.child.architecture AS raw_architecture,
        c.child.os AS raw_os,
        c.child.variant AS raw_variant,
        lower(coalesce(c.child.architecture, '')) || '/' || lower(coalesce(c.child.variant, '')) AS spelling
    FROM image_objects AS o
    CROSS JOIN UNNEST(o.children) WITH ORDINALITY AS c (child, place)
    WHERE o.children IS NOT NULL
),

normalised AS (
    SELECT
        e.*,
        CASE
            WHEN s.spelling IS NOT NULL THEN s.architecture
            ELSE lower(e.raw_architecture)
        END AS architecture,
        CASE lower(e.raw_os)
            WHEN 'macos' THEN 'darwin'
            ELSE lower(e.raw_os)
        END AS os,
        CASE
            WHEN s.spelling IS NOT NULL THEN s.variant
            ELSE lower(e.raw_variant)
        END AS variant
    FROM entries AS e
    LEFT JOIN architecture_spellings AS s
        ON s.spelling = e.spelling
),

present AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.artifact_type,
        o.is_index
    FROM image_objects AS o
)

SELECT
    e.cluster,
    e.snapshot_id,
    e.image_name,
    e.registry,
    e.repository,
    e.position,
    e.child_digest,
    e.media_type,
    e.os || '/' || e.architecture || coalesce('/' || e.variant, '') AS platform,
    e.architecture,
    e.os,
    e.variant,
    e.raw_architecture,
    e.raw_variant,
    -- Entries made before the field existed carry 0.
    CASE
        WHEN e.manifest_size > 0 THEN e.manifest_size
    END AS manifest_size_bytes,
    -- BuildKit lists the attestations of a build beside its images, for a platform that nothing runs on.
    coalesce(e.os = 'unknown' AND e.architecture = 'unknown', FALSE)
    OR coalesce(p.artifact_type = 'attestation', FALSE) AS is_attestation,
    p.image_name IS NOT NULL AS is_present,
    coalesce(p.is_index, FALSE) AS is_present_index
FROM normalised AS e
LEFT JOIN present AS p
    ON
        p.cluster = e.cluster
        AND p.snapshot_id = e.snapshot_id
        AND p.image_name = e.child_digest

-- /// query
-- title = "Coverage of indexes"
-- description = "Platforms that each index lists, attestations left out, against the platforms you require, and how many of its children are in the snapshot."
-- value = "Which multi-platform images lack a platform, image by image; architecture-coverage says the same by repository."
-- digests = ["image_name"]
-- [params.required]
-- type = "VARCHAR[]"
-- default = ["linux/amd64", "linux/arm64"]
-- help = "Platforms that each index should list, normalised: os/architecture[/variant]."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the index."
-- registry = "Registry of the index."
-- repository = "Repository of the index."
-- platforms = "Platforms it lists, sorted."
-- missing_platforms = "Required platforms it does not list, in the order given."
-- child_count = "Distinct children it lists."
-- present_child_count = "Children that are present."
-- attestation_count = "Attestations among the children."
-- is_covered = "Whether it lists every required platform."
-- first_seen_at = "When the cluster first stored it."
-- ///
WITH required AS (
    SELECT
        r.place,
        r.platform
    FROM UNNEST(CAST($required AS VARCHAR[])) WITH ORDINALITY AS r (platform, place)
),

entries AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.image_name,
        m.child_digest,
        m.platform,
        m.is_attestation,
        m.is_present
    FROM image_manifests AS m
),

indexes AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.registry,
        o.repository,
        o.first_seen_at
    FROM image_objects AS o
    WHERE o.is_index
),

lists AS (
    SELECT
        e.cluster,
        e.snapshot_id,
        e.image_name,
        array_agg(DISTINCT e.platform ORDER BY e.platform) FILTER (
            WHERE NOT e.is_attestation AND e.platform IS NOT NULL
        ) AS platforms,
        count(DISTINCT e.child_digest) AS child_count,
        count(DISTINCT CASE WHEN e.is_present THEN e.child_digest END) AS present_child_count,
        count(DISTINCT CASE WHEN e.is_attestation THEN e.child_digest END) AS attestation_count
    FROM entries AS e
    GROUP BY e.cluster, e.snapshot_id, e.image_name
),

missing AS (
    SELECT
        i.cluster,
        i.snapshot_id,
        i.image_name,
        array_agg(r.platform ORDER BY r.place) AS missing_platforms
    FROM indexes AS i
    LEFT JOIN lists AS l USING (cluster, snapshot_id, image_name)
    CROSS JOIN required AS r
    WHERE NOT coalesce(list_contains(l.platforms, r.platform), FALSE)
    GROUP BY i.cluster, i.snapshot_id, i.image_name
)

SELECT
    i.cluster,
    i.snapshot_id,
    i.image_name,
    i.registry,
    i.repository,
    coalesce(l.platforms, CAST([] AS VARCHAR[])) AS platforms,
    coalesce(m.missing_platforms, CAST([] AS VARCHAR[])) AS missing_platforms,
    coalesce(l.child_count, 0) AS child_count,
    coalesce(l.present_child_count, 0) AS present_child_count,
    coalesce(l.attestation_count, 0) AS attestation_count,
    m.missing_platforms IS NULL AS is_covered,
    i.first_seen_at
FROM indexes AS i
LEFT JOIN lists AS l USING (cluster, snapshot_id, image_name)
LEFT JOIN missing AS m USING (cluster, snapshot_id, image_name)
ORDER BY
    i.cluster,
    i.snapshot_id,
    i.image_name

-- /// query
-- title = "Platform conflicts"
-- description = "Images whose evidence for a platform disagrees: indexes that list them for different platforms, or a kept config or metadata that names another architecture than the index. A scheduler trusts the index, the content is what the config says."
-- value = "Images that will be pulled to nodes they can't run on, or were built with the wrong label."
-- digests = ["image_name"]
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image."
-- registry = "Registry of the first importer."
-- repository = "Repository of the first importer; null without a reference."
-- conflict = "`between-indexes`, `index-against-config` or `index-against-metadata`."
-- index_platforms = "Platforms that indexes list it for, sorted."
-- config_architecture = "Architecture in the kept config, as written."
-- stated_architecture = "Architecture in the metadata, as written."
-- index_count = "Indexes that list it."
-- ///
WITH entries AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.child_digest AS image_name,
        array_agg(DISTINCT m.platform ORDER BY m.platform) AS index_platforms,
        array_agg(DISTINCT m.architecture ORDER BY m.architecture) AS architectures,
        count(DISTINCT m.image_name) AS index_count
    FROM image_manifests AS m
    WHERE
        m.platform IS NOT NULL
        AND NOT m.is_attestation
    GROUP BY m.cluster, m.snapshot_id, m.child_digest
),

evidence AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.registry,
        o.repository,
        e.index_platforms,
        e.architectures,
        e.index_count,
        o.config_architecture,
        o.stated_architecture
    FROM entries AS e
    INNER JOIN image_objects AS o USING (cluster, snapshot_id, image_name)
    WHERE NOT o.is_index
),

normalised AS (
    SELECT
        e.*,
        coalesce(c.architecture, lower(e.config_architecture)) AS config_normalised,
        coalesce(s.architecture, lower(e.stated_architecture)) AS stated_normalised
    FROM evidence AS e
    LEFT JOIN architecture_spellings AS c ON c.spelling = lower(e.config_architecture) || '/'
    LEFT JOIN architecture_spellings AS s ON s.spelling = lower(e.stated_architecture) || '/'
),

conflicts AS (
    SELECT
        n.*,
        'between-indexes' AS conflict
    FROM normalised AS n
    WHERE array_length(n.index_platforms) > 1
    UNION ALL
    SELECT
        n.*,
        'index-against-config' AS conflict
    FROM normalised AS n
    WHERE NOT list_contains(n.architectures, n.config_normalised)
    UNION ALL
    SELECT
        n.*,
        'index-against-metadata' AS conflict
    FROM normalised AS n
    WHERE NOT list_contains(n.architectures, n.stated_normalised)
)

SELECT
    c.cluster,
    c.snapshot_id,
    c.image_name,
    c.registry,
    c.repository,
    c.conflict,
    c.index_platforms,
    c.config_architecture,
    c.stated_architecture,
    c.index_count
FROM conflicts AS c
ORDER BY
    c.cluster,
    c.snapshot_id,
    c.image_name,
    c.conflict

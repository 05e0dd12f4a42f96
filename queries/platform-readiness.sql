-- /// query
-- title = "Readiness for a platform"
-- description = "Whether each repository has images for a wanted platform: `ready` if an index lists it or an image outside any index is built for it, `lacking` if its indexes list others only, `unknown` if it has single images only, since an import without its index says nothing of the platforms its publisher offers. Repositories of artifacts only are left out."
-- value = "The work list for moving workloads to other nodes: what runs already, what can't, and what has to be looked up at its registry."
-- digests = []
-- [params.platform]
-- type = "VARCHAR"
-- default = "linux/arm64"
-- help = "Platform wanted, normalised: os/architecture[/variant]."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- registry = "Registry host; null for the images without a reference."
-- repository = "Repository path; null for the images without a reference."
-- readiness = "`ready`, `lacking` or `unknown`."
-- platforms = "Platforms it has, sorted."
-- index_count = "Indexes."
-- ready_index_count = "Indexes that list the platform."
-- single_image_count = "Images that no index lists."
-- ready_image_count = "Images for the platform, in an index or not."
-- is_newest_index_ready = "Whether the index first seen last lists it; null without indexes."
-- ///
WITH entries AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.image_name,
        m.registry,
        m.repository,
        m.platform
    FROM image_manifests AS m
    WHERE NOT m.is_attestation
),

indexes AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.registry,
        o.repository,
        coalesce(bool_or(e.platform = $platform), FALSE) AS is_ready,
        row_number() OVER (
            PARTITION BY o.cluster, o.snapshot_id, o.registry, o.repository
            ORDER BY
                o.first_seen_at DESC NULLS LAST,
                o.image_name
        ) = 1 AS is_newest
    FROM image_objects AS o
    LEFT JOIN entries AS e USING (cluster, snapshot_id, image_name)
    WHERE o.is_index
    GROUP BY o.cluster, o.snapshot_id, o.image_name, o.registry, o.repository, o.first_seen_at
),

index_counts AS (
    SELECT
        x.cluster,
        x.snapshot_id,
        coalesce(x.registry || '/' || x.repository, '') AS name,
        count(*) AS index_count,
        count(*) FILTER (WHERE x.is_ready) AS ready_index_count,
        bool_or(x.is_ready AND x.is_newest) AS is_newest_index_ready
    FROM indexes AS x
    GROUP BY x.cluster, x.snapshot_id, coalesce(x.registry || '/' || x.repository, '')
),

stated AS (
    SELECT
        e.cluster,
        e.snapshot_id,
        coalesce(e.registry || '/' || e.repository, '') AS name,
        e.platform
    FROM entries AS e
    UNION
    SELECT
        i.cluster,
        i.snapshot_id,
        coalesce(i.registry || '/' || i.repository, '') AS name,
        i.platform
    FROM images AS i
    WHERE
        i.kind = 'image'
        AND NOT i.is_in_index
),

platforms AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.name,
        array_agg(DISTINCT s.platform ORDER BY s.platform) FILTER (WHERE s.platform IS NOT NULL) AS platforms
    FROM stated AS s
    GROUP BY s.cluster, s.snapshot_id, s.name
),

members AS (
    SELECT
        i.cluster,
        i.snapshot_id,
        i.registry,
        i.repository,
        coalesce(i.registry || '/' || i.repository, '') AS name,
        count(*) FILTER (WHERE i.kind = 'image' AND NOT i.is_in_index) AS single_image_count,
        count(*) FILTER (WHERE i.kind = 'image' AND i.platform = $platform) AS ready_image_count,
        count(*) FILTER (WHERE i.kind = 'image' AND NOT i.is_in_index AND i.platform = $platform) AS ready_single_count
    FROM images AS i
    WHERE i.kind <> 'artifact'
    GROUP BY i.cluster, i.snapshot_id, i.registry, i.repository
)

SELECT
    m.cluster,
    m.snapshot_id,
    m.registry,
    m.repository,
    CASE
        WHEN m.ready_single_count > 0 OR x.ready_index_count > 0 THEN 'ready'
        WHEN x.index_count > 0 THEN 'lacking'
        ELSE 'unknown'
    END AS readiness,
    coalesce(p.platforms, CAST([] AS VARCHAR[])) AS platforms,
    coalesce(x.index_count, 0) AS index_count,
    coalesce(x.ready_index_count, 0) AS ready_index_count,
    m.single_image_count,
    m.ready_image_count,
    x.is_newest_index_ready
FROM members AS m
LEFT JOIN index_counts AS x USING (cluster, snapshot_id, name)
LEFT JOIN platforms AS p USING (cluster, snapshot_id, name)
ORDER BY
    m.cluster,
    m.snapshot_id,
    m.registry NULLS FIRST,
    m.repository NULLS FIRST

-- /// query
-- title = "Architecture coverage"
-- description = "Platforms of each repository: what its indexes list (attestations left out) and what its images outside any index run on, against the platforms you require. An index that lists a platform covers it even if the child's Image is missing (see missing-children)."
-- value = "Which repositories keep a workload from moving to other nodes, before the move."
-- digests = []
-- [params.required]
-- type = "VARCHAR[]"
-- default = ["linux/amd64", "linux/arm64"]
-- help = "Platforms that each repository should have: os/architecture[/variant]; without an os, linux is meant."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- registry = "Registry host; null for the images without a reference."
-- repository = "Repository path; null for the images without a reference."
-- platforms = "Platforms it has, sorted."
-- missing_platforms = "Required platforms it lacks, spelled and ordered as required."
-- index_platforms = "Platforms its indexes list, sorted."
-- single_image_platforms = "Platforms of its images that no index lists, sorted; an operating system nobody states is taken for linux."
-- missing_index_platforms = "Required platforms that no index of it lists."
-- image_count = "Images, indexes and artifacts left out."
-- index_count = "Indexes."
-- single_image_count = "Images that no index lists."
-- unknown_platform_image_count = "Images that no index lists and whose platform is unknown."
-- is_covered = "Whether it has every required platform."
-- ///
WITH given AS (
    SELECT
        r.place,
        r.spelling,
        split_part(lower(r.spelling), '/', 1) IN (
            'linux', 'windows', 'darwin', 'macos', 'freebsd', 'netbsd', 'openbsd', 'dragonfly', 'solaris', 'illumos', 'aix',
            'android', 'wasip1'
        ) AS has_os
    FROM UNNEST(CAST($required AS VARCHAR[])) WITH ORDINALITY AS r (spelling, place)
),

split AS (
    SELECT
        g.place,
        g.spelling,
        CASE
            WHEN NOT g.has_os THEN 'linux'
            WHEN split_part(lower(g.spelling), '/', 1) = 'macos' THEN 'darwin'
            ELSE split_part(lower(g.spelling), '/', 1)
        END AS os,
        CASE
            WHEN g.has_os THEN split_part(lower(g.spelling), '/', 2)
            ELSE split_part(lower(g.spelling), '/', 1)
        END AS architecture,
        CASE
            WHEN g.has_os THEN nullif(split_part(lower(g.spelling), '/', 3), '')
            ELSE nullif(split_part(lower(g.spelling), '/', 2), '')
        END AS variant
    FROM given AS g
),

required AS (
    SELECT
        s.place,
        s.spelling,
        s.os || '/' || coalesce(n.architecture, s.architecture) || CASE
            WHEN n.spelling IS NOT NULL THEN coalesce('/' || n.variant, '')
            ELSE coalesce('/' || s.variant, '')
        END AS platform
    FROM split AS s
    LEFT JOIN architecture_spellings AS n
        ON n.spelling = s.architecture || '/' || coalesce(s.variant, '')
),

stated AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.registry,
        m.repository,
        m.platform,
        TRUE AS is_from_index
    FROM image_manifests AS m
    WHERE NOT m.is_attestation
    UNION ALL
    SELECT
        i.cluster,
        i.snapshot_id,
        i.registry,
        i.repository,
        i.platform,
        FALSE AS is_from_index
    FROM images AS i
    WHERE
        i.kind = 'image'
        AND NOT i.is_in_index
),

platforms AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.registry,
        s.repository,
        s.platform,
        bool_or(s.is_from_index) AS has_index,
        bool_or(NOT s.is_from_index) AS has_single_image
    FROM stated AS s
    WHERE s.platform IS NOT NULL
    GROUP BY
        s.cluster,
        s.snapshot_id,
        s.registry,
        s.repository,
        s.platform
),

lists AS (
    SELECT
        p.cluster,
        p.snapshot_id,
        p.registry,
        p.repository,
        array_agg(p.platform ORDER BY p.platform) AS platforms,
        array_agg(p.platform ORDER BY p.platform) FILTER (WHERE p.has_index) AS index_platforms,
        array_agg(p.platform ORDER BY p.platform) FILTER (WHERE p.has_single_image) AS single_image_platforms
    FROM platforms AS p
    GROUP BY
        p.cluster,
        p.snapshot_id,
        p.registry,
        p.repository
),

members AS (
    SELECT
        i.cluster,
        i.snapshot_id,
        i.registry,
        i.repository,
        count(*) FILTER (WHERE i.kind = 'image') AS image_count,
        count(*) FILTER (WHERE i.kind = 'index') AS index_count,
        count(*) FILTER (WHERE i.kind = 'image' AND NOT i.is_in_index) AS single_image_count,
        count(*) FILTER (
            WHERE i.kind = 'image' AND NOT i.is_in_index AND i.platform IS NULL
        ) AS unknown_platform_image_count
    FROM images AS i
    GROUP BY
        i.cluster,
        i.snapshot_id,
        i.registry,
        i.repository
),

missing AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.registry,
        m.repository,
        array_agg(r.spelling ORDER BY r.place) FILTER (WHERE p.platform IS NULL) AS missing_platforms,
        array_agg(r.spelling ORDER BY r.place) FILTER (WHERE p.platform IS NULL OR NOT p.has_index) AS missing_index_platforms
    FROM members AS m
    CROSS JOIN required AS r
    LEFT JOIN platforms AS p
        ON
            p.cluster = m.cluster
            AND p.snapshot_id = m.snapshot_id
            AND p.registry IS NOT DISTINCT FROM m.registry
            AND p.repository IS NOT DISTINCT FROM m.repository
            AND p.platform = r.platform
    GROUP BY
        m.cluster,
        m.snapshot_id,
        m.registry,
        m.repository
)

SELECT
    m.cluster,
    m.snapshot_id,
    m.registry,
    m.repository,
    coalesce(l.platforms, CAST([] AS VARCHAR[])) AS platforms,
    coalesce(x.missing_platforms, CAST([] AS VARCHAR[])) AS missing_platforms,
    coalesce(l.index_platforms, CAST([] AS VARCHAR[])) AS index_platforms,
    coalesce(l.single_image_platforms, CAST([] AS VARCHAR[])) AS single_image_platforms,
    coalesce(x.missing_index_platforms, CAST([] AS VARCHAR[])) AS missing_index_platforms,
    m.image_count,
    m.index_count,
    m.single_image_count,
    m.unknown_platform_image_count,
    x.missing_platforms IS NULL AS is_covered
FROM members AS m
LEFT JOIN lists AS l
    ON
        l.cluster = m.cluster
        AND l.snapshot_id = m.snapshot_id
        AND l.registry IS NOT DISTINCT FROM m.registry
        AND l.repository IS NOT DISTINCT FROM m.repository
LEFT JOIN missing AS x
    ON
        x.cluster = m.cluster
        AND x.snapshot_id = m.snapshot_id
        AND x.registry IS NOT DISTINCT FROM m.registry
        AND x.repository IS NOT DISTINCT FROM m.repository
ORDER BY
    m.cluster,
    m.snapshot_id,
    m.registry NULLS FIRST,
    m.repository NULLS FIRST

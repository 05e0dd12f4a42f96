-- /// query
-- title = "Orphaned children"
-- description = "Images that no index of the snapshot lists although something says they were children of one: their repository has indexes, or they are for another architecture than most single images of the cluster. Their index was pruned, or an import dropped it. Pushed images are left out, since they are pushed alone as well."
-- value = "Leftovers of multi-platform images: candidates for clean-up once nothing runs them, and images whose index signature is lost."
-- digests = ["image_name"]
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image."
-- registry = "Registry of the first importer."
-- repository = "Repository of the first importer; null without a reference."
-- platform = "Platform of the image."
-- evidence = "`repository-has-indexes` or `foreign-architecture`."
-- logical_bytes = "Bytes of its distinct layers."
-- exclusive_bytes = "Bytes of layers only it holds."
-- first_seen_at = "When the cluster first stored it."
-- ///
WITH singles AS (
    SELECT
        i.cluster,
        i.snapshot_id,
        i.image_name,
        i.registry,
        i.repository,
        i.platform,
        i.architecture,
        i.first_seen_at
    FROM images AS i
    WHERE
        i.kind = 'image'
        AND NOT i.is_in_index
        AND NOT i.is_managed
),

architectures AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.architecture,
        row_number() OVER (
            PARTITION BY s.cluster, s.snapshot_id
            ORDER BY
                count(*) DESC,
                s.architecture
        ) AS place
    FROM singles AS s
    WHERE s.architecture IS NOT NULL
    GROUP BY s.cluster, s.snapshot_id, s.architecture
),

with_indexes AS (
    SELECT DISTINCT
        o.cluster,
        o.snapshot_id,
        o.registry,
        o.repository
    FROM image_objects AS o
    WHERE
        o.is_index
        AND o.repository IS NOT NULL
),

orphans AS (
    SELECT
        s.*,
        CASE
            WHEN w.repository IS NOT NULL THEN 'repository-has-indexes'
            WHEN s.architecture <> a.architecture THEN 'foreign-architecture'
        END AS evidence
    FROM singles AS s
    LEFT JOIN with_indexes AS w USING (cluster, snapshot_id, registry, repository)
    LEFT JOIN architectures AS a
        ON a.cluster = s.cluster AND a.snapshot_id = s.snapshot_id AND a.place = 1
)

SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name,
    o.registry,
    o.repository,
    o.platform,
    o.evidence,
    z.logical_bytes,
    z.exclusive_bytes,
    o.first_seen_at
FROM orphans AS o
INNER JOIN image_sizes AS z USING (cluster, snapshot_id, image_name)
WHERE o.evidence IS NOT NULL
ORDER BY
    o.cluster,
    o.snapshot_id,
    o.image_name

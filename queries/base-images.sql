-- /// query
-- title = "Base images"
-- description = "Images that others are built on, by the bytes they carry for them: a base's layers are stored once, and would be needed once more for every descendant if the two did not share."
-- value = "Which bases to keep patched and pinned, and what a common base is worth."
-- digests = ["image_name"]
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the base's Image."
-- registry = "Registry of the base."
-- repository = "Repository of the base; null without a reference."
-- reference_tag = "Tag in its reference, if any."
-- platform = "Platform of the base."
-- descendant_count = "Images built on it, at any distance."
-- nearest_descendant_count = "Images that have no ancestor with more layers."
-- descendant_repository_count = "Repositories of its descendants; images without a reference count as one."
-- common_layer_count = "Layers of the base, empty ones left out."
-- logical_bytes = "Bytes of its distinct layers."
-- carried_bytes = "Its logical bytes times its descendants: what they would need without sharing them."
-- first_seen_at = "When the cluster first stored it."
-- built_at = "When it was built, if known."
-- ///
WITH descendants AS (
    SELECT
        a.cluster,
        a.snapshot_id,
        a.ancestor_name,
        count(*) AS descendant_count,
        count(*) FILTER (WHERE a.is_nearest) AS nearest_descendant_count,
        count(DISTINCT coalesce(o.registry || '/' || o.repository, '')) AS descendant_repository_count,
        max(a.common_layer_count) AS common_layer_count
    FROM image_ancestors AS a
    INNER JOIN image_objects AS o
        ON
            o.cluster = a.cluster
            AND o.snapshot_id = a.snapshot_id
            AND o.image_name = a.image_name
    GROUP BY
        a.cluster,
        a.snapshot_id,
        a.ancestor_name
)

SELECT
    d.cluster,
    d.snapshot_id,
    d.ancestor_name AS image_name,
    i.registry,
    i.repository,
    i.reference_tag,
    i.platform,
    d.descendant_count,
    d.nearest_descendant_count,
    d.descendant_repository_count,
    d.common_layer_count,
    s.logical_bytes,
    s.logical_bytes * d.descendant_count AS carried_bytes,
    i.first_seen_at,
    i.built_at
FROM descendants AS d
INNER JOIN images AS i
    ON
        i.cluster = d.cluster
        AND i.snapshot_id = d.snapshot_id
        AND i.image_name = d.ancestor_name
INNER JOIN image_sizes AS s
    ON
        s.cluster = d.cluster
        AND s.snapshot_id = d.snapshot_id
        AND s.image_name = d.ancestor_name
ORDER BY
    carried_bytes DESC,
    d.ancestor_name,
    d.cluster,
    d.snapshot_id

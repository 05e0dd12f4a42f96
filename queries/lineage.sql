-- /// query
-- title = "Lineage"
-- description = "What each image is built on, among the images of the snapshot: an ancestor's layers, empty ones left out, are a proper prefix of the image's own. Images with the same layers are ties, and all are named. An ancestor that the cluster never stored can't show."
-- value = "Who has to rebuild when a base image changes, by content and not by what a label claims."
-- digests = ["image", "image_name", "ancestor_name"]
-- [params.image]
-- type = "VARCHAR"
-- optional = true
-- help = "Name of one Image whose ancestors are wanted; all by default."
-- [params.is_nearest_only]
-- type = "BOOLEAN"
-- default = false
-- help = "Whether to leave out all but the nearest ancestors."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image."
-- registry = "Registry of the image."
-- repository = "Repository of the image; null without a reference."
-- ancestor_name = "Name of the ancestor's Image."
-- ancestor_registry = "Registry of the ancestor."
-- ancestor_repository = "Repository of the ancestor."
-- common_layer_count = "Layers of the ancestor, empty ones left out."
-- added_layer_count = "Layers the image adds, empty ones left out."
-- is_nearest = "Whether no other ancestor has more layers."
-- ///
SELECT
    a.cluster,
    a.snapshot_id,
    a.image_name,
    i.registry,
    i.repository,
    a.ancestor_name,
    b.registry AS ancestor_registry,
    b.repository AS ancestor_repository,
    a.common_layer_count,
    a.added_layer_count,
    a.is_nearest
FROM image_ancestors AS a
INNER JOIN image_objects AS i
    ON
        i.cluster = a.cluster
        AND i.snapshot_id = a.snapshot_id
        AND i.image_name = a.image_name
INNER JOIN image_objects AS b
    ON
        b.cluster = a.cluster
        AND b.snapshot_id = a.snapshot_id
        AND b.image_name = a.ancestor_name
WHERE
    ($image IS NULL OR a.image_name = $image)
    AND (a.is_nearest OR NOT $is_nearest_only)
ORDER BY
    a.cluster,
    a.snapshot_id,
    a.image_name,
    a.common_layer_count DESC,
    a.ancestor_name

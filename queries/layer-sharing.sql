-- /// query
-- title = "Layer sharing"
-- description = "Every distinct layer, who holds it and what sharing it saves: its size times the images beyond the first. Layers that save most come first; the well-known empty layers are included and marked."
-- value = "Which base layers carry the fleet: keep them, and build on them."
-- digests = ["layer_digest"]
-- [params.min_images]
-- type = "INTEGER"
-- default = 1
-- help = "Leave out layers that fewer images hold."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- layer_digest = "Digest of the layer."
-- size_bytes = "Largest size seen for the digest in the cluster; 0 when none is known."
-- image_count = "Images and artifacts that hold it."
-- repository_count = "Repositories among them; images without a reference count as one."
-- reference_count = "References to it, repeats inside an image included."
-- saved_bytes = "Bytes that would be needed more if no image shared it."
-- is_size_known = "Whether any object states a size for it."
-- has_size_conflict = "Whether objects state different sizes for it, 0 included."
-- is_empty_layer = "Whether it is one of the well-known empty layers."
-- is_foreign = "Whether it is foreign: pulled from elsewhere, not in the registry."
-- ///
SELECT
    l.cluster,
    l.snapshot_id,
    l.layer_digest,
    l.size_bytes,
    l.image_count,
    l.repository_count,
    l.reference_count,
    l.size_bytes * (l.image_count - 1) AS saved_bytes,
    l.is_size_known,
    l.has_size_conflict,
    l.is_empty_layer,
    l.is_foreign
FROM layers AS l
WHERE l.image_count >= $min_images
ORDER BY
    saved_bytes DESC,
    l.layer_digest,
    l.cluster,
    l.snapshot_id

-- /// query
-- title = "Heaviest build steps"
-- description = "Build steps by the bytes of the layer they made, for images whose config (schema 1: whose manifest) was kept and whose steps pair with their layers. A step shared by many images shows once."
-- value = "The line of a Containerfile that is worth changing."
-- digests = ["layer_digest", "first_image_name"]
-- [params.min_size_bytes]
-- type = "BIGINT"
-- default = 1
-- help = "Leave out steps whose layer has fewer bytes."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- layer_digest = "Layer the step made."
-- created_by = "Command of the step; null where the config has none."
-- size_bytes = "Largest size seen for the layer in the cluster."
-- image_count = "Images with this step whose history is known."
-- first_image_name = "First of them by name."
-- first_created_at = "When the step ran, the earliest where they differ."
-- ///
SELECT
    h.cluster,
    h.snapshot_id,
    h.layer_digest,
    h.created_by,
    l.size_bytes,
    count(DISTINCT h.image_name) AS image_count,
    min(h.image_name) AS first_image_name,
    min(h.created_at) AS first_created_at
FROM image_history AS h
INNER JOIN layers AS l USING (cluster, snapshot_id, layer_digest)
WHERE
    NOT h.is_empty_layer
    AND l.size_bytes >= $min_size_bytes
GROUP BY h.cluster, h.snapshot_id, h.layer_digest, h.created_by, l.size_bytes
ORDER BY
    l.size_bytes DESC,
    h.layer_digest,
    h.created_by NULLS FIRST,
    h.cluster,
    h.snapshot_id

-- /// check
-- title = "Layers without a size"
-- severity = "warn"
-- description = "Layers that no object of the cluster states a size for. They count 0 bytes everywhere."
-- value = "How far byte figures fall short: old registries did not tell sizes of schema 1 layers."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Digest of the layer."
-- detail = "How many images hold it."
-- ///
SELECT
    l.cluster,
    l.snapshot_id,
    l.layer_digest AS subject,
    'held by ' || l.image_count || ' images' AS detail
FROM layers AS l
WHERE NOT l.is_size_known
ORDER BY
    l.cluster,
    l.snapshot_id,
    subject,
    detail

-- /// check
-- title = "Layer order unknown"
-- severity = "warn"
-- description = "Images with two layers or more that neither say in which order they stand nor have a media type that tells. The stored order is taken as base first."
-- value = "Images whose lineage and history may stand upside down."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "How many layers it has."
-- ///
SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name AS subject,
    array_length(o.layers) || ' layers' AS detail
FROM image_objects AS o
WHERE
    o.layer_order_source = 'default-unknown'
    AND array_length(o.layers) > 1
ORDER BY
    o.cluster,
    o.snapshot_id,
    subject,
    detail

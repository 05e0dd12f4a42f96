-- /// check
-- title = "Layers repeated inside an image"
-- severity = "warn"
-- description = "Images that list a layer twice or more, empty layers left out. Each layer is counted once."
-- value = "Where summing layer sizes object by object gives too much."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "How many entries repeat another."
-- ///
SELECT
    l.cluster,
    l.snapshot_id,
    l.image_name AS subject,
    count(*) || ' repeats' AS detail
FROM image_layers AS l
WHERE
    l.is_repeat
    AND NOT l.is_empty_layer
GROUP BY l.cluster, l.snapshot_id, l.image_name
ORDER BY
    l.cluster,
    l.snapshot_id,
    subject,
    detail

-- /// check
-- title = "Negative sizes"
-- severity = "fail"
-- description = "Layers stated with fewer than 0 bytes. They count as unknown."
-- value = "Objects no server would have accepted."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "The layer and its stated size."
-- ///
SELECT
    l.cluster,
    l.snapshot_id,
    l.image_name AS subject,
    'layer at position ' || l.position || ' has ' || l.stated_size_bytes || ' bytes' AS detail
FROM image_layers AS l
WHERE l.stated_size_bytes < 0
ORDER BY
    l.cluster,
    l.snapshot_id,
    subject,
    detail

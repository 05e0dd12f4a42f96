-- /// check
-- title = "Names that occur twice"
-- severity = "fail"
-- description = "Image names that occur twice in a snapshot. A run resolves duplicates before it publishes, so this means damage."
-- value = "Every figure of the snapshot would count such images twice."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "How many objects have the name."
-- ///
SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name AS subject,
    count(*) || ' objects' AS detail
FROM image_objects AS o
GROUP BY o.cluster, o.snapshot_id, o.image_name
HAVING count(*) > 1
ORDER BY
    o.cluster,
    o.snapshot_id,
    subject,
    detail

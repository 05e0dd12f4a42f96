-- /// check
-- title = "Reference to another digest"
-- severity = "warn"
-- description = "Images whose reference pulls another digest than their name."
-- value = "Objects whose reference can't be used to pull them."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "The reference."
-- ///
SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name AS subject,
    o.reference AS detail
FROM image_objects AS o
WHERE o.reference_digest <> o.image_name
ORDER BY
    o.cluster,
    o.snapshot_id,
    subject,
    detail

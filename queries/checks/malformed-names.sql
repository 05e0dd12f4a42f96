-- /// check
-- title = "Names that are no digests"
-- severity = "warn"
-- description = "Images whose name is not sha256 and 64 hex digits. The server takes any name, so these were made by hand."
-- value = "Objects that can't be matched with a registry."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "What was found."
-- ///
SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name AS subject,
    'not a sha256 digest' AS detail
FROM image_objects AS o
WHERE NOT coalesce(regexp_matches(o.image_name, '^sha256:[0-9a-f]{64}$'), FALSE)
ORDER BY
    o.cluster,
    o.snapshot_id,
    subject,
    detail

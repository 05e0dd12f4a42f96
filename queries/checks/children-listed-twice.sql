-- /// check
-- title = "Children listed twice"
-- severity = "warn"
-- description = "Indexes that list one digest more than once, for different platforms or for the same."
-- value = "Children that are counted once although the index has more entries."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the index."
-- detail = "The child and how often it is listed."
-- ///
SELECT
    m.cluster,
    m.snapshot_id,
    m.image_name AS subject,
    m.child_digest || ' ' || count(*) || ' times' AS detail
FROM image_manifests AS m
GROUP BY m.cluster, m.snapshot_id, m.image_name, m.child_digest
HAVING count(*) > 1
ORDER BY
    m.cluster,
    m.snapshot_id,
    subject,
    detail

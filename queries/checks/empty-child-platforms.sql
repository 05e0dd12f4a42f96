-- /// check
-- title = "Children without a platform"
-- severity = "fail"
-- description = "Children of indexes without an architecture or an operating system, which a server refuses."
-- value = "Indexes that no node can choose a child from."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the index."
-- detail = "Which child."
-- ///
SELECT
    m.cluster,
    m.snapshot_id,
    m.image_name AS subject,
    'child at position ' || m.position AS detail
FROM image_manifests AS m
WHERE m.platform IS NULL
ORDER BY
    m.cluster,
    m.snapshot_id,
    subject,
    detail

-- /// check
-- title = "Snapshots that are not whole"
-- severity = "warn"
-- description = "Snapshots that do not hold the whole resource, or that are not of one moment."
-- value = "Whether what is missing here may only be missing from the export."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Identifier of the snapshot."
-- detail = "What it lacks."
-- ///
SELECT
    t.cluster,
    t.snapshot_id,
    t.snapshot_id AS subject,
    CASE
        WHEN NOT t.is_complete THEN 'incomplete'
        ELSE 'not of one moment'
    END AS detail
FROM snapshots AS t
WHERE
    NOT t.is_complete
    OR NOT t.is_consistent
ORDER BY
    t.cluster,
    t.snapshot_id,
    subject,
    detail

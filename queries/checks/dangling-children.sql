-- /// check
-- title = "Indexes with missing children"
-- severity = "warn"
-- description = "Indexes that list children whose Image is not in the snapshot, attestations left out; missing-children lists them one by one."
-- value = "Indexes whose bytes are counted short, and whose pulls may fail for a platform."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the index."
-- detail = "How many children are missing."
-- ///
SELECT
    m.cluster,
    m.snapshot_id,
    m.image_name AS subject,
    count(DISTINCT m.child_digest) || ' children missing' AS detail
FROM image_manifests AS m
WHERE
    NOT m.is_present
    AND NOT m.is_attestation
GROUP BY m.cluster, m.snapshot_id, m.image_name
ORDER BY
    m.cluster,
    m.snapshot_id,
    subject,
    detail

-- /// check
-- title = "Layers with two sizes"
-- severity = "fail"
-- description = "Layers for which objects state different sizes above 0. A digest names one content, so all but one are wrong; the largest is used."
-- value = "Records written by faulty software: every figure that counts these layers is a guess."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Digest of the layer."
-- detail = "Smallest and largest size stated."
-- ///
WITH stated AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.layer_digest,
        min(l.stated_size_bytes) AS smallest_bytes,
        max(l.stated_size_bytes) AS largest_bytes
    FROM image_layers AS l
    WHERE l.stated_size_bytes > 0
    GROUP BY l.cluster, l.snapshot_id, l.layer_digest
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.layer_digest AS subject,
    'stated from ' || s.smallest_bytes || ' to ' || s.largest_bytes || ' bytes' AS detail
FROM stated AS s
WHERE s.smallest_bytes <> s.largest_bytes
ORDER BY
    s.cluster,
    s.snapshot_id,
    subject,
    detail

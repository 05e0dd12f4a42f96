-- /// check
-- title = "Declared size against layers"
-- severity = "warn"
-- description = "Images whose declared size is less than their distinct layers, or so much more that no config accounts for it. Images with layers of unknown size and schema 1, whose sizes are uncompressed at times, are left out."
-- value = "Records written by other software or an old version; sizes in their columns are not to be trusted."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "Declared and stated bytes."
-- ///
WITH stated AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        sum(l.stated_size_bytes) AS stated_bytes
    FROM image_layers AS l
    WHERE NOT l.is_repeat
    GROUP BY l.cluster, l.snapshot_id, l.image_name
    HAVING bool_and(l.stated_size_bytes > 0)
)

SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name AS subject,
    'declares ' || o.declared_size_bytes || ' bytes, layers have ' || s.stated_bytes AS detail
FROM image_objects AS o
INNER JOIN stated AS s USING (cluster, snapshot_id, image_name)
WHERE
    NOT o.is_schema1
    AND o.declared_size_bytes - s.stated_bytes NOT BETWEEN 0 AND 1048576
ORDER BY
    o.cluster,
    o.snapshot_id,
    subject,
    detail

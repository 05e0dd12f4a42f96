-- /// check
-- title = "Dates from the future"
-- severity = "warn"
-- description = "Images built, or stored by the cluster, more than a day after the snapshot was taken."
-- value = "Wrong clocks or invented build times: ages and growth of these images mean nothing."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "Which date, and the date."
-- ///
WITH dates AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        'created at ' AS event,
        o.stated_created_at AS event_at
    FROM image_objects AS o
    UNION ALL
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        'first seen at ' AS event,
        o.first_seen_at AS event_at
    FROM image_objects AS o
)

SELECT
    d.cluster,
    d.snapshot_id,
    d.image_name AS subject,
    d.event || strftime(d.event_at, '%Y-%m-%dT%H:%M:%SZ') AS detail
FROM dates AS d
INNER JOIN snapshots AS t USING (cluster, snapshot_id)
WHERE d.event_at > t.taken_at + INTERVAL 1 DAY
ORDER BY
    d.cluster,
    d.snapshot_id,
    subject,
    detail

-- /// query
-- title = "Growth between snapshots"
-- description = "One row a snapshot of the store, oldest first in each cluster, with what it held and the difference to the one before. Only snapshots that are complete and of one moment are compared: of a partial one the figures would be too small, of an inconsistent one they are of no moment. The others have a row that says so."
-- value = "How storage really developed, deletions included, which the creation times within one snapshot can't show."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row is about."
-- taken_at = "When it was taken."
-- state = "`compared`, or why it is left out: `partial` or `inconsistent`."
-- image_count = "Image objects in it."
-- distinct_layer_count = "Distinct layers; null where it is left out, as all that follows."
-- logical_bytes = "Bytes of the distinct layers of each image, summed over images."
-- physical_bytes = "Bytes of the distinct layers, each once."
-- previous_snapshot_id = "The compared snapshot before it; null for the first."
-- days_since_previous = "Days between the two."
-- image_delta_count = "Image objects more than before."
-- logical_delta_bytes = "Logical bytes more than before."
-- physical_delta_bytes = "Physical bytes more than before: what snapshot-diff adds up to."
-- ///
WITH counted AS (
    SELECT
        t.cluster,
        t.snapshot_id,
        t.taken_at,
        t.state,
        t.previous_snapshot_id,
        h.image_count,
        CASE WHEN t.state = 'compared' THEN h.distinct_layer_count END AS distinct_layer_count,
        CASE WHEN t.state = 'compared' THEN h.logical_bytes END AS logical_bytes,
        CASE WHEN t.state = 'compared' THEN h.physical_bytes END AS physical_bytes
    FROM all_snapshots.snapshot_series AS t
    INNER JOIN all_snapshots.snapshot_totals AS h
        ON
            h.cluster = t.cluster
            AND h.snapshot_id = t.snapshot_id
)

SELECT
    c.cluster,
    c.snapshot_id,
    c.taken_at,
    c.state,
    c.image_count,
    c.distinct_layer_count,
    c.logical_bytes,
    c.physical_bytes,
    c.previous_snapshot_id,
    round(date_diff('second', p.taken_at, c.taken_at) / 86400.0, 3) AS days_since_previous,
    c.image_count - p.image_count AS image_delta_count,
    c.logical_bytes - p.logical_bytes AS logical_delta_bytes,
    c.physical_bytes - p.physical_bytes AS physical_delta_bytes
FROM counted AS c
LEFT JOIN counted AS p
    ON
        p.cluster = c.cluster
        AND p.snapshot_id = c.previous_snapshot_id
ORDER BY
    c.cluster,
    c.taken_at,
    c.snapshot_id

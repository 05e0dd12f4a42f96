-- /// query
-- title = "Completeness of the snapshots"
-- description = "The snapshots that the answers come from: when each was taken, whether it holds the whole resource and is of one moment, and what was left out or met twice."
-- value = "Whether the other answers may be relied on, before anybody acts on them."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row is about."
-- taken_at = "When it was taken."
-- is_complete = "Whether it holds the whole resource."
-- is_consistent = "Whether it is of one moment."
-- completeness = "`proven` by the server's own end of the list, or `unproven`: a saved list can be cut without a sign."
-- image_count = "Image objects in it."
-- duplicate_count = "Objects that came twice and were resolved."
-- skipped_count = "Items that could not be read and were left out; the receipt names each."
-- server_version = "Version of the server, where it said so."
-- ///
SELECT
    s.cluster,
    s.snapshot_id,
    s.taken_at,
    s.is_complete,
    s.is_consistent,
    s.completeness,
    s.image_count,
    s.duplicate_count,
    s.skipped_count,
    s.server_version
FROM snapshots AS s
ORDER BY
    s.cluster,
    s.snapshot_id

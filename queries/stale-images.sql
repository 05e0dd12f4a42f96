-- /// query
-- title = "Stale images"
-- description = "Images and artifacts that the cluster first stored long ago, largest exclusive bytes first. Age goes by the time of the first import or push, as pruning does; an old image may still run, since the snapshot knows no pods."
-- value = "A first list for clean-up; reclaimable says what deleting a selection of it would free."
-- digests = ["image_name"]
-- [params.min_age_days]
-- type = "INTEGER"
-- default = 365
-- help = "Fewest days since the cluster first stored the image."
-- [params.as_of]
-- type = "TIMESTAMP WITH TIME ZONE"
-- optional = true
-- help = "Moment that ages are counted back from; the snapshot's own by default."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image."
-- registry = "Registry of the first importer."
-- repository = "Repository of the first importer; null without a reference."
-- kind = "`image` or `artifact`."
-- platform = "Platform of the image."
-- age_days = "Whole days since the cluster first stored it."
-- logical_bytes = "Bytes of its distinct layers."
-- exclusive_bytes = "Bytes of layers only it holds."
-- is_managed = "Whether it was pushed to the integrated registry first."
-- is_in_index = "Whether an index of the snapshot lists it."
-- first_seen_at = "When the cluster first stored it."
-- built_at = "When it was built, if known."
-- ///
WITH aged AS (
    SELECT
        i.cluster,
        i.snapshot_id,
        i.image_name,
        i.registry,
        i.repository,
        i.kind,
        i.platform,
        i.is_managed,
        i.is_in_index,
        i.first_seen_at,
        i.built_at,
        CAST(
            floor(
                date_diff('second', i.first_seen_at, coalesce(CAST($as_of AS TIMESTAMP WITH TIME ZONE), t.taken_at))
                / 86400.0
            ) AS BIGINT
        ) AS age_days
    FROM images AS i
    INNER JOIN snapshots AS t USING (cluster, snapshot_id)
    WHERE i.kind <> 'index'
)

SELECT
    a.cluster,
    a.snapshot_id,
    a.image_name,
    a.registry,
    a.repository,
    a.kind,
    a.platform,
    a.age_days,
    s.logical_bytes,
    s.exclusive_bytes,
    a.is_managed,
    a.is_in_index,
    a.first_seen_at,
    a.built_at
FROM aged AS a
INNER JOIN image_sizes AS s USING (cluster, snapshot_id, image_name)
WHERE a.age_days >= $min_age_days
ORDER BY
    s.exclusive_bytes DESC,
    a.image_name,
    a.cluster,
    a.snapshot_id

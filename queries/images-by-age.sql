-- /// query
-- title = "Images by age"
-- description = "How many images are how old: by the time the cluster first stored them, which is what pruning goes by, and by the time they were built. Placeholder build times of reproducible builds are counted as unknown, and so are dates after the snapshot."
-- value = "How fresh the fleet is, and how much a rule by age would touch."
-- digests = []
-- [params.as_of]
-- type = "TIMESTAMP WITH TIME ZONE"
-- optional = true
-- help = "Moment that ages are counted back from; the snapshot's own by default."
-- [columns]
-- age_class = "Class of age."
-- min_age_days = "Fewest days of the class; null for unknown."
-- first_seen_count = "Images first stored so long ago."
-- first_seen_bytes = "Bytes of layers only they hold, summed image by image."
-- built_count = "Images built so long ago."
-- ///
WITH classes AS (
    SELECT
        c.age_class,
        c.lowest,
        c.highest
    FROM (
        VALUES
            ('under a week', 0, 7),
            ('1-4 weeks', 7, 28),
            ('1-3 months', 28, 91),
            ('3-6 months', 91, 182),
            ('6-12 months', 182, 365),
            ('1-2 years', 365, 730),
            ('over 2 years', 730, 2147483647),
            ('unknown', NULL, NULL)
    ) AS c (age_class, lowest, highest)
),

aged AS (
    SELECT
        s.exclusive_bytes,
        date_diff('second', i.first_seen_at, coalesce(CAST($as_of AS TIMESTAMP WITH TIME ZONE), t.taken_at)) AS seen_seconds,
        date_diff('second', i.built_at, coalesce(CAST($as_of AS TIMESTAMP WITH TIME ZONE), t.taken_at)) AS built_seconds
    FROM images AS i
    INNER JOIN snapshots AS t USING (cluster, snapshot_id)
    INNER JOIN image_sizes AS s USING (cluster, snapshot_id, image_name)
    WHERE i.kind = 'image'
),

days AS (
    SELECT
        a.exclusive_bytes,
        CASE WHEN a.seen_seconds >= 0 THEN a.seen_seconds / 86400.0 END AS seen_days,
        CASE WHEN a.built_seconds >= 0 THEN a.built_seconds / 86400.0 END AS built_days
    FROM aged AS a
),

seen AS (
    SELECT
        c.age_class,
        count(*) AS first_seen_count,
        sum(d.exclusive_bytes) AS first_seen_bytes
    FROM days AS d
    INNER JOIN classes AS c
        ON (d.seen_days >= c.lowest AND d.seen_days < c.highest) OR (d.seen_days IS NULL AND c.lowest IS NULL)
    GROUP BY c.age_class
),

built AS (
    SELECT
        c.age_class,
        count(*) AS built_count
    FROM days AS d
    INNER JOIN classes AS c
        ON (d.built_days >= c.lowest AND d.built_days < c.highest) OR (d.built_days IS NULL AND c.lowest IS NULL)
    GROUP BY c.age_class
)

SELECT
    c.age_class,
    c.lowest AS min_age_days,
    coalesce(s.first_seen_count, 0) AS first_seen_count,
    CAST(coalesce(s.first_seen_bytes, 0) AS BIGINT) AS first_seen_bytes,
    coalesce(b.built_count, 0) AS built_count
FROM classes AS c
LEFT JOIN seen AS s USING (age_class)
LEFT JOIN built AS b USING (age_class)
ORDER BY min_age_days NULLS LAST

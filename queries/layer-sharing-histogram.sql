-- /// query
-- title = "Layer sharing, as a histogram"
-- description = "How many layers are held by one image, by two, by three to ten and so on, and how many bytes lie in each class. Empty layers are included."
-- value = "Whether sharing comes from many small overlaps or from a few common bases, and how much a common base could still save."
-- digests = []
-- [columns]
-- images_per_layer = "Class: how many images hold the layer."
-- min_image_count = "Fewest images that a layer in the class is held by."
-- layer_count = "Distinct layers in the class, per cluster."
-- physical_bytes = "Bytes of these layers, each once."
-- logical_bytes = "Bytes of these layers, once for each image that holds them."
-- layer_share = "Share of all distinct layers; null when there are none."
-- ///
WITH classes AS (
    SELECT
        c.images_per_layer,
        c.lowest,
        c.highest
    FROM (
        VALUES
            ('1', 1, 1),
            ('2', 2, 2),
            ('3-10', 3, 10),
            ('11-25', 11, 25),
            ('>25', 26, 2147483647)
    ) AS c (images_per_layer, lowest, highest)
),

counts AS (
    SELECT
        l.image_count,
        count(*) AS layer_count,
        sum(l.size_bytes) AS physical_bytes,
        sum(l.size_bytes * l.image_count) AS logical_bytes
    FROM layers AS l
    GROUP BY l.image_count
),

filled AS (
    SELECT
        c.images_per_layer,
        c.lowest,
        coalesce(sum(n.layer_count), 0) AS layer_count,
        coalesce(sum(n.physical_bytes), 0) AS physical_bytes,
        coalesce(sum(n.logical_bytes), 0) AS logical_bytes
    FROM classes AS c
    LEFT JOIN counts AS n
        ON n.image_count BETWEEN c.lowest AND c.highest
    GROUP BY
        c.images_per_layer,
        c.lowest
)

SELECT
    f.images_per_layer,
    f.lowest AS min_image_count,
    CAST(f.layer_count AS BIGINT) AS layer_count,
    CAST(f.physical_bytes AS BIGINT) AS physical_bytes,
    CAST(f.logical_bytes AS BIGINT) AS logical_bytes,
    round(CAST(f.layer_count AS DOUBLE) / nullif(CAST(sum(f.layer_count) OVER () AS DOUBLE), 0), 6) AS layer_share
FROM filled AS f
ORDER BY min_image_count

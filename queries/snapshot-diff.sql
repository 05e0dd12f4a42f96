-- /// query
-- title = "Difference of two snapshots, by repository"
-- description = "What came, went and changed between two snapshots, a row for each repository with a change. A layer counts once: in the row of the repository that holds it, or, if several do, in the row marked is_shared. So added less removed bytes, summed over the rows, are exactly the difference of the physical bytes of the two. A layer whose size became known counts with the difference. Without parameters the newest snapshot of each cluster is set against the one before it. Snapshots that are partial or not of one moment can't be compared; a row says so."
-- value = "Who made the registry grow last night, and what a clean-up really freed."
-- reads = "sides"
-- [params.before]
-- type = "VARCHAR"
-- optional = true
-- help = "Id of the earlier snapshot; the one before the later by default."
-- [params.after]
-- type = "VARCHAR"
-- optional = true
-- help = "Id of the later snapshot; the newest of each cluster by default."
-- [columns]
-- cluster = "Cluster of the later snapshot."
-- before_snapshot_id = "The earlier snapshot."
-- after_snapshot_id = "The later snapshot."
-- state = "`compared`, or why the named snapshot can't be: `partial`, `inconsistent` or `unknown`."
-- registry = "Registry host; null for the images without a reference, and for shared layers."
-- repository = "Repository path; null for the images without a reference, and for shared layers."
-- is_shared = "Whether the row is of the layers that several repositories hold."
-- added_image_count = "Image objects only the later snapshot has."
-- removed_image_count = "Image objects only the earlier one has."
-- changed_image_count = "Image objects of both that differ; snapshot-diff-images says in what."
-- added_layer_count = "Layers only the later one holds."
-- removed_layer_count = "Layers only the earlier one holds."
-- logical_delta_bytes = "Logical bytes more than before."
-- added_bytes = "Bytes of added layers, each once, and by which layers grew."
-- removed_bytes = "Bytes of removed layers, each once, and by which layers shrank."
-- physical_delta_bytes = "Added less removed bytes."
-- ///
WITH pairs AS (
    SELECT
        a.cluster,
        b.cluster AS before_cluster,
        b.snapshot_id AS before_id,
        a.snapshot_id AS after_id
    FROM all_snapshots.snapshot_series AS a
    INNER JOIN all_snapshots.snapshot_series AS b
        ON b.snapshot_id = coalesce($before, a.previous_snapshot_id)
    WHERE
        a.state = 'compared'
        AND b.state = 'compared'
        AND (a.snapshot_id = $after OR ($after IS NULL AND a.is_newest))
        -- Both named, they may be of two clusters, such as one that was renamed.
        AND (a.cluster = b.cluster OR ($before IS NOT NULL AND $after IS NOT NULL))
),

sides AS (
    SELECT
        p.cluster,
        p.before_id,
        p.after_id,
        p.before_cluster AS read_cluster,
        p.before_id AS read_snapshot_id,
        FALSE AS is_after
    FROM pairs AS p
    UNION ALL
    SELECT
        p.cluster,
        p.before_id,
        p.after_id,
        p.cluster AS read_cluster,
        p.after_id AS read_snapshot_id,
        TRUE AS is_after
    FROM pairs AS p
),

objects AS (
    SELECT
        s.cluster,
        s.before_id,
        s.after_id,
        s.is_after,
        o.image_name,
        o.registry,
        o.repository,
        o.uid,
        o.resource_version,
        o.reference,
        o.layers,
        o.children,
        o.annotations,
        o.signature_count
    FROM all_snapshots.image_objects AS o
    INNER JOIN sides AS s
        ON
            s.read_cluster = o.cluster
            AND s.read_snapshot_id = o.snapshot_id
),

objects_before AS (
    SELECT o.* FROM objects AS o
    WHERE NOT o.is_after
),

objects_after AS (
    SELECT o.* FROM objects AS o
    WHERE o.is_after
),

paired AS (
    SELECT
        coalesce(a.cluster, b.cluster) AS cluster,
        coalesce(a.before_id, b.before_id) AS before_id,
        coalesce(a.after_id, b.after_id) AS after_id,
        CASE WHEN a.image_name IS NULL THEN b.registry ELSE a.registry END AS registry,
        CASE WHEN a.image_name IS NULL THEN b.repository ELSE a.repository END AS repository,
        b.image_name IS NULL AS is_added,
        a.image_name IS NULL AS is_removed,
        a.uid IS DISTINCT FROM b.uid
        OR a.resource_version IS DISTINCT FROM b.resource_version
        OR a.reference IS DISTINCT FROM b.reference
        OR a.layers IS DISTINCT FROM b.layers
        OR a.children IS DISTINCT FROM b.children
        OR list_sort(map_entries(a.annotations)) IS DISTINCT FROM list_sort(map_entries(b.annotations))
        OR a.signature_count IS DISTINCT FROM b.signature_count AS is_different,
        a.reference IS DISTINCT FROM b.reference OR a.layers IS DISTINCT FROM b.layers AS holds_otherwise,
        b.layers AS layers_before,
        a.layers AS layers_after
    FROM objects_before AS b
    FULL JOIN objects_after AS a
        ON
            a.cluster = b.cluster
            AND a.before_id = b.before_id
            AND a.after_id = b.after_id
            AND a.image_name = b.image_name
),

image_changes AS (
    SELECT p.*
    FROM paired AS p
    WHERE p.is_added OR p.is_removed OR p.is_different
),

-- A layer that no image holds otherwise than before has the same holders, and so the same size, on both sides: it adds
-- nothing to any figure.
touched AS (
    SELECT
        c.cluster,
        c.before_id,
        c.after_id,
        l.layer.name AS layer_digest
    FROM image_changes AS c
    CROSS JOIN UNNEST(c.layers_before) AS l (layer)
    WHERE c.holds_otherwise OR c.is_removed
    UNION
    SELECT
        c.cluster,
        c.before_id,
        c.after_id,
        l.layer.name AS layer_digest
    FROM image_changes AS c
    CROSS JOIN UNNEST(c.layers_after) AS l (layer)
    WHERE c.holds_otherwise OR c.is_added
),

uses AS (
    SELECT
        s.cluster,
        s.before_id,
        s.after_id,
        s.is_after,
        l.registry,
        l.repository,
        l.layer_digest,
        l.stated_size_bytes,
        l.is_repeat
    FROM all_snapshots.stated_layers AS l
    INNER JOIN sides AS s
        ON
            s.read_cluster = l.cluster
            AND s.read_snapshot_id = l.snapshot_id
    INNER JOIN touched AS t
        ON
            t.cluster = s.cluster
            AND t.before_id = s.before_id
            AND t.after_id = s.after_id
            AND t.layer_digest = l.layer_digest
),

held AS (
    SELECT
        u.cluster,
        u.before_id,
        u.after_id,
        u.is_after,
        u.layer_digest,
        size_of_blob(u.stated_size_bytes) AS size_bytes,
        count(DISTINCT coalesce(u.registry || '/' || u.repository, '')) > 1 AS is_shared,
        min(u.registry) AS registry,
        min(u.repository) AS repository
    FROM uses AS u
    GROUP BY
        u.cluster,
        u.before_id,
        u.after_id,
        u.is_after,
        u.layer_digest
),

sized_uses AS (
    SELECT
        u.cluster,
        u.before_id,
        u.after_id,
        u.registry,
        u.repository,
        CASE WHEN u.is_after THEN h.size_bytes ELSE -h.size_bytes END AS logical_delta_bytes
    FROM uses AS u
    INNER JOIN held AS h
        ON
            h.cluster = u.cluster
            AND h.before_id = u.before_id
            AND h.after_id = u.after_id
            AND h.is_after = u.is_after
            AND h.layer_digest = u.layer_digest
    WHERE NOT u.is_repeat
),

held_before AS (
    SELECT h.* FROM held AS h
    WHERE NOT h.is_after
),

held_after AS (
    SELECT h.* FROM held AS h
    WHERE h.is_after
),

layer_changes AS (
    SELECT
        coalesce(a.cluster, b.cluster) AS cluster,
        coalesce(a.before_id, b.before_id) AS before_id,
        coalesce(a.after_id, b.after_id) AS after_id,
        coalesce(a.is_shared, b.is_shared) AS is_shared,
        CASE WHEN a.layer_digest IS NULL THEN b.registry ELSE a.registry END AS registry,
        CASE WHEN a.layer_digest IS NULL THEN b.repository ELSE a.repository END AS repository,
        b.layer_digest IS NULL AS is_added,
        a.layer_digest IS NULL AS is_removed,
        coalesce(a.size_bytes, 0) - coalesce(b.size_bytes, 0) AS delta_bytes
    FROM held_before AS b
    FULL JOIN held_after AS a
        ON
            a.cluster = b.cluster
            AND a.before_id = b.before_id
            AND a.after_id = b.after_id
            AND a.layer_digest = b.layer_digest
),

-- Each figure has its own grain; stacking them keeps repositories that only some figures know.
stacked AS (
    SELECT
        c.cluster,
        c.before_id,
        c.after_id,
        CASE WHEN NOT c.is_shared THEN c.registry END AS registry,
        CASE WHEN NOT c.is_shared THEN c.repository END AS repository,
        c.is_shared,
        0 AS added_image_count,
        0 AS removed_image_count,
        0 AS changed_image_count,
        CASE WHEN c.is_added THEN 1 ELSE 0 END AS added_layer_count,
        CASE WHEN c.is_removed THEN 1 ELSE 0 END AS removed_layer_count,
        0 AS logical_delta_bytes,
        greatest(c.delta_bytes, 0) AS added_bytes,
        greatest(-c.delta_bytes, 0) AS removed_bytes
    FROM layer_changes AS c
    UNION ALL
    SELECT
        u.cluster,
        u.before_id,
        u.after_id,
        u.registry,
        u.repository,
        FALSE AS is_shared,
        0 AS added_image_count,
        0 AS removed_image_count,
        0 AS changed_image_count,
        0 AS added_layer_count,
        0 AS removed_layer_count,
        u.logical_delta_bytes,
        0 AS added_bytes,
        0 AS removed_bytes
    FROM sized_uses AS u
    UNION ALL
    SELECT
        i.cluster,
        i.before_id,
        i.after_id,
        i.registry,
        i.repository,
        FALSE AS is_shared,
        CASE WHEN i.is_added THEN 1 ELSE 0 END AS added_image_count,
        CASE WHEN i.is_removed THEN 1 ELSE 0 END AS removed_image_count,
        CASE WHEN i.is_different AND NOT (i.is_added OR i.is_removed) THEN 1 ELSE 0 END AS changed_image_count,
        0 AS added_layer_count,
        0 AS removed_layer_count,
        0 AS logical_delta_bytes,
        0 AS added_bytes,
        0 AS removed_bytes
    FROM image_changes AS i
),

summed AS (
    SELECT
        s.cluster,
        s.before_id,
        s.after_id,
        s.registry,
        s.repository,
        s.is_shared,
        sum(s.added_image_count) AS added_image_count,
        sum(s.removed_image_count) AS removed_image_count,
        sum(s.changed_image_count) AS changed_image_count,
        sum(s.added_layer_count) AS added_layer_count,
        sum(s.removed_layer_count) AS removed_layer_count,
        sum(s.logical_delta_bytes) AS logical_delta_bytes,
        sum(s.added_bytes) AS added_bytes,
        sum(s.removed_bytes) AS removed_bytes
    FROM stacked AS s
    GROUP BY
        s.cluster,
        s.before_id,
        s.after_id,
        s.registry,
        s.repository,
        s.is_shared
),

named AS (
    SELECT CAST($before AS VARCHAR) AS snapshot_id
    UNION
    SELECT CAST($after AS VARCHAR) AS snapshot_id
),

answered AS (
    SELECT
        s.cluster,
        s.before_id AS before_snapshot_id,
        s.after_id AS after_snapshot_id,
        'compared' AS state,
        s.registry,
        s.repository,
        s.is_shared,
        CAST(s.added_image_count AS BIGINT) AS added_image_count,
        CAST(s.removed_image_count AS BIGINT) AS removed_image_count,
        CAST(s.changed_image_count AS BIGINT) AS changed_image_count,
        CAST(s.added_layer_count AS BIGINT) AS added_layer_count,
        CAST(s.removed_layer_count AS BIGINT) AS removed_layer_count,
        CAST(s.logical_delta_bytes AS BIGINT) AS logical_delta_bytes,
        CAST(s.added_bytes AS BIGINT) AS added_bytes,
        CAST(s.removed_bytes AS BIGINT) AS removed_bytes,
        CAST(s.added_bytes - s.removed_bytes AS BIGINT) AS physical_delta_bytes
    FROM summed AS s
    WHERE
        s.added_image_count + s.removed_image_count + s.changed_image_count > 0
        OR s.added_layer_count + s.removed_layer_count + s.added_bytes + s.removed_bytes > 0
        OR s.logical_delta_bytes <> 0
    UNION ALL
    SELECT
        t.cluster,
        CASE WHEN n.snapshot_id = $before THEN n.snapshot_id END AS before_snapshot_id,
        CASE WHEN n.snapshot_id = $after THEN n.snapshot_id END AS after_snapshot_id,
        coalesce(t.state, 'unknown') AS state,
        NULL AS registry,
        NULL AS repository,
        NULL AS is_shared,
        NULL AS added_image_count,
        NULL AS removed_image_count,
        NULL AS changed_image_count,
        NULL AS added_layer_count,
        NULL AS removed_layer_count,
        NULL AS logical_delta_bytes,
        NULL AS added_bytes,
        NULL AS removed_bytes,
        NULL AS physical_delta_bytes
    FROM named AS n
    LEFT JOIN all_snapshots.snapshot_series AS t ON t.snapshot_id = n.snapshot_id
    WHERE
        n.snapshot_id IS NOT NULL
        AND coalesce(t.state, 'unknown') <> 'compared'
)

SELECT a.*
FROM answered AS a
ORDER BY
    a.cluster NULLS FIRST,
    a.before_snapshot_id NULLS FIRST,
    a.after_snapshot_id NULLS FIRST,
    a.physical_delta_bytes DESC,
    a.is_shared DESC,
    a.registry NULLS FIRST,
    a.repository NULLS FIRST
